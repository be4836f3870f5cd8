"""Development only: the mails that landed in `instance/mail`, to be read at /dev/mail."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default
from typing import TYPE_CHECKING

from flask import Blueprint, Response, abort, render_template

from config import Mode
from servicedesk.shell.mail import mail_folder

if TYPE_CHECKING:
    from email.message import EmailMessage
    from pathlib import Path

    from flask import Flask
    from flask.typing import ResponseReturnValue

    from config import Settings

SHOWN = 200  # the newest; the folder keeps all
NAME = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{12}")
# a mail is somebody else's page: it runs nothing and loads nothing
MAIL_POLICY = "sandbox allow-popups; default-src 'none'; style-src 'unsafe-inline'; img-src data:"


@dataclass(frozen=True, kw_only=True)
class KeptMail:
    """A mail as its file tells."""

    name: str
    subject: str
    recipient: str
    date: str
    text: str
    html: str


def install(app: Flask, settings: Settings) -> None:
    """Open /dev/mail, where it may exist: it shows everybody's one-time links."""
    if settings.mode is not Mode.DEVELOPMENT:
        return
    folder = mail_folder(settings)
    dev = Blueprint("dev_mail", __name__, url_prefix="/dev/mail")

    @dev.get("/")
    def index() -> ResponseReturnValue:
        """List the newest mails."""
        paths = sorted(folder.glob("[0-9]*.eml"), reverse=True)
        mails = [_read(path) for path in paths[:SHOWN]]
        return render_template("dev/mail/index.html", mails=mails, total=len(paths))

    @dev.get("/<name>")
    def show(name: str) -> ResponseReturnValue:
        """Show a mail's text, with the way to its HTML."""
        return render_template("dev/mail/show.html", mail=_read(_path(folder, name)))

    @dev.get("/<name>/html")
    def page(name: str) -> ResponseReturnValue:
        """Show a mail's HTML by itself, as a mail program would."""
        response = Response(_read(_path(folder, name)).html)
        response.headers["Content-Security-Policy"] = MAIL_POLICY
        return response

    app.register_blueprint(dev)


def _path(folder: Path, name: str) -> Path:
    path = folder / f"{name}.eml"
    if not NAME.fullmatch(name) or not path.is_file():
        abort(404)
    return path


def _read(path: Path) -> KeptMail:
    message = message_from_bytes(path.read_bytes(), policy=default)
    return KeptMail(
        name=path.stem,
        subject=str(message["Subject"] or ""),
        recipient=str(message["To"] or ""),
        date=str(message["Date"] or ""),
        text=_part(message, "plain"),
        html=_part(message, "html"),
    )


def _part(message: EmailMessage, kind: str) -> str:
    body = message.get_body(preferencelist=(kind,))
    return str(body.get_content()) if body is not None else ""
