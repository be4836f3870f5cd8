"""What people are told inside the desk: written by whatever happened, read and put away by each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, cast, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import ARRAY

from servicedesk.accounts.models import Notice, User
from servicedesk.core import audit, database
from servicedesk.core.errors import NotFound
from servicedesk.core.mail import Letter, queue_mails
from servicedesk.core.paging import PAGE_SIZE, Page, decode_cursor, page_of
from servicedesk.core.unit_of_work import unit_of_work

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work

MOST_COUNTED = 100  # nobody reads the number beyond it, and counting stays cheap


def add_notices(
    work: Work,
    user_ids: Collection[int],
    *,
    kind: str,
    reference: str,
    client_id: int | None,
    **facts: Any,
) -> None:
    """Tell each of these people once; one statement.

    `templates/components/notice.html` says `kind` with its facts in the reader's words.
    """
    people = func.unnest(cast(sorted(set(user_ids)), ARRAY(BigInteger)))
    told = {
        Notice.client_id: client_id,
        Notice.at: work.at,
        Notice.kind: kind,
        Notice.reference: reference,
        Notice.facts: audit.plain(facts),
    }
    rows = select(people, *(literal(value, column.type) for column, value in told.items()))
    work.session.execute(insert(Notice).from_select([Notice.user_id, *told], rows))


def tell_people(
    work: Work,
    people: Sequence[User],
    kind: str,
    *,
    reference: str,
    client_id: int | None,
    only_by_mail: Mapping[str, Any] | None = None,
    **facts: Any,
) -> None:
    """Tell each of them inside the desk and by mail, in their words; `kind` names notice and template.

    `people` are users, or rows with their id, email, language and time_zone.
    """
    add_notices(
        work,
        [person.id for person in people],
        kind=kind,
        reference=reference,
        client_id=client_id,
        **facts,
    )
    said = facts | dict(only_by_mail or {}) | {"reference": reference}
    letters = [
        Letter(
            recipient=person.email,
            language=person.language,
            context=said | {"time_zone": person.time_zone},
        )
        for person in people
    ]
    queue_mails(work, letters, kind, about=reference)


def notices(actor: Actor, cursor: str | None = None, size: int = PAGE_SIZE) -> Page[Notice]:
    """Return a page of the actor's own notices, newest first. Raises InvalidInput."""
    query = (
        select(Notice)
        .where(Notice.user_id == actor.user_id)
        .order_by(Notice.id.desc())
        .limit(size + 1)
    )
    if key := decode_cursor(cursor, int):
        query = query.where(Notice.id < key[0])
    return page_of(database.session().scalars(query).all(), size, lambda notice: [notice.id])


def unread_count(actor: Actor) -> int:
    """Return how many notices the actor has not read; counted up to `MOST_COUNTED`."""
    unread = (
        select(Notice.id)
        .where(Notice.user_id == actor.user_id, Notice.read_at.is_(None))
        .limit(MOST_COUNTED)
        .subquery()
    )
    return database.session().scalar(select(func.count()).select_from(unread)) or 0


def read_notice(actor: Actor, notice_id: int) -> Notice:
    """Put one of the actor's own notices away. Raises NotFound, also for another person's."""
    with unit_of_work(actor, "accounts.read_notice") as work:
        found = work.session.scalar(
            select(Notice).where(Notice.id == notice_id, Notice.user_id == actor.user_id)
        )
        if found is None:
            raise NotFound
        found.read_at = found.read_at or work.at
    return found


def read_all_notices(actor: Actor, up_to: int) -> None:
    """Put the actor's notices away, up to the newest one they saw."""
    with unit_of_work(actor, "accounts.read_all_notices") as work:
        work.session.execute(
            update(Notice)
            .where(Notice.user_id == actor.user_id, Notice.id <= up_to, Notice.read_at.is_(None))
            .values(read_at=work.at)
            .execution_options(synchronize_session=False)
        )
