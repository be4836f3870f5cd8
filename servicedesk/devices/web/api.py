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
from servicedesk.devices.policies.effective import DriftKind
from servicedesk.devices.policies.standing import policy_standing
from servicedesk.devices.web.policies_api import SettingsSchema, entries_told
from servicedesk.shell.api import guard
from servicedesk.shell.session import current_actor

if TYPE_CHECKING:
    from servicedesk.core.paging import Page
    from servicedesk.devices.policies.standing import PolicyStanding


class DeviceQuery(PageQuery):
    """Filters of the fleet."""

    platform = fields.String(load_default="", validate=validate.OneOf([*Platform]))
    state = fields.String(load_default="", validate=validate.OneOf([*DeviceState]))
    ownership = fields.String(load_default="", validate=validate.OneOf([*Ownership]))
    conformity = fields.String(load_default="", validate=validate.OneOf([*Conformity]))
    drift = fields.String(
        load_default="",
        validate=validate.OneOf(["yes"]),
        metadata={"description": "yes: those that have something else than their policy says."},
    )
    policy = fields.String(
        load_default="",
        validate=validate.Length(max=40),
        metadata={"description": "Reference of a policy that decides one of their settings."},
    )
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
    drift = fields.Boolean(
        attribute="drifts",
        required=True,
        allow_none=True,
        metadata={
            "description": "Whether it has something else than its policy says; null without one."
        },
    )


class PolicySettings(SettingsSchema):
    """An entry a device should have; `sources` names the policy each value is from."""

    sources = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


class PolicyConflict(Schema):
    """Two policies that want different things; `setting` is empty for an entry as a whole."""

    section = fields.String(required=True)
    key = fields.String(required=True)
    setting = fields.String(required=True)
    kept = fields.String(required=True)
    lost = fields.String(required=True)


class PolicyDrift(Schema):
    """An entry in which the device differs from what it should have."""

    section = fields.String(required=True)
    key = fields.String(required=True)
    kind = fields.Enum(DriftKind, by_value=True, required=True)


class DevicePolicySchema(Schema):
    """What a device should have, why, and in what it differs."""

    settings = fields.List(fields.Nested(PolicySettings), required=True)
    conflicts = fields.List(fields.Nested(PolicyConflict), required=True)
    withheld = fields.List(fields.String(), required=True)
    drift = fields.List(fields.Nested(PolicyDrift), required=True)
    desired_at = fields.AwareDateTime(required=True, allow_none=True)
    reported_at = fields.AwareDateTime(required=True, allow_none=True)


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


@blueprint.route("/<reference>/policy")
class PolicyOfDevice(MethodView):
    """The policy of a device."""

    @blueprint.response(200, DevicePolicySchema)
    def get(self, reference: str) -> dict[str, Any]:
        """Show what a device should have, from which policies, and in what it differs."""
        actor = current_actor()
        device = queries.device_named(actor, reference.replace("\x00", ""))
        return _policy_told(policy_standing(actor, device.id))


def _policy_told(standing: PolicyStanding | None) -> dict[str, Any]:
    if standing is None:
        nothing: dict[str, Any] = {"settings": [], "conflicts": [], "withheld": [], "drift": []}
        return {**nothing, "desired_at": None, "reported_at": None}
    settings = entries_told(standing.entries)
    for told, entry in zip(settings, standing.entries, strict=True):
        told["sources"] = {one.name: one.source for one in entry.settings}
    return {
        "settings": settings,
        "conflicts": [{**vars(one), "section": one.section.code} for one in standing.conflicts],
        "withheld": [section.code for section in standing.withheld],
        "drift": [{"section": d.code, "key": d.key, "kind": d.kind} for d in standing.drift],
        "desired_at": standing.desired_at,
        "reported_at": standing.reported_at,
    }
