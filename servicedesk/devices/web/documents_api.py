"""A client's library of documents in the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask.views import MethodView
from flask_smorest import Blueprint
from flask_smorest.fields import Upload as UploadField
from marshmallow import Schema, fields, validate

from servicedesk.clients.choices import clients_to_choose
from servicedesk.clients.web.api import PageQuery, person_of_token
from servicedesk.core.files import Upload
from servicedesk.core.paging import Page
from servicedesk.devices.policies import documents as library
from servicedesk.shell.api import guard
from servicedesk.shell.session import current_actor

if TYPE_CHECKING:
    from servicedesk.devices.policies.documents import DocumentLine


class DocumentQuery(PageQuery):
    """Filters of the library."""

    client = fields.String(load_default="", validate=validate.Length(max=40))


class OwnerQuery(Schema):
    """Whose library it is for."""

    client = fields.String(
        load_default="",
        validate=validate.Length(max=40),
        metadata={"description": "Its reference; needed from whoever acts for several clients."},
    )


class FileSchema(Schema):
    """The file: a picture, PDF, Word, Excel, CSV or text file, up to 10 MB."""

    file = UploadField(required=True)


class DocumentSchema(Schema):
    """A document; `fetched` is on how many devices it arrived."""

    reference = fields.String(required=True)
    client = fields.String(required=True)
    name = fields.String(required=True)
    media_type = fields.String(required=True)
    size = fields.Integer(required=True)
    sha256 = fields.String(required=True)
    author = fields.String(required=True)
    created_at = fields.AwareDateTime(required=True)
    fetched = fields.Integer(required=True)


class DocumentPage(Schema):
    """A piece of the library."""

    items = fields.List(fields.Nested(DocumentSchema), required=True)
    next = fields.String(required=True, allow_none=True)


class FetchSchema(Schema):
    """A device that fetched a document."""

    device = fields.String(attribute="reference", required=True)
    first_at = fields.AwareDateTime(required=True)
    last_at = fields.AwareDateTime(required=True)
    times = fields.Integer(required=True)


class FetchPage(Schema):
    """A piece of the list of devices that fetched a document."""

    items = fields.List(fields.Nested(FetchSchema), required=True)
    next = fields.String(required=True, allow_none=True)


def told(line: DocumentLine) -> dict[str, Any]:
    """Return a document as the API tells of it; the address devices fetch it from is not told."""
    document = line.document
    return {
        "reference": document.reference,
        "client": document.client.reference,
        "name": document.name,
        "media_type": document.media_type,
        "size": document.size,
        "sha256": document.sha256,
        "author": document.author_name,
        "created_at": document.created_at,
        "fetched": line.fetched,
    }


blueprint = Blueprint("api-documents", __name__, url_prefix="/api/v1/documents")
guard(blueprint, person_of_token)


@blueprint.route("")
class Documents(MethodView):
    """The documents the token's owner sees."""

    @blueprint.arguments(DocumentQuery, location="query")
    @blueprint.response(200, DocumentPage)
    def get(self, query: dict[str, Any]) -> Page[dict[str, Any]]:
        """List documents, the newest first."""
        client = query["client"].replace("\x00", "")
        found = library.documents(current_actor(), client, query["cursor"], query["limit"])
        return Page([told(line) for line in found.items], found.next)

    @blueprint.arguments(OwnerQuery, location="query")
    @blueprint.arguments(FileSchema, location="files")
    @blueprint.response(201, DocumentSchema)
    def post(self, query: dict[str, Any], files: dict[str, Any]) -> dict[str, Any]:
        """Put a file into the library; an order puts it on devices."""
        actor, file = current_actor(), files["file"]
        client = query["client"]
        if not client and len(own := clients_to_choose(actor)) == 1:
            client = own[0].reference
        upload = Upload(name=file.filename or "", content=file.read())
        made = library.add_document(actor, client, upload)
        return told(library.document_line(actor, made.reference))


@blueprint.route("/<reference>")
class OneDocument(MethodView):
    """A document."""

    @blueprint.response(200, DocumentSchema)
    def get(self, reference: str) -> dict[str, Any]:
        """Show a document."""
        return told(library.document_line(current_actor(), reference))


@blueprint.route("/<reference>/fetches")
class Fetches(MethodView):
    """Which devices fetched a document."""

    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, FetchPage)
    def get(self, query: dict[str, Any], reference: str) -> Any:
        """List the devices that fetched it, the newest first."""
        actor = current_actor()
        document = library.document_line(actor, reference).document
        return library.fetches_of(actor, document, query["cursor"], query["limit"])
