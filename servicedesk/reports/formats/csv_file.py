"""CSV as the spreadsheets of a language read it, written row by row."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from servicedesk.core.spreadsheets import as_text
from servicedesk.reports.cells import as_words

if TYPE_CHECKING:
    from pathlib import Path

    from servicedesk.reports.cells import Cell, Sheet

# separator and decimal sign
WAYS = {"es": (";", ","), "en": (",", ".")}


class CsvFile:
    """A CSV file that is being written."""

    most_rows: int | None = None

    def __init__(self, path: Path, sheet: Sheet) -> None:
        """Begin with the headings."""
        separator, self._decimal = WAYS.get(sheet.language, WAYS["en"])
        # the mark tells a Spanish Excel that it is UTF-8
        self._file = path.open("w", encoding="utf-8-sig", newline="")
        self._writer = csv.writer(self._file, delimiter=separator)
        self._writer.writerow([as_text(heading) for heading in sheet.headings])

    def write(self, rows: list[list[Cell]]) -> None:
        """Add rows. What is text stays text to a spreadsheet; a number is one, also below zero."""
        decimal = self._decimal
        self._writer.writerows(
            [as_text(cell) if isinstance(cell, str) else as_words(cell, decimal) for cell in row]
            for row in rows
        )

    def close(self, rows: int) -> None:
        """Finish the file."""
        del rows
        self._file.close()

    def abandon(self) -> None:
        """Let go of it."""
        self._file.close()
