"""Policies as everybody reads them: what is published, for whom, which versions, what differs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, render_template, request

from servicedesk.clients.choices import clients_to_choose
from servicedesk.core.permissions import Permission
from servicedesk.core.text import msgid
from servicedesk.devices.policies import queries
from servicedesk.devices.policies.telling import changes_told, documents_in, title_of, told
from servicedesk.devices.web import policy_drafts
from servicedesk.devices.web.policy_forms import version_number
from servicedesk.shell.navigation import nav
from servicedesk.shell.session import current_actor

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from servicedesk.devices.policies.content import Content
    from servicedesk.devices.policies.telling import Entry


def portal() -> Blueprint:
    """Return `/policies` for those who read them."""
    blueprint = Blueprint("policies", __name__, url_prefix="/policies")
    one = "/<reference>"
    blueprint.add_url_rule("/", view_func=index)
    blueprint.add_url_rule(one, view_func=show)
    blueprint.add_url_rule(f"{one}/versions", view_func=versions)
    blueprint.add_url_rule(f"{one}/versions/<int:number>", view_func=version)
    blueprint.add_url_rule(f"{one}/compare", view_func=compare)
    return blueprint


def desk() -> Blueprint:
    """Return `/policies` for those who write drafts, too."""
    blueprint = portal()
    policy_drafts.add_to(blueprint)
    return blueprint


@nav("portal.policies.index", msgid("Policies"), "adjustments", 32, Permission.DEVICE_READ)
@nav("desk.policies.index", msgid("Policies"), "adjustments", 42, Permission.DEVICE_READ)
def index() -> ResponseReturnValue:
    """List the policies of the clients in reach."""
    actor = current_actor()
    client = request.args.get("client", "")[:40].replace("\x00", "")
    return render_template(
        "devices/policies/index.html",
        page=queries.profiles(actor, client, request.args.get("cursor")),
        client=client,
        clients=[] if actor.is_contact else clients_to_choose(actor),
        title_of=title_of,
    )


def show(reference: str) -> ResponseReturnValue:
    """Show a policy: what is published, whom it reaches, and its newest versions."""
    actor = current_actor()
    line = queries.profile_named(actor, reference)
    number = line.published
    published = queries.version_numbered(actor, line.profile, number) if number else None
    return render_template(
        "devices/policies/show.html",
        line=line,
        profile=line.profile,
        title=title_of(line.profile),
        published=published,
        entries=entries_of(published.content if published else {}),
        assignments=queries.assignments_of(actor, line.profile),
        versions=queries.versions(actor, line.profile, size=queries.NEWEST_VERSIONS),
    )


def versions(reference: str) -> ResponseReturnValue:
    """List all versions of a policy."""
    actor = current_actor()
    line = queries.profile_named(actor, reference)
    return render_template(
        "devices/policies/versions.html",
        line=line,
        profile=line.profile,
        title=title_of(line.profile),
        page=queries.versions(actor, line.profile, request.args.get("cursor")),
    )


def version(reference: str, number: int) -> ResponseReturnValue:
    """Show what a version says, or said."""
    actor = current_actor()
    line = queries.profile_named(actor, reference)
    found = queries.version_numbered(actor, line.profile, number)
    return render_template(
        "devices/policies/version.html",
        line=line,
        profile=line.profile,
        title=title_of(line.profile),
        version=found,
        entries=entries_of(found.content),
    )


def compare(reference: str) -> ResponseReturnValue:
    """Show in what two versions differ, setting by setting."""
    actor = current_actor()
    line = queries.profile_named(actor, reference)
    found = queries.comparison(actor, line, *_asked_numbers())
    documents = queries.document_names(actor, documents_in(found.contents))
    return render_template(
        "devices/policies/compare.html",
        line=line,
        profile=line.profile,
        title=title_of(line.profile),
        comparison=found,
        changes=changes_told(*found.contents, documents),
        versions=queries.versions(actor, line.profile).items,
    )


def entries_of(content: Content) -> list[Entry]:
    """Return a content's entries as they are told, documents by their names."""
    return told(content, queries.document_names(current_actor(), documents_in([content])))


def _asked_numbers() -> tuple[int | None, int | None]:
    return version_number(request.args.get("before")), version_number(request.args.get("after"))
