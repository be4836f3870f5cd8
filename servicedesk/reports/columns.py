"""What a report is made of: columns, filters, and what somebody asked for of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement

    from servicedesk.core.actors import Actor


class ColumnType(StrEnum):
    """How a cell is written."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    INSTANT = "instant"
    DURATION = "duration"  # seconds
    CHOICE = "choice"  # one of a few words of ours


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column that may be chosen; `value` is what the database is asked for."""

    code: str
    label: str  # msgid
    value: Any  # an SQL expression
    type: ColumnType = ColumnType.TEXT
    labels: Mapping[Any, str] | None = None  # of a choice; what is not in it stays as it is
    labels_for_contact: Mapping[Any, str] | None = None  # where a client is told it otherwise
    joins: tuple[str, ...] = ()  # of its kind
    is_personal: bool = False  # tells of a person
    in_default: bool = True
    for_operator: bool = False  # does not exist for a client

    def labels_of(self, actor: Actor) -> Mapping[Any, str] | None:
        """Return the words of a choice as this reader is told them."""
        return (
            self.labels_for_contact if actor.is_contact and self.labels_for_contact else self.labels
        )


@dataclass(frozen=True, kw_only=True)
class Filter:
    """What rows may be narrowed by; without labels it is text that somebody types."""

    code: str
    label: str  # msgid
    condition: Callable[[str], ColumnElement[bool]]
    labels: Mapping[Any, str] | None = None
    joins: tuple[str, ...] = ()
    for_operator: bool = False


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is asked of a kind, and by whom."""

    actor: Actor
    columns: Sequence[Column]
    filters: Mapping[str, str]
    client_id: int | None = None  # None: all that the actor reaches
    since: datetime | None = None
    until: datetime | None = None  # the first instant that is no longer in it


def words(code: str, label: str, value: Any, **more: Any) -> Column:
    """Return a column of text."""
    return Column(code=code, label=label, value=value, **more)


def number(code: str, label: str, value: Any, **more: Any) -> Column:
    """Return a column of numbers."""
    return Column(code=code, label=label, value=value, type=ColumnType.NUMBER, **more)


def instant(code: str, label: str, value: Any, **more: Any) -> Column:
    """Return a column of moments."""
    return Column(code=code, label=label, value=value, type=ColumnType.INSTANT, **more)


def duration(code: str, label: str, value: Any, **more: Any) -> Column:
    """Return a column of seconds."""
    return Column(code=code, label=label, value=value, type=ColumnType.DURATION, **more)


def choice(code: str, label: str, value: Any, labels: Mapping[Any, str], **more: Any) -> Column:
    """Return a column of a few words of ours."""
    return Column(
        code=code, label=label, value=value, type=ColumnType.CHOICE, labels=labels, **more
    )


def narrow(
    code: str, label: str, column: Any, labels: Mapping[Any, str] | None = None, **more: Any
) -> Filter:
    """Return a filter for one value of a column."""
    return Filter(
        code=code, label=label, labels=labels, condition=lambda value: column == value, **more
    )
