"""One work order: preview, approval, execution, and what to do about devices that did not do it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from servicedesk.orders import approval, execution, queries
from servicedesk.shell.session import current_actor

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue


def show(reference: str) -> ResponseReturnValue:
    """Show an order with every device on it."""
    actor = current_actor()
    view = queries.order_view(actor, reference)
    return render_template(
        "orders/show.html", view=view, steps=queries.steps(actor, view.order), live=view.is_moving
    )


def progress(reference: str) -> ResponseReturnValue:
    """Show just the outcomes: the page asks for them while devices answer."""
    actor = current_actor()
    view = queries.order_view(actor, reference)
    page = render_template(
        "orders/progress.html", view=view, steps=queries.steps(actor, view.order)
    )
    # what the buttons depend on has changed: the whole page is loaded once more
    is_over = request.args.get("was") not in {None, view.order.state.value}
    return page, 200, {"HX-Refresh": "true"} if is_over else {}


def approve(reference: str) -> ResponseReturnValue:
    """Approve as the second person."""
    approval.approve_order(current_actor(), reference)
    flash(_("Approved."))
    return _back(reference)


def execute(reference: str) -> ResponseReturnValue:
    """Send it, once the list of devices was seen."""
    if not request.form.get("seen"):
        queries.order_view(current_actor(), reference)
        flash(_("Confirm that you have read the list of devices."), "error")
        return _back(reference)
    execution.execute_order(current_actor(), reference)
    flash(_("On its way to the devices."))
    return _back(reference)


def cancel(reference: str) -> ResponseReturnValue:
    """Send nothing more."""
    approval.cancel_order(current_actor(), reference)
    flash(_("Cancelled: nothing more is sent."))
    return _back(reference)


def retry(reference: str) -> ResponseReturnValue:
    """Send again to those that failed."""
    execution.retry_failed(current_actor(), reference)
    flash(_("On its way to the devices again."))
    return _back(reference)


def accept(reference: str) -> ResponseReturnValue:
    """Leave the rest as it is."""
    execution.accept_rest(current_actor(), reference)
    return _back(reference)


def settle(reference: str, command_id: int) -> ResponseReturnValue:
    """Say what became of a command nobody heard of."""
    queries.order_view(current_actor(), reference)
    happened = request.form.get("happened") == "yes"
    execution.settle_unknown(current_actor(), reference, command_id, happened=happened)
    return _back(reference)


def _back(reference: str) -> ResponseReturnValue:
    return redirect(url_for(".show", reference=reference))


def blueprint() -> Blueprint:
    """Return `/orders`."""
    made = Blueprint("orders", __name__, url_prefix="/orders")
    one = "/<reference>"
    made.add_url_rule(one, view_func=show)
    made.add_url_rule(f"{one}/progress", view_func=progress)
    for act in (approve, execute, cancel, retry, accept):
        made.add_url_rule(f"{one}/{act.__name__}", view_func=act, methods=["POST"])
    made.add_url_rule(f"{one}/commands/<int:command_id>/settle", view_func=settle, methods=["POST"])
    return made
