"""Rules of conformity: list, who fails, making and changing; the portal reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, flash, redirect, render_template, request
from flask_babel import gettext as _

from servicedesk.clients.choices import client_named, clients_to_choose
from servicedesk.core import database
from servicedesk.core.errors import InvalidInput, NotAllowedNow, NotFound
from servicedesk.core.permissions import Permission, require
from servicedesk.core.text import msgid
from servicedesk.devices.conformity import editing, queries
from servicedesk.devices.conformity.enforcement import withheld_by
from servicedesk.devices.conformity.rules import KINDS, kind_named
from servicedesk.devices.models import PLATFORM_LABELS
from servicedesk.devices.web.conformity_forms import RuleForm, rule_form
from servicedesk.devices.web.conformity_words import withheld_words
from servicedesk.shell.language import translate
from servicedesk.shell.navigation import nav, to
from servicedesk.shell.session import current_actor
from servicedesk.shell.submission import form_status, refusals_beside_fields

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from servicedesk.clients.models import Client
    from servicedesk.devices.conformity.rules import RuleKind


def portal() -> Blueprint:
    """Return `/conformity` for those who read it."""
    blueprint = Blueprint("conformity", __name__, url_prefix="/conformity")
    blueprint.add_url_rule("/", view_func=index)
    blueprint.add_url_rule("/<reference>", view_func=show)
    return blueprint


def desk() -> Blueprint:
    """Return `/conformity` for those who change it, too."""
    blueprint = portal()
    both = ["GET", "POST"]
    blueprint.add_url_rule("/new", view_func=choose)
    blueprint.add_url_rule("/new/<kind>", view_func=create, methods=both)
    blueprint.add_url_rule("/<reference>/edit", view_func=edit, methods=both)
    blueprint.add_url_rule("/<reference>/activate", view_func=activate, methods=["POST"])
    blueprint.add_url_rule("/<reference>/deactivate", view_func=deactivate, methods=["POST"])
    blueprint.add_url_rule("/<reference>/delete", view_func=delete, methods=["POST"])
    return blueprint


@nav("portal.conformity.index", msgid("Conformity"), "shield-check", 35, Permission.DEVICE_READ)
@nav("desk.conformity.index", msgid("Conformity"), "shield-check", 45, Permission.DEVICE_READ)
def index() -> ResponseReturnValue:
    """List the rules with how many fail them."""
    actor = current_actor()
    client = request.args.get("client", "")[:40].replace("\x00", "")
    return render_template(
        "devices/conformity/index.html",
        page=queries.rules(actor, client, request.args.get("cursor")),
        client=client,
        clients=[] if actor.is_contact else clients_to_choose(actor),
        platforms=PLATFORM_LABELS,
    )


def show(reference: str) -> ResponseReturnValue:
    """Show a rule and the devices that fail it."""
    actor = current_actor()
    line = queries.rule_named(actor, reference)
    return render_template(
        "devices/conformity/show.html",
        line=line,
        rule=line.rule,
        kind=kind_named(line.rule.kind),
        page=queries.failing_devices(actor, line.rule, request.args.get("cursor")),
        platforms=PLATFORM_LABELS,
    )


def choose() -> ResponseReturnValue:
    """Choose for whom and what kind of rule it is to be."""
    _require_editor()
    return render_template(
        "devices/conformity/choose.html",
        kinds=KINDS,
        clients=queries.clients_to_hold(current_actor()),
        client=request.args.get("client", "")[:40],
    )


def create(kind: str) -> ResponseReturnValue:
    """Make a rule of a kind; with a look at who would fail before it is kept."""
    _require_editor()
    wanted = next((known for known in KINDS if known.code == kind), None)
    reference = request.args.get("client", "")[:40].replace("\x00", "")
    client = _client(reference)
    if wanted is None or client is None:
        raise NotFound
    form = rule_form(wanted)()
    form.offer(queries.groups_to_choose(current_actor(), client.id))
    if form.validate_on_submit():
        with refusals_beside_fields(form):
            if form.wants_preview:
                return _form_page(form, wanted, client, counts=_preview(form, client, kind))
            rule = editing.create_rule(current_actor(), reference, form.draft(kind))
            flash(_("The rule holds from now on, and the fleet was judged by it."), "success")
            return redirect(to("conformity.show", reference=rule.reference))
    return _form_page(form, wanted, client)


def edit(reference: str) -> ResponseReturnValue:
    """Change a rule."""
    rule = queries.rule_named(current_actor(), reference).rule
    _require_editor()
    kind, client = kind_named(rule.kind), rule.client
    form = rule_form(kind)(data=RuleForm.values_of(rule))
    form.offer(queries.groups_to_choose(current_actor(), client.id))
    if form.validate_on_submit():
        with refusals_beside_fields(form):
            if form.wants_preview:
                counts = _preview(form, client, kind.code)
                return _form_page(form, kind, client, rule=reference, counts=counts)
            editing.edit_rule(current_actor(), reference, form.draft(kind.code))
            flash(_("The rule was changed, and the fleet was judged by it."), "success")
            return redirect(to("conformity.show", reference=reference))
    return _form_page(form, kind, client, rule=reference)


def activate(reference: str) -> ResponseReturnValue:
    """Hold the fleet to a rule again."""
    editing.activate_rule(current_actor(), reference)
    return redirect(to("conformity.show", reference=reference))


def deactivate(reference: str) -> ResponseReturnValue:
    """Hold nobody to a rule any more."""
    editing.deactivate_rule(current_actor(), reference)
    flash(_("Nobody is held to the rule any more; what it withheld comes back."), "success")
    return redirect(to("conformity.show", reference=reference))


def delete(reference: str) -> ResponseReturnValue:
    """Delete a rule that nothing ever failed."""
    try:
        editing.delete_rule(current_actor(), reference)
    except NotAllowedNow as refused:
        flash(translate(refused.text), "error")
        return redirect(to("conformity.show", reference=reference))
    flash(_("The rule is gone."), "success")
    return redirect(to("conformity.index"))


def _require_editor() -> None:
    require(current_actor(), Permission.POLICY_EDIT)


def _client(reference: str) -> Client | None:
    try:
        return client_named(database.session(), current_actor(), reference)
    except InvalidInput:
        return None


def _preview(form: RuleForm, client: Client, kind: str) -> queries.Counts:
    return queries.preview(current_actor(), client.reference, form.draft(kind))


def _form_page(
    form: RuleForm,
    kind: RuleKind,
    client: Client,
    *,
    rule: str | None = None,
    counts: queries.Counts | None = None,
) -> ResponseReturnValue:
    page = render_template(
        "devices/conformity/form.html",
        form=form,
        kind=kind,
        client=client,
        rule=rule,
        counts=counts,
        withheld=withheld_words(withheld_by([form.sketch()])) if counts else "",
        apps=queries.apps_to_choose(current_actor(), client.id) if "app" in form else [],
    )
    return page, form_status(form)
