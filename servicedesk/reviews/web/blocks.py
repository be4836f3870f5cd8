"""What a printed review is made of: blocks of words, tables and charts, as its template takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask_babel import gettext as _

from servicedesk.shell.charts.drawing import printed
from servicedesk.shell.charts.showing import this_reader
from servicedesk.shell.formatting import number

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from servicedesk.shell.charts.values import Chart

Block = dict[str, Any]
Cell = str | dict[str, str]
REST = 0  # the width of a column that takes what is left
MOST_ROWS = 60  # of a list; the spreadsheet has all of them


def heading(words: str) -> Block:
    """Return the title of a part of a chapter."""
    return {"kind": "heading", "words": words}


def words(told: str) -> Block:
    """Return a paragraph."""
    return {"kind": "words", "words": told}


def quiet(told: str) -> Block:
    """Return a remark in small letters."""
    return {"kind": "quiet", "words": told}


def nothing(told: str) -> Block:
    """Return the sentence that stands where there is nothing to list."""
    return {"kind": "nothing", "words": told}


def voice(who: str, told: str) -> Block:
    """Return what a person wrote, under their name."""
    return {"kind": "voice", "who": who, "words": told}


def fixed(told: str) -> Block:
    """Return what is to be copied letter by letter."""
    return {"kind": "fixed", "words": told}


def mark(told: str, tone: str) -> Block:
    """Return the verdict in one word, in its colour: good, watch or bad."""
    return {"kind": "mark", "words": told, "tone": tone}


def sentences(told: Iterable[str]) -> Block:
    """Return a list of sentences."""
    return {"kind": "list", "rows": list(told)}


def terms(told: Iterable[tuple[str, str]]) -> Block:
    """Return a list of terms with what they mean."""
    return {"kind": "terms", "rows": list(told)}


def cell(main: str, under: str = "", *, tone: str = "", is_strong: bool = False) -> Cell:
    """Return a cell of two lines; its tone is good, warn or bad."""
    return {"main": main, "under": under, "tone": tone, "strong": "yes" if is_strong else ""}


def table(
    heads: Sequence[str], widths: Sequence[int], rows: Sequence[Sequence[Cell]], rights: int = 0
) -> Block:
    """Return a table; widths are millimetres, and the last `rights` columns are of numbers."""
    return {
        "kind": "table",
        "heads": list(heads),
        "widths": list(widths),
        "rows": [list(row) for row in rows],
        "rights": rights,
    }


def listing(
    heads: Sequence[str], widths: Sequence[int], rows: Sequence[Sequence[Cell]], rights: int = 0
) -> list[Block]:
    """Return a table of what may be many: so many rows, and how many more the spreadsheet has."""
    made = [table(heads, widths, rows[:MOST_ROWS], rights)]
    more = len(rows) - MOST_ROWS
    if more > 0:
        made.append(quiet(_("And %(more)s more: the spreadsheet lists them.", more=number(more))))
    return made


def chart(drawn: Chart) -> list[Block]:
    """Return a chart with the words that stand for it; nothing where it would be empty."""
    made = printed(drawn, this_reader())
    if not made.svg:
        return []
    return [{"kind": "chart", "title": made.title, "words": made.summary, "svg": made.svg}]
