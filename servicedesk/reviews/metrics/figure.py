"""What a figure is: its definition, the items it counts, and its value, which follows from them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

from servicedesk.core.text import msgid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from servicedesk.reviews.history import History


class Section(StrEnum):
    """The chapters of a review, in their order."""

    SERVICE_LEVELS = "service_levels"
    TIMES = "times"
    VOLUME = "volume"
    QUALITY = "quality"
    DEVICES = "devices"
    PLANNED = "planned"
    PROVISION = "provision"
    ENGAGEMENT = "engagement"


SECTION_LABELS = {
    Section.SERVICE_LEVELS: msgid("Service levels"),
    Section.TIMES: msgid("Times of response and solution"),
    Section.VOLUME: msgid("Volume and backlog"),
    Section.QUALITY: msgid("Quality and satisfaction"),
    Section.DEVICES: msgid("Fleet, conformity and changes"),
    Section.PLANNED: msgid("Planned tasks"),
    Section.PROVISION: msgid("Provision"),
    Section.ENGAGEMENT: msgid("Engagement days"),
}


class Unit(StrEnum):
    """What an amount is in. Shares are from 0 to 1; times are seconds of business or elapsed time."""

    SHARE = "share"
    RATIO = "ratio"  # may go beyond one
    COUNT = "count"
    BUSINESS_SECONDS = "business_seconds"
    ELAPSED_SECONDS = "elapsed_seconds"
    QUARTERS = "quarters"  # of a day


class Subject(StrEnum):
    """What an item names, and so what it opens."""

    TICKET = "ticket"
    ORDER = "order"
    RUN = "run"  # of a planned task: its reference, a slash, the run's number
    DEVICE = "device"
    VISIT = "visit"


class Better(StrEnum):
    """Which way is good."""

    UP = "up"
    DOWN = "down"
    NEITHER = "neither"


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One thing that a figure counts.

    `counts`: whether it is in the part that a share is of. `measure`: how much it is, in the
    figure's unit. `tags`: what it is broken down by. `about`: a few words for who reads the list.
    """

    reference: str
    counts: bool = True
    measure: float | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    about: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as a review keeps it; what is usual is left out."""
        kept: dict[str, Any] = {"reference": self.reference}
        if not self.counts:
            kept["counts"] = False
        if self.measure is not None:
            kept["measure"] = self.measure
        if self.tags:
            kept["tags"] = dict(self.tags)
        if self.about:
            kept["about"] = self.about
        return kept

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Item:
        """Return what a review keeps."""
        return cls(**kept)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A part of a figure: what has the same tag."""

    by: str
    of: str
    amount: float | None
    n: int
    part: int | None = None
    mean: float | None = None
    median: float | None = None
    percentile_90: float | None = None


@dataclass(frozen=True, kw_only=True)
class Value:
    """A figure of a month: its amount (None where there is nothing to say), and of how many."""

    amount: float | None
    n: int
    part: int | None = None
    mean: float | None = None
    median: float | None = None
    percentile_90: float | None = None
    total: float | None = None
    is_provisional: bool = False
    as_of: str = ""  # the day it was counted on, where that is not the month's last
    rows: tuple[Row, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as a review keeps it."""
        told = {name: value for name, value in vars(self).items() if name != "rows"}
        rows = [{k: v for k, v in vars(row).items() if v is not None} for row in self.rows]
        return {k: v for k, v in told.items() if v is not None} | {"rows": rows}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Value:
        """Return what a review keeps."""
        rows = tuple(Row(**{"amount": None, **row}) for row in kept["rows"])
        return cls(**{"amount": None, **kept, "rows": rows})

    def row(self, by: str, of: str) -> Row | None:
        """Return the part of a tag."""
        return next((row for row in self.rows if (row.by, row.of) == (by, of)), None)


class Figure(ABC):
    """A figure of the review. A new one is a file in this folder and a line in `FIGURES`."""

    code: ClassVar[str]
    label: ClassVar[str]
    definition: ClassVar[tuple[str, ...]]  # sentences
    section: ClassVar[Section]
    unit: ClassVar[Unit]
    subject: ClassVar[Subject] = Subject.TICKET
    better: ClassVar[Better] = Better.NEITHER
    by: ClassVar[tuple[str, ...]] = ()  # the tags it is broken down by
    # what those of the part are called, and those outside it; lists behind the figure are cut by them
    part_label: ClassVar[str] = ""
    rest_label: ClassVar[str] = ""
    in_trend: ClassVar[bool] = True

    @abstractmethod
    def evidence(self, history: History) -> Sequence[Item]:
        """Return what it counts, in a fixed order."""

    @abstractmethod
    def value(self, history: History, items: Sequence[Item]) -> Value:
        """Return what follows from its items; nothing else decides it."""

    def is_provisional(self, history: History) -> bool:
        """Whether what is still to come may change it."""
        del history
        return False
