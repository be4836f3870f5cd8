"""What the operator's people do with the steps of a ticket: tick, leave out, open again, remove."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from servicedesk.core.errors import Conflict, InvalidInput, NotAllowedNow, NotFound
from servicedesk.core.permissions import Permission, require
from servicedesk.core.text import Verbatim, msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.tickets.checklist import TicketStep, add_steps
from servicedesk.tickets.handling import locked_ticket
from servicedesk.tickets.models import EntryKind
from servicedesk.tickets.timeline import tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work
    from servicedesk.tickets.models import Ticket

REASON_LENGTH = 500


class StepTaken(Conflict):
    """Somebody else was faster with the step."""

    code = "step-taken"


def write_steps(actor: Actor, reference: str, texts: Sequence[str]) -> None:
    """Add steps to an open ticket.

    Raises NotFound, Forbidden, NotAllowedNow, InvalidInput (at `steps`).
    """
    with unit_of_work(actor, "tickets.add_steps") as work:
        ticket = _open_ticket(work, reference)
        if not any(text.strip() for text in texts):
            raise InvalidInput(msgid("Write something first."), field="steps")
        add_steps(work, ticket, texts)


def tick_step(actor: Actor, reference: str, position: int, *, done: bool = True) -> TicketStep:
    """Say that a step is done, or that it is to be done after all.

    Raises NotFound, Forbidden, NotAllowedNow (the ticket is not open), StepTaken with who did it.
    """
    with unit_of_work(actor, "tickets.tick_step") as work:
        ticket, step = _locked_step(work, reference, position)
        if done:
            if not _is_own_repeat(work, step, None):
                _settle(work, ticket, step, None)
        elif not step.is_open:
            step.done_at = step.done_by_id = step.done_by_name = step.skipped_because = None
            _tell(work, ticket, step, "open")
    return step


def skip_step(actor: Actor, reference: str, position: int, reason: str) -> TicketStep:
    """Say why a step is not done.

    Raises NotFound, Forbidden, NotAllowedNow, StepTaken, InvalidInput (at `reason`).
    """
    with unit_of_work(actor, "tickets.skip_step") as work:
        ticket, step = _locked_step(work, reference, position)
        words = " ".join(reason.split())
        if not words:
            raise InvalidInput(msgid("Say why it is not done."), field="reason")
        if len(words) > REASON_LENGTH or not words.isprintable():
            raise InvalidInput(
                msgid("Use at most %(length)s ordinary characters."),
                field="reason",
                length=REASON_LENGTH,
            )
        if not _is_own_repeat(work, step, words):
            _settle(work, ticket, step, words)
    return step


def remove_step(actor: Actor, reference: str, position: int) -> None:
    """Take an open step off the checklist.

    Raises NotFound, Forbidden, NotAllowedNow, StepTaken.
    """
    with unit_of_work(actor, "tickets.remove_step") as work:
        ticket, step = _locked_step(work, reference, position)
        if not step.is_open:
            raise _taken(step)
        step.removed_at = work.at
        _tell(work, ticket, step, "removed")


def _open_ticket(work: Work, reference: str) -> Ticket:
    ticket = locked_ticket(work, reference)
    require(work.actor, Permission.TICKET_HANDLE)
    if not ticket.is_open:
        raise NotAllowedNow(msgid("The ticket is not open: its steps stay as they are."))
    return ticket


def _locked_step(work: Work, reference: str, position: int) -> tuple[Ticket, TicketStep]:
    """Return a step that is still on the list; the ticket's lock has people act one by one."""
    ticket = _open_ticket(work, reference)
    step = work.session.scalar(
        select(TicketStep).where(
            TicketStep.ticket_id == ticket.id,
            TicketStep.position == position,
            TicketStep.removed_at.is_(None),
        )
    )
    if step is None:
        raise NotFound
    return ticket, step


def _is_own_repeat(work: Work, step: TicketStep, reason: str | None) -> bool:
    """Whether the same person says the same again. Raises StepTaken for whoever comes second."""
    if step.is_open:
        return False
    if step.done_by_id != work.actor.user_id or step.skipped_because != reason:
        raise _taken(step)
    return True


def _taken(step: TicketStep) -> StepTaken:
    name = Verbatim(step.done_by_name or "")
    if step.skipped_because is None:
        return StepTaken(msgid("%(name)s has ticked this step already."), name=name)
    return StepTaken(msgid("%(name)s has said already why this step is not done."), name=name)


def _settle(work: Work, ticket: Ticket, step: TicketStep, reason: str | None) -> None:
    step.done_at, step.done_by_id = work.at, work.actor.user_id
    step.done_by_name, step.skipped_because = work.actor.name, reason
    _tell(work, ticket, step, "done" if reason is None else "skipped")


def _tell(work: Work, ticket: Ticket, step: TicketStep, what: str) -> None:
    tell(
        work,
        ticket,
        EntryKind.STEP,
        body=step.skipped_because or "",
        is_public=False,
        what=what,
        number=step.position,
        text=step.text,
    )
