"""Questions to the fleet: filters with a name, kept for a client and answered live."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey, UniqueConstraint, exists, func, select
from sqlalchemy.orm import Mapped, joinedload, mapped_column, relationship

from servicedesk.clients.choices import client_meant
from servicedesk.clients.models import Client
from servicedesk.clients.visibility import visible_to
from servicedesk.core import database
from servicedesk.core.database import Model
from servicedesk.core.errors import InvalidInput, NotAllowedNow, NotFound
from servicedesk.core.paging import PAGE_SIZE, Page, decode_cursor, page_of
from servicedesk.core.permissions import Permission, require
from servicedesk.core.references import next_reference
from servicedesk.core.text import msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.models import DeviceGroup
from servicedesk.devices.queries import FleetFilter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Select
    from sqlalchemy.orm import Session

    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work

NAME_LENGTH = 120
MOST_QUESTIONS = 200  # of a client: so many can be chosen from


class SavedQuestion(Model):
    """A filter of the fleet with a name; what it asks never changes, so that answers stay true."""

    __tablename__ = "saved_question"
    __table_args__ = (UniqueConstraint("client_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"))
    reference: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    filter: Mapped[dict[str, Any]]  # a FleetFilter without its client
    author_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    author_name: Mapped[str]
    created_at: Mapped[datetime]

    client: Mapped[Client] = relationship(lazy="raise_on_sql")

    @property
    def wanted(self) -> FleetFilter:
        """Return the filter, narrowed to its client."""
        return replace(FleetFilter.read(self.filter), client=self.client.reference)


def create_question(
    actor: Actor, client_reference: str, name: str, wanted: FleetFilter
) -> SavedQuestion:
    """Keep a filter under a name; no client is named where the actor has only one.

    Raises Forbidden, NotFound for another client, NotAllowedNow when there are too many, and
    InvalidInput at `client`, `name`, `filter` or `group`.
    """
    with unit_of_work(actor, "questions.create") as work:
        require(actor, Permission.QUESTION_EDIT)
        client = client_meant(actor, client_reference)
        told = _checked_filter(work, client, wanted)
        question = SavedQuestion(
            client_id=client.id,
            client=client,
            reference=next_reference(work, "PRG"),
            name=_checked_name(work, client.id, name),
            filter=told,
            author_id=actor.user_id,
            author_name=actor.name,
            created_at=work.at,
        )
        work.session.add(question)
        work.session.flush()
        work.concerns(client.id, question.reference)
    return question


def rename_question(actor: Actor, reference: str, name: str) -> SavedQuestion:
    """Give a question another name. Raises Forbidden, NotFound, or InvalidInput at `name`."""
    with unit_of_work(actor, "questions.rename") as work:
        question = _locked_question(work, reference)
        question.name = _checked_name(work, question.client_id, name, but=question.id)
    return question


def delete_question(actor: Actor, reference: str) -> None:
    """Delete a question; what was answered with it stays as it was. Raises Forbidden, NotFound."""
    with unit_of_work(actor, "questions.delete") as work:
        work.session.delete(_locked_question(work, reference))


def questions(
    actor: Actor, client: str = "", cursor: str | None = None, size: int = PAGE_SIZE
) -> Page[SavedQuestion]:
    """Return a page of questions, the newest first. Raises InvalidInput."""
    require(actor, Permission.DEVICE_READ)
    query = _visible(actor).order_by(SavedQuestion.id.desc()).limit(size + 1)
    if client:
        owner = select(Client.id).where(Client.reference == client).scalar_subquery()
        query = query.where(SavedQuestion.client_id == owner)
    if key := decode_cursor(cursor, int):
        query = query.where(SavedQuestion.id < key[0])
    found = database.session().scalars(query).all()
    return page_of(found, size, lambda question: [question.id])


def question_named(actor: Actor, reference: str) -> SavedQuestion:
    """Return one question. Raises NotFound, also for one of another client."""
    require(actor, Permission.DEVICE_READ)
    found = database.session().scalar(
        _visible(actor).where(SavedQuestion.reference == reference.replace("\x00", ""))
    )
    if found is None:
        raise NotFound
    return found


def questions_to_choose(actor: Actor, client_id: int) -> Sequence[Any]:
    """Return reference and name of a client's questions, by name."""
    query = select(SavedQuestion.reference, SavedQuestion.name).where(
        SavedQuestion.client_id == client_id, visible_to(actor, SavedQuestion.client_id)
    )
    return database.session().execute(query.order_by(SavedQuestion.name)).all()


def question_of(session: Session, client_id: int, reference: str) -> SavedQuestion:
    """Return a question of that client. Raises InvalidInput: it is something to choose."""
    found = session.scalar(
        select(SavedQuestion)
        .options(joinedload(SavedQuestion.client, innerjoin=True))
        .where(
            SavedQuestion.client_id == client_id,
            SavedQuestion.reference == reference.replace("\x00", ""),
        )
    )
    if found is None:
        raise InvalidInput(msgid("The client has no such question."), field="question")
    return found


def _visible(actor: Actor) -> Select[SavedQuestion]:
    return (
        select(SavedQuestion)
        .options(joinedload(SavedQuestion.client, innerjoin=True))
        .where(visible_to(actor, SavedQuestion.client_id))
    )


def _locked_question(work: Work, reference: str) -> SavedQuestion:
    query = _visible(work.actor).where(SavedQuestion.reference == reference.replace("\x00", ""))
    found = work.session.scalar(query.with_for_update(of=SavedQuestion))
    if found is None:
        raise NotFound
    require(work.actor, Permission.QUESTION_EDIT)
    work.concerns(found.client_id, found.reference)
    return found


def _checked_name(work: Work, client_id: int, typed: str, *, but: int | None = None) -> str:
    name = " ".join(typed.split())
    if not name:
        raise InvalidInput(msgid("This is needed."), field="name")
    if len(name) > NAME_LENGTH or not name.isprintable():
        raise InvalidInput(
            msgid("Use at most %(length)s ordinary characters."), field="name", length=NAME_LENGTH
        )
    is_taken = exists().where(
        SavedQuestion.client_id == client_id,
        SavedQuestion.name == name,
        SavedQuestion.id.is_distinct_from(but),
    )
    if work.session.scalar(select(is_taken)):
        raise InvalidInput(msgid("The client has a question of this name already."), field="name")
    return name


def _checked_filter(work: Work, client: Client, wanted: FleetFilter) -> dict[str, str]:
    told = replace(wanted, client="").as_query()
    if FleetFilter.read(told).as_query() != told:
        raise InvalidInput(msgid("The fleet cannot be asked that."), field="filter")
    if wanted.client not in {"", client.reference}:
        raise InvalidInput(msgid("The question is about another client."), field="client")
    group = exists().where(DeviceGroup.client_id == client.id, DeviceGroup.name == wanted.group)
    if wanted.group and not work.session.scalar(select(group)):
        raise InvalidInput(msgid("The client has no such group."), field="group")
    count = select(func.count(SavedQuestion.id)).where(SavedQuestion.client_id == client.id)
    if (work.session.scalar(count) or 0) >= MOST_QUESTIONS:
        raise NotAllowedNow(msgid("There are too many questions: delete one that nobody asks."))
    return told
