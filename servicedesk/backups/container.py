"""The file of a backup as a stream of bytes whose every byte is vouched for.

With a key: AES-256-GCM in pieces of a mebibyte; each piece is bound to its place, and the last one
says that it is the last. Without a key: the bytes as they are, ended by a line with their SHA-256,
so that any `tar` reads the file. Either way a file that was cut, lengthened or changed is refused.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

if TYPE_CHECKING:
    from typing import BinaryIO

MAGIC = b"servicedesk backup 1, AES-256-GCM\n"
PIECE = 1024 * 1024
TAG = 16
SALT = 16
HEADER = len(MAGIC) + 2 * SALT  # magic, salt, and a value that tells whether the key is right
TRAILER = b"\nservicedesk backup 1, SHA-256 "
TRAILER_SIZE = len(TRAILER) + 64 + 1


class BackupProblem(Exception):
    """A backup cannot be made or used; the message says why, for whoever runs the desk."""


class Damaged(BackupProblem):
    """The file is not what was written."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__("the file was damaged, cut or changed: nothing of it can be trusted")


class WrongKey(BackupProblem):
    """The key does not open the file, or there is none."""


def _derived(key: str, salt: bytes) -> tuple[bytes, bytes]:
    """Return the key of one file, and what tells whether it is the right one."""
    made = hashlib.scrypt(
        key.encode(), salt=salt, n=2**15, r=8, p=1, maxmem=64 * 1024 * 1024, dklen=32 + SALT
    )
    return made[:32], made[32:]


def _bound_to(header: bytes, index: int, *, is_last: bool) -> bytes:
    return header + index.to_bytes(8, "big") + bytes([is_last])


def _nonce(index: int) -> bytes:
    return index.to_bytes(12, "big")  # each file has a key of its own


class Writer:
    """Takes bytes and writes them, vouched for, to `file`; whole only after `close`."""

    def __init__(self, file: BinaryIO, key: str | None) -> None:
        """Begin the file."""
        self._file, self._cipher = file, None
        self._is_abandoned = False
        self._digest, self._waiting, self._index = hashlib.sha256(), bytearray(), 0
        if key:
            salt = os.urandom(SALT)
            secret, proof = _derived(key, salt)
            self._header, self._cipher = MAGIC + salt + proof, AESGCM(secret)
            file.write(self._header)

    def write(self, content: bytes) -> int:
        """Write, keeping back less than a piece."""
        if self._is_abandoned:
            return len(content)
        if self._cipher is None:
            self._digest.update(content)
            self._file.write(content)
            return len(content)
        self._waiting += content
        while len(self._waiting) > PIECE:
            self._seal(bytes(self._waiting[:PIECE]), is_last=False)
            del self._waiting[:PIECE]
        return len(content)

    def abandon(self) -> None:
        """Take no more: the file will not be whole, and may be closed by now."""
        self._is_abandoned = True

    def close(self) -> None:
        """Write what makes the file whole."""
        if self._cipher is None:
            self._file.write(TRAILER + self._digest.hexdigest().encode() + b"\n")
        else:
            self._seal(bytes(self._waiting), is_last=True)

    def _seal(self, piece: bytes, *, is_last: bool) -> None:
        assert self._cipher is not None  # noqa: S101  for the type checker
        bound = _bound_to(self._header, self._index, is_last=is_last)
        self._file.write(self._cipher.encrypt(_nonce(self._index), piece, bound))
        self._index += 1


class Reader:
    """Gives back what a Writer was given. Without a key the bytes are vouched for only at the end."""

    def __init__(self, file: BinaryIO, key: str | None) -> None:
        """Look at the beginning. Raises WrongKey."""
        self._file = file
        self._ready, self._ahead, self._index, self._ended = bytearray(), b"", 0, False
        self._digest = hashlib.sha256()
        begin = file.read(HEADER)
        self.is_encrypted = begin.startswith(MAGIC)
        if self.is_encrypted:
            self._cipher, self._header = _opened(begin, key), begin
            self._ahead = file.read(PIECE + TAG)
        else:
            self._ahead = begin

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes; fewer only at the end. Raises Damaged."""
        while len(self._ready) < size and not self._ended:
            if self.is_encrypted:
                self._open_piece()
            else:
                self._take_plain()
        taken = bytes(self._ready[:size])
        del self._ready[:size]
        return taken

    def drain(self) -> None:
        """Read to the very end, where the last doubt goes. Raises Damaged."""
        while self.read(PIECE):
            pass

    def _open_piece(self) -> None:
        piece, self._ahead = self._ahead, self._file.read(PIECE + TAG)
        self._ended = not self._ahead
        bound = _bound_to(self._header, self._index, is_last=self._ended)
        try:
            self._ready += self._cipher.decrypt(_nonce(self._index), piece, bound)
        except (InvalidTag, ValueError):
            raise Damaged from None
        self._index += 1

    def _take_plain(self) -> None:
        content = self._ahead + self._file.read(PIECE)
        if len(content) == len(self._ahead):
            self._ended = True
            told = TRAILER + self._digest.hexdigest().encode() + b"\n"
            if not hmac.compare_digest(content, told):
                raise Damaged
            return
        content, self._ahead = content[:-TRAILER_SIZE], content[-TRAILER_SIZE:]
        self._digest.update(content)
        self._ready += content


def _opened(header: bytes, key: str | None) -> AESGCM:
    if len(header) < HEADER:
        raise Damaged
    if not key:
        raise WrongKey("the backup is encrypted: set BACKUP_KEY or BACKUP_KEY_FILE")
    secret, proof = _derived(key, header[len(MAGIC) : -SALT])
    if not hmac.compare_digest(proof, header[-SALT:]):
        raise WrongKey("BACKUP_KEY does not open this backup: it was made with another key")
    return AESGCM(secret)
