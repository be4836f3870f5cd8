"""Checks of the whole house for `make lint`: schema against models, translations against texts."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from babel.messages.pofile import read_po

from servicedesk import schema
from servicedesk.core import embedded_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator


def schema_faults() -> Iterator[str]:
    """Yield how a freshly migrated database differs from the models."""
    with tempfile.TemporaryDirectory(prefix="desk-") as name:
        folder = Path(name)
        embedded_postgres.ensure_running(folder, throw_away=True)
        try:
            address = embedded_postgres.url(folder)
            schema.upgrade(address)
            for difference in schema.differences(address):
                yield f"models and migrations differ: {difference}"
        finally:
            embedded_postgres.stop(folder)


def translation_faults(root: Path) -> Iterator[str]:
    """Yield texts of the code that a language lacks, or has only uncertainly."""
    with tempfile.TemporaryDirectory() as name:
        template = Path(name) / "messages.pot"
        extract(root, template)
        with template.open("rb") as file:
            wanted = {message.id for message in read_po(file) if message.id}
    path = root / "translations" / "es" / "LC_MESSAGES" / "messages.po"
    with path.open("rb") as file:
        catalogue = read_po(file)
    have = {m.id for m in catalogue if m.id and _is_complete(m.string) and not m.fuzzy}
    for text in sorted(wanted - have, key=str):
        yield f"es lacks: {text!r}"
    for text in sorted({m.id for m in catalogue if m.id} - wanted, key=str):
        yield f"es has what nobody says any more: {text!r}"


def extract(root: Path, template: Path) -> None:
    """Write every text of code and templates to `template`."""
    command = [sys.executable, "-m", "babel.messages.frontend", "-q", "extract"]
    command += ["-F", "babel.cfg", "-k", "msgid", "-k", "_", "--no-location", "-o", str(template)]
    subprocess.run([*command, "."], cwd=root, check=True)  # noqa: S603  our own arguments


def _is_complete(string: object) -> bool:
    return all(string) if isinstance(string, (tuple, list)) else bool(string)
