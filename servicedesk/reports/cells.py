"""From what the database gives to what a cell holds: a word, a number, a day, a wall-clock time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from servicedesk.core.text import msgid
from servicedesk.reports.columns import ColumnType
from servicedesk.reports.models import FORMAT_LABELS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from servicedesk.core.actors import Actor
    from servicedesk.reports.columns import Column
    from servicedesk.reports.speech import Say
    from servicedesk.reports.wishes import Checked

    Cell = str | int | float | Decimal | date | datetime | timedelta | None
    Reader = Callable[[Any], Cell]


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """What a file is made of, in words: its columns, and the facts about it."""

    title: str
    headings: Sequence[str]
    types: Sequence[ColumnType]
    readers: Sequence[Reader]
    facts: Sequence[tuple[str, str]]
    language: str
    facts_title: str
    author: str

    def row(self, values: Sequence[Any]) -> list[Cell]:
        """Return the cells of a row of the database."""
        return [read(value) for read, value in zip(self.readers, values, strict=True)]


def sheet_of(
    told: Checked,
    actor: Actor,
    say: Say,
    language: str,
    days: tuple[date | None, date | None],
    at: datetime,
) -> Sheet:
    """Return what a report looks like for whoever asked for it."""
    readers = [_reader(column, actor, say, told.time_zone) for column in told.columns]
    return Sheet(
        title=told.title or say(told.kind.label),
        headings=[say(column.label) for column in told.columns],
        types=[column.type for column in told.columns],
        readers=readers,
        facts=_facts(told, actor, say, days, at),
        language=language,
        facts_title=say(msgid("About the report")),
        author=actor.name,
    )


def _reader(column: Column, actor: Actor, say: Say, zone: str) -> Reader:
    if column.type is ColumnType.CHOICE:
        words = {str(value): say(label) for value, label in (column.labels_of(actor) or {}).items()}
        return lambda value: None if value is None else words.get(str(value), str(value))
    if column.type is ColumnType.INSTANT:
        wall = ZoneInfo(zone)
        return lambda value: value and value.astimezone(wall).replace(tzinfo=None)
    if column.type is ColumnType.DURATION:
        return lambda value: None if value is None else timedelta(seconds=int(value))
    if column.type is ColumnType.TEXT:
        return lambda value: None if value is None else str(value)
    return lambda value: value


def _facts(
    told: Checked, actor: Actor, say: Say, days: tuple[date | None, date | None], at: datetime
) -> list[tuple[str, str]]:
    local = at.astimezone(ZoneInfo(told.time_zone))
    first, last = days
    facts = [(say(msgid("Report")), say(told.kind.label))]
    facts.append((say(msgid("What it tells")), say(told.kind.description)))
    if told.kind.period and first and last:
        facts.append((say(msgid("Period")), f"{first.isoformat()} … {last.isoformat()}"))
        facts.append((say(msgid("The period is of")), say(told.kind.period)))
    for one in told.kind.filters_for(actor):
        if value := told.filters.get(one.code):
            labels = {str(code): label for code, label in (one.labels or {}).items()}
            facts.append((say(one.label), say(labels[value]) if value in labels else value))
    facts += [
        (say(msgid("Time zone")), told.time_zone),
        (say(msgid("Made at")), f"{local:%Y-%m-%d %H:%M}"),
        (say(msgid("Made for")), actor.name),
        (say(msgid("Format")), say(FORMAT_LABELS[told.format])),
    ]
    for column in told.columns:
        facts.append(
            (say(msgid("Column")), f"{say(column.label)} ({say(TYPE_WORDS[column.type])})")
        )
    return facts


TYPE_WORDS = {
    ColumnType.TEXT: msgid("text"),
    ColumnType.NUMBER: msgid("number"),
    ColumnType.DATE: msgid("day"),
    ColumnType.INSTANT: msgid("date and time"),
    ColumnType.DURATION: msgid("hours, minutes and seconds"),
    ColumnType.CHOICE: msgid("one of a list"),
}


def as_words(cell: Cell, decimal: str = ".") -> str:
    """Return a cell as plain text, with the decimal sign of a language."""
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.isoformat(" ", "seconds")
    if isinstance(cell, timedelta):
        minutes, seconds = divmod(int(cell.total_seconds()), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{seconds:02}"
    if isinstance(cell, (float, Decimal)):
        return _plain(cell).replace(".", decimal)
    return cell if isinstance(cell, str) else str(cell)


def _plain(cell: float | Decimal) -> str:
    text = f"{Decimal(cell):.4f}"
    return text.rstrip("0").rstrip(".")
