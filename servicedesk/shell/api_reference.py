"""A page to read the API: made from the OpenAPI document itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, current_app, render_template

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask.typing import ResponseReturnValue

METHODS = ("get", "post", "put", "patch", "delete")

blueprint = Blueprint("api-reference", __name__)


@blueprint.get("/api/v1/")
def show() -> ResponseReturnValue:
    """Show every call with what it takes and gives."""
    document = current_app.extensions["desk-api"].spec.to_dict()
    return render_template(
        "api/reference.html", document=document, calls=list(_calls(document)), schema_of=_schema_of
    )


def _calls(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, operations in sorted(document["paths"].items()):
        for method in METHODS:
            if method in operations:
                yield method.upper(), path, operations[method]


def _schema_of(content: dict[str, Any]) -> str:
    """Return the name of the schema that a body has; empty for none."""
    bodies: list[dict[str, Any]] = list(content.get("content", {}).values())
    schema = bodies[0].get("schema", {}) if bodies else {}
    return str(schema.get("$ref", "")).rsplit("/", 1)[-1]
