"""A contact's one decision about a resolved ticket, and what they think of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.core.errors import Forbidden, InvalidFields, InvalidInput, NotAllowedNow
from servicedesk.core.jobs import JobName
from servicedesk.core.text import msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.tickets.handling import carry_out, locked_ticket
from servicedesk.tickets.models import EntryKind, TicketState
from servicedesk.tickets.moves import may_decide, move_named
from servicedesk.tickets.outcomes import (
    BEST_RATING,
    UNHAPPY_RATING,
    WORST_RATING,
    ClosingVerdict,
)
from servicedesk.tickets.timeline import tell

if TYPE_CHECKING:
    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work
    from servicedesk.tickets.closing_links import Decider
    from servicedesk.tickets.models import Ticket

COMMENT_LENGTH = 2000
TELL_UNHAPPY = JobName("tickets.tell_unhappy", "default")


class AlreadyDecided(NotAllowedNow):
    """Somebody was faster, or it closed by itself."""

    code = "already-decided"
    sentence = msgid("This has been decided meanwhile: see below how it stands.")


def close_with_verdict(
    actor: Actor,
    reference: str,
    verdict: str,
    rating: int | None = None,
    words: str = "",
    *,
    link: Decider | None = None,
) -> Ticket:
    """Decide on a resolved ticket: closed with or without a complaint, or back to work.

    A rating belongs to what is closed; with `not_solved` it is not kept. `link`: decided by mail, on
    the ticket as it was resolved then. Raises NotFound, Forbidden, AlreadyDecided, InvalidFields
    (at `verdict`, `rating`, `comment`).
    """
    with unit_of_work(actor, "tickets.close") as work:
        ticket = locked_ticket(work, reference)
        if not actor.is_contact or not may_decide(actor, ticket):
            raise Forbidden
        is_as_seen = link is None or ticket.resolved_at == link.resolved_at
        if ticket.state is not TicketState.RESOLVED or not is_as_seen:
            raise AlreadyDecided
        decided, said = _checked(verdict, rating, words), words.strip()
        score = rating if decided.closes else None
        tell(
            work,
            ticket,
            EntryKind.DECIDED,
            body=said,
            verdict=decided.value,
            rating=score,
            by_mail=link is not None,
            sent_to=actor.name,
        )
        work.note(verdict=decided, by_mail=link is not None)
        if decided.closes:
            carry_out(
                work,
                ticket,
                move_named("confirm"),
                said,
                news="solved_but" if decided is ClosingVerdict.SOLVED_BUT else "confirm",
            )
            ticket.closing_verdict = decided
        else:
            carry_out(work, ticket, move_named("reopen"), said)
        if score is not None:
            _keep_rating(work, ticket, score, said)
        if decided is ClosingVerdict.SOLVED_BUT or _is_bad(score):
            _tell_manager(work, ticket)
    return ticket


def _checked(verdict: str, rating: int | None, words: str) -> ClosingVerdict:
    """Return the verdict, with everything it needs. Raises InvalidFields."""
    faults = {}
    decided = ClosingVerdict(verdict) if verdict in set(ClosingVerdict) else None
    if decided is None:
        faults["verdict"] = msgid("Choose one of the three.")
    if (decided is ClosingVerdict.SOLVED_BUT and rating is None) or (
        rating is not None and not WORST_RATING <= rating <= BEST_RATING
    ):
        faults["rating"] = msgid("Choose from one to five.")
    said = words.strip()
    if decided is ClosingVerdict.SOLVED_BUT and not said:
        faults["comment"] = msgid("Tell us what was not good.")
    elif decided is ClosingVerdict.NOT_SOLVED and not said:
        faults["comment"] = msgid("Tell us what is missing.")
    elif len(said) > COMMENT_LENGTH:
        faults["comment"] = msgid("This is too long.")
    elif "\x00" in said:
        faults["comment"] = msgid("This contains characters that cannot be stored.")
    if faults or decided is None:
        raise InvalidFields(faults)
    return decided


def rate_ticket(actor: Actor, reference: str, rating: int, comment: str = "") -> Ticket:
    """Say how good it was, once it is resolved. Raises NotFound, Forbidden, NotAllowedNow."""
    with unit_of_work(actor, "tickets.rate") as work:
        ticket = locked_ticket(work, reference)
        if not actor.is_contact or not may_decide(actor, ticket):
            raise Forbidden
        if ticket.resolved_at is None:
            raise NotAllowedNow
        if not WORST_RATING <= rating <= BEST_RATING:
            raise InvalidInput(msgid("Give one to five."), field="rating")
        said = comment.strip()[:COMMENT_LENGTH]
        if "\x00" in said:
            raise InvalidInput(
                msgid("This contains characters that cannot be stored."), field="comment"
            )
        _keep_rating(work, ticket, rating, said)
        tell(work, ticket, EntryKind.RATED, rating=rating, body=said)
        if _is_bad(rating):
            _tell_manager(work, ticket)
    return ticket


def _keep_rating(work: Work, ticket: Ticket, rating: int, comment: str) -> None:
    ticket.rating, ticket.rating_comment, ticket.rated_at = rating, comment or None, work.at


def _is_bad(rating: int | None) -> bool:
    return rating is not None and rating <= UNHAPPY_RATING


def _tell_manager(work: Work, ticket: Ticket) -> None:
    """Have the account manager told: by a worker, since no contact may write to the desk's people."""
    work.enqueue(TELL_UNHAPPY, lock=f"unhappy:{ticket.id}", ticket_id=ticket.id)
