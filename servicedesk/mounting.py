"""Where everything stands in the address space, and who may enter: one place to read it all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Flask, redirect, url_for

from servicedesk.accounts.web import account, notices, sign_in
from servicedesk.accounts.web import admin as accounts_admin
from servicedesk.backups.web import admin as backups_admin
from servicedesk.clients.web import admin as clients_admin
from servicedesk.clients.web import api as clients_api
from servicedesk.clients.web import desk as clients_desk
from servicedesk.core.actors import GATE, Role
from servicedesk.core.text import Text
from servicedesk.devices.commands import COMMAND_STATE_LABELS
from servicedesk.devices.conformity.models import CONFORMITY_LABELS
from servicedesk.devices.instructions import INSTRUCTION_LABELS
from servicedesk.devices.models import DEVICE_STATE_LABELS
from servicedesk.devices.policies.models import VERSION_STATE_LABELS
from servicedesk.devices.policies.standing import DRIFT_LABELS, DRIFT_SHOWN
from servicedesk.devices.policies.telling import CHANGE_LABELS
from servicedesk.devices.web import api as devices_api
from servicedesk.devices.web import blueprints as devices
from servicedesk.devices.web import (
    catalogue_api,
    conformity,
    conformity_api,
    conformity_words,
    document_door,
    documents,
    documents_api,
    fleet,
    matrix_api,
    policies,
    policies_api,
    policy_drafts_api,
    questions_api,
)
from servicedesk.engagement.web import api as engagement_api
from servicedesk.engagement.web import blueprints as engagement
from servicedesk.engagement.web.pages import home_card
from servicedesk.engagement.web.words import quarters_words, when_words
from servicedesk.monitoring.web import metrics, status
from servicedesk.orders.models import ORDER_STATE_LABELS, PAUSE_LABELS
from servicedesk.orders.web import api as orders_api
from servicedesk.orders.web import order, positions, positions_api, stops
from servicedesk.orders.web.words import verdict_words
from servicedesk.planning.models import CATEGORY_LABELS as TASK_CATEGORY_LABELS
from servicedesk.planning.models import (
    MISFIRE_LABELS,
    OVERLAP_LABELS,
    RUN_STATE_LABELS,
    TASK_STATE_LABELS,
    WORK_LABELS,
)
from servicedesk.planning.web import api as planning_api
from servicedesk.planning.web import blueprints as planning
from servicedesk.planning.web import feed_door, punctuality_api, runs_api
from servicedesk.planning.web.origins import planned_order, planned_ticket, planned_workarounds
from servicedesk.planning.web.words import kept_schedule_words
from servicedesk.reviews.web import api as reviews_api
from servicedesk.reviews.web import blueprints as reviews
from servicedesk.shell import api, api_reference, mail_reading
from servicedesk.shell.security import csrf
from servicedesk.shell.session import current_actor, guard
from servicedesk.sla.cycles import METRIC_LABELS, STANDING_LABELS
from servicedesk.sla.web import agreements as sla_agreements
from servicedesk.sla.web import calendars as sla_calendars
from servicedesk.sla.web import checks as sla_checks
from servicedesk.sla.web import dashboard as sla_pages
from servicedesk.sla.web import figures_api, receipts, receipts_api, what_if
from servicedesk.sla.web import levels as sla_levels
from servicedesk.sla.web import levels_api as sla_levels_api
from servicedesk.sla.web import plans as sla_plans
from servicedesk.sla.web.evidence_words import evidence_words, month_words
from servicedesk.sla.web.level_words import LEVEL_WORDS
from servicedesk.sla.web.words import clock_words, time_left
from servicedesk.tickets.breaches import CAUSE_LABELS
from servicedesk.tickets.categories import CATEGORY_LABELS
from servicedesk.tickets.models import (
    IMPACT_LABELS,
    KIND_LABELS,
    PRIORITY_LABELS,
    QUEUE_LABELS,
    URGENCY_LABELS,
)
from servicedesk.tickets.outcomes import (
    LEFT_OUT_LABELS,
    RATING_LABELS,
    VERDICT_CONSEQUENCES,
    VERDICT_LABELS,
)
from servicedesk.tickets.web import api as tickets_api
from servicedesk.tickets.web import blueprints as tickets
from servicedesk.tickets.web import closing_api, closing_door, device, steps_api
from servicedesk.tickets.web.lists import state_label

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from config import Settings

WORDS = {
    "backup_alarm": backups_admin.backup_alarm,
    "breach_cause_labels": CAUSE_LABELS,
    "category_labels": CATEGORY_LABELS,
    "clock_words": clock_words,
    "command_state_labels": COMMAND_STATE_LABELS,
    "conformity_labels": CONFORMITY_LABELS,
    "device_state_labels": DEVICE_STATE_LABELS,
    "engagement_card": home_card,
    "evidence_words": evidence_words,
    "filter_words": fleet.filter_words,
    "impact_labels": IMPACT_LABELS,
    "instruction_labels": INSTRUCTION_LABELS,
    "kind_labels": KIND_LABELS,
    "left_out_labels": LEFT_OUT_LABELS,
    "metric_labels": METRIC_LABELS,
    "month_words": month_words,
    "order_state_labels": ORDER_STATE_LABELS,
    "pause_labels": PAUSE_LABELS,
    "planned_category_labels": TASK_CATEGORY_LABELS,
    "planned_misfire_labels": MISFIRE_LABELS,
    "planned_order": planned_order,
    "planned_overlap_labels": OVERLAP_LABELS,
    "planned_run_labels": RUN_STATE_LABELS,
    "planned_state_labels": TASK_STATE_LABELS,
    "planned_ticket": planned_ticket,
    "planned_work_labels": WORK_LABELS,
    "planned_workarounds": planned_workarounds,
    "policy_change_labels": CHANGE_LABELS,
    "policy_drift_labels": DRIFT_LABELS,
    "policy_drift_shown": DRIFT_SHOWN,
    "policy_state_labels": VERSION_STATE_LABELS,
    "priority_labels": PRIORITY_LABELS,
    "quarters_words": quarters_words,
    "queue_labels": QUEUE_LABELS,
    "restoration_seen": backups_admin.restoration_seen,
    "rating_labels": RATING_LABELS,
    "rule_words": conformity_words.rule_words,
    "schedule_words": kept_schedule_words,
    "standing_labels": STANDING_LABELS,
    "state_label": state_label,
    "text_kept": Text.from_json,
    "time_left": time_left,
    "unread_notices": notices.unread_notices,
    "urgency_labels": URGENCY_LABELS,
    "verdict_consequences": VERDICT_CONSEQUENCES,
    "verdict_labels": VERDICT_LABELS,
    "verdict_words": verdict_words,
    "when_words": when_words,
}


def mount(app: Flask, settings: Settings) -> None:
    """Register every page, door and API of the desk."""
    app.jinja_env.globals.update(WORDS | LEVEL_WORDS)
    app.add_url_rule("/", "front", front)
    app.register_blueprint(sign_in.blueprint)
    app.register_blueprint(account.blueprint)
    engines = devices.engines()
    csrf.exempt(engines)
    app.register_blueprint(engines)
    app.register_blueprint(document_door.blueprint())
    app.register_blueprint(metrics.blueprint(settings))
    app.register_blueprint(feed_door.blueprint())
    app.register_blueprint(closing_door.blueprint())
    app.register_blueprint(portal())
    app.register_blueprint(desk())
    mount_api(app)
    mail_reading.install(app, settings)


def mount_api(app: Flask) -> None:
    """Register /api/v1, guarded by tokens."""
    frame = api.install(app)
    app.register_blueprint(api_reference.blueprint)
    for blueprint in (
        clients_api.blueprint,
        devices_api.blueprint,
        devices_api.state_blueprint,
        catalogue_api.blueprint,
        conformity_api.blueprint,
        matrix_api.blueprint,
        questions_api.blueprint,
        policies_api.blueprint,
        policy_drafts_api.blueprint,
        documents_api.blueprint,
        orders_api.blueprint,
        positions_api.blueprint,
        figures_api.blueprint,
        punctuality_api.blueprint,
        receipts_api.blueprint,
        sla_levels_api.blueprint,
        planning_api.blueprint,
        runs_api.blueprint,
        tickets_api.blueprint,
        closing_api.blueprint,
        steps_api.blueprint,
        engagement_api.blueprint,
        engagement_api.visits_blueprint,
        reviews_api.blueprint,
    ):
        csrf.exempt(blueprint)
        frame.register_blueprint(blueprint)
    api.document_problems(frame)


def front() -> ResponseReturnValue:
    """Lead to the first page of whoever asks."""
    actor = current_actor()
    if actor is GATE:
        return redirect(url_for("sign_in.show"))
    return redirect(url_for("portal.home.index" if actor.is_contact else "desk.home.index"))


def portal() -> Blueprint:
    """Return what a client's authorised contact sees."""
    blueprint = Blueprint("portal", __name__, url_prefix="/portal")
    guard(blueprint, Role.CONTACT)
    _add_shared_pages(blueprint)
    blueprint.register_blueprint(tickets.portal_home())
    blueprint.register_blueprint(conformity.portal())
    blueprint.register_blueprint(policies.portal())
    blueprint.register_blueprint(sla_pages.portal())
    blueprint.register_blueprint(engagement.portal())
    blueprint.register_blueprint(reviews.portal())
    return blueprint


def desk() -> Blueprint:
    """Return what the operator's people see."""
    blueprint = Blueprint("desk", __name__, url_prefix="/desk")
    guard(blueprint, Role.AGENT, Role.ACCOUNT_MANAGER, Role.SUPERVISOR)
    _add_shared_pages(blueprint)
    blueprint.register_blueprint(tickets.desk_home())
    blueprint.register_blueprint(conformity.desk())
    blueprint.register_blueprint(policies.desk())
    blueprint.register_blueprint(sla_pages.desk())
    blueprint.register_blueprint(engagement.desk())
    blueprint.register_blueprint(reviews.desk())
    blueprint.register_blueprint(clients_desk.clients)
    blueprint.register_blueprint(devices.registering())
    blueprint.register_blueprint(what_if.blueprint)
    blueprint.register_blueprint(status.blueprint)
    admin = Blueprint("admin", __name__, url_prefix="/admin")
    guard(admin, Role.SUPERVISOR)
    admin.register_blueprint(accounts_admin.accounts)
    admin.register_blueprint(backups_admin.backups)
    admin.register_blueprint(clients_admin.clients)
    admin.register_blueprint(sla_checks.checks)
    admin.register_blueprint(sla_agreements.agreements)
    admin.register_blueprint(sla_calendars.calendars)
    admin.register_blueprint(sla_plans.plans)
    blueprint.register_blueprint(admin)
    return blueprint


def _add_shared_pages(blueprint: Blueprint) -> None:
    of_fleet = devices.devices()
    of_fleet.add_url_rule("/<reference>", view_func=device.show)
    for pages in (
        of_fleet,
        documents.blueprint(),
        notices.blueprint(),
        tickets.tickets(),
        tickets.ask(),
        order.blueprint(),
        planning.planned(),
        positions.blueprint(),
        sla_levels.blueprint(),
        stops.blueprint(),
        receipts.blueprint(),
    ):
        blueprint.register_blueprint(pages)
