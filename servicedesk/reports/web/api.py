"""Reports in the API: which there are, have one made, see how far it is, take its file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask.views import MethodView
from flask_smorest import Blueprint

from servicedesk.clients.web.api import PageQuery, person_of_token
from servicedesk.reports import queries
from servicedesk.reports.asking import ask_report, cancel_run, run_again
from servicedesk.reports.kinds import kind_named, kinds_for
from servicedesk.reports.web.api_schemas import (
    NewReport,
    ReportFileSchema,
    ReportKindsSchema,
    ReportSchema,
    ReportsSchema,
)
from servicedesk.reports.web.files import file_of
from servicedesk.reports.wishes import Wish
from servicedesk.shell.api import guard
from servicedesk.shell.language import chosen_language, translate
from servicedesk.shell.session import current_actor

if TYPE_CHECKING:
    from flask import Response

    from servicedesk.core.actors import Actor
    from servicedesk.reports.kinds.kind import ReportKind
    from servicedesk.reports.models import Report, ReportRun

blueprint = Blueprint("api-reports", __name__, url_prefix="/api/v1/reports")
guard(blueprint, person_of_token)
DOWNLOAD = {"description": "The file, always as a download."}
BINARY = {"type": "string", "format": "binary"}


@blueprint.route("")
class Reports(MethodView):
    """Reports of one's own."""

    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, ReportsSchema)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List reports, newest first, with the newest file of each."""
        page = queries.reports(current_actor(), query["cursor"], query["limit"])
        return {"items": [_report(*row) for row in page.items], "next": page.next}

    @blueprint.arguments(NewReport)
    @blueprint.response(202, ReportFileSchema)
    def post(self, body: dict[str, Any]) -> dict[str, Any]:
        """Have a report made; ask for its file by the key until it is done."""
        actor = current_actor()
        wish = _wish(actor, body)
        return _file(ask_report(actor, wish, chosen_language()))


@blueprint.route("/kinds")
class Kinds(MethodView):
    """Kinds of report."""

    @blueprint.response(200, ReportKindsSchema)
    def get(self) -> dict[str, Any]:
        """List the kinds one may ask for, with their columns and filters."""
        actor = current_actor()
        return {"items": [_kind(kind, actor) for kind in kinds_for(actor)]}


@blueprint.route("/<reference>")
class OneReport(MethodView):
    """A report."""

    @blueprint.response(200, ReportSchema)
    def get(self, reference: str) -> dict[str, Any]:
        """Fetch what a report asks for, with its newest file."""
        actor = current_actor()
        report = queries.report_named(actor, reference)
        newest = queries.runs_of(actor, report, size=1).items
        return _report(report, newest[0] if newest else None)


@blueprint.route("/<reference>/run")
class Again(MethodView):
    """Another making of a report."""

    @blueprint.response(202, ReportFileSchema)
    def post(self, reference: str) -> dict[str, Any]:
        """Have it made again, as of now."""
        return _file(run_again(current_actor(), reference))


@blueprint.route("/files/<key>")
class OneFile(MethodView):
    """One making of a report."""

    @blueprint.response(200, ReportFileSchema)
    def get(self, key: str) -> dict[str, Any]:
        """Say how far it is."""
        return _file(queries.run_named(current_actor(), key))


@blueprint.route("/files/<key>/cancel")
class Cancelled(MethodView):
    """The end of a making."""

    @blueprint.response(200, ReportFileSchema)
    def post(self, key: str) -> dict[str, Any]:
        """Have nobody go on with it."""
        return _file(cancel_run(current_actor(), key))


@blueprint.route("/files/<key>/download")
class Download(MethodView):
    """The file of a report."""

    @blueprint.response(200, BINARY, content_type="application/octet-stream", **DOWNLOAD)
    def get(self, key: str) -> Response:
        """Take the file: CSV, XLSX or PDF."""
        return file_of(current_actor(), key)


def _wish(actor: Actor, body: dict[str, Any]) -> Wish:
    kind = kind_named(body["kind"], actor)
    usual = [column.code for column in kind.columns_for(actor) if column.in_default]
    return Wish(
        kind=kind.code,
        columns=body["columns"] or usual,
        filters=body["filters"],
        period=body["period"].value,
        first_on=body["first_on"],
        last_on=body["last_on"],
        format=body["format"].value,
        client=body["client"],
        title=body["title"],
    )


def _kind(kind: ReportKind, actor: Actor) -> dict[str, Any]:
    return {
        "code": kind.code,
        "label": translate(kind.label),
        "description": translate(kind.description),
        "has_period": kind.period is not None,
        "columns": [
            {
                "code": column.code,
                "label": translate(column.label),
                "type": column.type,
                "is_personal": column.is_personal,
                "is_usual": column.in_default,
            }
            for column in kind.columns_for(actor)
        ],
        "filters": [
            {
                "code": one.code,
                "label": translate(one.label),
                "values": [str(value) for value in one.labels] if one.labels is not None else None,
            }
            for one in kind.filters_for(actor)
        ],
    }


def _report(report: Report, newest: ReportRun | None) -> dict[str, Any]:
    return {
        "reference": report.reference,
        "title": report.title,
        "is_saved": report.is_saved,
        "kind": report.kind,
        "columns": report.columns,
        "filters": report.filters,
        "period": report.period,
        "first_on": report.first_on,
        "last_on": report.last_on,
        "format": report.format,
        "client": report.client.reference if report.client else None,
        "time_zone": report.time_zone,
        "author": report.author_name,
        "created_at": report.created_at,
        "newest": _file(newest) if newest else None,
    }


def _file(run: ReportRun) -> dict[str, Any]:
    return {
        "key": run.key,
        "report": run.reference,
        "title": run.title,
        "kind": run.kind,
        "format": run.format,
        "state": run.state,
        "first_on": run.first_on,
        "last_on": run.last_on,
        "rows_done": run.rows_done,
        "rows_total": run.rows_total,
        "asked_at": run.asked_at,
        "finished_at": run.finished_at,
        "size": run.size,
        "sha256": run.sha256,
        "expires_at": run.expires_at,
        "has_file": run.has_file,
        "is_personal": run.is_personal,
        "problem": translate(run.problem) or None,
    }
