"""Where the files of reports lie: outside the web root, each under its random key.

A file is written under another name and gets its own at the end, so that there is never half of one.
"""

from __future__ import annotations

import hashlib
import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

HALF = ".part"
BLOCK = 1024 * 1024
LEFT_SECONDS = 3600.0  # what nobody has written to for so long is left over

_folder: list[Path] = []


def use_folder(folder: Path) -> None:
    """Tell where files are kept; the composition root calls this."""
    _folder[:] = [folder]


def path_of(key: str) -> Path:
    """Return where the file of a run lies."""
    return _folder[0] / key


def half_of(key: str, claim: str) -> Path:
    """Return where a worker writes it; the folder is there then, for its owner only."""
    _folder[0].mkdir(parents=True, exist_ok=True, mode=0o700)
    return _folder[0] / f"{key}.{claim}{HALF}"


def seal(half: Path) -> tuple[int, str]:
    """Have what was written on the disk; return its size and SHA-256."""
    digest = hashlib.sha256()
    with half.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
        os.fsync(file.fileno())
        return file.tell(), digest.hexdigest()


def finish(half: Path, key: str) -> None:
    """Give a sealed file its name."""
    half.replace(path_of(key))


def content_of(key: str) -> bytes | None:
    """Return the bytes of a file that is small; None where it is gone."""
    path = path_of(key)
    return path.read_bytes() if path.is_file() else None


def remove(key: str) -> None:
    """Take a file away, if it is there."""
    path_of(key).unlink(missing_ok=True)


def left_over(known: Collection[str]) -> list[Path]:
    """Return files that no run has, and halves that nobody writes any more."""
    if not _folder[0].is_dir():
        return []
    before = time.time() - LEFT_SECONDS
    return [
        path
        for path in _folder[0].iterdir()
        if path.name not in known and path.stat().st_mtime < before
    ]


def keys_there() -> list[str]:
    """Return the keys of the files that are there whole."""
    if not _folder[0].is_dir():
        return []
    return [path.name for path in _folder[0].iterdir() if path.suffix != HALF]
