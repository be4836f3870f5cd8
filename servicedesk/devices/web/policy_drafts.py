"""Writing a policy: making one, its draft setting by setting, throwing it away. For the desk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from servicedesk.clients.choices import clients_to_choose
from servicedesk.core.errors import DomainError, Forbidden, NotFound
from servicedesk.core.permissions import Permission, require
from servicedesk.devices.choices import offers_for
from servicedesk.devices.policies import editing, queries
from servicedesk.devices.policies.sections import BY_CODE, SECTIONS
from servicedesk.devices.policies.sections.section import ONLY
from servicedesk.devices.policies.telling import documents_in, title_of, told
from servicedesk.devices.web.policy_forms import (
    DraftForm,
    ProfileForm,
    setting_form,
    version_number,
)
from servicedesk.shell.language import translate
from servicedesk.shell.session import current_actor
from servicedesk.shell.submission import form_status, refusals_beside_fields

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Blueprint
    from flask.typing import ResponseReturnValue

    from servicedesk.devices.policies.models import PolicyVersion
    from servicedesk.devices.policies.queries import ProfileLine
    from servicedesk.devices.policies.sections.section import Section
    from servicedesk.devices.web.policy_forms import SettingForm

CONFLICT = 409


def add_to(blueprint: Blueprint) -> None:
    """Add the pages of those who write."""
    one, both = "/<reference>", ["GET", "POST"]
    blueprint.add_url_rule("/new", view_func=create, methods=both)
    blueprint.add_url_rule(f"{one}/rename", view_func=rename, methods=both)
    blueprint.add_url_rule(f"{one}/draft", view_func=draft)
    blueprint.add_url_rule(f"{one}/draft", view_func=begin, methods=["POST"])
    blueprint.add_url_rule(f"{one}/draft/discard", view_func=discard, methods=["POST"])
    setting_at = f"{one}/draft/<section>"
    blueprint.add_url_rule(setting_at, view_func=setting, methods=both)
    blueprint.add_url_rule(f"{setting_at}/drop", view_func=drop, methods=["POST"])


def create() -> ResponseReturnValue:
    """Make a policy with an empty draft."""
    actor = current_actor()
    require(actor, Permission.POLICY_EDIT)
    client = request.values.get("client", "")[:40].replace("\x00", "")
    form = ProfileForm()
    if form.validate_on_submit():
        with refusals_beside_fields(form):
            made = editing.create_profile_draft(
                actor, client, form.name.data or "", form.description.data or ""
            )
            flash(_("Now say what devices get. Nobody has it until an order publishes it."))
            return redirect(url_for(".draft", reference=made.reference))
    page = render_template(
        "devices/policies/profile.html",
        form=form,
        profile=None,
        client=client,
        clients=clients_to_choose(actor),
    )
    return page, form_status(form)


def rename(reference: str) -> ResponseReturnValue:
    """Change how a policy is called and what it is for."""
    actor = current_actor()
    profile = queries.profile_named(actor, reference).profile
    require(actor, Permission.POLICY_EDIT)
    form = ProfileForm(obj=profile)
    if form.validate_on_submit():
        with refusals_beside_fields(form):
            editing.rename_profile(
                actor, reference, form.name.data or "", form.description.data or ""
            )
            return redirect(url_for(".show", reference=reference))
    page = render_template("devices/policies/profile.html", form=form, profile=profile)
    return page, form_status(form)


def begin(reference: str) -> ResponseReturnValue:
    """Begin a draft: a copy of what is published, or of the version that was chosen."""
    chosen = version_number(request.form.get("from", ""))
    return _step(
        reference, lambda: editing.begin_draft(current_actor(), reference, chosen), to=".draft"
    )


def draft(reference: str) -> ResponseReturnValue:
    """Show the draft with everything that can be added to it."""
    line, found = _line_and_draft(reference)
    documents = queries.document_names(current_actor(), documents_in([found.content]))
    entries = told(found.content, documents)
    contracted = queries.contracted_blocks(line.profile.client_id)
    return render_template(
        "devices/policies/draft.html",
        line=line,
        profile=line.profile,
        title=title_of(line.profile),
        draft=found,
        sections=[
            (
                section,
                [one for one in entries if one.section is section],
                section.block.value in contracted,
            )
            for section in SECTIONS
        ],
    )


def discard(reference: str) -> ResponseReturnValue:
    """Throw the draft away."""
    form = DraftForm()
    try:
        is_gone = editing.discard_draft(current_actor(), reference, form.revision.data or 0)
    except (Forbidden, NotFound):
        raise
    except DomainError as refused:
        return _refused(reference, refused)
    if is_gone:
        flash(_("The draft is gone, and the policy with it: there was nothing else to it."))
        return redirect(url_for(".index"))
    flash(_("The draft is gone."))
    return redirect(url_for(".show", reference=reference))


def setting(reference: str, section: str) -> ResponseReturnValue:
    """Add a setting to the draft or change one: `key` in the address names it."""
    line, found = _line_and_draft(reference)
    if section not in BY_CODE:
        raise NotFound
    wanted = BY_CODE[section]
    key = _key(wanted)
    present = found.content.get(section, {}).get(key, {})
    form = _setting_form(line, wanted)(data={**_shown(wanted, present), "revision": found.revision})
    form.keep_secrets_of(present)
    if form.validate_on_submit():
        with refusals_beside_fields(form):
            editing.put_setting(
                current_actor(), reference, section, form.values(), form.revision.data or 0, key
            )
            flash(_("Saved in the draft."), "success")
            return redirect(url_for(".draft", reference=reference, _anchor=section))
    elif request.method == "GET" and key is not None and not present and not wanted.is_single:
        raise NotFound  # it was taken out of the draft
    return _setting_page(reference, wanted, key, form)


def drop(reference: str, section: str) -> ResponseReturnValue:
    """Take a setting out of the draft."""
    form = DraftForm()
    revision, key = form.revision.data or 0, form.key.data or ONLY
    return _step(
        reference,
        lambda: editing.drop_setting(current_actor(), reference, section, key, revision),
        to=".draft",
        anchor=section if section in BY_CODE else None,
    )


def _line_and_draft(reference: str) -> tuple[ProfileLine, PolicyVersion]:
    """Return a profile and its draft, for whoever may write. Raises NotFound, Forbidden."""
    actor = current_actor()
    line = queries.profile_named(actor, reference)
    require(actor, Permission.POLICY_EDIT)
    if line.draft is None:
        raise NotFound
    return line, queries.version_numbered(actor, line.profile, line.draft)


def _key(section: Section) -> str | None:
    if section.is_single:
        return ONLY
    key = request.args.get("key")
    return None if key is None else key.replace("\x00", "")


def _shown(section: Section, values: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if name not in section.secrets}


def _setting_form(line: ProfileLine, section: Section) -> type[SettingForm]:
    kinds = {parameter.offers for parameter in section.parameters if parameter.offers}
    return setting_form(section, offers_for(current_actor(), line.profile.client_id, kinds))


def _setting_page(
    reference: str, section: Section, key: str | None, form: SettingForm
) -> ResponseReturnValue:
    status = form_status(form)
    line, now = _line_and_draft(reference)  # as it is now: somebody may have been faster
    form.ask_secrets_again()
    entries = [one for one in told(now.content) if (one.section, one.key) == (section, key)]
    page = render_template(
        "devices/policies/setting.html",
        line=line,
        profile=line.profile,
        title=title_of(line.profile),
        section=section,
        form=form,
        revision=now.revision,
        key=key if entries else None,
        is_new=not entries,
        now=entries[0] if entries and status == CONFLICT else None,
    )
    return page, status


def _step(
    reference: str, operation: Callable[[], object], *, to: str, anchor: str | None = None
) -> ResponseReturnValue:
    """Do it and go on; say so where the draft's present state does not allow it."""
    try:
        operation()
    except (Forbidden, NotFound):
        raise
    except DomainError as refused:
        return _refused(reference, refused)
    return redirect(url_for(to, reference=reference, _anchor=anchor))


def _refused(reference: str, refused: DomainError) -> ResponseReturnValue:
    flash(translate(refused.text), "error")
    line = queries.profile_named(current_actor(), reference)
    return redirect(url_for(".draft" if line.draft else ".show", reference=reference))
