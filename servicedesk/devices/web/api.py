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
from servicedesk.devices.policies.effective import DriftKind
from servicedesk.devices.policies.standing import policy_standing
from servicedesk.devices.web.policies_api import SettingsSchema, entries_told
from servicedesk.shell.api import guard
from servicedesk.shell.session import current_actor

if TYPE_CHECKING:
    from servicedesk.core.paging import Page
    from servicedesk.devices.policies.standing import PolicyStanding


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
    drift = _one_of("drift", "yes: those that have something else than their policy says.")
    policy = fields.String(
        load_default="",
        validate=validate.Length(max=40),
        metadata={"description": "Reference of a policy that decides one of their settings."},
    )
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
