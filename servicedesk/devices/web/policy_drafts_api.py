"""Drafts of policies in the API: agents and supervisors write them, orders publish them."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from servicedesk.clients.web.api import person_of_token
from servicedesk.core.errors import NotFound
from servicedesk.devices.policies import editing, queries
from servicedesk.devices.policies.sections import BY_CODE, SECTIONS
from servicedesk.devices.web.policies_api import MOST_VERSIONS, VersionSchema, version_told
from servicedesk.shell.api import guard
from servicedesk.shell.session import current_actor

LONGEST_KEY = 300
MOST_REVISIONS = 2**31
VALUES_SAY = "Text by name. By section: " + "; ".join(
    f"{section.code}: {', '.join(p.name for p in section.parameters)}" for section in SECTIONS
)
REVISION_SAYS = "The draft's revision as it was read: another one is refused with 409."


def _revision() -> fields.Integer:
    return fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(1, MOST_REVISIONS),
        metadata={"description": REVISION_SAYS},
    )


class NewDraftSchema(Schema):
    """What a draft begins as."""

    version = fields.Integer(
        load_default=None,
        allow_none=True,
        strict=True,
        validate=validate.Range(1, MOST_VERSIONS),
        metadata={"description": "Number of the version to copy; the published one if not said."},
    )


class SettingSchema(Schema):
    """A setting for the draft."""

    section = fields.String(required=True, validate=validate.OneOf([*BY_CODE]))
    key = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(max=LONGEST_KEY),
        metadata={"description": "Of the entry to change; without it another one is added."},
    )
    values = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        required=True,
        metadata={
            "description": f"{VALUES_SAY}. An empty secret leaves the sealed one as it is.",
        },
    )
    revision = _revision()


class SettingQuery(Schema):
    """Which setting of the draft."""

    section = fields.String(required=True, validate=validate.OneOf([*BY_CODE]))
    key = fields.String(load_default="", validate=validate.Length(max=LONGEST_KEY))
    revision = fields.Integer(required=True, validate=validate.Range(1, MOST_REVISIONS))


class RevisionQuery(Schema):
    """The draft as it was read."""

    revision = fields.Integer(required=True, validate=validate.Range(1, MOST_REVISIONS))


blueprint = Blueprint("api-policy-drafts", __name__, url_prefix="/api/v1/policies")
guard(blueprint, person_of_token)


@blueprint.route("/<reference>/draft")
class Draft(MethodView):
    """The draft of a policy."""

    @blueprint.response(200, VersionSchema)
    def get(self, reference: str) -> dict[str, Any]:
        """Show the draft."""
        actor = current_actor()
        line = queries.profile_named(actor, reference)
        if line.draft is None:
            raise NotFound
        return version_told(queries.version_numbered(actor, line.profile, line.draft))

    @blueprint.arguments(NewDraftSchema)
    @blueprint.response(201, VersionSchema)
    def post(self, body: dict[str, Any], reference: str) -> dict[str, Any]:
        """Begin a draft; a policy has one at a time."""
        return version_told(editing.begin_draft(current_actor(), reference, body["version"]))

    @blueprint.arguments(RevisionQuery, location="query")
    @blueprint.response(204)
    def delete(self, query: dict[str, Any], reference: str) -> None:
        """Throw the draft away; a policy that is nothing else goes with it."""
        editing.discard_draft(current_actor(), reference, query["revision"])


@blueprint.route("/<reference>/draft/settings")
class DraftSettings(MethodView):
    """The settings of a draft."""

    @blueprint.arguments(SettingSchema)
    @blueprint.response(200, VersionSchema)
    def put(self, body: dict[str, Any], reference: str) -> dict[str, Any]:
        """Add a setting or change one."""
        draft = editing.put_setting(
            current_actor(),
            reference,
            body["section"],
            body["values"],
            body["revision"],
            body["key"],
        )
        return version_told(draft)

    @blueprint.arguments(SettingQuery, location="query")
    @blueprint.response(200, VersionSchema)
    def delete(self, query: dict[str, Any], reference: str) -> dict[str, Any]:
        """Take a setting out."""
        draft = editing.drop_setting(
            current_actor(), reference, query["section"], query["key"], query["revision"]
        )
        return version_told(draft)
