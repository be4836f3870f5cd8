"""What stays of a visit: minutes, documents, and action points that become tickets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from servicedesk.clients.visibility import visible_to
from servicedesk.core import database
from servicedesk.core.errors import InvalidInput, NotAllowedNow, NotFound
from servicedesk.core.files import keep_all, path_of
from servicedesk.core.permissions import Permission, require
from servicedesk.core.text import msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.engagement.agreed import LONGEST, checked_agreed, open_agreed
from servicedesk.engagement.contract_time import day_of
from servicedesk.engagement.models import ActionPoint, Visit, VisitDocument, VisitState
from servicedesk.engagement.visits import locked_visit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from servicedesk.core.actors import Actor
    from servicedesk.core.files import Upload

MINUTES_LENGTH = 20_000
MOST_FILES = 5


def write_minutes(actor: Actor, reference: str, words: str, *, version: int) -> Visit:
    """Keep what was talked about; the client reads it. Raises NotFound, Conflict, InvalidInput."""
    with unit_of_work(actor, "engagement.write_minutes") as work:
        visit = _kept_visit(locked_visit(work, reference, version))
        if len(words) > MINUTES_LENGTH:
            raise InvalidInput(msgid("This is too long."), field="minutes")
        if "\x00" in words:
            raise InvalidInput(
                msgid("This contains characters that cannot be stored."), field="minutes"
            )
        visit.minutes = words.replace("\r\n", "\n").strip()
    return visit


def add_documents(actor: Actor, reference: str, uploads: Sequence[Upload]) -> None:
    """Keep files with a visit; the client may fetch them. Raises NotFound, InvalidInput."""
    with unit_of_work(actor, "engagement.add_documents") as work:
        visit = _kept_visit(locked_visit(work, reference))
        if not uploads:
            raise InvalidInput(msgid("Choose a file."), field="files")
        work.session.add_all(
            VisitDocument(
                client_id=visit.client_id,
                visit_id=visit.id,
                created_at=work.at,
                author_name=actor.name,
                **vars(kept),
            )
            for kept in keep_all(uploads, MOST_FILES)
        )


def add_action_point(
    actor: Actor, reference: str, words: str, owner: str, due_on: date
) -> ActionPoint:
    """Write down who does what by when, and open the ticket in which it is done.

    Whoever writes it down is asked to confirm that it is. Raises NotFound, Forbidden, InvalidInput
    with the field.
    """
    agreed = checked_agreed(words, owner, due_on)
    with unit_of_work(actor, "engagement.add_action_point") as work:
        visit = _kept_visit(locked_visit(work, reference))
        today = day_of(visit.contract, work.at)
        if not day_of(visit.contract, visit.starts_at) <= due_on < today + LONGEST:
            raise InvalidInput(
                msgid("Choose a day after the visit and within a year."), field="due_on"
            )
        ticket = open_agreed(work, visit.contract, agreed, f"{visit.reference} · {visit.title}")
        point = ActionPoint(
            client_id=visit.client_id,
            visit_id=visit.id,
            **vars(agreed),
            ticket_id=ticket.id,
            created_at=work.at,
            author_name=actor.name,
        )
        point.ticket = ticket
        work.session.add(point)
        work.concerns(visit.client_id, visit.reference)
    return point


def document_for(actor: Actor, visit_reference: str, reference: str) -> VisitDocument:
    """Return a file that the actor may fetch. Raises NotFound."""
    require(actor, Permission.ENGAGEMENT_READ)
    found = database.session().scalar(
        select(VisitDocument)
        .join(Visit, Visit.id == VisitDocument.visit_id)
        .where(
            VisitDocument.reference == reference.replace("\x00", ""),
            Visit.reference == visit_reference.replace("\x00", ""),
            visible_to(actor, VisitDocument.client_id),
        )
    )
    if found is None or not path_of(found.sha256).exists():
        raise NotFound
    return found


def _kept_visit(visit: Visit) -> Visit:
    if visit.state is VisitState.CANCELLED:
        raise NotAllowedNow(msgid("This visit did not take place."))
    return visit
