"""Asking what became of a visit that nobody confirmed by the morning after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, update

from servicedesk.accounts.notices import tell_people
from servicedesk.clients.models import Client
from servicedesk.core import clock, database
from servicedesk.core.actors import SYSTEM
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.engagement.models import Visit, VisitState
from servicedesk.engagement.warnings import people_of

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from servicedesk.core.unit_of_work import Work

NOTICE = "visit_outcome"
AT_ONCE = 200  # what is left follows with the next look


def ask_outcomes() -> int:
    """Ask once for each visit whose outcome is missed; return how many were asked for."""
    with database.acting_as(SYSTEM):
        session = database.session()
        due = session.scalars(
            select(Visit.id).where(_is_due()).order_by(Visit.ask_at).limit(AT_ONCE)
        )
        found = list(due)
        session.rollback()
    return sum(_ask(visit_id) for visit_id in found)


def _is_due() -> ColumnElement[bool]:
    return (
        (Visit.state == VisitState.PLANNED)
        & Visit.asked_at.is_(None)
        & (Visit.ask_at <= clock.now())
    )


def _ask(visit_id: int) -> bool:
    with unit_of_work(SYSTEM, "engagement.ask_outcome") as work:
        visit = work.session.scalar(
            select(Visit).where(Visit.id == visit_id, _is_due()).with_for_update(skip_locked=True)
        )
        if visit is None:  # somebody was faster, or does something to it right now
            return False
        _tell(work, visit)
        # whatever is open in somebody's form stays as it is: this is no change to the visit
        work.session.execute(
            update(Visit)
            .where(Visit.id == visit_id)
            .values(asked_at=work.at)
            .execution_options(synchronize_session=False)
        )
    return True


def _tell(work: Work, visit: Visit) -> None:
    client = work.session.get_one(Client, visit.client_id)
    people = people_of(work, visit.client_id, with_supervisors=False)
    work.concerns(client.id, visit.reference)
    tell_people(
        work,
        people,
        NOTICE,
        reference=visit.reference,
        client_id=client.id,
        client=client.name,
        title=visit.title,
        starts_at=visit.starts_at,
    )
    work.note(asked=[person.name for person in people])
