"""What is possible, in the API."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from servicedesk.clients.models import FunctionalBlock, Modality
from servicedesk.clients.web.api import person_of_token
from servicedesk.devices.catalogue.action import Risk
from servicedesk.devices.matrix import Cell, Row, matrix
from servicedesk.devices.models import DeviceState, Management, Ownership, Platform
from servicedesk.shell.api import guard
from servicedesk.shell.language import translate
from servicedesk.shell.session import current_actor


class MatrixQuery(Schema):
    """For which client, and through which engine."""

    client = fields.String(load_default="", validate=validate.Length(max=40))
    engine = fields.String(
        load_default="",
        validate=validate.Length(max=40),
        metadata={"description": "Its key; without it, the engine the client's devices belong to."},
    )


class CellSchema(Schema):
    """The answer for one kind of device."""

    platform = fields.Enum(Platform, by_value=True, required=True)
    ownership = fields.Enum(Ownership, by_value=True, required=True)
    management = fields.Enum(Management, by_value=True, required=True)
    possible = fields.Boolean(required=True)
    from_version = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The lowest version of the system; null when any will do."},
    )
    reason = fields.String(required=True, allow_none=True)


class WithoutSchema(Schema):
    """A manufacturer on whose devices it is not possible."""

    manufacturer = fields.String(required=True)
    reason = fields.String(required=True)


class ActionAnswerSchema(Schema):
    """An action of the catalogue with its answers."""

    code = fields.String(required=True)
    label = fields.String(required=True)
    block = fields.Enum(FunctionalBlock, by_value=True, required=True)
    contracted = fields.Boolean(required=True)
    modalities = fields.List(fields.Enum(Modality, by_value=True), required=True)
    risk = fields.Enum(Risk, by_value=True, required=True)
    device_states = fields.List(
        fields.Enum(DeviceState, by_value=True),
        required=True,
        metadata={"description": "In which a device has to be; empty when none can."},
    )
    manufacturers_without = fields.List(fields.Nested(WithoutSchema), required=True)
    kinds = fields.List(fields.Nested(CellSchema), required=True)


class MatrixSchema(Schema):
    """What can be done to which kind of device under a contract, and why not."""

    client = fields.String(required=True)
    contract = fields.String(required=True, allow_none=True)
    modality = fields.Enum(Modality, by_value=True, required=True, allow_none=True)
    engine = fields.String(required=True)
    actions = fields.List(fields.Nested(ActionAnswerSchema), required=True)


blueprint = Blueprint("api-compatibility", __name__, url_prefix="/api/v1/compatibility")
guard(blueprint, person_of_token)


@blueprint.route("")
class Compatibility(MethodView):
    """The catalogue against a contract."""

    @blueprint.arguments(MatrixQuery, location="query")
    @blueprint.response(200, MatrixSchema)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """Tell what is possible, from which version, and why not: as every request is judged."""
        engine = query["engine"].replace("\x00", "")
        found = matrix(current_actor(), query["client"], engine)
        contract = found.contract
        return {
            "client": found.client.reference,
            "contract": contract.reference if contract else None,
            "modality": contract.modality if contract else None,
            "engine": found.engine.key,
            "actions": [
                told(row, contracted=contract is not None and contract.includes(block))
                for block, rows in found.blocks.items()
                for row in rows
            ],
        }


def told(row: Row, *, contracted: bool) -> dict[str, Any]:
    """Return a row as the API tells of it."""
    return {
        "code": row.action.code,
        "label": translate(row.action.label),
        "block": row.action.block,
        "contracted": contracted,
        "modalities": row.modalities,
        "risk": row.action.risk,
        "device_states": row.states,
        "manufacturers_without": [
            {"manufacturer": manufacturer, "reason": translate(reason)}
            for manufacturer, reason in row.manufacturers_without
        ],
        "kinds": [_cell_told(cell) for cell in row.cells],
    }


def _cell_told(cell: Cell) -> dict[str, Any]:
    return {
        "platform": cell.kind.platform,
        "ownership": cell.kind.ownership,
        "management": cell.kind.management,
        "possible": cell.possible,
        "from_version": ".".join(map(str, cell.from_version)) or None,
        "reason": translate(cell.reason) if cell.reason else None,
    }
