"""Devices in the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from servicedesk.clients.web.api import PageQuery, person_of_token
from servicedesk.devices import queries
from servicedesk.devices.conformity.models import Conformity
from servicedesk.devices.fleet_state import FleetState, fleet_state
from servicedesk.devices.models import Device, DeviceState, Ownership, Platform
from servicedesk.shell.api import guard
from servicedesk.shell.session import current_actor

if TYPE_CHECKING:
    from servicedesk.core.paging import Page


def _one_of(name: str, words: str = "") -> fields.String:
    return fields.String(
        load_default="",
        validate=validate.OneOf(sorted(queries.CHOICES[name])),
        metadata={"description": words} if words else {},
    )


class FilterSchema(Schema):
    """What the fleet is narrowed to."""

    platform = _one_of("platform")
    version = fields.String(
        load_default="",
        validate=validate.Regexp(f"^({queries.VERSION.pattern})$"),
        metadata={
            "description": "First number of the system's version: 17, or <17 for lower ones, or ?"
            " where it was not told."
        },
    )
    state = _one_of("state")
    ownership = _one_of("ownership")
    seen = _one_of(
        "seen",
        "Last contact: within a day, week or month; days: 1 to 7 ago; weeks: 7 to 30 days ago;"
        " silent: longer ago or never.",
    )
    conformity = _one_of("conformity", "none: no rule concerns the device.")
    group = fields.String(load_default="", validate=validate.Length(max=100))
    q = fields.String(load_default="", validate=validate.Length(max=200))


class StateQuery(Schema):
    """Of which part of the fleet."""

    platform = _one_of("platform")
    ownership = _one_of("ownership")
    group = fields.String(load_default="", validate=validate.Length(max=100))
    client = fields.String(load_default="", validate=validate.Length(max=40))


class DeviceQuery(PageQuery, FilterSchema):
    """Filters of the fleet, and which piece."""

    client = fields.String(load_default="", validate=validate.Length(max=40))


class DeviceSchema(Schema):
    """A device."""

    reference = fields.String(required=True)
    name = fields.String(required=True)
    platform = fields.Enum(Platform, by_value=True, required=True)
    os_version = fields.String(required=True)
    manufacturer = fields.String(required=True)
    model = fields.String(required=True)
    ownership = fields.Enum(Ownership, by_value=True, required=True)
    management = fields.Function(lambda device: device.management.value, required=True)
    state = fields.Enum(DeviceState, by_value=True, required=True)
    serial = fields.String(required=True)
    imei = fields.String(required=True)
    phone_number = fields.String(required=True)
    last_contact = fields.AwareDateTime(attribute="last_contact_at", required=True, allow_none=True)
    client = fields.Function(lambda device: device.client.reference, required=True)
    conformity = fields.String(
        required=True,
        allow_none=True,
        validate=validate.OneOf([*Conformity, None]),
        metadata={"description": "How it stands towards its rules; null when none concerns it."},
    )


class FigureSchema(Schema):
    """A number of devices, and the filter of the list that shows them."""

    code = fields.String(required=True)
    devices = fields.Integer(attribute="count", required=True)
    share = fields.Float(required=True)
    filter = fields.Function(
        lambda figure: figure.wanted.as_query(), metadata={"type": "object"}, required=True
    )


class StateSchema(Schema):
    """The state of the fleet: activation is of all devices, the rest of the enrolled ones."""

    total = fields.Integer(required=True)
    enrolled = fields.Nested(FigureSchema, required=True)
    activation = fields.List(fields.Nested(FigureSchema), required=True)
    platforms = fields.List(fields.Nested(FigureSchema), required=True)
    versions = fields.List(fields.Nested(FigureSchema), required=True)
    conformity = fields.List(fields.Nested(FigureSchema), required=True)
    contact = fields.List(fields.Nested(FigureSchema), required=True)


class DevicePage(Schema):
    """A piece of the fleet."""

    items = fields.List(fields.Nested(DeviceSchema), required=True)
    next = fields.String(required=True, allow_none=True)


blueprint = Blueprint("api-devices", __name__, url_prefix="/api/v1/devices")
guard(blueprint, person_of_token)
state_blueprint = Blueprint("api-fleet-state", __name__, url_prefix="/api/v1/fleet-state")
guard(state_blueprint, person_of_token)


@state_blueprint.route("")
class State(MethodView):
    """The fleet in figures."""

    @state_blueprint.arguments(StateQuery, location="query")
    @state_blueprint.response(200, StateSchema)
    def get(self, query: dict[str, Any]) -> FleetState:
        """Tell the state of the fleet; each figure with the filter that lists its devices."""
        return fleet_state(current_actor(), queries.FleetFilter.read(query))


@blueprint.route("")
class Devices(MethodView):
    """The fleet the token's owner sees."""

    @blueprint.arguments(DeviceQuery, location="query")
    @blueprint.response(200, DevicePage)
    def get(self, query: dict[str, Any]) -> Page[Device]:
        """List devices."""
        cursor, limit = query.pop("cursor"), query.pop("limit")
        wanted = queries.FleetFilter.read(query)
        return queries.devices(current_actor(), wanted, cursor, limit)


@blueprint.route("/<reference>")
class OneDevice(MethodView):
    """A device."""

    @blueprint.response(200, DeviceSchema)
    def get(self, reference: str) -> Device:
        """Show a device."""
        return queries.device_named(current_actor(), reference.replace("\x00", ""))
