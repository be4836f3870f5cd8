"""Commands: `flask --app wsgi …`. Each package's own, and those of the whole house."""

from __future__ import annotations

import json
import logging
import sys
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import structlog
from flask import current_app
from flask.cli import AppGroup
from sqlalchemy.exc import OperationalError

from servicedesk import quality
from servicedesk.accounts.commands import account_commands
from servicedesk.backups.commands import backup_commands, restore_commands
from servicedesk.core import audit, database
from servicedesk.core.actors import SYSTEM
from servicedesk.demonstration.commands import demonstration
from servicedesk.devices.inventory_command import engine_commands
from servicedesk.sla.commands import sla_commands

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask

    from config import Settings

audit_commands = AppGroup("audit", help="The tamper-evident trail.")
quality_commands = AppGroup("quality", help="Checks of `make lint` that need the whole house.")


def mount(app: Flask, settings: Settings) -> None:
    """Add every command."""
    groups = [
        *account_commands(settings.public_url),
        audit_commands,
        backup_commands,
        engine_commands,
        quality_commands,
        restore_commands,
        sla_commands,
    ]
    if not settings.is_production:
        groups.append(demonstration)
    for group in groups:
        for command in group.commands.values():
            command.callback = _saying_plainly(command.callback)
        app.cli.add_command(group)


def _saying_plainly(callback: Callable[..., Any] | None) -> Callable[..., Any]:
    """Have a command say that the database is away instead of showing a traceback."""

    @wraps(callback)  # type: ignore[arg-type]
    def run(*args: Any, **kwargs: Any) -> Any:
        # what workers write into their log is not for whoever typed a command
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
        try:
            return callback(*args, **kwargs)  # type: ignore[misc]
        except OperationalError:
            raise click.ClickException(
                "the database cannot be reached; start the desk first (make run)"
            ) from None

    return run


@audit_commands.command("verify")
@click.option(
    "--anchor", type=click.Path(path_type=Path, exists=True), help="Heads kept elsewhere."
)
def verify(anchor: Path | None) -> None:
    """Recompute every chain; exit 1 and say where it does not hold."""
    anchors = {}
    if anchor:
        kept = json.loads(anchor.read_text(encoding="utf-8"))
        anchors = {int(chain): (head[0], head[1]) for chain, head in kept.items()}
    with database.acting_as(SYSTEM):
        faults = audit.verify(database.session(), anchors)
        database.session().rollback()
    for fault in faults:
        click.echo(f"chain {fault.chain}, entry {fault.number}: {fault.what}")
    if faults:
        sys.exit(1)
    click.echo("The audit trail holds.")


@audit_commands.command("anchor")
def anchor() -> None:
    """Print the heads of all chains as JSON, to be kept where nobody can change them."""
    with database.acting_as(SYSTEM):
        heads = audit.heads(database.session())
        database.session().rollback()
    click.echo(json.dumps(heads, indent=2))


@quality_commands.command("check")
def check() -> None:
    """Check that models and migrations agree and that translations are complete."""
    faults = [*quality.schema_faults(), *quality.translation_faults(Path(current_app.root_path))]
    for fault in faults:
        click.echo(fault)
    sys.exit(1 if faults else 0)
