"""A device's position in the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields

from servicedesk.clients.web.api import person_of_token
from servicedesk.orders.positions.looking import look_at_device
from servicedesk.shell.api import guard
from servicedesk.shell.session import current_actor

if TYPE_CHECKING:
    from servicedesk.orders.positions.looking import Sighting


class PositionSchema(Schema):
    """Where a device was."""

    device = fields.String(required=True)
    latitude = fields.Float(required=True, metadata={"description": "Degrees, north is positive."})
    longitude = fields.Float(required=True, metadata={"description": "Degrees, east is positive."})
    accuracy = fields.Float(required=True, metadata={"description": "Metres around it."})
    taken_at = fields.AwareDateTime(required=True)
    expires_at = fields.AwareDateTime(
        required=True, metadata={"description": "When it is deleted, after the contract's days."}
    )
    purpose = fields.String(required=True)
    asked_by = fields.String(required=True)
    order = fields.String(required=True)


blueprint = Blueprint("api-positions", __name__, url_prefix="/api/v1/devices")
guard(blueprint, person_of_token)


@blueprint.route("/<reference>/position")
class OnePosition(MethodView):
    """Where a device was last found."""

    @blueprint.response(200, PositionSchema)
    def get(self, reference: str) -> Sighting:
        """Look at a device's position; every call is a look.

        It is recorded with the owner of the token, and the client sees it in its list of looks.
        """
        return look_at_device(current_actor(), reference.replace("\x00", ""))
