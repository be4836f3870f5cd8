"""A report on paper: a landscape table with repeated heads, for as many rows as somebody reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from servicedesk.core.text import msgid
from servicedesk.reports.cells import as_words
from servicedesk.reports.columns import ColumnType
from servicedesk.reports.formats.csv_file import WAYS
from servicedesk.reports.speech import on_paper

if TYPE_CHECKING:
    from pathlib import Path

    from servicedesk.reports.cells import Cell, Sheet
    from servicedesk.reports.speech import Say

MOST_ROWS = 3000
AUTHOR = "Móvil Gestionado"
# how much of the width a column takes, by what it holds
SHARES = {ColumnType.TEXT: "1.6", ColumnType.INSTANT: "1.2", ColumnType.CHOICE: "1.2"}
RIGHT = {ColumnType.NUMBER, ColumnType.DURATION}


class PdfFile:
    """A PDF that is being written; its rows are few."""

    most_rows: int | None = MOST_ROWS

    def __init__(self, path: Path, sheet: Sheet, say: Say) -> None:
        """Begin without rows."""
        self._path, self._sheet, self._say = path, sheet, say
        self._rows: list[list[str]] = []
        self._decimal = WAYS.get(sheet.language, WAYS["en"])[1]

    def write(self, rows: list[list[Cell]]) -> None:
        """Add rows."""
        self._rows += [[as_words(cell, self._decimal) for cell in row] for row in rows]

    def close(self, rows: int) -> None:
        """Lay it out."""
        data: dict[str, Any] = {
            "language": self._sheet.language,
            "title": self._sheet.title,
            "author": AUTHOR,
            "headings": list(self._sheet.headings),
            "shares": [SHARES.get(kind, "1") for kind in self._sheet.types],
            "right": [kind in RIGHT for kind in self._sheet.types],
            "rows": self._rows,
            "facts": [*self._sheet.facts, (self._say(msgid("Rows")), str(rows))],
            "facts_title": self._sheet.facts_title,
            "empty": self._say(msgid("No rows match what was asked for.")),
        }
        self._path.write_bytes(on_paper("report", data))

    def abandon(self) -> None:
        """Let go of it."""
        self._rows.clear()
