"""What lies where in a backup: a tar of the manifest, the database in pieces, and the files.

manifest.json                   see `snapshot.Manifest`
database.dump/00000001 …        pieces of what pg_dump wrote, to be put one after the other
attachments/ab/abcdef…          each under the SHA-256 of its content
checksums.json                  length and SHA-256 of the whole dump
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Self, cast

from servicedesk.backups.container import BackupProblem, Damaged, Reader, Writer
from servicedesk.backups.snapshot import FORMAT, Manifest
from servicedesk.core import files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    Seen = Callable[[int, int, str], None]  # done, total (0: unknown), of what

PIECE = 8 * 1024 * 1024
BLOCK = 1024 * 1024
MANIFEST, CHECKSUMS = "manifest.json", "checksums.json"
DUMP = re.compile(r"database\.dump/(\d{8})")
ATTACHMENT = re.compile(r"attachments/([0-9a-f]{2})/(\1[0-9a-f]{62})")
MANIFEST_LIMIT = 64 * 1024 * 1024


class Packer:
    """Writes a backup from its beginning to its end."""

    def __init__(self, file: BinaryIO, key: str | None) -> None:
        """Begin."""
        self._writer = Writer(file, key)
        self._tar = tarfile.open(  # noqa: SIM115  closed by `close`, and only if all went well
            fileobj=cast("BinaryIO", self._writer), mode="w|", format=tarfile.USTAR_FORMAT
        )

    def __enter__(self) -> Self:
        """Pack within a block."""
        return self

    def __exit__(self, kind: object, fault: object, trace: object) -> None:
        """Leave a file that is not whole alone: the archive writes its end when it is forgotten."""
        if kind is not None:
            self._writer.abandon()

    def add_manifest(self, manifest: Manifest) -> None:
        """Say what it is."""
        self._add(MANIFEST, manifest.to_json())

    def add_dump(self, dump: IO[bytes], seen: Seen) -> None:
        """Take what pg_dump writes, as it comes."""
        digest, size = hashlib.sha256(), 0
        for number, piece in enumerate(_pieces(dump), start=1):
            self._add(f"database.dump/{number:08}", piece)
            digest.update(piece)
            size += len(piece)
            seen(size, 0, "database")
        self._checksums = {"database.dump": {"bytes": size, "sha256": digest.hexdigest()}}

    def add_attachments(self, digests: Iterable[str], total: int, seen: Seen) -> None:
        """Take the files."""
        for done, digest in enumerate(digests, start=1):
            path = files.path_of(digest)
            info = tarfile.TarInfo(f"attachments/{digest[:2]}/{digest}")
            info.mode = 0o600
            with path.open("rb") as content:
                info.size = path.stat().st_size
                self._tar.addfile(info, content)
            seen(done, total, "attachments")

    def close(self) -> None:
        """Write what makes it whole."""
        self._add(CHECKSUMS, json.dumps(self._checksums, indent=1).encode())
        self._tar.close()
        self._writer.close()

    def _add(self, name: str, content: bytes) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(content), 0o600
        self._tar.addfile(info, io.BytesIO(content))


def _pieces(stream: IO[bytes]) -> Iterator[bytes]:
    while piece := stream.read(PIECE):
        yield piece


@dataclass(frozen=True, kw_only=True)
class Unpacked:
    """A backup whose every byte was found to be as it was written."""

    manifest: Manifest
    is_encrypted: bool
    dump: Path
    names: Path  # the attachments' hashes, one a line, in order
    spoilt: list[str]  # attachments whose content was not what their hash says


def read_manifest(path: Path, key: str | None) -> Manifest:
    """Return only what a backup says of itself. Raises BackupProblem."""
    with path.open("rb") as file:
        for name, content in _members(Reader(file, key)):
            return _manifest(name, content)
    raise Damaged


def unpack(path: Path, key: str | None, folder: Path, seen: Seen, *, with_files: bool) -> Unpacked:
    """Take a backup apart into `folder`; without `with_files`, only look at the attachments.

    Raises BackupProblem, then nothing in `folder` can be trusted.
    """
    with path.open("rb") as file:
        reader = Reader(file, key)
        taking = _Taking(folder, seen, with_files=with_files)
        with (folder / "database.dump").open("wb") as dump, (folder / "names").open("w") as names:
            for name, content in _members(reader):
                taking.take(name, content, dump, names)
        reader.drain()
    if taking.manifest is None or not taking.is_whole:
        raise Damaged
    return Unpacked(
        manifest=taking.manifest,
        is_encrypted=reader.is_encrypted,
        dump=folder / "database.dump",
        names=folder / "names",
        spoilt=taking.spoilt,
    )


class _Taking:
    """Where the members of a backup go."""

    def __init__(self, folder: Path, seen: Seen, *, with_files: bool) -> None:
        self.folder, self.seen, self.with_files = folder, seen, with_files
        self.manifest: Manifest | None = None
        self.spoilt: list[str] = []
        self.is_whole = False
        self.pieces = self.size = self.attachments = 0
        self.digest = hashlib.sha256()

    def take(self, name: str, content: BinaryIO, dump: BinaryIO, names: Any) -> None:
        if self.manifest is None:
            self.manifest = _manifest(name, content)
        elif match := DUMP.fullmatch(name):
            self._take_piece(int(match[1]), content, dump)
        elif match := ATTACHMENT.fullmatch(name):
            names.write(match[2] + "\n")
            self._take_attachment(match[2], content, self.manifest.attachments)
        elif name == CHECKSUMS and not self.is_whole:
            told = {"database.dump": {"bytes": self.size, "sha256": self.digest.hexdigest()}}
            self.is_whole = json.loads(content.read(BLOCK)) == told
        else:
            raise Damaged

    def _take_piece(self, number: int, content: BinaryIO, dump: BinaryIO) -> None:
        self.pieces += 1
        if number != self.pieces:
            raise Damaged
        while block := content.read(BLOCK):
            self.digest.update(block)
            self.size += len(block)
            dump.write(block)
        self.seen(self.size, 0, "database")

    def _take_attachment(self, digest: str, content: BinaryIO, total: int) -> None:
        found, self.attachments = hashlib.sha256(), self.attachments + 1
        target = (self.folder / digest).open("xb") if self.with_files else io.BytesIO()
        with target:
            while block := content.read(BLOCK):
                found.update(block)
                if self.with_files:
                    target.write(block)
        if found.hexdigest() != digest:
            self.spoilt.append(digest)
        self.seen(self.attachments, total, "attachments")


def _members(reader: Reader) -> Iterator[tuple[str, BinaryIO]]:
    try:
        with tarfile.open(fileobj=cast("BinaryIO", reader), mode="r|") as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isreg() else None
                if content is None:
                    raise Damaged
                yield member.name, cast("BinaryIO", content)
    except (tarfile.TarError, EOFError, ValueError, UnicodeDecodeError, FileExistsError):
        raise Damaged from None


def _manifest(name: str, content: BinaryIO) -> Manifest:
    if name != MANIFEST:
        raise Damaged
    text = content.read(MANIFEST_LIMIT)
    try:
        made_as = json.loads(text)["format"]
        if made_as != FORMAT:
            raise BackupProblem(
                f"the backup has format {made_as} and this desk reads format {FORMAT}:"
                " restore it with the desk that made it"
            )
        return Manifest.from_json(text)
    except (ValueError, KeyError, TypeError):
        raise Damaged from None
