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
from servicedesk.planning.checks import backup
from servicedesk.reports import folder as report_files
from servicedesk.reports import jobs as report_jobs
from servicedesk.reports.telling import STORE
from servicedesk.sla import jobs as sla_jobs
from servicedesk.sla.standard import measure_contract
from servicedesk.sla.what_if import jobs as what_if_jobs
from servicedesk.tickets import jobs as ticket_jobs
from servicedesk.tickets import lock_after_grace
from servicedesk.tickets import reactions as ticket_reactions
from servicedesk.tickets.events import TicketCancelled, TicketResolved

if TYPE_CHECKING:
    from config import Settings

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
)  # importing them declares their jobs


def listen() -> None:
    """Connect events with what reacts to them; the order within an event matters."""
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
