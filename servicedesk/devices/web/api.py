"""Devices in the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from servicedesk.clients.web.api import PageQuery, person_of_token
from servicedesk.devices import queries
from servicedesk.devices.conformity.models import Conformity
from servicedesk.devices.models import Device, DeviceState, Ownership, Platform
from servicedesk.shell.api import guard
from servicedesk.shell.session import current_actor

if TYPE_CHECKING:
    from servicedesk.core.paging import Page


class DeviceQuery(PageQuery):
    """Filters of the fleet."""

    platform = fields.String(load_default="", validate=validate.OneOf([*Platform]))
    state = fields.String(load_default="", validate=validate.OneOf([*DeviceState]))
    ownership = fields.String(load_default="", validate=validate.OneOf([*Ownership]))
    conformity = fields.String(load_default="", validate=validate.OneOf([*Conformity]))
    client = fields.String(load_default="", validate=validate.Length(max=40))
    q = fields.String(load_default="", validate=validate.Length(max=200))


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


class DevicePage(Schema):
    """A piece of the fleet."""

    items = fields.List(fields.Nested(DeviceSchema), required=True)
    next = fields.String(required=True, allow_none=True)


blueprint = Blueprint("api-devices", __name__, url_prefix="/api/v1/devices")
guard(blueprint, person_of_token)


@blueprint.route("")
class Devices(MethodView):
    """The fleet the token's owner sees."""

    @blueprint.arguments(DeviceQuery, location="query")
    @blueprint.response(200, DevicePage)
    def get(self, query: dict[str, Any]) -> Page[Device]:
        """List devices."""
        cursor, limit = query.pop("cursor"), query.pop("limit")
        wanted = queries.FleetFilter(**{k: v.replace("\x00", "") for k, v in query.items()})
        return queries.devices(current_actor(), wanted, cursor, limit)


@blueprint.route("/<reference>")
class OneDevice(MethodView):
    """A device."""

    @blueprint.response(200, DeviceSchema)
    def get(self, reference: str) -> Device:
        """Show a device."""
        return queries.device_named(current_actor(), reference.replace("\x00", ""))
