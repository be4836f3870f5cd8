"""The metrics of all processes of a host: their folder, and a door where no web server stands.

`share` has to be called before anything imports prometheus_client: that looks at the environment once.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = "PROMETHEUS_MULTIPROC_DIR"


def share(folder: Path) -> None:
    """Have this process and its children keep their numbers in `folder`; forget who is gone."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.environ[FOLDER] = str(folder)
    for file in folder.glob("gauge_live*_*.db"):
        if not _is_alive(file.stem.rpartition("_")[2]):
            file.unlink(missing_ok=True)


def start_anew(folder: Path) -> None:
    """Forget all numbers, before any process of the host starts."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def _is_alive(number: str) -> bool:
    with suppress(ValueError, ProcessLookupError, OverflowError):
        with suppress(PermissionError):
            os.kill(int(number), 0)
        return True
    return False
