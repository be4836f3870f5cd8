"""What is read of what-ifs, and what there is to choose from; every read keeps to one's clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from servicedesk.clients.models import Client, Contract
from servicedesk.clients.visibility import of_customers, visible_to
from servicedesk.core import database
from servicedesk.core.errors import NotFound
from servicedesk.core.paging import PAGE_SIZE, Page, decode_cursor, page_of
from servicedesk.core.permissions import Permission, require
from servicedesk.sla.what_if.models import WhatIf, WhatIfChange

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Select

    from servicedesk.core.actors import Actor
    from servicedesk.sla.models import CalendarVersion, PlanVersion


def what_ifs(actor: Actor, cursor: str | None = None, size: int = PAGE_SIZE) -> Page[WhatIf]:
    """Return a page of what-ifs, the newest first. Raises Forbidden, InvalidInput."""
    query = _visible(actor).order_by(WhatIf.id.desc()).limit(size + 1)
    if key := decode_cursor(cursor, int):
        query = query.where(WhatIf.id < key[0])
    found = database.session().scalars(query).all()
    return page_of(found, size, lambda what_if: [what_if.id])


def what_if_named(actor: Actor, reference: str) -> WhatIf:
    """Return one what-if. Raises NotFound, also for one of another client, and Forbidden."""
    found = database.session().scalar(
        _visible(actor).where(WhatIf.reference == reference.replace("\x00", ""))
    )
    if found is None:
        raise NotFound
    return found


def changes_of(
    actor: Actor, what_if: WhatIf, change: str, cursor: str | None, size: int = PAGE_SIZE
) -> Page[WhatIfChange]:
    """Return a page of the verdicts that would be others. Raises InvalidInput for the cursor."""
    query = _changes(actor, what_if.id).limit(size + 1)
    if change:
        query = query.where(WhatIfChange.change == change)
    if key := decode_cursor(cursor, int):
        query = query.where(WhatIfChange.id > key[0])
    found = database.session().scalars(query).all()
    return page_of(found, size, lambda row: [row.id])


def all_changes(actor: Actor, what_if_id: int) -> Iterator[WhatIfChange]:
    """Yield every verdict that would be another, a thousand rows at a time.

    A streamed answer is read after its request has ended, so the role is taken here once more.
    """
    query = _changes(actor, what_if_id).execution_options(yield_per=1000)
    with database.acting_as(actor):
        try:
            yield from database.session().scalars(query)
        finally:
            database.session().rollback()


def _changes(actor: Actor, what_if_id: int) -> Select[WhatIfChange]:
    return (
        select(WhatIfChange)
        .where(WhatIfChange.what_if_id == what_if_id, visible_to(actor, WhatIfChange.client_id))
        .order_by(WhatIfChange.id)
    )


def _visible(actor: Actor) -> Select[WhatIf]:
    require(actor, Permission.SLA_SIMULATE)
    return (
        select(WhatIf)
        .options(
            joinedload(WhatIf.client, innerjoin=True), joinedload(WhatIf.contract, innerjoin=True)
        )
        .where(visible_to(actor, WhatIf.client_id))
    )


def contracts_to_choose(actor: Actor) -> Sequence[Any]:
    """Return reference of the contract and name of the client, by name."""
    require(actor, Permission.SLA_SIMULATE)
    query = (
        select(Contract.reference, Client.name)
        .join(Client, Client.id == Contract.client_id)
        .where(visible_to(actor, Contract.client_id), of_customers(Contract.client_id))
        .order_by(Client.name, Contract.id.desc())
    )
    return database.session().execute(query).all()


def versions_to_choose(model: type[PlanVersion | CalendarVersion]) -> Sequence[Any]:
    """Return id, name, version and date of all plans or calendars, the newest of each first."""
    query = select(model.id, model.name, model.version, model.effective_on).where(
        model.withdrawn_by_id.is_(None)
    )
    return database.session().execute(query.order_by(model.code, model.version.desc())).all()
