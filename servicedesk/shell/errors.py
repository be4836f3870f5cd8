"""Refusals and faults as answers: a page, a piece of a page, or an RFC 9457 problem."""

from __future__ import annotations

from datetime import timedelta
from math import ceil
from typing import TYPE_CHECKING, Any

import structlog
from flask import Response, g, jsonify, render_template, request
from flask_babel import gettext
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import (
    DataError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    PendingRollbackError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException

from servicedesk.core import database
from servicedesk.core.errors import Conflict, DomainError, InvalidInput, NotFound
from servicedesk.core.text import Text, msgid
from servicedesk.shell.language import translate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Flask
    from flask.typing import ResponseReturnValue

log = structlog.get_logger("servicedesk.errors")
BACK_SOON = timedelta(seconds=5)  # a restart of the database takes about so long

TITLES: Mapping[int, str] = {
    400: msgid("That could not be understood"),
    403: msgid("Not allowed"),
    404: msgid("Not found"),
    405: msgid("Not possible here"),
    409: msgid("Not possible now"),
    413: msgid("Too large"),
    415: msgid("Not understood"),
    422: msgid("Check what you entered"),
    429: msgid("Too many tries"),
    500: msgid("Something went wrong on our side"),
    503: msgid("We will be back in a moment"),
}
SENTENCES: Mapping[int, str] = {
    400: msgid("The page may be old: load it again and repeat what you did."),
    403: msgid("You do not have permission to do this."),
    404: msgid("The page does not exist, or it is not for you."),
    413: msgid("What you sent is larger than we can take."),
    429: msgid("Wait a little and try again."),
    500: msgid("It was noted. Try again; if it happens again, tell us the number below."),
    503: msgid("The database cannot be reached. Nothing you saved is lost; try again shortly."),
}


def install(app: Flask) -> None:
    """Turn every kind of error into an answer."""
    app.register_error_handler(DomainError, _refusal)
    app.register_error_handler(
        CSRFError, lambda _error: answer(400, detail=None, code="form-expired")
    )
    app.register_error_handler(HTTPException, http_page)
    app.register_error_handler(StaleDataError, lambda _error: _refusal(Conflict()))
    for away in (OperationalError, InterfaceError, PendingRollbackError, PoolExhausted):
        app.register_error_handler(away, _database_away)
    # two did the same at once: the database let one of them
    app.register_error_handler(IntegrityError, _collision)
    # a number no column holds, a character no text stores: nothing of that name exists
    app.register_error_handler(DataError, lambda _error: _refusal(NotFound()))
    app.register_error_handler(UnicodeEncodeError, lambda _error: _refusal(InvalidInput()))
    app.register_error_handler(Exception, _fault)

    @app.after_request
    def say_when_to_return(response: Response) -> Response:
        if wait := g.pop("retry_after", None):
            response.headers["Retry-After"] = str(ceil(wait.total_seconds()))
        return response


def _refusal(error: DomainError) -> ResponseReturnValue:
    g.retry_after = error.retry_after
    errors = [{"field": error.field, "detail": translate(error.text)}] if error.field else []
    faults: Mapping[str, str] = getattr(error, "faults", {})
    if faults:
        place = getattr(error, "faults_at", "action.parameters")
        errors = [
            {"field": f"{place}.{name}".lstrip("."), "detail": translate(fault)}
            for name, fault in faults.items()
        ]
    return answer(
        error.status, detail=error.text, code=error.code, errors=errors, facts=error.facts
    )


def http_page(error: HTTPException) -> ResponseReturnValue:
    """Answer one of werkzeug's exceptions."""
    if error.response is not None or error.code is None or error.code < 400:  # noqa: PLR2004
        return error
    given = answer(error.code, code=error.name.lower().replace(" ", "-"))
    # what a caller may do instead (Allow), when to come back (Retry-After)
    for name, value in error.get_headers():
        if name.lower() not in {"content-type", "content-length"}:
            given.headers[name] = value
    return given


def _collision(error: IntegrityError) -> ResponseReturnValue:
    log.warning("collision", constraint=_constraint_of(error))
    return _refusal(Conflict())


def _constraint_of(error: IntegrityError) -> str | None:
    diagnosis = getattr(error.orig, "diag", None)
    return getattr(diagnosis, "constraint_name", None)


def _database_away(error: SQLAlchemyError) -> ResponseReturnValue:
    log.warning("database away", kind=type(getattr(error, "orig", None) or error).__name__)
    g.retry_after = BACK_SOON
    return answer(503, code="database-away")


def _fault(error: Exception) -> ResponseReturnValue:
    log.error("request failed", exc_info=error)
    return answer(500, code="internal")


def answer(
    status: int,
    *,
    detail: Text | None = None,
    code: str = "error",
    errors: list[dict[str, Any]] | None = None,
    facts: Mapping[str, object] | None = None,
) -> Response:
    """Return the answer for a status in the form the caller reads; `facts` go to programs."""
    database.put_back()
    title = gettext(TITLES.get(status, TITLES[400]))
    words = translate(detail) if detail else gettext(SENTENCES.get(status, SENTENCES[400]))
    if request.path.startswith("/api/"):
        problem = {"detail": words, **(facts or {})}
        if errors:
            problem["errors"] = errors
        return _problem(status, title, code, problem)
    page = render_template("errors/page.html", status=status, title=title, words=words)
    return Response(page, status)


def _problem(status: int, title: str, code: str, told: Mapping[str, object]) -> Response:
    problem = {
        "type": f"/problems/{code}",
        "title": title,
        "status": status,
        "instance": g.get("request_id", ""),
        **told,
    }
    response = jsonify(problem)
    response.status_code = status
    response.mimetype = "application/problem+json"
    return response


def put_beside_field(form: Any, error: DomainError) -> None:
    """Show a refusal beside the fields it is about, or above the form."""
    g.retry_after = error.retry_after
    at_fault = (error.field or "").split(".")[-1]
    faults: Mapping[str, Text | str] = getattr(error, "faults", {}) or {at_fault: error.text}
    for name, fault in faults.items():
        field, words = form._fields.get(name), translate(fault)
        if field is not None:
            field.errors = [*field.errors, words]
        else:
            form.form_errors.append(words)
