"""Whether the desk is alive, and whether it can serve: for load balancers and for `make run`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, jsonify
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from config import ROOT
from servicedesk.core.database import session

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

HEARTBEAT_LIMIT = 15  # seconds; workers beat every three

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def alive() -> Response:
    """Answer as long as the process does; asks nobody else."""
    return _plain(jsonify(alive=True))


@blueprint.get("/readyz")
def ready() -> Response:
    """Answer 200 when everything a request needs is there, else 503; says what, never why."""
    checks = {name: _holds(check) for name, check in CHECKS.items()}
    response = jsonify(
        ready=all(checks.values()),
        checks=[{"name": name, "ok": ok} for name, ok in checks.items()],
    )
    response.status_code = 200 if all(checks.values()) else 503
    return _plain(response)


def _plain(response: Response) -> Response:
    response.cache_control.no_store = True
    return response


def _holds(check: Callable[[Connection], bool]) -> bool:
    # a connection of its own, under no actor's role: the roles may not exist yet
    engine = session().get_bind().engine
    try:
        with engine.connect() as connection:
            return check(connection)
    except SQLAlchemyError:
        return False


def _database(connection: Connection) -> bool:
    return bool(_value(connection, "SELECT 1") == 1)


def _migrations(connection: Connection) -> bool:
    head = (ROOT / "migrations" / "HEAD").read_text(encoding="ascii").strip()
    # numbers of one length; those of a newer release do no harm while hosts are brought up to it
    return bool(_value(connection, "SELECT version_num FROM alembic_version") >= head)


def _worker(connection: Connection) -> bool:
    query = "SELECT now() - desk_worker_heartbeat() < make_interval(secs => :limit)"
    return _value(connection, query, limit=HEARTBEAT_LIMIT) is True


def _value(connection: Connection, query: str, **values: Any) -> Any:
    return connection.execute(text(query), values).scalar()


CHECKS: dict[str, Callable[[Connection], bool]] = {
    "database": _database,
    "migrations": _migrations,
    "worker": _worker,
}
