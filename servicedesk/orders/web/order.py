"""One work order: preview, approval, execution, and what to do about devices that did not do it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from servicedesk.accounts.sign_in import prove_presence
from servicedesk.core import database
from servicedesk.core.errors import DomainError, Forbidden, NotFound
from servicedesk.orders import approval, execution, queries, steering
from servicedesk.orders.web import lists
from servicedesk.orders.web.certificate import certificate
from servicedesk.shell.language import translate
from servicedesk.shell.session import current_actor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from flask.typing import ResponseReturnValue

    from servicedesk.core.actors import Actor
    from servicedesk.orders.models import WorkOrder


def show(reference: str) -> ResponseReturnValue:
    """Show an order with its devices, a page at a time."""
    return _page(reference)


def _page(
    reference: str,
    refused: DomainError | None = None,
    typed: Mapping[str, object] | None = None,
) -> ResponseReturnValue:
    """Show an order; what was refused stands beside its field, and what was typed stays."""
    actor = current_actor()
    view = queries.order_view(
        actor,
        reference,
        show=request.args.get("show", "all"),
        cursor=request.args.get("cursor"),
    )
    page = render_template(
        "orders/show.html",
        view=view,
        steps=queries.steps(actor, view.order),
        live=view.is_moving,
        typed=typed or {},
        fault={refused.field: translate(refused.text)} if refused else {},
    )
    return page, refused.status if refused else 200


def progress(reference: str) -> ResponseReturnValue:
    """Show just the outcomes: the page asks for them while devices answer."""
    actor = current_actor()
    view = queries.order_view(
        actor,
        reference,
        show=request.args.get("show", "all"),
        cursor=request.args.get("cursor"),
    )
    page = render_template(
        "orders/progress.html", view=view, steps=queries.steps(actor, view.order)
    )
    # what the buttons depend on has changed: the whole page is loaded once more
    is_over = request.args.get("was") not in {None, view.order.state.value}
    return page, 200, {"HX-Refresh": "true"} if is_over else {}


def approve(reference: str) -> ResponseReturnValue:
    """Approve as the second person, who proves once more to be there."""
    actor = current_actor()
    order = queries.order_named(actor, reference)
    typed = {"confirmation": request.form.get("confirmation", "")[:200]}
    try:
        password = request.form.get("password", "")
        presence = prove_presence(actor, password, purpose=order.content_hash) if password else None
        approval.approve_order(
            actor,
            reference,
            presence,
            typed["confirmation"],
            seen_policy=request.form.get("policy"),
        )
    except (Forbidden, NotFound):
        raise
    except DomainError as refused:
        if refused.field is None:
            database.session().rollback()
            flash(translate(refused.text), "error")
            return _back(reference)
        return _page(reference, refused, typed)
    flash(_("Approved."))
    return _back(reference)


def execute(reference: str) -> ResponseReturnValue:
    """Send it, once the list of devices was seen."""
    if not request.form.get("seen"):
        queries.order_named(current_actor(), reference)
        flash(_("Confirm that you have read the list of devices."), "error")
        return _back(reference)
    return _done(reference, execution.execute_order, _begun)


def _begun(order: WorkOrder) -> str:
    if order.has_begun:
        return str(_("On its way to the devices."))
    return str(_("It begins by itself when its cancel window is over."))


def plan(reference: str) -> ResponseReturnValue:
    """Cut what has not begun into other stages."""
    sizes, waits = request.form.getlist("sizes"), request.form.getlist("waits")
    percent = request.form.get("failure_percent", "")[:20]
    try:
        steering.plan_stages(current_actor(), reference, sizes, waits, percent)
    except (Forbidden, NotFound):
        raise
    except DomainError as refused:
        if refused.field is None:
            raise
        typed = {"sizes": sizes, "waits": waits, "failure_percent": percent}
        return _page(reference, refused, typed)
    flash(_("The stages are planned."))
    return _back(reference)


def pause(reference: str) -> ResponseReturnValue:
    """Let nothing more leave for now."""
    says = _("Paused: nothing more leaves until somebody resumes it.")
    return _done(reference, steering.pause_order, says)


def resume(reference: str) -> ResponseReturnValue:
    """Go on after a pause."""
    return _done(reference, execution.resume_order, _("It goes on."))


def hasten(reference: str) -> ResponseReturnValue:
    """Do not wait any longer for the next stage."""
    says = _("The next stage begins as soon as half of the devices so far have done it.")
    return _done(reference, steering.go_on_now, says)


def cancel(reference: str) -> ResponseReturnValue:
    """Send nothing more."""
    return _done(reference, steering.cancel_order, _("Cancelled: nothing more is sent."))


def retry(reference: str) -> ResponseReturnValue:
    """Send again to those that failed."""
    return _done(reference, execution.retry_failed, _("On its way to the devices again."))


def accept(reference: str) -> ResponseReturnValue:
    """Leave the rest as it is."""
    return _done(reference, execution.accept_rest, _("The rest stays as it is."))


def settle(reference: str, command_id: int) -> ResponseReturnValue:
    """Say what became of a command nobody heard of."""
    queries.order_named(current_actor(), reference)
    happened = request.form.get("happened") == "yes"
    execution.settle_unknown(current_actor(), reference, command_id, happened=happened)
    return _back(reference)


def _done(
    reference: str,
    act: Callable[[Actor, str], WorkOrder],
    says: str | Callable[[WorkOrder], str],
) -> ResponseReturnValue:
    """Do it and go back to the order, which also says why it was refused."""
    try:
        order = act(current_actor(), reference)
    except (Forbidden, NotFound):
        raise
    except DomainError as refused:
        database.session().rollback()
        flash(translate(refused.text), "error")
    else:
        flash(says(order) if callable(says) else says)
    return _back(reference)


def _back(reference: str) -> ResponseReturnValue:
    return redirect(url_for(".show", reference=reference))


ACTS = (approve, execute, plan, pause, resume, hasten, cancel, retry, accept)


def blueprint() -> Blueprint:
    """Return `/orders`."""
    made = Blueprint("orders", __name__, url_prefix="/orders")
    made.add_url_rule("/", view_func=lists.index)
    one = "/<reference>"
    made.add_url_rule(one, view_func=show)
    made.add_url_rule(f"{one}/progress", view_func=progress)
    for act in ACTS:
        made.add_url_rule(f"{one}/{act.__name__}", view_func=act, methods=["POST"])
    command = f"{one}/commands/<int:command_id>"
    made.add_url_rule(f"{command}/settle", view_func=settle, methods=["POST"])
    made.add_url_rule(f"{command}/certificate.pdf", view_func=certificate)
    return made
