"""The fleet's pages as a blueprint, once for each audience, and the engines' door."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, abort, request

from servicedesk.core import database
from servicedesk.core.actors import SYSTEM
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices import fleet_engines
from servicedesk.devices.engines.contract import BadNotification
from servicedesk.devices.settlement import record_answer
from servicedesk.devices.web import fleet, matrix, questions
from servicedesk.devices.web import registering as registering_page

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

MOST_EVENTS = 1000


def devices() -> Blueprint:
    """Return `/devices`; the page of one device belongs to the floor that knows its tickets."""
    blueprint = Blueprint("devices", __name__, url_prefix="/devices")
    blueprint.add_url_rule("/", view_func=fleet.index)
    blueprint.add_url_rule("/export.csv", view_func=fleet.export_csv)
    blueprint.add_url_rule("/export.xlsx", view_func=fleet.export_xlsx)
    blueprint.add_url_rule("/state", view_func=fleet.state)
    blueprint.add_url_rule("/compatibility", view_func=matrix.compatibility)
    _add_questions(blueprint)
    return blueprint


def registering() -> Blueprint:
    """Return `/register-devices`, for the operator only."""
    blueprint = Blueprint("registering", __name__)
    blueprint.add_url_rule(
        "/register-devices", view_func=registering_page.register, methods=["GET", "POST"]
    )
    return blueprint


def _add_questions(blueprint: Blueprint) -> None:
    """Put `/devices/questions` below the fleet."""
    one, both = "/questions/<reference>", ["GET", "POST"]
    blueprint.add_url_rule("/questions/", "questions", questions.index)
    blueprint.add_url_rule("/questions/new", "save_question", questions.create, methods=both)
    blueprint.add_url_rule(one, "question", questions.show)
    blueprint.add_url_rule(f"{one}/rename", "rename_question", questions.rename, methods=both)
    blueprint.add_url_rule(f"{one}/delete", "delete_question", questions.delete, methods=["POST"])


def engines() -> Blueprint:
    """Return `/engines`: where engines tell what became of commands; signed, no session."""
    blueprint = Blueprint("engines", __name__, url_prefix="/engines")
    blueprint.add_url_rule("/<key>/notifications", view_func=notify, methods=["POST"])
    return blueprint


def notify(key: str) -> ResponseReturnValue:
    """Take a notification in. What is not the engine's is refused; a repeat changes nothing."""
    try:
        engine = fleet_engines.engine_named(key)
        observations = engine.receive(dict(request.headers), request.get_data(cache=False))
    except fleet_engines.NoSuchEngine:
        abort(404)
    except BadNotification:
        abort(403)
    database.become(SYSTEM)
    for observation in observations[:MOST_EVENTS]:
        with unit_of_work(SYSTEM, "devices.notification") as work:
            record_answer(work, observation, "notification")
    return "", 204
