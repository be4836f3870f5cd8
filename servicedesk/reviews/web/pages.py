"""Pages of reviews that both audiences have: the list, the review itself, what is said about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Response, flash, redirect, render_template, request
from flask_babel import gettext

from servicedesk.clients.choices import clients_to_choose
from servicedesk.core.permissions import Permission, may
from servicedesk.reviews import publishing, queries
from servicedesk.reviews.frozen import hash_of
from servicedesk.reviews.metrics.figure import Section, Subject
from servicedesk.reviews.models import Place, ReviewState
from servicedesk.reviews.opening import openable
from servicedesk.reviews.web import pictures
from servicedesk.reviews.web.forms import AcknowledgeForm, CommentForm
from servicedesk.reviews.web.opens import EvidencePaths, has_evidence, path_to
from servicedesk.reviews.web.page_words import WORDS
from servicedesk.reviews.web.words import sections_of
from servicedesk.shell.navigation import to
from servicedesk.shell.session import current_actor
from servicedesk.shell.submission import form_status, refusals_beside_fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask.typing import ResponseReturnValue
    from flask_wtf import FlaskForm

    from servicedesk.reviews.queries import ReviewView
    from servicedesk.shell.charts.values import Chart

# what tells most, in the order of the strip
TELLING = (
    "service_levels",
    "time_to_first_response",
    "time_to_resolve_net",
    "backlog",
    "satisfaction",
    "conformity",
    "punctuality",
    "engagement",
)


def index() -> ResponseReturnValue:
    """List reviews by month; who writes them finds the drafts first."""
    actor = current_actor()
    client, state = request.args.get("client", "")[:40], request.args.get("state", "")
    state = state if state in set(ReviewState) else ""
    is_plain = not (client or state or request.args.get("cursor"))
    drafts = (
        queries.reviews(actor, state=ReviewState.DRAFT).items
        if is_plain and may(actor, Permission.REVIEW_WRITE)
        else []
    )
    return render_template(
        "reviews/index.html",
        page=queries.reviews(actor, client, state, request.args.get("cursor")),
        drafts=drafts,
        clients=[] if actor.is_contact else clients_to_choose(actor),
        client=client,
        state=state,
        **WORDS,
    )


def show(reference: str) -> ResponseReturnValue:
    """Show a review as its contact reads it; a draft is its preview."""
    return page_of_review(queries.review_view(current_actor(), reference))


def page_of_review(
    view: ReviewView, form: FlaskForm | None = None, *, status: int = 200, refused: str = ""
) -> ResponseReturnValue:
    """Show the review; `form` is what was refused, `refused` why it was not published."""
    actor, content = current_actor(), view.content
    paths = EvidencePaths(view.review.reference)
    sections = sections_of(content)
    figures = {figure.code: figure for _section, found in sections for figure in found}
    tasks = [one["task"] for one in content["chapters"]["missed"]]
    planned = [one["reference"] for one in content["chapters"]["planned_next"]]
    known = openable(actor, Subject.RUN, [*tasks, *planned])
    page = render_template(
        "reviews/show.html",
        view=view,
        review=view.review,
        content=content,
        chapters=content["chapters"],
        sections=sections,
        strip=[figures[code] for code in TELLING if code in figures],
        spark=lambda code: pictures.spark(content, code),
        charts=_charts(content, paths),
        paths=paths,
        has_evidence=has_evidence,
        run_path=lambda reference: path_to(Subject.RUN, reference, known),
        form=form or _form_of(view),
        refused=refused,
        is_sound=view.review.is_draft or hash_of(view.text) == view.review.hash,
        places=Place,
        **WORDS,
    )
    return page, status if refused or form is None else form_status(form)


def _charts(content: Mapping[str, Any], paths: EvidencePaths) -> Mapping[Section, list[Chart]]:
    found: dict[Section, list[Chart]] = {
        Section.SERVICE_LEVELS: [
            pictures.trend(content, "service_levels", paths),
            pictures.trend(content, "breach_severity", paths),
        ],
        Section.TIMES: [
            pictures.trend(content, "time_to_resolve_net", paths),
            pictures.whose_time(content, paths),
        ],
        Section.VOLUME: [pictures.volume(content, paths), pictures.backlog(content, paths)],
        Section.QUALITY: [
            pictures.trend(content, "satisfaction", paths),
            pictures.trend(content, "reopen_rate", paths),
        ],
        Section.DEVICES: [
            pictures.trend(content, "conformity", paths),
            pictures.action_success(content, paths),
        ],
        Section.ENGAGEMENT: [pictures.days(content, paths)],
    }
    return {section: [one for one in charts if one.known] for section, charts in found.items()}


def _form_of(view: ReviewView) -> FlaskForm | None:
    """Return what this reader may say about it."""
    actor = current_actor()
    if view.review.is_draft:
        return None
    if view.review.state is ReviewState.PUBLISHED and may(actor, Permission.REVIEW_ACKNOWLEDGE):
        return AcknowledgeForm(formdata=None)
    return CommentForm(formdata=None) if may(actor, Permission.REVIEW_COMMENT) else None


def acknowledge(reference: str) -> ResponseReturnValue:
    """Say, as the contact, that it was read."""
    view, form = queries.review_view(current_actor(), reference), AcknowledgeForm()
    if form.validate_on_submit():
        with refusals_beside_fields(form):
            publishing.acknowledge_review(current_actor(), reference, form.body.data or "")
            flash(
                gettext("Thank you: your account manager knows that you have read it."), "success"
            )
            return redirect(to("reviews.show", reference=reference))
    return page_of_review(view, form)


def comment(reference: str) -> ResponseReturnValue:
    """Say something about it."""
    view, form = queries.review_view(current_actor(), reference), CommentForm()
    if form.validate_on_submit():
        with refusals_beside_fields(form):
            publishing.comment_review(current_actor(), reference, form.body.data or "")
            flash(gettext("Sent."), "success")
            return redirect(to("reviews.show", reference=reference) + "#comments")
    return page_of_review(view, form)


def content(reference: str) -> ResponseReturnValue:
    """Give the content to the byte: what the hash is of, once it is published."""
    view = queries.review_view(current_actor(), reference)
    return _file(view.text, f"{view.review.reference}.json")


def all_evidence(reference: str) -> ResponseReturnValue:
    """Give the evidence to the byte: its hash is in the content."""
    text = queries.kept_evidence(current_actor(), reference)
    return _file(text, f"{queries.review_of(current_actor(), reference).reference}-evidence.json")


def _file(text: str, name: str) -> Response:
    return Response(
        text,
        mimetype="application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
