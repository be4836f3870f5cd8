"""The model base, the session of this context, and the database role each actor works under.

Every transaction begins by taking the actor's role (see `ROLES`), so row-level security narrows
what a forgotten filter would show. The roles and policies are made by the migrations.
"""

from __future__ import annotations

import enum
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import BigInteger, DateTime, Enum, MetaData, Text, event, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Session, scoped_session

from servicedesk.core.actors import GATE, Actor, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sqlalchemy import Connection
    from sqlalchemy.orm import SessionTransaction


ROLES: Mapping[Role, str] = {
    Role.GATE: "desk_gate",
    Role.CONTACT: "desk_contact",
    Role.ACCOUNT_MANAGER: "desk_manager",
    Role.AGENT: "desk_operator",
    Role.SUPERVISOR: "desk_operator",
    Role.SYSTEM: "desk_worker",
}

MANY_ROWS = 100

NAMING = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Model(DeclarativeBase):
    """What every table's class is built on.

    `__tenant__` names the column that says whose row it is; None marks a table shared by all.
    `__audited__` False leaves a table out of the automatic audit: it is itself a record.
    """

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        int: BigInteger,
        str: Text,
        datetime: DateTime(timezone=True),
        # stored by value in a text column: a new member needs no migration
        enum.Enum: Enum(
            enum.Enum,
            native_enum=False,
            create_constraint=False,
            length=40,
            values_callable=lambda members: [member.value for member in members],
        ),
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
        list[str]: ARRAY(Text),
    }

    __tenant__: ClassVar[str | None] = "client_id"
    __audited__: ClassVar[bool] = True


_acting: ContextVar[Actor] = ContextVar("acting", default=GATE)
_sessions: list[scoped_session[Session] | Callable[[], Session]] = []


def use_sessions(source: scoped_session[Session] | Callable[[], Session]) -> None:
    """Tell where sessions come from; the composition root calls this."""
    _sessions[:] = [source]


def session() -> Session:
    """Return the session of this context."""
    return _sessions[0]()


def put_back() -> None:
    """Undo what is open in the session of this context, even where its connection has died."""
    current = session()
    try:
        current.rollback()
    except SQLAlchemyError:
        current.invalidate()  # nothing can be said over it any more: the next use connects anew


def expect_rows(session: Session, count: int) -> None:
    """Before very many rows are written: let the database keep the plans of its key checks.

    Our connections have every statement planned for its own values. For the checks of foreign keys
    that means a plan for every row. Holds until the commit; for few rows it is not worth asking.
    """
    if count >= MANY_ROWS:
        session.execute(text("SET LOCAL plan_cache_mode = auto"))


def acting() -> Actor:
    """Return whose database role this context works under."""
    return _acting.get()


def become(actor: Actor) -> None:
    """Work as `actor` from here on in this context, in the open transaction too."""
    _acting.set(actor)
    current = session()
    if current.in_transaction():
        _take_role(current.connection(), actor)


@contextmanager
def acting_as(actor: Actor) -> Iterator[None]:
    """Work as `actor` inside the block; no transaction may be left open at its end."""
    before = _acting.get()
    become(actor)
    try:
        yield
    finally:
        become(before)


def _take_role(connection: Connection, actor: Actor) -> None:
    """Set the database role and the tenants it may see, until the transaction ends."""
    clients = "" if actor.client_ids is None else ",".join(map(str, sorted(actor.client_ids)))
    connection.execute(
        text(
            "SELECT set_config('role', :role, true), set_config('desk.client_ids', :clients, true),"
            " set_config('desk.user_id', :user, true)"
        ),
        {
            "role": ROLES[actor.role],
            "clients": "{" + clients + "}",
            "user": str(actor.user_id or 0),
        },
    )


@event.listens_for(Session, "after_begin")
def _begin_under_role(
    session: Session, transaction: SessionTransaction, connection: Connection
) -> None:
    # a savepoint keeps the role its transaction has
    if transaction.nested or session.info.get("as_owner"):
        return
    _take_role(connection, _acting.get())
