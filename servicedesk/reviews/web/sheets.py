"""Sheets of a workbook: real numbers and dates under a frozen head, and text that is never a formula."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import xlsxwriter

from servicedesk.core.spreadsheets import WORKBOOK
from servicedesk.reviews.metrics.figure import Unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

DAY = 86_400
LONGEST_NAME = 31  # of a sheet, to Excel
NOT_IN_NAMES = str.maketrans(dict.fromkeys("[]:*?/\\'", " "))
TIME = "[h]:mm:ss"
FORMATS = {
    Unit.SHARE: "0.0%",
    Unit.RATIO: "0.00",
    Unit.COUNT: "#,##0",
    Unit.BUSINESS_SECONDS: TIME,
    Unit.ELAPSED_SECONDS: TIME,
    Unit.QUARTERS: "0.00",
}
# how many of the unit make one of the cell's: seconds become days, as Excel tells times, quarters too
PARTS = {Unit.BUSINESS_SECONDS: DAY, Unit.ELAPSED_SECONDS: DAY, Unit.QUARTERS: 4}


@dataclass(frozen=True, slots=True)
class Amount:
    """A figure's amount in its unit."""

    unit: Unit
    value: float | None


Cell = str | float | date | datetime | Amount | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column: what stands over it, and how many letters it is wide."""

    head: str | date
    width: int = 14


class Book:
    """A workbook; its rows go to temporary files, so that many do not fill the memory."""

    def __init__(self, title: str, author: str, made_at: datetime) -> None:
        """Begin it. `made_at` is the only time in it: the same content makes the same bytes."""
        self._file = io.BytesIO()
        self._book = xlsxwriter.Workbook(self._file, dict(WORKBOOK))
        self._book.set_properties({"title": title, "author": author, "created": made_at})
        top: dict[str, Any] = {"valign": "top"}
        self._text = self._book.add_format({**top, "text_wrap": True})
        self._head = self._book.add_format(
            {**top, "bold": True, "bg_color": "#E8EEF5", "text_wrap": True}
        )
        self._month = self._book.add_format(
            {**top, "bold": True, "bg_color": "#E8EEF5", "num_format": "mmm yyyy"}
        )
        self._day = self._book.add_format({**top, "num_format": "yyyy-mm-dd"})
        self._moment = self._book.add_format({**top, "num_format": "yyyy-mm-dd hh:mm"})
        self._numbers = {
            told: self._book.add_format({**top, "num_format": told})
            for told in set(FORMATS.values())
        }

    def add(
        self,
        name: str,
        columns: Sequence[Column],
        rows: Iterable[Sequence[Cell]],
        *,
        frozen: int = 0,
    ) -> None:
        """Add a sheet; so many of its first columns stay in sight, as its head does."""
        sheet = self._book.add_worksheet(self._free_name(name))
        sheet.freeze_panes(1, frozen)
        for number, column in enumerate(columns):
            sheet.set_column(number, number, column.width)
        for number, column in enumerate(columns):
            self._write(sheet, 0, number, column.head, self._head, self._month)
        last = 0
        for last, row in enumerate(rows, start=1):
            for number, cell in enumerate(row):
                self._write(sheet, last, number, cell, self._text, self._day)
        sheet.autofilter(0, 0, last, len(columns) - 1)

    def _free_name(self, name: str) -> str:
        """Return a name that Excel takes: short, without signs of its own, and not there yet."""
        plain = name.translate(NOT_IN_NAMES).strip()[:LONGEST_NAME] or "-"
        taken = {sheet.get_name().lower() for sheet in self._book.worksheets()}
        number = 2
        while plain.lower() in taken:
            ending = f" {number}"
            plain = plain[: LONGEST_NAME - len(ending)] + ending
            number += 1
        return plain

    def _write(
        self, sheet: Worksheet, row: int, column: int, cell: Cell, text: Format, day: Format
    ) -> None:
        if isinstance(cell, Amount):
            if cell.value is not None:
                number = cell.value / PARTS.get(cell.unit, 1)
                sheet.write_number(row, column, number, self._numbers[FORMATS[cell.unit]])
        elif isinstance(cell, datetime):
            sheet.write_datetime(row, column, cell, self._moment)
        elif isinstance(cell, date):
            sheet.write_datetime(row, column, cell, day)
        elif isinstance(cell, str):
            sheet.write_string(row, column, cell, text)
        elif cell is not None:
            sheet.write_number(row, column, cell, self._numbers[FORMATS[Unit.COUNT]])

    def content(self) -> bytes:
        """Finish it, and return the file."""
        self._book.close()
        return self._file.getvalue()
