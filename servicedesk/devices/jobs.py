"""What workers do for devices."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from servicedesk.core.jobs import job
from servicedesk.devices.commands import RECONCILE_COMMANDS, SEND_COMMANDS
from servicedesk.devices.dispatch import send_command
from servicedesk.devices.engine_watch import look_at_engines
from servicedesk.devices.fleet_engines import NoSuchEngine
from servicedesk.devices.inventory_walk import WALK_INVENTORY
from servicedesk.devices.inventory_walk import walk_inventory as walk
from servicedesk.devices.reconciliation import overdue_commands, reconcile


@job(SEND_COMMANDS)
def send_commands(command_ids: list[int]) -> None:
    """Send what is still queued of these; a repeat of the job finds nothing left to send."""
    for command_id in command_ids:
        send_command(command_id)


@job(RECONCILE_COMMANDS)
def reconcile_commands(command_ids: list[int]) -> None:
    """Ask the engine about these."""
    reconcile(command_ids)


@job("devices.reconcile", queue="devices", every=timedelta(seconds=10))
def reconcile_overdue() -> None:
    """Ask about everything that went silent."""
    reconcile(overdue_commands())


@job("devices.look_at_engines", queue="devices", every=timedelta(seconds=30))
def look_whether_engines_answer() -> None:
    """Note which engines answer; the page about the state of the service shows it."""
    look_at_engines()


@job(WALK_INVENTORY, stays_inside=True)
def walk_inventory(engine_key: str) -> None:
    """Take in what an engine tells of its devices; one that the settings do not name is not asked."""
    with suppress(NoSuchEngine):
        walk(engine_key)
