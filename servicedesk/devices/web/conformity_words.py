"""Rules in plain sentences: “Devices without the app X lose wifi”."""

from __future__ import annotations

from typing import TYPE_CHECKING

from babel.lists import format_list
from flask_babel import get_locale

from servicedesk.core.text import Text, msgid
from servicedesk.devices.conformity.models import Consequence
from servicedesk.devices.conformity.rules import kind_named
from servicedesk.shell.language import translate

if TYPE_CHECKING:
    from collections.abc import Collection

    from servicedesk.devices.conformity.models import ConformityRule

# what devices do or what is done to them, after “Devices without …”
FOLLOWS = {
    Consequence.WITHHOLD_WIFI: msgid("lose wifi"),
    Consequence.WITHHOLD_MAIL: msgid("lose mail"),
    Consequence.TELL: msgid("have their holder told by mail"),
    Consequence.MARK: msgid("are marked in the fleet"),
}
LOCKED_LATER = msgid("are locked after %(hours)s h")
LOCKED_AT_ONCE = msgid("are locked at once")
SECTIONS = {"wifi": msgid("wifi"), "mail": msgid("mail")}


def rule_words(rule: ConformityRule) -> str:
    """Return what a rule says, in the reader's language."""
    subject = translate(kind_named(rule.kind).subject(rule.parameters))
    follows = [translate(words) for c, words in FOLLOWS.items() if rule.has(c)]
    if rule.has(Consequence.LOCK):
        follows.append(_locked(rule.grace_hours))
    return f"{subject} {_listed(follows)}."


def _locked(hours: int) -> str:
    return translate(Text(LOCKED_LATER, {"hours": hours}) if hours else LOCKED_AT_ONCE)


def withheld_words(sections: Collection[str]) -> str:
    """Return what is withheld as words: “wifi and mail”."""
    words = [translate(label) for section, label in SECTIONS.items() if section in sections]
    return _listed(words) if words else ""


def _listed(words: list[str]) -> str:
    return str(format_list(words, locale=get_locale()))
