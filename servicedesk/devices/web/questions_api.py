"""Saved questions to the fleet in the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from servicedesk.clients.web.api import PageQuery, person_of_token
from servicedesk.core import clock
from servicedesk.core.paging import Page
from servicedesk.devices import questions
from servicedesk.devices.queries import FleetFilter, fleet_count
from servicedesk.devices.web.api import FilterSchema
from servicedesk.shell.api import guard
from servicedesk.shell.session import current_actor

if TYPE_CHECKING:
    from servicedesk.devices.questions import SavedQuestion


class QuestionQuery(PageQuery):
    """Whose questions."""

    client = fields.String(load_default="", validate=validate.Length(max=40))


class NameSchema(Schema):
    """What a question is called."""

    name = fields.String(required=True, validate=validate.Length(1, questions.NAME_LENGTH))


class NewQuestionSchema(NameSchema):
    """A filter to keep."""

    client = fields.String(
        load_default="",
        validate=validate.Length(max=40),
        metadata={"description": "Needed from whoever acts for several clients."},
    )
    filter = fields.Nested(FilterSchema, required=True)


class QuestionSchema(NameSchema):
    """A question as it is kept."""

    reference = fields.String(required=True)
    client = fields.String(required=True)
    filter = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    author = fields.String(required=True)
    created_at = fields.AwareDateTime(required=True)


class AnsweredSchema(QuestionSchema):
    """A question with its answer of this moment."""

    devices = fields.Integer(required=True)
    counted_at = fields.AwareDateTime(required=True)


class QuestionPage(Schema):
    """A piece of the list of questions."""

    items = fields.List(fields.Nested(QuestionSchema), required=True)
    next = fields.String(required=True, allow_none=True)


blueprint = Blueprint("api-fleet-questions", __name__, url_prefix="/api/v1/fleet-questions")
guard(blueprint, person_of_token)


def told(question: SavedQuestion) -> dict[str, Any]:
    """Return a question as the API tells of it."""
    return {
        "reference": question.reference,
        "client": question.client.reference,
        "name": question.name,
        "filter": question.filter,
        "author": question.author_name,
        "created_at": question.created_at,
    }


def answered(question: SavedQuestion) -> dict[str, Any]:
    """Return a question with how many devices it finds now."""
    devices = fleet_count(current_actor(), question.wanted)
    return {**told(question), "devices": devices, "counted_at": clock.now()}


@blueprint.route("")
class Questions(MethodView):
    """The questions the token's owner sees."""

    @blueprint.arguments(QuestionQuery, location="query")
    @blueprint.response(200, QuestionPage)
    def get(self, query: dict[str, Any]) -> Page[dict[str, Any]]:
        """List questions, the newest first."""
        client = query["client"].replace("\x00", "")
        found = questions.questions(current_actor(), client, query["cursor"], query["limit"])
        return Page([told(question) for question in found.items], found.next)

    @blueprint.arguments(NewQuestionSchema)
    @blueprint.response(201, AnsweredSchema)
    def post(self, body: dict[str, Any]) -> dict[str, Any]:
        """Keep a filter under a name."""
        wanted = FleetFilter.read(body["filter"])
        kept = questions.create_question(current_actor(), body["client"], body["name"], wanted)
        return answered(kept)


@blueprint.route("/<reference>")
class OneQuestion(MethodView):
    """A question."""

    @blueprint.response(200, AnsweredSchema)
    def get(self, reference: str) -> dict[str, Any]:
        """Ask the fleet: the question and how many devices it finds now."""
        return answered(questions.question_named(current_actor(), reference))

    @blueprint.arguments(NameSchema)
    @blueprint.response(200, AnsweredSchema)
    def patch(self, body: dict[str, Any], reference: str) -> dict[str, Any]:
        """Give it another name; what it asks never changes."""
        return answered(questions.rename_question(current_actor(), reference, body["name"]))

    @blueprint.response(204)
    def delete(self, reference: str) -> None:
        """Delete it; what was answered with it stays."""
        questions.delete_question(current_actor(), reference)
