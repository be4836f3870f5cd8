"""What a spreadsheet must never take for more than text."""

from __future__ import annotations

from typing import Any

FORMULA_OPENERS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")  # the last four: full-width

# what every workbook of ours is opened with: strings stay strings, rows go aside and not to memory
WORKBOOK: dict[str, Any] = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}


def as_text(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.lstrip().startswith(FORMULA_OPENERS) else cell
