"""What calendars and plans share: versions follow one another, and none that has begun is changed."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sqlalchemy import select

from servicedesk.core.errors import Conflict, InvalidInput, NotAllowedNow, NotFound
from servicedesk.core.text import msgid
from servicedesk.sla.calendar import FIRST_YEAR, YEARS_AHEAD
from servicedesk.sla.models import CalendarVersion, PlanVersion, ServiceLevel
from servicedesk.sla.standard import CALENDAR, PLAN

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from servicedesk.core.unit_of_work import Work
    from servicedesk.sla.calendar import CalendarDefinition
    from servicedesk.sla.plan import PlanDefinition

V = TypeVar("V", CalendarVersion, PlanVersion)
D = TypeVar("D", bound="CalendarDefinition | PlanDefinition")

NAME_LENGTH = 80
CODE_LENGTH = 40
# a page of its own beside those of the codes, and what contracts begin with
RESERVED = frozenset({"new", PLAN, CALENDAR})


@dataclass(frozen=True, kw_only=True)
class Draft(Generic[D]):
    """What a version is to say, and from when on."""

    name: str
    effective_on: date
    definition: D


class Overtaken(Conflict):
    """Another version was saved since the form was opened."""

    code = "overtaken"
    sentence = msgid(
        "Somebody else has changed it meanwhile: the newest version is now %(version)s."
        " Look at it before you save yours."
    )


class StillUsed(NotAllowedNow):
    """Without it, something would have nothing to be measured by."""

    code = "still-used"
    sentence = msgid("It is used: there would be nothing left to measure by.")


def locked_versions(work: Work, model: type[V], code: str) -> Sequence[V]:
    """Return all versions of a code in order, one act at a time. Raises NotFound."""
    rows = select(model).where(model.code == code).order_by(model.version)
    work.session.scalars(rows.with_for_update()).all()
    # whoever had the lock before may have added or taken away one
    found = work.session.scalars(rows.execution_options(populate_existing=True)).all()
    if not live_of(found):
        raise NotFound
    return found


def live_of(versions: Sequence[V]) -> list[V]:
    """Return the versions that were not taken back."""
    return [version for version in versions if version.withdrawn_by_id is None]


def check_follows(versions: Sequence[V], after: int, effective_on: date, today: date) -> None:
    """Raise unless a version from `effective_on` on may follow `after`, the newest one known."""
    if versions[-1].version != after:
        raise Overtaken(version=versions[-1].version)
    newest = live_of(versions)[-1]
    if effective_on < newest.effective_on:
        raise InvalidInput(
            msgid("Not before the newest version, which is from %(date)s on."),
            field="effective_on",
            date=newest.effective_on,
        )
    check_within_reach(effective_on, today)


def check_within_reach(effective_on: date, today: date) -> None:
    """Raise InvalidInput for dates that business time is not reckoned for."""
    if not FIRST_YEAR <= effective_on.year < today.year + YEARS_AHEAD:
        raise InvalidInput(
            msgid("Choose a date from %(first)s to %(last)s."),
            field="effective_on",
            first=FIRST_YEAR,
            last=today.year + YEARS_AHEAD - 1,
        )


def checked_name(work: Work, model: type[V], name: str, code: str = "") -> str:
    """Return a name as it is kept. Raises InvalidInput if it is none, or another's."""
    cleaned = " ".join(name.split())
    if not cleaned:
        raise InvalidInput(msgid("Enter a name."), field="name")
    if len(cleaned) > NAME_LENGTH or not cleaned.isprintable():
        raise InvalidInput(
            msgid("Use at most %(length)s ordinary characters."), field="name", length=NAME_LENGTH
        )
    another = (
        select(model.id)
        .where(model.name == cleaned, model.code != code, model.withdrawn_by_id.is_(None))
        .limit(1)
    )
    if work.session.scalar(another) is not None:
        raise InvalidInput(msgid("Another one has this name."), field="name")
    return cleaned


def new_code(work: Work, model: type[CalendarVersion | PlanVersion], name: str) -> str:
    """Return a code for the address, made of a name and not taken yet."""
    stem = _stem(name)
    alike = work.session.scalars(select(model.code).where(model.code.startswith(stem)))
    return _first_free(stem, {*alike, *RESERVED})


def _stem(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:CODE_LENGTH].strip("-") or "x"


def _first_free(stem: str, taken: set[str]) -> str:
    numbered = (f"{stem}-{number}" for number in range(2, len(taken) + 3))
    return next(code for code in (stem, *numbered) if code not in taken)


def added(work: Work, model: type[V], code: str, number: int, name: str, draft: Draft[Any]) -> V:
    """Write a version that was checked, under a checked name."""
    version = model(
        code=code,
        version=number,
        name=name,
        effective_on=draft.effective_on,
        definition=draft.definition.to_json(),
        created_at=work.at,
        author_name=work.actor.name,
    )
    work.session.add(version)
    work.concerns(None, f"{code} v{number}")
    return version


def withdraw_newest(work: Work, versions: Sequence[V], number: int, today: date) -> None:
    """Take back the newest version, which has not begun, with one that rules nothing itself.

    Nothing is deleted: what was judged while it was to come is told the same for ever. Raises
    NotFound, NotAllowedNow, StillUsed.
    """
    live = live_of(versions)
    version = next((one for one in live if one.version == number), None)
    if version is None:
        raise NotFound
    if version.effective_on <= today:
        raise NotAllowedNow(msgid("It has begun: a version that has begun stays as it is."))
    if version is not live[-1]:
        raise NotAllowedNow(msgid("Withdraw the versions after it first."))
    if len(live) == 1 and _is_agreed(work, version):
        raise StillUsed
    back = live[-2] if len(live) > 1 else version
    taker = type(version)(
        code=version.code,
        version=versions[-1].version + 1,
        name=back.name,
        effective_on=version.effective_on,
        definition=back.definition,
        created_at=work.at,
        author_name=work.actor.name,
    )
    work.session.add(taker)
    work.session.flush()
    taker.withdrawn_by_id = version.withdrawn_by_id = taker.id


def _is_agreed(work: Work, version: CalendarVersion | PlanVersion) -> bool:
    column = (
        ServiceLevel.calendar_code
        if isinstance(version, CalendarVersion)
        else ServiceLevel.plan_code
    )
    used = select(ServiceLevel.contract_id).where(column == version.code).limit(1)
    return work.session.scalar(used) is not None
