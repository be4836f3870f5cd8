"""Settings as people read them: sentences, labels and values, and never a secret. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from servicedesk.core.text import Text, Verbatim, msgid
from servicedesk.devices.parameters import Kind, Parameter
from servicedesk.devices.policies.content import Change, differences, entries
from servicedesk.devices.policies.sections import BY_CODE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from servicedesk.devices.policies.content import Content, Difference, Values
    from servicedesk.devices.policies.models import PolicyProfile
    from servicedesk.devices.policies.sections.section import Section

SEALED = msgid("••• sealed")
CHANGED = msgid("changed")
CHANGE_LABELS = {
    Change.ADDED: msgid("New"),
    Change.REMOVED: msgid("Taken out"),
    Change.CHANGED: msgid("Changed"),
}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A value with its label; `says` is a msgid, or what somebody typed as it is."""

    name: str
    label: str
    value: str  # as it is kept; empty for a secret
    says: str
    is_secret: bool
    source: str = ""  # reference of the profile it is from, where several are merged


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A setting of a policy with its sentence; `settings` are its values."""

    section: Section
    key: str
    summary: Text
    settings: tuple[Setting, ...]

    @property
    def sources(self) -> list[str]:
        """Return the references of the profiles it is from, each once."""
        return list(dict.fromkeys(one.source for one in self.settings if one.source))


@dataclass(frozen=True, kw_only=True)
class SettingChange:
    """A value before and after; of a secret only that it changed."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True)
class EntryChange:
    """What happened to an entry, value by value."""

    section: Section
    key: str
    change: Change
    summary: Text
    settings: tuple[SettingChange, ...] = field(default=())


def title_of(profile: PolicyProfile) -> Text:
    """Return how a profile is called; own settings are called after whose they are."""
    if profile.group is not None:
        return Text(msgid("Own settings of group %(name)s"), {"name": Verbatim(profile.group.name)})
    if profile.device is not None:
        return Text(
            msgid("Own settings of device %(name)s"), {"name": Verbatim(profile.device.name)}
        )
    return Text("%(name)s", {"name": Verbatim(profile.name)})


def told(
    content: Content,
    documents: Mapping[str, str] | None = None,
    sources: Mapping[str, Mapping[str, Mapping[str, str]]] | None = None,
) -> list[Entry]:
    """Return a content's entries in reading order; `documents` are names by reference."""
    return [
        Entry(
            section=BY_CODE[code],
            key=key,
            summary=summary_of(BY_CODE[code], values, documents or {}),
            settings=tuple(
                _setting(parameter, values[parameter.name], documents or {}, origin)
                for parameter in BY_CODE[code].parameters
                if parameter.name in values
            ),
        )
        for code, key, values in entries(content)
        for origin in [(sources or {}).get(code, {}).get(key, {})]
    ]


def summary_of(section: Section, values: Values, documents: Mapping[str, str]) -> Text:
    """Return an entry's sentence; what was typed stays as it was typed."""
    words = {name: Verbatim(value) for name, value in values.items()}
    for parameter in section.parameters:
        if parameter.offers == "documents" and parameter.name in words:
            reference = words[parameter.name]
            words[parameter.name] = Verbatim(documents.get(reference, reference))
    return section.summary(words)


def changes_told(
    before: Content, after: Content, documents: Mapping[str, str] | None = None
) -> list[EntryChange]:
    """Return what is not the same in two contents, in reading order."""
    return [_change(found, documents or {}) for found in differences(before, after)]


def documents_in(contents: Iterable[Content]) -> set[str]:
    """Return the references of the documents that contents name."""
    return {
        values["document"]
        for content in contents
        for values in content.get("documents", {}).values()
        if "document" in values
    }


def _change(found: Difference, documents: Mapping[str, str]) -> EntryChange:
    section = BY_CODE[found.section]
    return EntryChange(
        section=section,
        key=found.key,
        change=found.change,
        summary=summary_of(section, found.after or found.before, documents),
        settings=tuple(
            _setting_change(parameter, found, documents)
            for parameter in section.parameters
            if parameter.name in found.settings
        ),
    )


def _setting_change(
    parameter: Parameter, found: Difference, documents: Mapping[str, str]
) -> SettingChange:
    before, after = (
        _says(parameter, values[parameter.name], documents) if parameter.name in values else ""
        for values in (found.before, found.after)
    )
    if parameter.kind is Kind.SECRET and before and after:
        after = CHANGED
    return SettingChange(label=parameter.label, before=before, after=after)


def _setting(
    parameter: Parameter, value: str, documents: Mapping[str, str], origin: Mapping[str, str]
) -> Setting:
    is_secret = parameter.kind is Kind.SECRET
    return Setting(
        name=parameter.name,
        label=parameter.label,
        value="" if is_secret else value,
        says=_says(parameter, value, documents),
        is_secret=is_secret,
        source=origin.get(parameter.name, ""),
    )


def _says(parameter: Parameter, value: str, documents: Mapping[str, str]) -> str:
    if parameter.kind is Kind.SECRET:
        return SEALED
    if parameter.kind is Kind.FLAG:
        return msgid("Yes")
    if parameter.kind is Kind.CHOICE:
        return parameter.choices.get(value, Verbatim(value))
    if parameter.offers == "documents" and value in documents:
        return Verbatim(f"{documents[value]} ({value})")
    return Verbatim(value)
