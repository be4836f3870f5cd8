"""The catalogue in the API: what can be asked for, where it is possible, and what it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields

from servicedesk.clients.models import COMPATIBLE_BLOCKS
from servicedesk.clients.web.api import person_of_token
from servicedesk.core.errors import NotFound
from servicedesk.devices.catalogue import ACTIONS
from servicedesk.devices.parameters import YES, Kind
from servicedesk.shell.api import guard
from servicedesk.shell.language import translate

if TYPE_CHECKING:
    from servicedesk.devices.catalogue.action import ManagedAction, Way
    from servicedesk.devices.parameters import Parameter


class WaySchema(Schema):
    """A combination of platform and management on which it works, and from which version."""

    platforms = fields.List(fields.String(), required=True)
    managements = fields.List(fields.String(), required=True)
    from_version = fields.String(required=True, allow_none=True)


class CatalogueEntrySchema(Schema):
    """An entry of the catalogue."""

    code = fields.String(required=True)
    label = fields.String(required=True)
    description = fields.String(required=True)
    consequence = fields.String(required=True)
    risk = fields.String(required=True)
    block = fields.String(required=True)
    modalities = fields.List(fields.String(), required=True)
    ownerships = fields.List(fields.String(), required=True)
    ways = fields.List(fields.Nested(WaySchema), required=True)
    manufacturers_without = fields.List(fields.String(), required=True)
    states = fields.List(fields.String(), required=True)
    targets = fields.String(
        required=True,
        metadata={"description": "devices, groups, devices_or_groups, or none: it finds them."},
    )
    inverse = fields.String(required=True, allow_none=True)
    parameters = fields.Dict(
        required=True, metadata={"description": "A JSON Schema of `action.parameters`."}
    )


class CatalogueSchema(Schema):
    """The catalogue."""

    items = fields.List(fields.Nested(CatalogueEntrySchema), required=True)


blueprint = Blueprint("api-actions", __name__, url_prefix="/api/v1/actions")
guard(blueprint, person_of_token)


@blueprint.route("")
class Actions(MethodView):
    """Everything that can be asked for."""

    @blueprint.response(200, CatalogueSchema)
    def get(self) -> dict[str, Any]:
        """List the catalogue."""
        return {"items": [_told(action) for action in ACTIONS]}


@blueprint.route("/<code>")
class OneAction(MethodView):
    """An entry of the catalogue."""

    @blueprint.response(200, CatalogueEntrySchema)
    def get(self, code: str) -> dict[str, Any]:
        """Show an entry with the JSON Schema of its parameters."""
        found = next((action for action in ACTIONS if action.code == code), None)
        if found is None:
            raise NotFound
        return _told(found)


def _told(action: ManagedAction) -> dict[str, Any]:
    return {
        "code": action.code,
        "label": translate(action.label),
        "description": translate(action.description),
        "consequence": translate(action.consequence),
        "risk": action.risk.value,
        "block": action.block.value,
        "modalities": [
            modality.value
            for modality, blocks in COMPATIBLE_BLOCKS.items()
            if action.block in blocks
        ],
        "ownerships": sorted(ownership.value for ownership in action.ownerships),
        "ways": [_way(way) for way in action.ways],
        "manufacturers_without": sorted(action.manufacturers_without),
        "states": sorted(state.value for state in action.states),
        "targets": _targets(action),
        "inverse": action.inverse or None,
        "parameters": {
            "type": "object",
            "properties": {one.name: _schema(one) for one in action.parameters},
            "required": [one.name for one in action.parameters if one.required],
            "additionalProperties": False,
        },
    }


def _way(way: Way) -> dict[str, Any]:
    return {
        "platforms": sorted(platform.value for platform in way.platforms),
        "managements": sorted(management.value for management in way.managements),
        "from_version": ".".join(map(str, way.from_version)) or None,
    }


def _targets(action: ManagedAction) -> str:
    if action.finds_its_targets:
        return "none"
    return "groups" if action.needs_groups else "devices_or_groups"


def _schema(one: Parameter) -> dict[str, Any]:
    """Return the JSON Schema of a parameter; every value is text, as it is kept."""
    schema: dict[str, Any] = {"type": "string", "title": translate(one.label)}
    if one.help:
        schema["description"] = translate(one.help)
    if one.kind is Kind.CHOICE:
        return schema | {"enum": [*([] if one.required else [""]), *one.choices]}
    if one.kind is Kind.FLAG:
        return schema | {"enum": ["", YES]}
    if one.kind is Kind.NUMBER:
        words = translate("Write a whole number within the limits.")
        return schema | {"pattern": "^[0-9]*$", "description": f"{words} {one.least} … {one.most}"}
    if one.kind is Kind.SECRET:
        schema["writeOnly"] = True
    schema["maxLength"] = one.max_length
    return schema | ({"pattern": f"^(?:{one.pattern})$"} if one.pattern else {})
