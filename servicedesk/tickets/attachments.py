"""Files on a ticket: judged by their content, kept outside the web root, given out as downloads."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import puremagic
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from servicedesk.clients.visibility import visible_to
from servicedesk.core.errors import InvalidInput, NotFound
from servicedesk.core.text import msgid
from servicedesk.tickets.models import Attachment, Ticket, TicketEntry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work

MAX_BYTES = 10 * 1024 * 1024
MAX_FILES = 5
NAME_LENGTH = 120

# what may be stored, by what the content is; the sender's word for it is not asked
ALLOWED = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".pdf": "application/pdf",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".txt": "text/plain",
    ".csv": "text/csv",
}
_SAME = {".jpeg": ".jpg", ".jfif": ".jpg", ".log": ".txt"}
_ZIPPED = {".docx", ".xlsx", ".zip"}
_TEXTS = {".txt", ".csv", ".log"}

_folder: list[Path] = []


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A file as it came."""

    name: str
    content: bytes


def use_folder(folder: Path) -> None:
    """Tell where the bytes are kept; the composition root calls this."""
    _folder[:] = [folder]


def attach(work: Work, entry: TicketEntry, uploads: Sequence[Upload]) -> None:
    """Store files with a timeline entry. Raises InvalidInput naming the file at fault.

    The bytes are written before the rows commit: a rollback leaves a file nobody refers to, never a
    row without its file.
    """
    if len(uploads) > MAX_FILES:
        raise InvalidInput(msgid("At most %(count)s files."), field="files", count=MAX_FILES)
    checked = [(upload, _kind_of(upload)) for upload in uploads]
    for upload, suffix in checked:
        digest = hashlib.sha256(upload.content).hexdigest()
        _write(digest, upload.content)
        work.session.add(
            Attachment(
                client_id=entry.client_id,
                entry_id=entry.id,
                reference=secrets.token_urlsafe(16),
                name=clean_name(upload.name, suffix),
                media_type=ALLOWED[suffix],
                size=len(upload.content),
                sha256=digest,
                created_at=work.at,
            )
        )


def _kind_of(upload: Upload) -> str:
    """Return the suffix that stands for the content. Raises InvalidInput."""
    if not upload.content:
        raise InvalidInput(msgid("“%(name)s” is empty."), field="files", name=upload.name)
    if len(upload.content) > MAX_BYTES:
        raise InvalidInput(
            msgid("“%(name)s” is larger than 10 MB."), field="files", name=upload.name
        )
    claimed = Path(upload.name).suffix.lower()
    claimed = _SAME.get(claimed, claimed)
    try:
        found = {puremagic.from_string(upload.content, filename=upload.name).lower()}
    except (puremagic.PureError, ValueError):
        found = set()
    found = {_SAME.get(suffix, suffix) for suffix in found}
    if found & _ZIPPED and claimed in _ZIPPED and upload.content.startswith(b"PK"):
        found = {claimed}
    if claimed in {"", *_TEXTS} and _is_text(upload.content):
        found = {claimed if claimed in ALLOWED else ".txt"}
    kinds = found & ALLOWED.keys()
    if not kinds or (found & _TEXTS and not _is_text(upload.content)):
        raise InvalidInput(
            msgid("“%(name)s” is not a picture, PDF, Word, Excel, CSV or text file."),
            field="files",
            name=upload.name,
        )
    return kinds.pop()


def _is_text(content: bytes) -> bool:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return not re.search(
        r"[\x00-\x08\x0e-\x1f]|<script|<svg|<html|<!doctype", text[:65536], re.IGNORECASE
    )


def clean_name(name: str, suffix: str) -> str:
    """Return a name that is safe in a header and on a disk, ending as the content is."""
    stem = Path(name.replace("\\", "/")).name
    stem = stem[: -len(Path(stem).suffix)] if Path(stem).suffix else stem
    stem = re.sub(r"[^\w .()-]+", "_", stem).strip(" .") or "file"
    return stem[:NAME_LENGTH] + suffix


def _write(digest: str, content: bytes) -> None:
    """Keep the bytes under their own hash: the same file twice is kept once."""
    path = path_of(digest)
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(f".{secrets.token_hex(4)}")
    half.write_bytes(content)
    half.replace(path)


def path_of(digest: str) -> Path:
    """Return where the bytes of a hash lie."""
    return _folder[0] / digest[:2] / digest


def attachment_for(
    session: Session, actor: Actor, ticket_reference: str, reference: str
) -> Attachment:
    """Return a file the actor may download. Raises NotFound."""
    query = (
        select(Attachment)
        .join(TicketEntry, TicketEntry.id == Attachment.entry_id)
        .join(Ticket, Ticket.id == TicketEntry.ticket_id)
        .options(joinedload(Attachment.entry, innerjoin=True))
        .where(
            Attachment.reference == reference,
            Ticket.reference == ticket_reference,
            visible_to(actor, Ticket.client_id),
        )
    )
    if actor.is_contact:
        query = query.where(TicketEntry.is_public)
    found = session.scalars(query).one_or_none()
    if found is None or not path_of(found.sha256).exists():
        raise NotFound
    return found
