"""Sheets of a review: what people typed stays text, amounts are numbers, equal content is equal bytes."""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta

from openpyxl import load_workbook
from openpyxl.utils.escape import unescape

from servicedesk.reviews.metrics.figure import Unit
from servicedesk.reviews.web.sheets import Amount, Book, Column

OPENERS = (
    "=",
    "+",
    "-",
    "@",
    "\t=",
    "\r=",
    "\n=",
    "\uff1d",
    "\uff1b=",
    "\uff0b",
    "\uff0d",
    "\uff20",
)
MADE_AT = datetime.fromisoformat("2026-11-02T08:00:00")  # cells know no zones
DAY, MOMENT = (datetime.fromisoformat(told) for told in ("2026-10-01", "2026-10-01T09:30"))
ROWS = [
    *([f'{opener}HYPERLINK("http://a.example","x")', 7] for opener in OPENERS),
    ["http://a.example/", Amount(Unit.SHARE, 0.947368)],
    ["12", Amount(Unit.BUSINESS_SECONDS, 5_430.5)],
    [date(2026, 10, 1), Amount(Unit.QUARTERS, 53)],
    [MOMENT, Amount(Unit.RATIO, None)],
]


def made() -> bytes:
    book = Book("Title", "Author", MADE_AT)
    columns = [Column("What", 30), Column(date(2026, 10, 1))]
    for name in ("Figures: [all]/none?" + "x" * 40, "Figures  all  none " + "x" * 40, "Empty"):
        book.add(name, columns, [] if name == "Empty" else ROWS, frozen=1)
    return book.content()


def test_a_sheet_has_typed_text_as_text_and_amounts_as_numbers(tmp_path):
    path = tmp_path / "book.xlsx"
    path.write_bytes(made())
    book = load_workbook(path)
    assert len(book.sheetnames) == 3
    assert all(len(name) <= 31 for name in book.sheetnames)
    assert book.properties.created == MADE_AT
    for sheet in book.worksheets[:2]:
        assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("B2", f"A1:B{len(ROWS) + 1}")
        cells = [row[:2] for row in sheet.iter_rows(min_row=2)]
        for (typed, _number), (text, number) in zip(ROWS[:14], cells[:14], strict=True):
            assert (text.data_type, unescape(text.value), text.hyperlink) == ("s", typed, None)
            assert number.data_type in {"n", "d"}
        (share, time_taken), (day, days), (moment, nothing) = (
            (cells[12][1], cells[13][1]),
            cells[14],
            cells[15],
        )
        assert (share.value, share.number_format) == (0.947368, "0.0%")
        assert time_taken.value == timedelta(seconds=5_430.5)
        assert (day.value, days.value) == (DAY, 13.25)
        assert (moment.value, nothing.value) == (MOMENT, None)


def test_a_workbook_is_the_same_to_the_byte_at_another_time():
    first = made()
    begun = time.time()
    while int(time.time()) // 2 == int(begun) // 2:  # archives tell times in steps of two seconds
        time.sleep(0.05)
    assert made() == first
