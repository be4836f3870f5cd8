"""The database schema: every table there is, and how it is brought up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from config import ROOT
from servicedesk.accounts import models as accounts
from servicedesk.backups import models as backups
from servicedesk.clients import models as clients
from servicedesk.core import audit, clock_lease, mail, restored
from servicedesk.core.database import Model
from servicedesk.devices import brakes, commands, questions
from servicedesk.devices import models as devices
from servicedesk.devices.conformity import models as conformity
from servicedesk.devices.conformity import snapshots
from servicedesk.devices.policies import documents
from servicedesk.devices.policies import models as policies
from servicedesk.engagement import models as engagement
from servicedesk.monitoring import models as monitoring
from servicedesk.orders import models as orders
from servicedesk.orders.positions import models as positions
from servicedesk.planning import models as planning
from servicedesk.reports import models as reports
from servicedesk.reviews import models as reviews
from servicedesk.sla import models as sla
from servicedesk.sla.what_if import models as what_if
from servicedesk.tickets import breaches, checklist, closing_links
from servicedesk.tickets import models as tickets

if TYPE_CHECKING:
    from typing import Any

MODEL_MODULES = (
    audit,
    clock_lease,
    mail,
    restored,
    accounts,
    clients,
    devices,
    commands,
    brakes,
    conformity,
    snapshots,
    policies,
    documents,
    questions,
    orders,
    positions,
    sla,
    what_if,
    tickets,
    checklist,
    breaches,
    closing_links,
    backups,
    planning,
    monitoring,
    engagement,
    reports,
    reviews,
)
METADATA = Model.metadata


def newest_revision() -> str:
    """Return the revision this code expects, as the file `migrations/HEAD` says."""
    return (ROOT / "migrations" / "HEAD").read_text(encoding="ascii").strip()


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database at `url` to `revision`; safe to call from several hosts at once."""
    command.upgrade(_config(url), revision)


def downgrade(url: str, revision: str) -> None:
    """Take the database at `url` back to `revision`."""
    command.downgrade(_config(url), revision)


def differences(url: str) -> list[Any]:
    """Return how the database at `url` differs from the models; empty when they agree."""
    engine = create_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_object": is_described}
        )
        found = compare_metadata(context, METADATA)
    engine.dispose()
    return list(found)


def is_current(connection_url: str) -> bool:
    """Whether the database at this address has the newest revision."""
    engine = create_engine(connection_url)
    try:
        with engine.connect() as connection:
            present = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    finally:
        engine.dispose()
    return present == newest_revision()


def is_described(_object: object, name: str | None, kind: str, *_rest: object) -> bool:
    """Leave Procrastinate's own tables to its own schema."""
    return not (kind == "table" and (name or "").startswith("procrastinate_"))


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    config.attributes["url"] = url
    return config
