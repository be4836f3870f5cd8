"""What workers do for conformity."""

from __future__ import annotations

from datetime import timedelta

from servicedesk.clients.models import Client
from servicedesk.core.actors import SYSTEM
from servicedesk.core.jobs import job
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.conformity.evaluation import evaluate
from servicedesk.devices.conformity.models import EVALUATE_CONFORMITY
from servicedesk.devices.conformity.rounds import devices_to_look_at
from servicedesk.devices.conformity.snapshots import take_snapshots


@job(EVALUATE_CONFORMITY)
def evaluate_conformity(client_id: int, device_ids: list[int] | None = None) -> None:
    """Judge a client's devices, or these; a repeat changes nothing."""
    with unit_of_work(SYSTEM, "conformity.evaluate") as work:
        if evaluate(work, client_id, device_ids):
            work.concerns(client_id, work.session.get_one(Client, client_id).reference)


@job("devices.conformity_round", queue="devices", every=timedelta(minutes=10))
def conformity_round() -> None:
    """Judge whose grace has run out, and who was silent and is heard again."""
    with unit_of_work(SYSTEM, "conformity.round") as work:
        for client_id, device_ids in devices_to_look_at(work).items():
            name = f"{EVALUATE_CONFORMITY.name}:{client_id}:round"
            work.enqueue(
                EVALUATE_CONFORMITY, once_as=name, client_id=client_id, device_ids=device_ids
            )


@job("devices.fleet_snapshots", queue="devices", every=timedelta(minutes=15))
def fleet_snapshots() -> None:
    """Write how fleets stood when their day ended, wherever it has just ended."""
    take_snapshots()
