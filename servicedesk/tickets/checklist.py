"""The steps of a ticket: the operator's own checklist, which the client never sees."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, mapped_column

from servicedesk.core.database import Model
from servicedesk.core.errors import InvalidInput, NotAllowedNow
from servicedesk.core.text import msgid
from servicedesk.tickets.models import EntryKind
from servicedesk.tickets.timeline import tell

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.orm import Session

    from servicedesk.core.unit_of_work import Work
    from servicedesk.tickets.models import Ticket

STEP_LENGTH = 300
MOST_STEPS = 100  # of a ticket, those that were removed among them


class TicketStep(Model):
    """Something to do, in its place; its number stays its own, also when others are removed."""

    __tablename__ = "ticket_step"
    __table_args__ = (
        UniqueConstraint("ticket_id", "position"),
        CheckConstraint("(done_at is null) = (done_by_name is null)", "somebody_did_it"),
        CheckConstraint("skipped_because is null or done_at is not null", "somebody_skipped_it"),
        CheckConstraint("removed_at is null or done_at is null", "only_open_ones_are_removed"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"))
    position: Mapped[int]
    text: Mapped[str]
    done_at: Mapped[datetime | None]  # or skipped
    done_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    done_by_name: Mapped[str | None]
    skipped_because: Mapped[str | None]
    removed_at: Mapped[datetime | None]

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to do it, or to say why not."""
        return self.done_at is None


def steps_of(session: Session, ticket_id: int) -> Sequence[TicketStep]:
    """Return the checklist of a ticket; a contact finds nothing."""
    return session.scalars(
        select(TicketStep)
        .where(TicketStep.ticket_id == ticket_id, TicketStep.removed_at.is_(None))
        .order_by(TicketStep.position)
    ).all()


def count_open_steps(session: Session, ticket_id: int) -> int:
    """Return how many steps wait for somebody."""
    query = select(func.count()).where(
        TicketStep.ticket_id == ticket_id,
        TicketStep.done_at.is_(None),
        TicketStep.removed_at.is_(None),
    )
    return session.scalar(query) or 0


def add_steps(work: Work, ticket: Ticket, texts: Iterable[str]) -> None:
    """Add steps at the end of a ticket's checklist. Raises InvalidInput (at `steps`)."""
    wanted = [words for text in texts if (words := " ".join(text.split()))]
    if not wanted:
        return
    if any(len(words) > STEP_LENGTH or not words.isprintable() for words in wanted):
        raise InvalidInput(
            msgid("Use at most %(length)s ordinary characters a step."),
            field="steps",
            length=STEP_LENGTH,
        )
    query = select(func.max(TicketStep.position)).where(TicketStep.ticket_id == ticket.id)
    last = work.session.scalar(query) or 0
    if last + len(wanted) > MOST_STEPS:
        raise InvalidInput(
            msgid("A ticket has at most %(most)s steps."), field="steps", most=MOST_STEPS
        )
    work.session.add_all(
        TicketStep(
            client_id=ticket.client_id, ticket_id=ticket.id, position=last + number, text=words
        )
        for number, words in enumerate(wanted, start=1)
    )
    tell(work, ticket, EntryKind.STEP, is_public=False, what="added", count=len(wanted))


def refuse_open_steps(work: Work, ticket: Ticket) -> None:
    """Raise NotAllowedNow while steps wait for somebody."""
    if count := count_open_steps(work.session, ticket.id):
        raise NotAllowedNow(
            msgid("Steps still open: %(count)s. Tick each one, or say why it is not done."),
            count=count,
        )
