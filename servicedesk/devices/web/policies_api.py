"""Policies in the API: profiles, their versions, and in what two versions differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from servicedesk.clients.web.api import PageQuery, person_of_token
from servicedesk.core.paging import Page
from servicedesk.devices.policies import editing, queries
from servicedesk.devices.policies.content import Change, differences
from servicedesk.devices.policies.models import PolicyVersion, VersionState
from servicedesk.devices.policies.sections import BY_CODE
from servicedesk.devices.policies.telling import documents_in, told
from servicedesk.shell.api import guard
from servicedesk.shell.language import translate
from servicedesk.shell.session import current_actor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.devices.policies.queries import ProfileLine
    from servicedesk.devices.policies.telling import Entry

MOST_VERSIONS = 999_999
NUMBER = validate.Range(0, MOST_VERSIONS)


class PolicyQuery(PageQuery):
    """Filters of the policies."""

    client = fields.String(load_default="", validate=validate.Length(max=40))


class PolicyWords(Schema):
    """How a policy is called and what it is for."""

    name = fields.String(required=True, validate=validate.Length(1, editing.NAME_LENGTH))
    description = fields.String(
        load_default="", validate=validate.Length(max=editing.DESCRIPTION_LENGTH)
    )


class NewPolicySchema(PolicyWords):
    """What makes a policy."""

    client = fields.String(required=True, validate=validate.Length(1, 40))


class ReachSchema(Schema):
    """On how many devices it decides a setting, and how many of them have something else."""

    desired = fields.Integer(required=True)
    drifting = fields.Integer(required=True)


class GroupSchema(Schema):
    """A group it is assigned to; the lower the precedence the stronger."""

    name = fields.String(required=True)
    precedence = fields.Integer(required=True)
    devices = fields.Integer(required=True)


class PolicySchema(Schema):
    """A policy; `group` and `device` say whose own settings it holds, if any's."""

    reference = fields.String(required=True)
    client = fields.String(required=True)
    name = fields.String(required=True)
    description = fields.String(required=True)
    group = fields.String(required=True, allow_none=True)
    device = fields.String(required=True, allow_none=True)
    published = fields.Integer(required=True, allow_none=True)
    published_at = fields.AwareDateTime(required=True, allow_none=True)
    draft = fields.Integer(required=True, allow_none=True)
    assigned_groups = fields.Integer(required=True)
    assigned_devices = fields.Integer(required=True)
    devices = fields.Nested(ReachSchema, required=True)
    created_at = fields.AwareDateTime(required=True)


class PolicyWithGroups(PolicySchema):
    """A policy with the groups it is assigned to."""

    groups = fields.List(fields.Nested(GroupSchema), required=True)


class PolicyPage(Schema):
    """A piece of the list of policies."""

    items = fields.List(fields.Nested(PolicySchema), required=True)
    next = fields.String(required=True, allow_none=True)


class SettingsSchema(Schema):
    """An entry of a section; secrets are only named."""

    section = fields.String(required=True, validate=validate.OneOf([*BY_CODE]))
    key = fields.String(required=True)
    summary = fields.String(required=True)
    values = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    sealed = fields.List(fields.String(), required=True)


class VersionLine(Schema):
    """A version of a policy in a list."""

    number = fields.Integer(required=True)
    state = fields.Enum(VersionState, by_value=True, required=True)
    note = fields.String(required=True)
    author = fields.String(attribute="author_name", required=True)
    created_at = fields.AwareDateTime(required=True)
    published_at = fields.AwareDateTime(required=True, allow_none=True)
    published_by = fields.String(attribute="published_by_name", required=True, allow_none=True)
    retired_at = fields.AwareDateTime(required=True, allow_none=True)


class VersionPage(Schema):
    """A piece of the list of versions."""

    items = fields.List(fields.Nested(VersionLine), required=True)
    next = fields.String(required=True, allow_none=True)


class VersionSchema(VersionLine):
    """A version of a policy with what it says. `revision` grows with each change of a draft."""

    revision = fields.Integer(required=True)
    settings = fields.List(fields.Nested(SettingsSchema), required=True)


class DiffQuery(Schema):
    """Which versions to compare; without numbers the draft with what is published."""

    before = fields.Integer(load_default=None, validate=NUMBER)
    after = fields.Integer(load_default=None, validate=NUMBER)


class SettingChangeSchema(Schema):
    """A value before and after; of a sealed one only that it changed."""

    name = fields.String(required=True)
    before = fields.String(required=True, allow_none=True)
    after = fields.String(required=True, allow_none=True)
    sealed = fields.Boolean(required=True)


class EntryChangeSchema(Schema):
    """What happened to an entry."""

    section = fields.String(required=True)
    key = fields.String(required=True)
    change = fields.Enum(Change, by_value=True, required=True)
    settings = fields.List(fields.Nested(SettingChangeSchema), required=True)


class DiffSchema(Schema):
    """In what two versions differ; the number 0 stands for nothing."""

    before = fields.Integer(required=True)
    after = fields.Integer(required=True)
    changes = fields.List(fields.Nested(EntryChangeSchema), required=True)


def policy_told(line: ProfileLine) -> dict[str, Any]:
    """Return a policy as the API tells of it."""
    profile = line.profile
    return {
        "reference": profile.reference,
        "client": profile.client.reference,
        "name": profile.name,
        "description": profile.description,
        "group": profile.group.name if profile.group else None,
        "device": profile.device.reference if profile.device else None,
        "published": line.published,
        "published_at": line.published_at,
        "draft": line.draft,
        "assigned_groups": line.assigned.groups,
        "assigned_devices": line.assigned.devices,
        "devices": line.reach,
        "created_at": profile.created_at,
    }


def version_told(version: PolicyVersion) -> dict[str, Any]:
    """Return a version with its settings as the API tells of it."""
    documents = queries.document_names(current_actor(), documents_in([version.content]))
    return {
        "number": version.number,
        "state": version.state,
        "note": version.note,
        "author_name": version.author_name,
        "created_at": version.created_at,
        "published_at": version.published_at,
        "published_by_name": version.published_by_name,
        "retired_at": version.retired_at,
        "revision": version.revision,
        "settings": entries_told(told(version.content, documents)),
    }


def entries_told(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Return entries as the API tells of them."""
    return [
        {
            "section": entry.section.code,
            "key": entry.key,
            "summary": translate(entry.summary),
            "values": {one.name: one.value for one in entry.settings if not one.is_secret},
            "sealed": [one.name for one in entry.settings if one.is_secret],
        }
        for entry in entries
    ]


blueprint = Blueprint("api-policies", __name__, url_prefix="/api/v1/policies")
guard(blueprint, person_of_token)


@blueprint.route("")
class Policies(MethodView):
    """The policies the token's owner sees."""

    @blueprint.arguments(PolicyQuery, location="query")
    @blueprint.response(200, PolicyPage)
    def get(self, query: dict[str, Any]) -> Page[dict[str, Any]]:
        """List policies, the newest first; own settings of groups and devices are among them."""
        client = query["client"].replace("\x00", "")
        found = queries.profiles(current_actor(), client, query["cursor"], query["limit"])
        return Page([policy_told(line) for line in found.items], found.next)

    @blueprint.arguments(NewPolicySchema)
    @blueprint.response(201, PolicySchema)
    def post(self, body: dict[str, Any]) -> dict[str, Any]:
        """Make a policy with an empty draft; for agents and supervisors."""
        made = editing.create_profile_draft(
            current_actor(), body["client"], body["name"], body["description"]
        )
        return policy_told(queries.profile_named(current_actor(), made.reference))


@blueprint.route("/<reference>")
class OnePolicy(MethodView):
    """A policy."""

    @blueprint.response(200, PolicyWithGroups)
    def get(self, reference: str) -> dict[str, Any]:
        """Show a policy with the groups it is assigned to."""
        line = queries.profile_named(current_actor(), reference)
        groups = queries.assignments_of(current_actor(), line.profile).groups
        return {**policy_told(line), "groups": groups}

    @blueprint.arguments(PolicyWords)
    @blueprint.response(200, PolicySchema)
    def put(self, body: dict[str, Any], reference: str) -> dict[str, Any]:
        """Give it another name and description."""
        actor = current_actor()
        editing.rename_profile(actor, reference, body["name"], body["description"])
        return policy_told(queries.profile_named(actor, reference))


@blueprint.route("/<reference>/versions")
class Versions(MethodView):
    """The versions of a policy."""

    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, VersionPage)
    def get(self, query: dict[str, Any], reference: str) -> Page[PolicyVersion]:
        """List the versions, the newest first."""
        actor = current_actor()
        profile = queries.profile_named(actor, reference).profile
        return queries.versions(actor, profile, query["cursor"], query["limit"])


@blueprint.route("/<reference>/versions/<int:number>")
class OneVersion(MethodView):
    """A version of a policy."""

    @blueprint.response(200, VersionSchema)
    def get(self, reference: str, number: int) -> dict[str, Any]:
        """Show what a version says."""
        actor = current_actor()
        profile = queries.profile_named(actor, reference).profile
        return version_told(queries.version_numbered(actor, profile, number))


@blueprint.route("/<reference>/diff")
class Diff(MethodView):
    """Two versions of a policy, compared."""

    @blueprint.arguments(DiffQuery, location="query")
    @blueprint.response(200, DiffSchema)
    def get(self, query: dict[str, Any], reference: str) -> dict[str, Any]:
        """Say in what two versions differ, setting by setting."""
        actor = current_actor()
        line = queries.profile_named(actor, reference)
        found = queries.comparison(actor, line, query["before"], query["after"])
        changes = [
            {
                "section": one.section,
                "key": one.key,
                "change": one.change,
                "settings": [
                    {
                        "name": name,
                        "before": None if is_sealed else one.before.get(name),
                        "after": None if is_sealed else one.after.get(name),
                        "sealed": is_sealed,
                    }
                    for name in one.settings
                    for is_sealed in [name in BY_CODE[one.section].secrets]
                ],
            }
            for one in differences(*found.contents)
        ]
        return {"before": found.before, "after": found.after, "changes": changes}
