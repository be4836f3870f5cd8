"""What a spreadsheet must never take for more than text."""

from __future__ import annotations

FORMULA_OPENERS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")  # the last four: full-width


def as_text(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.lstrip().startswith(FORMULA_OPENERS) else cell
