"""The ticket pages as blueprints, once for each audience."""

from __future__ import annotations

from flask import Blueprint

from servicedesk.tickets.web import asking, asking_action, closing, home, lists, steps, ticket


def tickets() -> Blueprint:
    """Return `/tickets`."""
    blueprint = Blueprint("tickets", __name__, url_prefix="/tickets")
    blueprint.add_url_rule("/", view_func=lists.index)
    one = "/<reference>"
    blueprint.add_url_rule(one, view_func=ticket.show)
    blueprint.add_url_rule(f"{one}/messages", view_func=ticket.say, methods=["POST"])
    blueprint.add_url_rule(f"{one}/answers", view_func=ticket.answer, methods=["POST"])
    blueprint.add_url_rule(f"{one}/move", view_func=ticket.move, methods=["POST"])
    blueprint.add_url_rule(f"{one}/rating", view_func=closing.rate, methods=["POST"])
    blueprint.add_url_rule(f"{one}/closing", "close", closing.close, methods=["POST"])
    blueprint.add_url_rule(f"{one}/breaches", "explain", closing.explain, methods=["POST"])
    blueprint.add_url_rule(f"{one}/assignment", view_func=ticket.assign, methods=["POST"])
    blueprint.add_url_rule(f"{one}/classification", view_func=ticket.classify, methods=["POST"])
    blueprint.add_url_rule(f"{one}/watching", view_func=ticket.watch, methods=["POST"])
    blueprint.add_url_rule(f"{one}/merge", view_func=ticket.merge, methods=["POST"])
    blueprint.add_url_rule(f"{one}/relations", view_func=ticket.relate, methods=["POST"])
    blueprint.add_url_rule(f"{one}/steps", "add_steps", steps.add, methods=["POST"])
    blueprint.add_url_rule(
        f"{one}/steps/<int:position>", "settle_step", steps.settle, methods=["POST"]
    )
    blueprint.add_url_rule(f"{one}/files/<file>", view_func=ticket.download)
    return blueprint


def ask() -> Blueprint:
    """Return `/ask`."""
    blueprint = Blueprint("ask", __name__, url_prefix="/ask")
    blueprint.add_url_rule("/", view_func=asking.index)
    both = ["GET", "POST"]
    blueprint.add_url_rule("/action", view_func=asking.choose)
    blueprint.add_url_rule("/action/<code>", view_func=asking_action.action, methods=both)
    blueprint.add_url_rule("/<kind>", view_func=asking.words, methods=both)
    return blueprint


def portal_home() -> Blueprint:
    """Return the contact's first page."""
    blueprint = Blueprint("home", __name__)
    blueprint.add_url_rule("/", "index", home.portal)
    return blueprint


def desk_home() -> Blueprint:
    """Return the operator's first page."""
    blueprint = Blueprint("home", __name__)
    blueprint.add_url_rule("/", "index", home.desk)
    return blueprint
