"""What the composition root connects: reactions, jobs, engines, blueprints and commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk import schema
from servicedesk.accounts import links
from servicedesk.backups import restoring
from servicedesk.backups.events import DeskRestored
from servicedesk.clients.events import ContractChanged, ContractSigned
from servicedesk.core import files, mail, sealing
from servicedesk.core.events import subscribe
from servicedesk.core.text import msgid
from servicedesk.devices import fleet_engines
from servicedesk.devices import jobs as device_jobs
from servicedesk.devices.conformity import jobs as conformity_jobs
from servicedesk.devices.conformity import reactions as conformity_reactions
from servicedesk.devices.engines.sandbox.client import SandboxEngine
from servicedesk.devices.events import (
    CommandSettled,
    ConformityChanged,
    DeviceLocated,
    InventoryChanged,
    LockDue,
)
from servicedesk.devices.policies import compilation
from servicedesk.devices.policies import reactions as policy_reactions
from servicedesk.engagement import jobs as engagement_jobs
from servicedesk.engagement import reactions as engagement_reactions
from servicedesk.engagement.models import KIND_LABELS, STATE_LABELS
from servicedesk.engagement.queries import visits_between
from servicedesk.monitoring import jobs as monitoring_jobs
from servicedesk.orders import jobs as order_jobs
from servicedesk.orders import reactions as order_reactions
from servicedesk.orders.events import (
    OrderApproved,
    OrderCancelled,
    OrderFinished,
    OrderPaused,
    OrderResumed,
    OrderScheduled,
    OrderStarted,
    StageStarted,
)
from servicedesk.orders.positions import keeping
from servicedesk.planning import jobs as planning_jobs
from servicedesk.planning import reactions as planning_reactions
from servicedesk.planning.checks import backup, use_checks
from servicedesk.planning.other_dates import DateSource, OtherDate, use_sources
from servicedesk.reports import folder as report_files
from servicedesk.reports import jobs as report_jobs
from servicedesk.reports.telling import STORE
from servicedesk.reviews import jobs as review_jobs
from servicedesk.reviews.check import ReviewDrafting
from servicedesk.sla import jobs as sla_jobs
from servicedesk.sla.standard import measure_contract
from servicedesk.sla.what_if import jobs as what_if_jobs
from servicedesk.tickets import jobs as ticket_jobs
from servicedesk.tickets import lock_after_grace
from servicedesk.tickets import reactions as ticket_reactions
from servicedesk.tickets.events import TicketCancelled, TicketResolved

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from config import Settings
    from servicedesk.core.actors import Actor

JOB_MODULES = (
    links,
    mail,
    device_jobs,
    conformity_jobs,
    order_jobs,
    sla_jobs,
    what_if_jobs,
    ticket_jobs,
    planning_jobs,
    monitoring_jobs,
    engagement_jobs,
    report_jobs,
    review_jobs,
)  # importing them declares their jobs


def listen() -> None:
    """Connect events with what reacts to them; the order within an event matters."""
    plug_in()
    subscribe(ContractSigned, measure_contract)
    subscribe(ContractChanged, keeping.on_contract_changed)
    subscribe(ContractChanged, engagement_reactions.on_contract_changed)
    subscribe(DeviceLocated, keeping.on_device_located)
    subscribe(CommandSettled, order_reactions.on_command_settled)
    subscribe(InventoryChanged, conformity_reactions.on_inventory_changed)
    subscribe(ConformityChanged, policy_reactions.on_conformity_changed)
    subscribe(LockDue, lock_after_grace.on_lock_due)
    subscribe(OrderApproved, ticket_reactions.on_order_approved)
    subscribe(OrderStarted, ticket_reactions.on_order_started)
    subscribe(OrderFinished, ticket_reactions.on_order_finished)
    subscribe(OrderScheduled, ticket_reactions.on_order_scheduled)
    subscribe(OrderPaused, ticket_reactions.on_order_paused)
    subscribe(OrderResumed, ticket_reactions.on_order_resumed)
    subscribe(StageStarted, ticket_reactions.on_stage_started)
    subscribe(OrderCancelled, ticket_reactions.on_order_cancelled)
    subscribe(OrderApproved, planning_reactions.on_order_approved)
    subscribe(OrderFinished, planning_reactions.on_order_finished)
    subscribe(OrderCancelled, planning_reactions.on_order_cancelled)
    subscribe(OrderPaused, planning_reactions.on_order_paused)
    subscribe(OrderResumed, planning_reactions.on_order_resumed)
    subscribe(DeskRestored, planning_reactions.on_desk_restored)
    subscribe(TicketResolved, planning_reactions.on_ticket_resolved)
    subscribe(TicketCancelled, planning_reactions.on_ticket_cancelled)


def plug_in() -> None:
    """Give floors below what those above have for them; doing it again changes nothing."""
    use_checks(ReviewDrafting())
    use_sources(VISITS)


def _visits(
    actor: Actor, client_id: int | None, start: datetime, end: datetime
) -> Iterator[OtherDate]:
    for visit in visits_between(actor, start, end, client_id):
        yield OtherDate(
            starts_at=visit.starts_at,
            ends_at=visit.ends_at,
            title=visit.title,
            reference=visit.reference,
            client_name=visit.client.name,
            kind=KIND_LABELS[visit.kind],
            state=STATE_LABELS[visit.state],
        )


VISITS = DateSource(label=msgid("Visit"), sign="users", page="engagement.visit", between=_visits)


def connect(settings: Settings) -> None:
    """Give the domain what the settings decide: engines and folders."""
    sealing.use_key(settings.secret_key)
    backup.use_settings(settings)
    engines = {}
    if settings.sandbox_url:
        engines["sandbox"] = SandboxEngine(settings.sandbox_url, settings.sandbox_key)
    fleet_engines.use_engines(engines)
    files.use_folder(settings.instance / "attachments")
    report_files.use_folder(settings.instance / "reports")
    mail.use_store(STORE, report_files.content_of)
    compilation.use_address(settings.public_url)
    restoring.use_upgrade(schema.upgrade)
