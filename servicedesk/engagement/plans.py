"""What is said of a visit when it is planned: checked before anything is written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from email_validator import EmailNotValidError, validate_email

from servicedesk.core.errors import InvalidInput
from servicedesk.core.text import msgid
from servicedesk.engagement.models import LONGEST_QUARTERS, VisitKind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, time

TITLE_LENGTH = 120
PLACE_LENGTH = 200
NOTE_LENGTH = 500
MOST_ATTENDEES = 20


@dataclass(frozen=True, kw_only=True)
class VisitPlan:
    """A visit as somebody fills it in; day and time are the contract's own."""

    kind: VisitKind
    title: str
    day: date
    at: time
    quarters: int
    is_on_site: bool
    place: str = ""
    attendees: Sequence[str] = ()


def checked_plan(plan: VisitPlan) -> VisitPlan:
    """Return the plan with its words tidied. Raises InvalidInput with the field at fault."""
    title = line(plan.title, "title", TITLE_LENGTH)
    place = line(plan.place, "place", PLACE_LENGTH)
    if not title:
        raise InvalidInput(msgid("This is needed."), field="title")
    if plan.is_on_site and not place:
        raise InvalidInput(msgid("Say where: a visit on site needs its address."), field="place")
    check_length(plan.quarters)
    return replace(plan, title=title, place=place, attendees=checked_attendees(plan.attendees))


def check_length(quarters: int) -> None:
    """Raise InvalidInput unless it is a length of a visit."""
    if not 1 <= quarters <= LONGEST_QUARTERS:
        raise InvalidInput(
            msgid("A visit takes from a quarter of a day to five days."), field="days"
        )


def checked_attendees(typed: Sequence[str]) -> list[str]:
    """Return addresses, each once. Raises InvalidInput naming the first that is none."""
    found: dict[str, str] = {}
    for address in filter(None, (one.strip() for one in typed)):
        try:
            checked = validate_email(address, check_deliverability=False).ascii_email
        except EmailNotValidError:
            checked = None
        if checked is None:
            raise InvalidInput(
                msgid("“%(address)s” is not an e-mail address."),
                field="attendees",
                address=address[:PLACE_LENGTH],
            )
        found.setdefault(checked.lower(), checked)
    if len(found) > MOST_ATTENDEES:
        raise InvalidInput(
            msgid("At most %(count)s attendees."), field="attendees", count=MOST_ATTENDEES
        )
    return list(found.values())


def line(typed: str, field: str, length: int) -> str:
    """Return typed words as one line. Raises InvalidInput at `field`."""
    cleaned = " ".join(typed.split())
    if len(cleaned) > length or not cleaned.isprintable():
        raise InvalidInput(
            msgid("Use at most %(length)s ordinary characters."), field=field, length=length
        )
    return cleaned


def reason_needed(typed: str, field: str = "reason") -> str:
    """Return why something is done. Raises InvalidInput for nothing said."""
    reason = line(typed, field, NOTE_LENGTH)
    if not reason:
        raise InvalidInput(msgid("Say why: it stays in the ledger."), field=field)
    return reason
