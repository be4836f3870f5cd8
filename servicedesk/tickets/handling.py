"""What people do with a ticket: talk, take, ask, resolve, confirm, reopen, withdraw."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from servicedesk.accounts.models import User
from servicedesk.clients.models import Client
from servicedesk.clients.visibility import visible_to
from servicedesk.core.actors import Role, Side
from servicedesk.core.errors import InvalidInput, NotAllowedNow, NotFound
from servicedesk.core.permissions import Permission, require
from servicedesk.core.text import msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.queries import fleet_count
from servicedesk.devices.questions import question_of
from servicedesk.orders.models import WorkOrder
from servicedesk.orders.steering import withdraw_orders
from servicedesk.sla import clocks
from servicedesk.sla.evaluation import EventKind
from servicedesk.sla.models import SlaLedger
from servicedesk.tickets.attachments import attach
from servicedesk.tickets.breaches import explain_missing
from servicedesk.tickets.checklist import count_open_steps, refuse_open_steps
from servicedesk.tickets.classification import check_category, priority_of
from servicedesk.tickets.events import TicketCancelled, TicketReopened, TicketResolved
from servicedesk.tickets.models import (
    OVER_STATES,
    WAITING_FOR,
    EntryKind,
    Ticket,
    TicketKind,
    TicketOrder,
    TicketState,
)
from servicedesk.tickets.moves import ASK_A_CLIENT, Move, check, move_named
from servicedesk.tickets.outcomes import ClosingVerdict, LeftOut
from servicedesk.tickets.quiet_days import close_due_at
from servicedesk.tickets.timeline import mail_people, tell

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from servicedesk.core.actors import Actor
    from servicedesk.core.files import Upload
    from servicedesk.core.unit_of_work import Work
    from servicedesk.sla.cycles import Party
    from servicedesk.tickets.breaches import Explanation
    from servicedesk.tickets.categories import IncidentCategory
    from servicedesk.tickets.models import Impact, Queue, TicketEntry, Urgency

BODY_LENGTH = 20_000
LONGEST_PLAN = timedelta(days=365)


def locked_ticket(work: Work, reference: str) -> Ticket:
    """Return the ticket under lock. Raises NotFound, also for another client's."""
    ticket = work.session.scalars(
        select(Ticket)
        .where(Ticket.reference == reference, visible_to(work.actor, Ticket.client_id))
        .with_for_update()
    ).one_or_none()
    if ticket is None:
        raise NotFound
    work.concerns(ticket.client_id, ticket.reference)
    return ticket


def add_message(
    actor: Actor,
    reference: str,
    body: str,
    *,
    is_public: bool = True,
    uploads: Sequence[Upload] = (),
) -> TicketEntry:
    """Say something, or note it for the operator alone. A client's answer ends the waiting.

    Raises NotFound, Forbidden, InvalidInput.
    """
    with unit_of_work(actor, "tickets.message") as work:
        ticket = locked_ticket(work, reference)
        require(actor, Permission.TICKET_COMMENT if is_public else Permission.TICKET_NOTE)
        if ticket.state in OVER_STATES and is_public:
            raise NotAllowedNow(msgid("The ticket is closed. Reopen it to go on."))
        entry = _say(work, ticket, body, is_public=is_public)
        if uploads:
            work.session.flush()
            attach(work, entry, uploads)
        if is_public:
            _hear(work, ticket)
            mail_people(work, ticket, "message", body=entry.body)
    return entry


def answer_ticket(
    actor: Actor, reference: str, question_reference: str, words: str = ""
) -> TicketEntry:
    """Answer a query with a saved question to the client's fleet, as it counts at this moment.

    Raises NotFound, Forbidden, NotAllowedNow, InvalidInput (at `question` or `words`).
    """
    with unit_of_work(actor, "tickets.answer") as work:
        ticket = locked_ticket(work, reference)
        require(actor, Permission.TICKET_ANSWER)
        if ticket.kind is not TicketKind.QUERY:
            raise NotAllowedNow(msgid("Only a query is answered with a question to the fleet."))
        if ticket.state in OVER_STATES:
            raise NotAllowedNow(msgid("The ticket is closed. Reopen it to go on."))
        question = question_of(work.session, ticket.client_id, question_reference)
        devices = fleet_count(actor, question.wanted)
        entry = tell(
            work,
            ticket,
            EntryKind.ANSWERED,
            body=_checked_words(words, "words") if words.strip() else "",
            question=question.name,
            reference=question.reference,
            filter=question.wanted.as_query(),
            devices=devices,
        )
        _hear(work, ticket)
        mail_people(
            work, ticket, "answered", body=entry.body, question=question.name, devices=devices
        )
    return entry


def _say(work: Work, ticket: Ticket, body: str, *, is_public: bool = True) -> TicketEntry:
    words = _checked_words(body)
    return tell(work, ticket, EntryKind.MESSAGE, body=words, is_public=is_public)


def _checked_words(body: str, field: str = "body") -> str:
    words = body.strip()
    if not words:
        raise InvalidInput(msgid("Write something first."), field=field)
    if len(words) > BODY_LENGTH or "\x00" in words:
        raise InvalidInput(msgid("This is too long."), field=field)
    return words


def _hear(work: Work, ticket: Ticket) -> None:
    """Stop or go on with the clocks, as a public message means for them."""
    if work.actor.side is Side.OPERATOR:
        clocks.record(work, ledger_of(work, ticket), EventKind.RESPONDED)
    elif ticket.state is TicketState.WAITING_CLIENT:
        end_wait(work, ticket)
        _set_state(work, ticket, TicketState.IN_PROGRESS)


def move_ticket(
    actor: Actor,
    reference: str,
    name: str,
    *,
    words: str = "",
    until: datetime | None = None,
    why: Explanation | None = None,
) -> Ticket:
    """Make a named move of `tickets/moves.py`, with its consequences for clocks and people.

    `until` is the agreed date of what is planned; `why` targets were missed, which whoever resolves
    says. Raises NotFound, Forbidden, NotAllowedNow, InvalidInput (words, date or cause are missing).
    """
    move = move_named(name)
    with unit_of_work(actor, f"tickets.{name}") as work:
        ticket = locked_ticket(work, reference)
        check(actor, move, ticket)
        if move.name in ASK_A_CLIENT:
            _check_client(work, ticket)
        if move.needs_words and not words.strip():
            raise InvalidInput(msgid("Write something first."), field="body")
        if move.needs_date:
            _check_date(until, work.at)
        make_move(work, ticket, move, words, until)
        if move.name == "resolve" and actor.side is Side.OPERATOR:
            explain_missing(work, ticket, why)
    return ticket


def _check_client(work: Work, ticket: Ticket) -> None:
    if work.session.get_one(Client, ticket.client_id).is_internal:
        raise NotAllowedNow(msgid("Nobody outside can be asked: this is the operator's own."))


def _check_date(until: datetime | None, now: datetime) -> None:
    if until is None or not now < until < now + LONGEST_PLAN:
        raise InvalidInput(
            msgid("Give the agreed date: later than now, within a year."), field="until"
        )


def make_move(
    work: Work, ticket: Ticket, move: Move, words: str = "", until: datetime | None = None
) -> None:
    """Say the words and carry a move out, as a step of whatever caused it."""
    if words.strip():
        _say(work, ticket, words)
    carry_out(work, ticket, move, words, until)


def carry_out(
    work: Work,
    ticket: Ticket,
    move: Move,
    words: str = "",
    until: datetime | None = None,
    *,
    news: str = "",
) -> None:
    """Carry a move out whose words are on the timeline; people are mailed them with `news`."""
    before = ticket.state
    if ticket.state in WAITING_FOR and move.after is TicketState.IN_PROGRESS:
        end_wait(work, ticket)
    if move.after in WAITING_FOR:
        _begin_wait(work, ticket, WAITING_FOR[move.after], until)
    if consequence := _CONSEQUENCES.get(move.name):
        consequence(work, ticket)
    ticket.left_out_as = move.leaves_out
    ticket.planned_for = until if move.needs_date else None
    if not move.after.is_open:
        ticket.device_wait_since = None
    _set_state(work, ticket, move.after)
    if happened := _EVENTS.get(move.name):
        work.publish(
            happened(ticket_id=ticket.id, client_id=ticket.client_id, reference=ticket.reference)
        )
    is_quiet = move.name in {"take", "resume"} or move.leaves_out is LeftOut.SPAM
    if not is_quiet and before is not ticket.state:
        mail_people(work, ticket, news or move.name, body=words.strip())


def _set_state(work: Work, ticket: Ticket, state: TicketState) -> None:
    if ticket.state is not state:
        until = ticket.planned_for.isoformat() if ticket.planned_for else None
        left_out = ticket.left_out_as.value if ticket.left_out_as else None
        tell(
            work,
            ticket,
            EntryKind.STATE,
            before=ticket.state.value,
            after=state.value,
            until=until,
            left_out_as=left_out,
        )
        ticket.state = state


def _begin_wait(work: Work, ticket: Ticket, party: Party, until: datetime | None) -> None:
    """Have the clocks wait for a party; saying so is an answer."""
    ledger = ledger_of(work, ticket)
    clocks.record(work, ledger, EventKind.RESPONDED)
    agreed: dict[str, Any] = {"until": until.isoformat()} if until else {}
    clocks.record(work, ledger, EventKind.PAUSED, party=party, **agreed)


def end_wait(work: Work, ticket: Ticket, at: datetime | None = None) -> None:
    """Have the clocks go on: what the ticket's state waited for is over, at `at` if before now."""
    party = WAITING_FOR[ticket.state]
    clocks.record(work, ledger_of(work, ticket), EventKind.RESUMED, party=party, at=at)


def _take(work: Work, ticket: Ticket) -> None:
    ticket.assignee_id, ticket.assignee_name = work.actor.user_id, work.actor.name
    _note_owner(work, ticket)
    tell(work, ticket, EntryKind.ASSIGNED, name=work.actor.name)


def _note_owner(work: Work, ticket: Ticket) -> None:
    """Have the clocks know whose figures they belong to from now on."""
    owner = (ticket.queue.value, ticket.assignee_id)
    clocks.record(work, ledger_of(work, ticket), EventKind.ASSIGNED, owner=owner)


def hand_over(work: Work, ticket: Ticket, queue: Queue) -> None:
    """Give it to a queue, to nobody in particular, as a step of whatever caused it."""
    ticket.assignee_id = ticket.assignee_name = None
    ticket.queue = queue
    _note_owner(work, ticket)


def _resolve(work: Work, ticket: Ticket) -> None:
    refuse_open_steps(work, ticket)
    clocks.record(work, ledger_of(work, ticket), EventKind.RESOLVED)
    due = close_due_at(work, ticket)
    ticket.resolved_at, ticket.close_due_at = work.at, due


def _confirm(work: Work, ticket: Ticket) -> None:
    ticket.closed_at = work.at
    ticket.close_due_at = None
    ticket.closing_verdict = ClosingVerdict.SOLVED


def _reopen(work: Work, ticket: Ticket) -> None:
    clocks.record(work, ledger_of(work, ticket), EventKind.REOPENED)
    ticket.resolved_at = ticket.closed_at = ticket.close_due_at = None
    ticket.closing_verdict = None  # what was rated stays: it was so
    ticket.reopened_count += 1


def _cancel(work: Work, ticket: Ticket) -> None:
    withdraw_orders_of(work, ticket)
    clocks.record(work, ledger_of(work, ticket), EventKind.WITHDRAWN)
    ticket.closed_at = work.at


def withdraw_orders_of(work: Work, ticket: Ticket) -> None:
    """Withdraw what nobody has executed yet. Raises NotAllowedNow while devices are commanded."""
    orders = work.session.scalars(
        select(WorkOrder)
        .join(TicketOrder, TicketOrder.order_id == WorkOrder.id)
        .where(TicketOrder.ticket_id == ticket.id)
        .with_for_update(of=WorkOrder)
    ).all()
    withdraw_orders(work, orders)


def is_unfinished(work: Work, ticket: Ticket) -> bool:
    """Whether orders or steps of it wait for somebody: then nothing resolves it by itself."""
    unfinished = (
        select(TicketOrder.order_id)
        .join(WorkOrder, WorkOrder.id == TicketOrder.order_id)
        .where(TicketOrder.ticket_id == ticket.id, WorkOrder.state.not_in(("done", "cancelled")))
        .limit(1)
    )
    return work.session.scalar(unfinished) is not None or bool(
        count_open_steps(work.session, ticket.id)
    )


_CONSEQUENCES: Mapping[str, Callable[[Work, Ticket], None]] = {
    "take": _take,
    "resolve": _resolve,
    "confirm": _confirm,
    "reopen": _reopen,
    "cancel": _cancel,
    "cancel_as_test": _cancel,
    "cancel_as_spam": _cancel,
}
_EVENTS: Mapping[str, type[TicketResolved | TicketReopened | TicketCancelled]] = {
    "resolve": TicketResolved,
    "reopen": TicketReopened,
    "cancel": TicketCancelled,
    "cancel_as_test": TicketCancelled,
    "cancel_as_spam": TicketCancelled,
}


def ledger_of(work: Work, ticket: Ticket) -> SlaLedger:
    """Return the ticket's clocks under lock."""
    return work.session.get_one(SlaLedger, ticket.ledger_id, with_for_update=True)


def assign_ticket(
    actor: Actor, reference: str, assignee_id: int | None, queue: Queue | None = None
) -> Ticket:
    """Give it to a person or a queue. Raises NotFound, Forbidden, InvalidInput."""
    with unit_of_work(actor, "tickets.assign") as work:
        ticket = locked_ticket(work, reference)
        require(actor, Permission.TICKET_HANDLE)
        name = None
        if assignee_id is not None:
            user = work.session.get(User, assignee_id)
            if user is None or not user.is_active or user.role is Role.CONTACT:
                raise InvalidInput(msgid("This person cannot take tickets."), field="assignee")
            name = user.name
        ticket.assignee_id, ticket.assignee_name = assignee_id, name
        ticket.queue = queue or ticket.queue
        _note_owner(work, ticket)
        if assignee_id and ticket.state is TicketState.NEW:
            _set_state(work, ticket, TicketState.IN_PROGRESS)
        tell(work, ticket, EntryKind.ASSIGNED, name=name, queue=ticket.queue.value)
    return ticket


def reclassify_ticket(
    actor: Actor,
    reference: str,
    impact: Impact,
    urgency: Urgency,
    category: IncidentCategory | None = None,
) -> Ticket:
    """Correct impact and urgency, for which clocks are replanned from their real start, and category.

    Without a category that stays as it is. Raises NotFound, Forbidden, NotAllowedNow, InvalidInput.
    """
    with unit_of_work(actor, "tickets.reclassify") as work:
        ticket = locked_ticket(work, reference)
        require(actor, Permission.TICKET_HANDLE)
        if not ticket.is_open:
            raise NotAllowedNow
        before, priority = ticket.priority, priority_of(impact, urgency)
        ticket.impact, ticket.urgency, ticket.priority = impact, urgency, priority
        if before is not priority:
            ledger = ledger_of(work, ticket)
            clocks.record(work, ledger, EventKind.REPLANNED, priority=priority.value)
            tell(work, ticket, EntryKind.PRIORITY, before=before.value, after=priority.value)
        if category is not None and category is not ticket.category:
            check_category(ticket.kind, category)
            ticket.category = category
            tell(work, ticket, EntryKind.CATEGORY, after=category.value)
    return ticket
