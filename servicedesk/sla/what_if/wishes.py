"""What somebody wants to try: checked as it was typed, kept as JSON, and told as a draft."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from servicedesk.core.errors import InvalidInput
from servicedesk.core.text import Text, msgid
from servicedesk.sla.calendar import CalendarDefinition, compiled
from servicedesk.sla.cycles import WHOLE, Metric
from servicedesk.sla.models import CalendarVersion, PlanVersion
from servicedesk.sla.notation import NotationError, read_target
from servicedesk.sla.plan import (
    KINDS,
    PRIORITIES,
    PlanDefinition,
    PlanError,
    check_target,
    plain_target,
    target_from_plain,
)
from servicedesk.sla.replay import Cell, Draft

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy.orm import Session

    from servicedesk.sla.cycles import Target

MOST_MONTHS = 13
LEAST_FACTOR, MOST_FACTOR = 10, 1000


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A contract, its last whole months, and what to try: versions by number, targets as typed."""

    contract: str
    months: int
    plan: str = ""  # empty: as it was agreed
    calendar: str = ""
    factor_percent: int = WHOLE
    targets: Mapping[str, str] = field(default_factory=dict)  # by `field_of` their cell


class UnreadableTargets(InvalidInput):
    """Targets that cannot be read; `faults` says by field why."""

    def __init__(self, faults: Mapping[str, Text]) -> None:
        """Keep a sentence for each."""
        super().__init__(next(iter(faults.values())).msgid)
        self.faults = faults
        self.faults_at = "targets"


def cells() -> Iterator[Cell]:
    """Yield every place of a plan where a target may stand."""
    for kind in KINDS:
        for priority in PRIORITIES:
            for metric in Metric:
                yield kind, priority, metric


def field_of(cell: Cell) -> str:
    """Return the name of a cell's field: `incident_high_resolution`."""
    return "_".join(cell)


def checked(session: Session, wish: Wish) -> dict[str, Any]:
    """Return the definition that is kept. Raises InvalidInput at the field it is about."""
    if not LEAST_FACTOR <= wish.factor_percent <= MOST_FACTOR:
        raise InvalidInput(msgid("Give 10 to 1,000 per cent."), field="factor_percent")
    plan = _version(session, PlanVersion, wish.plan, "plan")
    calendar = _version(session, CalendarVersion, wish.calendar, "calendar")
    targets = _targets(wish.targets)
    if plan is None and calendar is None and wish.factor_percent == WHOLE and not targets:
        raise InvalidInput(msgid("Choose what shall be different."), field="plan")
    return {
        "plan_id": plan.id if plan else None,
        "plan": f"{plan.name} v{plan.version}" if plan else "",
        "calendar_id": calendar.id if calendar else None,
        "calendar": f"{calendar.name} v{calendar.version}" if calendar else "",
        "factor_percent": wish.factor_percent,
        "targets": [
            [*cell, plain_target(target) if target else None] for cell, target in targets.items()
        ],
    }


def _version(
    session: Session, model: type[PlanVersion | CalendarVersion], chosen: str, place: str
) -> Any:
    if not chosen:
        return None
    is_number = chosen.isascii() and chosen.isdecimal() and len(chosen) <= 18  # noqa: PLR2004  fits
    found = session.get(model, int(chosen)) if is_number else None
    if found is None:
        raise InvalidInput(msgid("There is no such version."), field=place)
    return found


def _targets(typed: Mapping[str, str]) -> dict[Cell, Target | None]:
    found: dict[Cell, Target | None] = {}
    faults: dict[str, Text] = {}
    for cell in cells():
        words = typed.get(field_of(cell), "").strip()
        if not words:
            continue
        try:
            target = found[cell] = read_target(words)
            if target is not None:
                check_target(target)
        except NotationError as refused:
            faults[field_of(cell)] = refused.text
        except PlanError as refused:
            faults[field_of(cell)] = Text(refused.sentence)
    if faults:
        raise UnreadableTargets(faults)
    return found


def targets_in(definition: Mapping[str, Any]) -> dict[Cell, Target | None]:
    """Return the single targets of a kept definition."""
    return {
        (kind, priority, Metric(metric)): target_from_plain(told) if told else None
        for kind, priority, metric, told in definition["targets"]
    }


def draft_of(session: Session, definition: Mapping[str, Any]) -> Draft:
    """Return what a kept definition tries. A version of a calendar rules all the time then."""
    plan_id, calendar_id = definition["plan_id"], definition["calendar_id"]
    plan = session.get_one(PlanVersion, plan_id) if plan_id else None
    calendar = session.get_one(CalendarVersion, calendar_id) if calendar_id else None
    return Draft(
        plan=PlanDefinition.from_json(plan.definition) if plan else None,
        calendar=compiled(CalendarDefinition.from_json(calendar.definition)) if calendar else None,
        factor_percent=definition["factor_percent"],
        targets=targets_in(definition),
    )
