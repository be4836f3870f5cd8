"""A client's library of documents: list, upload, download, and which devices fetched one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, flash, redirect, render_template, request, send_file, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import SelectField
from wtforms.fields.choices import SelectChoice

from servicedesk.clients.choices import clients_to_choose
from servicedesk.core.errors import NotFound
from servicedesk.core.files import Upload, path_of
from servicedesk.core.permissions import Permission, may, require
from servicedesk.devices.policies import documents as library
from servicedesk.shell.session import current_actor
from servicedesk.shell.submission import form_status, refusals_beside_fields

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask.typing import ResponseReturnValue


def blueprint() -> Blueprint:
    """Return `/documents`."""
    made = Blueprint("documents", __name__, url_prefix="/documents")
    made.add_url_rule("/", view_func=index)
    made.add_url_rule("/", view_func=upload, methods=["POST"])
    made.add_url_rule("/<reference>", view_func=show)
    made.add_url_rule("/<reference>/file", view_func=download)
    return made


class UploadForm(FlaskForm):
    """A file for a library."""

    client = SelectField(_("Client"), validate_choice=False)
    file = FileField(
        _("File"),
        description=_("A picture, PDF, Word, Excel, CSV or text file, up to 10 MB."),
    )

    def offer(self, clients: Sequence[Any]) -> None:
        """Offer these clients."""
        self.client.choices = [SelectChoice(one.reference, one.name) for one in clients]

    def to_upload(self) -> Upload:
        """Return what was chosen; nothing chosen is an empty file without a name."""
        chosen = self.file.data
        return Upload(
            name=(chosen.filename or "") if chosen else "", content=chosen.read() if chosen else b""
        )


def index() -> ResponseReturnValue:
    """List the documents in reach."""
    return _page(UploadForm(formdata=None, client=_asked_client()))


def upload() -> ResponseReturnValue:
    """Put a file into the library."""
    require(current_actor(), Permission.DEVICE_ACT)
    form = UploadForm()
    form.offer(clients_to_choose(current_actor()))
    if not form.file.data:
        form.file.errors = [gettext("Choose a file.")]
    elif form.validate_on_submit():
        with refusals_beside_fields(form):
            document = library.add_document(
                current_actor(), form.client.data or "", form.to_upload()
            )
            flash(
                gettext(
                    "In the library: %(name)s. An order puts it on devices.", name=document.name
                ),
                "success",
            )
            return redirect(url_for(".show", reference=document.reference))
    return _page(form)


def show(reference: str) -> ResponseReturnValue:
    """Show a document and the devices that fetched it."""
    actor = current_actor()
    line = library.document_line(actor, reference)
    return render_template(
        "devices/documents/show.html",
        line=line,
        document=line.document,
        page=library.fetches_of(actor, line.document, request.args.get("cursor")),
    )


def download(reference: str) -> ResponseReturnValue:
    """Give a document to a person, never shown inside the desk's own pages."""
    document = library.document_line(current_actor(), reference).document
    return file_of(document)


def file_of(document: library.ClientDocument) -> ResponseReturnValue:
    """Return a document's content as a download. Raises NotFound where it is not kept here."""
    path = path_of(document.sha256)
    if not path.exists():
        raise NotFound
    response = send_file(
        path, mimetype=document.media_type, as_attachment=True, download_name=document.name
    )
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response


def _asked_client() -> str:
    return request.args.get("client", "")[:40].replace("\x00", "")


def _page(form: UploadForm) -> ResponseReturnValue:
    actor = current_actor()
    clients = clients_to_choose(actor)
    form.offer(clients)
    page = render_template(
        "devices/documents/index.html",
        form=form if may(actor, Permission.DEVICE_ACT) and clients else None,
        page=library.documents(actor, _asked_client(), request.args.get("cursor")),
        client=_asked_client(),
        clients=clients if len(clients) > 1 else [],
    )
    return page, form_status(form)
