"""`flask demonstration …`: loads the demonstration, and brings its devices to life again."""

from __future__ import annotations

import click
import httpx
from flask import current_app
from flask.cli import AppGroup
from sqlalchemy import func, select

from servicedesk.core import clock, database
from servicedesk.core.actors import SYSTEM
from servicedesk.demonstration.conformity import with_inventories
from servicedesk.demonstration.fleet import facts_of_all
from servicedesk.demonstration.loading import load
from servicedesk.devices.engines.sandbox.client import SandboxEngine
from servicedesk.devices.models import Device

demonstration = AppGroup("demonstration", help="A believable operator's desk; never in production.")


@demonstration.command("load")
def load_command() -> None:
    """Make people, clients, 1,200 devices and 13 months of tickets on an empty desk."""
    settings = current_app.config["SETTINGS"]
    with database.acting_as(SYSTEM):
        present = database.session().scalar(select(func.count()).select_from(Device))
        database.session().rollback()
        if present:
            click.echo("there is data already: nothing was changed")
        else:
            load(lambda line: click.echo(f"  {line}"), settings.public_url, clock.now())
    _enrol()


@demonstration.command("enrol")
def enrol_command() -> None:
    """Tell the sandbox which devices there are."""
    _enrol()


def _enrol() -> None:
    settings = current_app.config["SETTINGS"]
    if settings.sandbox_url is None:
        return
    with database.acting_as(SYSTEM):
        session = database.session()
        facts = with_inventories(session, facts_of_all(session))
        database.session().rollback()
    try:
        SandboxEngine(settings.sandbox_url, settings.sandbox_key).enrol(facts)
    except httpx.HTTPError:
        click.echo(
            "the sandbox does not answer: `flask demonstration enrol` when it does", err=True
        )
    else:
        click.echo(f"  sandbox: {len(facts)} simulated devices")
