"""A workbook written in constant memory: a sheet about it, then as many sheets as its rows need."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import xlsxwriter

from servicedesk.core.spreadsheets import WORKBOOK
from servicedesk.core.text import Text, msgid
from servicedesk.reports.columns import ColumnType

if TYPE_CHECKING:
    from servicedesk.reports.cells import Cell, Sheet
    from servicedesk.reports.speech import Say

MOST_ON_A_SHEET = 1_048_575  # with its headings, as many as a sheet can hold
LONGEST_CELL = 32_767
SHOWN = {
    ColumnType.DATE: "yyyy-mm-dd",
    ColumnType.INSTANT: "yyyy-mm-dd hh:mm:ss",
    ColumnType.DURATION: "[h]:mm:ss",
}
WIDTHS = {ColumnType.TEXT: 24, ColumnType.INSTANT: 20}


class XlsxFile:
    """A workbook that is being written."""

    most_rows: int | None = None

    def __init__(self, path: Path, sheet: Sheet, say: Say) -> None:
        """Begin with the sheet about it, which is finished at the end."""
        self._sheet, self._say = sheet, say
        # next to the file: a worker's own folder for such things may be small
        self._book = xlsxwriter.Workbook(str(path), WORKBOOK | {"tmpdir": str(path.parent)})
        self._bold = self._book.add_format({"bold": True, "bottom": 1})
        self._formats = [
            self._book.add_format({"num_format": SHOWN[kind]}) if kind in SHOWN else None
            for kind in sheet.types
        ]
        self._about = self._book.add_worksheet(sheet.facts_title)
        self._number = 0
        self._begin_sheet()

    def _begin_sheet(self) -> None:
        """Begin a sheet with its headings, which stay in sight."""
        self._number += 1
        name = self._say(Text(msgid("Rows %(number)s"), {"number": self._number}))
        self._page = self._book.add_worksheet(name)
        self._row = 0
        self._page.freeze_panes(1, 0)
        for number, kind in enumerate(self._sheet.types):
            self._page.set_column(number, number, WIDTHS.get(kind, 16))
        for number, heading in enumerate(self._sheet.headings):
            self._page.write_string(0, number, heading, self._bold)

    def write(self, rows: list[list[Cell]]) -> None:
        """Add rows; strings are never formulas."""
        for row in rows:
            if self._row >= MOST_ON_A_SHEET:
                self._end_sheet()
                self._begin_sheet()
            self._row += 1
            for number, cell in enumerate(row):
                self._put(number, cell)

    def _put(self, number: int, cell: Cell) -> None:
        page, row = self._page, self._row
        if cell is None:
            return
        if isinstance(cell, str):
            page.write_string(row, number, cell[:LONGEST_CELL])
        elif isinstance(cell, (datetime, date, timedelta)):
            page.write_datetime(row, number, cell, self._formats[number])
        elif isinstance(cell, (int, float, Decimal)):
            page.write_number(row, number, cell)

    def _end_sheet(self) -> None:
        self._page.autofilter(0, 0, self._row, len(self._sheet.headings) - 1)

    def close(self, rows: int) -> None:
        """Finish the sheet about it, and the file."""
        self._end_sheet()
        self._about.set_column(0, 0, 24)
        self._about.set_column(1, 1, 80)
        told = [*self._sheet.facts, (self._say(msgid("Rows")), str(rows))]
        self._about.write_string(0, 0, self._sheet.title, self._bold)
        for row, (name, value) in enumerate(told, start=2):
            self._about.write_string(row, 0, name)
            self._about.write_string(row, 1, value[:LONGEST_CELL])
        self._book.close()

    def abandon(self) -> None:
        """Let go of it: what it wrote aside goes with it."""
        self._book.fileclosed = True
        for page in self._book.worksheets():
            page._opt_close()  # noqa: SLF001  there is no other way to let go of its aside
            if page.row_data_filename:
                Path(page.row_data_filename).unlink(missing_ok=True)
