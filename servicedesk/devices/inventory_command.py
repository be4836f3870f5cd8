"""Commands about engines, for whoever runs the desk."""

from __future__ import annotations

import click

from servicedesk.core import database
from servicedesk.core.actors import SYSTEM
from servicedesk.devices.fleet_engines import NoSuchEngine
from servicedesk.devices.inventory_walk import walk_inventory

engine_commands = click.Group("engines", help="The MDM engines that reach the devices.")


@engine_commands.command("inventory")
@click.argument("engine", default="sandbox")
def take_inventory(engine: str) -> None:
    """Ask an engine for its devices now, and take in what it tells."""
    try:
        with database.acting_as(SYSTEM):
            taken = walk_inventory(engine)
    except NoSuchEngine:
        raise click.ClickException(f"the settings name no engine {engine}") from None
    click.echo(f"{engine}: {taken} devices")
