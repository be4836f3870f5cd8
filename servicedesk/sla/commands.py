"""Commands about service levels, for whoever runs the desk."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click
from sqlalchemy import select

from servicedesk.clients.models import Client
from servicedesk.core import database
from servicedesk.core.actors import SYSTEM
from servicedesk.sla.checking import check_all, rebuild_all

if TYPE_CHECKING:
    from servicedesk.sla.rebuild import Checked

sla_commands = click.Group("sla", help="The clocks of service levels.")


@sla_commands.command("rebuild")
@click.option("--check", is_flag=True, help="Only say what differs; exit 1 if anything does.")
@click.option("--client", "reference", help="Reference of a client: only its clocks.")
def rebuild(reference: str | None, *, check: bool) -> None:
    """Derive everything cached again from the events, and set right what differs."""
    with database.acting_as(SYSTEM):
        client_id = _client(reference) if reference else None
        found = (check_all if check else rebuild_all)(client_id, _progress)
    for difference in found:
        click.echo(str(difference))
    if not found:
        click.echo("Everything cached is as the events say.")
    elif check:
        sys.exit(1)
    else:
        click.echo(f"Set right: {len(found)}")


def _client(reference: str) -> int:
    session = database.session()
    client_id = session.scalar(select(Client.id).where(Client.reference == reference))
    session.rollback()
    if client_id is None:
        raise click.ClickException(f"there is no client {reference}")
    return client_id


def _progress(checked: Checked) -> None:
    click.echo(f"{checked.done:,} of {checked.total:,}", err=True)
