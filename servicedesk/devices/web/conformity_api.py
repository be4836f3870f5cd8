"""Rules of conformity in the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from servicedesk.clients.web.api import PageQuery, person_of_token
from servicedesk.core.paging import Page
from servicedesk.devices.conformity import editing, queries
from servicedesk.devices.conformity.models import LONGEST_GRACE, Consequence
from servicedesk.devices.conformity.rules import KINDS
from servicedesk.devices.models import Platform
from servicedesk.shell.api import guard
from servicedesk.shell.session import current_actor

if TYPE_CHECKING:
    from servicedesk.devices.conformity.queries import RuleLine

CODES = [kind.code for kind in KINDS]
PARAMETERS_SAY = "By kind: " + "; ".join(
    f"{kind.code}: {', '.join(p.name for p in kind.parameters) or 'none'}" for kind in KINDS
)


class RuleQuery(PageQuery):
    """Filters of the rules."""

    client = fields.String(load_default="", validate=validate.Length(max=40))


class NewRuleSchema(Schema):
    """What makes a rule."""

    client = fields.String(required=True, validate=validate.Length(1, 40))
    name = fields.String(required=True, validate=validate.Length(1, editing.NAME_LENGTH))
    kind = fields.String(required=True, validate=validate.OneOf(CODES))
    parameters = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        load_default=dict,
        metadata={"description": PARAMETERS_SAY},
    )
    group = fields.String(load_default="", validate=validate.Length(max=200))
    platform = fields.String(load_default="", validate=validate.OneOf(["", *Platform]))
    consequences = fields.List(
        fields.String(validate=validate.OneOf([*Consequence])),
        required=True,
        validate=validate.Length(1, 10),
    )
    grace_hours = fields.Integer(
        load_default=editing.USUAL_GRACE,
        strict=True,
        validate=validate.Range(0, LONGEST_GRACE),
        metadata={"description": "Before the lock, from when the device fails."},
    )


class CountsSchema(Schema):
    """How many devices the rule concerns, how many fail it and how many are unknown."""

    failing = fields.Integer(required=True)
    not_known = fields.Integer(attribute="unknown", required=True)
    total = fields.Integer(required=True)


class RuleSchema(Schema):
    """A rule."""

    reference = fields.String(required=True)
    client = fields.String(required=True)
    name = fields.String(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(CODES))
    parameters = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    group = fields.String(required=True, allow_none=True)
    platform = fields.Enum(Platform, by_value=True, required=True, allow_none=True)
    active = fields.Boolean(required=True)
    consequences = fields.List(fields.String(), required=True)
    grace_hours = fields.Integer(required=True)
    devices = fields.Nested(CountsSchema, required=True)
    created_at = fields.AwareDateTime(required=True)
    updated_at = fields.AwareDateTime(required=True)


class RulePage(Schema):
    """A piece of the list of rules."""

    items = fields.List(fields.Nested(RuleSchema), required=True)
    next = fields.String(required=True, allow_none=True)


def told(line: RuleLine) -> dict[str, Any]:
    """Return a rule as the API tells of it."""
    rule = line.rule
    return {
        "reference": rule.reference,
        "client": rule.client.reference,
        "name": rule.name,
        "kind": rule.kind,
        "parameters": rule.parameters,
        "group": rule.group.name if rule.group else None,
        "platform": rule.platform,
        "active": rule.is_active,
        "consequences": rule.consequences,
        "grace_hours": rule.grace_hours,
        "devices": line.counts,
        "created_at": rule.created_at,
        "updated_at": rule.updated_at,
    }


blueprint = Blueprint("api-conformity", __name__, url_prefix="/api/v1/conformity-rules")
guard(blueprint, person_of_token)


@blueprint.route("")
class Rules(MethodView):
    """The rules the token's owner sees."""

    @blueprint.arguments(RuleQuery, location="query")
    @blueprint.response(200, RulePage)
    def get(self, query: dict[str, Any]) -> Page[dict[str, Any]]:
        """List rules, the newest first."""
        client = query["client"].replace("\x00", "")
        found = queries.rules(current_actor(), client, query["cursor"], query["limit"])
        return Page([told(line) for line in found.items], found.next)

    @blueprint.arguments(NewRuleSchema)
    @blueprint.response(201, RuleSchema)
    def post(self, body: dict[str, Any]) -> dict[str, Any]:
        """Make a rule and judge the fleet by it; for agents and supervisors."""
        client = body.pop("client")
        rule = editing.create_rule(current_actor(), client, editing.RuleDraft(**body))
        return told(queries.rule_named(current_actor(), rule.reference))


@blueprint.route("/<reference>")
class OneRule(MethodView):
    """A rule."""

    @blueprint.response(200, RuleSchema)
    def get(self, reference: str) -> dict[str, Any]:
        """Show a rule with how many devices fail it."""
        return told(queries.rule_named(current_actor(), reference))
