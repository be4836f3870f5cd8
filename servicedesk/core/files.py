"""Files people give us: judged by their content, kept outside the web root under their own hash."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import puremagic

from servicedesk.core.errors import InvalidInput
from servicedesk.core.text import msgid

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_BYTES = 10 * 1024 * 1024
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


def kind_of(upload: Upload, field: str = "files") -> str:
    """Return the suffix that stands for the content. Raises InvalidInput at `field`."""
    if not upload.content:
        raise InvalidInput(msgid("“%(name)s” is empty."), field=field, name=upload.name)
    if len(upload.content) > MAX_BYTES:
        raise InvalidInput(msgid("“%(name)s” is larger than 10 MB."), field=field, name=upload.name)
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
            field=field,
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


def keep(content: bytes) -> str:
    """Keep the bytes under their own hash and return it: the same file twice is kept once.

    To be called before the rows commit: a rollback leaves a file nobody refers to, never a row
    without its file.
    """
    digest = hashlib.sha256(content).hexdigest()
    path = path_of(digest)
    if path.exists():
        return digest
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(f".{secrets.token_hex(4)}")
    half.write_bytes(content)
    half.replace(path)
    return digest


@dataclass(frozen=True, kw_only=True)
class KeptFile:
    """What a row tells of a file that is kept; the names are those of its columns."""

    reference: str  # nobody guesses it
    name: str
    media_type: str
    size: int
    sha256: str


def keep_all(uploads: Sequence[Upload], most: int) -> list[KeptFile]:
    """Keep some files, or none if one of them is not taken. Raises InvalidInput naming it."""
    if len(uploads) > most:
        raise InvalidInput(msgid("At most %(count)s files."), field="files", count=most)
    checked = [(upload, kind_of(upload)) for upload in uploads]
    return [
        KeptFile(
            reference=secrets.token_urlsafe(16),
            name=clean_name(upload.name, suffix),
            media_type=ALLOWED[suffix],
            size=len(upload.content),
            sha256=keep(upload.content),
        )
        for upload, suffix in checked
    ]


def path_of(digest: str) -> Path:
    """Return where the bytes of a hash lie."""
    return _folder[0] / digest[:2] / digest
