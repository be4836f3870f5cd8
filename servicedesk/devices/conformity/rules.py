"""The kinds of rule: for each a pure predicate and a condition in SQL that say the same.

Both have three answers: fails, conforms, and unknown while what they need was never reported.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import ARRAY, BigInteger, ColumnElement, and_, case, exists, literal

from servicedesk.core.errors import InvalidInput
from servicedesk.core.text import Text, msgid
from servicedesk.devices.conformity.models import InstalledApp
from servicedesk.devices.conformity.versions import version_key
from servicedesk.devices.models import Device
from servicedesk.devices.parameters import Parameter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    Parameters = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of one device, as columns of the same names hold it."""

    inventory_at: datetime | None = None
    os_version_key: list[int] | None = None
    has_passcode: bool | None = None
    is_encrypted: bool | None = None
    is_compromised: bool | None = None
    last_contact_at: datetime | None = None
    apps: Mapping[str, str] = field(default_factory=dict)  # identifier → version


class RuleKind(ABC):
    """A kind of rule. A new one is a class and its place in `KINDS`."""

    code: ClassVar[str]
    label: ClassVar[str]
    parameters: ClassVar[tuple[Parameter, ...]] = ()
    needs: ClassVar[tuple[str, ...]]  # without these facts nothing can be said

    @abstractmethod
    def subject(self, parameters: Parameters) -> Text:
        """Return whom it concerns: “Devices without the app …”."""

    @abstractmethod
    def advice(self, parameters: Parameters) -> Text:
        """Return what a holder can do about it."""

    @abstractmethod
    def is_failed_by(self, parameters: Parameters, facts: Facts, now: datetime) -> bool:
        """Whether a device with what is needed fails."""

    @abstractmethod
    def failing(self, parameters: Parameters, now: datetime) -> ColumnElement[bool]:
        """Return `is_failed_by` as a condition on `Device`."""

    def fails(self, parameters: Parameters, facts: Facts, now: datetime) -> bool | None:
        """Return whether a device fails; None while that is not known."""
        if any(getattr(facts, name) is None for name in self.needs):
            return None
        return self.is_failed_by(parameters, facts, now)

    def known(self) -> ColumnElement[bool]:
        """Return the condition on `Device` that what is needed was reported."""
        return and_(*(getattr(Device, name).is_not(None) for name in self.needs))

    def condition(self, parameters: Parameters, now: datetime) -> ColumnElement[bool | None]:
        """Return `fails` as an expression on `Device`; null while it is not known."""
        return case((self.known(), self.failing(parameters, now)))

    def faults(self, parameters: Mapping[str, object]) -> dict[str, str]:
        """Return what is wrong with `parameters`, by name; empty means that they can be used."""
        known = {parameter.name: parameter for parameter in self.parameters}
        faults = {
            name: msgid("This kind of rule does not take it.")
            for name in parameters
            if name not in known
        }
        for name, parameter in known.items():
            value = parameters.get(name, "")
            if not isinstance(value, str):
                faults[name] = msgid("This must be text.")
            elif fault := parameter.fault(value.strip()):
                faults[name] = fault
            elif not value.strip().isprintable():
                faults[name] = msgid("This contains characters that a device cannot show.")
        return faults

    def cleaned(self, parameters: Mapping[str, object]) -> dict[str, str]:
        """Return every parameter as trimmed text; to be called after `faults` found none."""
        return {p.name: str(parameters.get(p.name, "")).strip() for p in self.parameters}


APP = Parameter(
    name="app",
    label=msgid("Identifier of the app"),
    help=msgid("As the store knows it, for example com.microsoft.office.outlook."),
    required=True,
    pattern=r"[A-Za-z0-9][A-Za-z0-9._-]*",
    pattern_says=msgid("Write letters, digits, dots, hyphens and underscores only."),
)
TITLE = Parameter(
    name="title",
    label=msgid("Name of the app"),
    help=msgid("As people call it; they read it in the rule and in mails."),
    max_length=60,
)
VERSION = Parameter(
    name="version",
    label=msgid("Oldest version that will do"),
    help=msgid("For example 4.2 or 15.7.1; a beta is older than its release."),
    required=True,
    max_length=40,
    pattern=r"[0-9]+(\.[0-9]+)*([.-]?[A-Za-z]+[.-]?[0-9]*)?",
    pattern_says=msgid("Write a version like 15.7.1."),
)
DAYS = Parameter(
    name="days",
    label=msgid("Days without contact"),
    help=msgid("From 2 to 365."),
    required=True,
    max_length=3,
    pattern=r"[2-9]|[1-9][0-9]|[12][0-9]{2}|3[0-5][0-9]|36[0-5]",
    pattern_says=msgid("Write a number from 2 to 365."),
)


def _key(parameters: Parameters) -> ColumnElement[Any]:
    return literal(version_key(parameters["version"]), ARRAY(BigInteger))


def _installed(parameters: Parameters, *more: ColumnElement[bool]) -> ColumnElement[bool]:
    return (
        exists()
        .where(
            InstalledApp.device_id == Device.id,
            # said twice so that the planner may take the index that begins with the client
            InstalledApp.client_id == Device.client_id,
            InstalledApp.identifier == parameters["app"],
            *more,
        )
        .correlate(Device)
    )


def _app(parameters: Parameters) -> str:
    return parameters.get("title") or parameters["app"]


class AppMissing(RuleKind):
    """An app has to be there."""

    code = "app_missing"
    label = msgid("An app is missing")
    parameters = (APP, TITLE)
    needs = ("inventory_at",)

    def subject(self, parameters: Parameters) -> Text:
        """Name the app."""
        return Text(msgid("Devices without the app %(app)s"), {"app": _app(parameters)})

    def advice(self, parameters: Parameters) -> Text:
        """Say to install it."""
        return Text(msgid("Install the app %(app)s."), {"app": _app(parameters)})

    def is_failed_by(self, parameters: Parameters, facts: Facts, now: datetime) -> bool:
        """Fail without it."""
        del now
        return parameters["app"] not in facts.apps

    def failing(self, parameters: Parameters, now: datetime) -> ColumnElement[bool]:
        """Say the same."""
        del now
        return ~_installed(parameters)


class AppOutdated(RuleKind):
    """An app may be missing, but not be older than a version."""

    code = "app_outdated"
    label = msgid("An app is older than a version")
    parameters = (APP, TITLE, VERSION)
    needs = ("inventory_at",)

    def _values(self, parameters: Parameters) -> dict[str, str]:
        return {"app": _app(parameters), "version": parameters["version"]}

    def subject(self, parameters: Parameters) -> Text:
        """Name app and version."""
        words = msgid("Devices whose app %(app)s is older than %(version)s")
        return Text(words, self._values(parameters))

    def advice(self, parameters: Parameters) -> Text:
        """Say to update it."""
        words = msgid("Update the app %(app)s to version %(version)s or later.")
        return Text(words, self._values(parameters))

    def is_failed_by(self, parameters: Parameters, facts: Facts, now: datetime) -> bool:
        """Fail with an older one."""
        del now
        present = facts.apps.get(parameters["app"])
        return present is not None and version_key(present) < version_key(parameters["version"])

    def failing(self, parameters: Parameters, now: datetime) -> ColumnElement[bool]:
        """Say the same."""
        del now
        return _installed(parameters, InstalledApp.version_key < _key(parameters))


class AppForbidden(RuleKind):
    """An app must not be there."""

    code = "app_forbidden"
    label = msgid("A forbidden app is installed")
    parameters = (APP, TITLE)
    needs = ("inventory_at",)

    def subject(self, parameters: Parameters) -> Text:
        """Name the app."""
        return Text(msgid("Devices with the forbidden app %(app)s"), {"app": _app(parameters)})

    def advice(self, parameters: Parameters) -> Text:
        """Say to remove it."""
        return Text(msgid("Remove the app %(app)s."), {"app": _app(parameters)})

    def is_failed_by(self, parameters: Parameters, facts: Facts, now: datetime) -> bool:
        """Fail with it."""
        del now
        return parameters["app"] in facts.apps

    def failing(self, parameters: Parameters, now: datetime) -> ColumnElement[bool]:
        """Say the same."""
        del now
        return _installed(parameters)


class SystemOutdated(RuleKind):
    """The operating system must not be older than a version."""

    code = "os_outdated"
    label = msgid("The system is older than a version")
    parameters = (VERSION,)
    needs = ("inventory_at", "os_version_key")

    def subject(self, parameters: Parameters) -> Text:
        """Name the version."""
        words = msgid("Devices whose system is older than %(version)s")
        return Text(words, {"version": parameters["version"]})

    def advice(self, parameters: Parameters) -> Text:
        """Say to update."""
        words = msgid("Update the system to version %(version)s or later.")
        return Text(words, {"version": parameters["version"]})

    def is_failed_by(self, parameters: Parameters, facts: Facts, now: datetime) -> bool:
        """Fail with an older one."""
        del now
        return (facts.os_version_key or []) < version_key(parameters["version"])

    def failing(self, parameters: Parameters, now: datetime) -> ColumnElement[bool]:
        """Say the same."""
        del now
        return Device.os_version_key < _key(parameters)


class _Flag(RuleKind):
    """A fact that has to be so."""

    column: ClassVar[str]
    wanted: ClassVar[bool]
    subject_says: ClassVar[str]
    advice_says: ClassVar[str]

    def subject(self, parameters: Parameters) -> Text:
        """Say it in words."""
        del parameters
        return Text(self.subject_says)

    def advice(self, parameters: Parameters) -> Text:
        """Say what to do."""
        del parameters
        return Text(self.advice_says)

    def is_failed_by(self, parameters: Parameters, facts: Facts, now: datetime) -> bool:
        """Fail when it is not so."""
        del parameters, now
        return getattr(facts, self.column) is not self.wanted

    def failing(self, parameters: Parameters, now: datetime) -> ColumnElement[bool]:
        """Say the same."""
        del parameters, now
        condition: ColumnElement[bool] = getattr(Device, self.column).is_not(self.wanted)
        return condition


class PasscodeMissing(_Flag):
    """The screen has to be locked by a code."""

    code = "passcode_missing"
    label = msgid("There is no passcode")
    needs = ("inventory_at", "has_passcode")
    column, wanted = "has_passcode", True
    subject_says = msgid("Devices without a passcode")
    advice_says = msgid("Set a passcode for the screen.")


class EncryptionOff(_Flag):
    """What is stored has to be encrypted."""

    code = "encryption_off"
    label = msgid("Encryption is off")
    needs = ("inventory_at", "is_encrypted")
    column, wanted = "is_encrypted", True
    subject_says = msgid("Devices without encryption")
    advice_says = msgid("Switch the encryption of the device on.")


class Compromised(_Flag):
    """The system's own protection has to be in place."""

    code = "compromised"
    label = msgid("It is rooted or jailbroken")
    needs = ("inventory_at", "is_compromised")
    column, wanted = "is_compromised", False
    subject_says = msgid("Rooted or jailbroken devices")
    advice_says = msgid(
        "The protection of the system was taken away (root or jailbreak): speak with whoever"
        " looks after mobile devices in your company."
    )


class NotSeen(RuleKind):
    """It has to be in touch now and then: the one kind that also depends on the clock."""

    code = "not_seen"
    label = msgid("It has not been in touch for days")
    parameters = (DAYS,)
    needs = ("last_contact_at",)

    def subject(self, parameters: Parameters) -> Text:
        """Name the days."""
        words = msgid("Devices that have been silent for %(days)s days")
        return Text(words, {"days": parameters["days"]})

    def advice(self, parameters: Parameters) -> Text:
        """Say to connect."""
        words = msgid(
            "Switch the device on and connect it: it has been silent for %(days)s days or more."
        )
        return Text(words, {"days": parameters["days"]})

    def is_failed_by(self, parameters: Parameters, facts: Facts, now: datetime) -> bool:
        """Fail when it was seen too long ago."""
        limit = now - timedelta(days=int(parameters["days"]))
        return facts.last_contact_at is not None and facts.last_contact_at < limit

    def failing(self, parameters: Parameters, now: datetime) -> ColumnElement[bool]:
        """Say the same."""
        return Device.last_contact_at < now - timedelta(days=int(parameters["days"]))


KINDS: tuple[RuleKind, ...] = (
    AppMissing(),
    AppOutdated(),
    AppForbidden(),
    SystemOutdated(),
    PasscodeMissing(),
    EncryptionOff(),
    Compromised(),
    NotSeen(),
)
_BY_CODE = {kind.code: kind for kind in KINDS}


def kind_named(code: str) -> RuleKind:
    """Return the kind of that code. Raises InvalidInput."""
    if code not in _BY_CODE:
        raise InvalidInput(msgid("There is no such kind of rule."), field="kind")
    return _BY_CODE[code]
