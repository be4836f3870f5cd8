"""The kinds of file a report can become."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from servicedesk.reports.formats.csv_file import CsvFile
from servicedesk.reports.formats.pdf_file import PdfFile
from servicedesk.reports.formats.xlsx_file import XlsxFile
from servicedesk.reports.models import Format

if TYPE_CHECKING:
    from pathlib import Path

    from servicedesk.reports.cells import Cell, Sheet
    from servicedesk.reports.speech import Say

MEDIA_TYPES = {
    Format.CSV: "text/csv",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Format.PDF: "application/pdf",
}


class OutFile(Protocol):
    """A file that is being written."""

    most_rows: int | None  # None: as many as there are

    def write(self, rows: list[list[Cell]]) -> None:
        """Add rows."""

    def close(self, rows: int) -> None:
        """Finish it."""

    def abandon(self) -> None:
        """Let go of it, unfinished."""


def begin(kind: Format, path: Path, sheet: Sheet, say: Say) -> OutFile:
    """Begin a file of a kind."""
    if kind is Format.CSV:
        return CsvFile(path, sheet)
    return XlsxFile(path, sheet, say) if kind is Format.XLSX else PdfFile(path, sheet, say)
