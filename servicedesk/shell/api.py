"""The API's frame: documents, problems, and the guard that reads a token and never a cookie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Response, g, request
from flask_smorest import Api
from marshmallow import Schema, fields
from werkzeug.exceptions import HTTPException

from servicedesk.core import database
from servicedesk.core.actors import GATE, Actor
from servicedesk.core.errors import DomainError, Forbidden
from servicedesk.core.text import msgid
from servicedesk.shell import errors
from servicedesk.shell.session import caller_address, use_actor

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask
    from flask.typing import ResponseReturnValue
    from flask_smorest import Blueprint

    FindPerson = Callable[[str, str], tuple[Any, Actor, frozenset[str]] | None]

READING = frozenset({"GET", "HEAD", "OPTIONS"})
DOCUMENTS = frozenset({"api-docs"})


class FieldFault(Schema):
    """An input at fault."""

    field = fields.String(required=True)
    detail = fields.String(required=True)


class Problem(Schema):
    """An RFC 9457 problem."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    instance = fields.String(required=True)
    errors = fields.List(fields.Nested(FieldFault))


class NoToken(DomainError):
    """No token, or one that does not work."""

    code = "unauthorized"
    status = 401
    sentence = msgid("A valid token is needed: send “Authorization: Bearer …”.")


class ReadOnlyToken(Forbidden):
    """The token may only read."""

    code = "read-only-token"
    sentence = msgid("This token may only read.")


class DeskApi(Api):
    """flask-smorest, answering every fault as an RFC 9457 problem."""

    ERROR_SCHEMA = Problem

    def handle_http_exception(self, error: HTTPException) -> Response:
        """Turn werkzeug's and webargs' exceptions into problems."""
        messages = getattr(error, "data", {}).get("messages") if hasattr(error, "data") else None
        faults = list(_faults(messages)) if messages else []
        status = error.code or 500
        answer = errors.answer(status, code=error.name.lower().replace(" ", "-"), errors=faults)
        for name, value in error.get_headers():
            if name.lower() not in {"content-type", "content-length"}:
                answer.headers[name] = value
        return answer

    def _register_error_handlers(self) -> None:
        """Leave the registration to `shell.errors`: one place for every audience."""


def _faults(messages: Any, path: str = "") -> list[dict[str, str]]:
    """Return marshmallow's nested messages as fields with dots."""
    if isinstance(messages, dict):
        found = []
        for name, inner in messages.items():
            inside = name in {"json", "query", "headers", "files", "_schema"} and not path
            found += _faults(inner, path if inside else f"{path}.{name}".strip("."))
        return found
    words = messages if isinstance(messages, list) else [messages]
    return [{"field": path, "detail": str(word)} for word in words]


def install(app: Flask) -> DeskApi:
    """Configure OpenAPI at /api/v1/openapi.json and a page to read it."""
    app.config.update(
        API_TITLE="Managed Mobility Service Desk",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/api/v1",
        OPENAPI_JSON_PATH="openapi.json",
    )
    app.config["API_SPEC_OPTIONS"] = {
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{"token": []}],
        "servers": [{"url": "/"}],
    }
    api = DeskApi(app)
    app.extensions["desk-api"] = api

    def answer(error: HTTPException) -> ResponseReturnValue:
        if request.path.startswith("/api/"):
            return api.handle_http_exception(error)
        return errors.http_page(error)

    app.register_error_handler(HTTPException, answer)
    return api


def guard(blueprint: Blueprint, find_person: FindPerson) -> None:
    """Let only valid tokens in; a token that only reads may not change anything."""

    @blueprint.before_request
    def check() -> None:
        database.become(GATE)
        kind, _, plain = request.headers.get("Authorization", "").partition(" ")
        found = find_person(plain.strip(), caller_address()) if kind.lower() == "bearer" else None
        if found is None:
            raise NoToken
        person, actor, scopes = found
        if request.method not in READING and "write" not in scopes:
            raise ReadOnlyToken
        g.person = person
        use_actor(actor)


def document_problems(api: DeskApi) -> None:
    """Say in the document that faults are problems; to be called when every call is registered."""
    for response in api.spec.components.responses.values():
        content = response.get("content", {})
        if "application/json" in content:
            content["application/problem+json"] = content.pop("application/json")
