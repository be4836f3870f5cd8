"""How migrations run: as the database's owner, one at a time, never waiting long for a lock."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine, text

from config import Settings
from servicedesk.core.embedded_postgres import database_url
from servicedesk.schema import METADATA, is_described

DEPLOYMENT_LOCK = 7_302_026  # two deployments at once: the second waits


def run(url: str) -> None:
    """Run each migration in its own transaction under the deployment lock."""
    engine = create_engine(url)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": DEPLOYMENT_LOCK})
        connection.execute(text("SET lock_timeout = '5s'"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=METADATA,
            compare_type=True,
            include_object=is_described,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    # the lock ends with its connection
    engine.dispose()


run(context.config.attributes.get("url") or database_url(Settings.from_environment()))
