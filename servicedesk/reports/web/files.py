"""One making of a report: how far it is, and its file, which is always a download."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import flash, redirect, render_template, send_file, url_for
from flask_babel import gettext as _

from servicedesk.core import clock, database
from servicedesk.core.errors import DomainError, Forbidden, NotAllowedNow, NotFound
from servicedesk.core.text import msgid
from servicedesk.reports import folder, queries
from servicedesk.reports.asking import cancel_run, note_download
from servicedesk.reports.formats import MEDIA_TYPES
from servicedesk.reports.models import RUN_STATE_LABELS, SILENT, ReportRun, RunState
from servicedesk.reports.naming import name_of
from servicedesk.reports.web.words import kind_words
from servicedesk.shell.language import translate
from servicedesk.shell.session import current_actor

if TYPE_CHECKING:
    from flask import Response
    from flask.typing import ResponseReturnValue

    from servicedesk.core.actors import Actor


def show(key: str) -> ResponseReturnValue:
    """Show how far it is, or the file."""
    run = queries.run_named(current_actor(), key)
    return render_template("reports/file.html", **_told(run))


def progress(key: str) -> ResponseReturnValue:
    """Show just how far it is: the page asks while somebody works."""
    run = queries.run_named(current_actor(), key)
    page = render_template("reports/progress.html", **_told(run))
    return page, 200, {} if run.is_unfinished else {"HX-Refresh": "true"}


def cancel(key: str) -> ResponseReturnValue:
    """Have nobody go on with it."""
    try:
        cancel_run(current_actor(), key)
    except (Forbidden, NotFound):
        raise
    except DomainError as refused:
        database.session().rollback()
        flash(translate(refused.text), "error")
    else:
        flash(_("Cancelled: nobody goes on with it."))
    return redirect(url_for(".show_file", key=key))


def download(key: str) -> ResponseReturnValue:
    """Give the file."""
    return file_of(current_actor(), key)


def file_of(actor: Actor, key: str) -> Response:
    """Return the file as a download, and note it where it tells of people. Raises NotFound."""
    run = queries.run_named(actor, key)
    if not run.has_file or not folder.path_of(run.key).is_file():
        raise NotAllowedNow(msgid("There is no file, or no more: have it made again."))
    if run.is_personal:
        note_download(actor, run)
    response = send_file(
        folder.path_of(run.key),
        mimetype=MEDIA_TYPES[run.format],
        as_attachment=True,
        download_name=name_of(run, kind_words(run.kind)),
        max_age=0,
    )
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response


def _told(run: ReportRun) -> dict[str, Any]:
    return {
        "run": run,
        "states": RUN_STATE_LABELS,
        "kind_words": kind_words,
        "is_silent": run.state is RunState.WORKING
        and run.seen_at is not None
        and clock.now() - run.seen_at > SILENT,
    }
