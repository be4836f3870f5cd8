"""Conformity of the fleet at the end of the month."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from servicedesk.core.text import msgid
from servicedesk.reviews.metrics.figure import Better, Item, Section, Subject, Value
from servicedesk.reviews.metrics.shapes import Share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.reviews.history import History

STANDINGS = ("conforming", "failing", "unknown", "without_rules")


class Conformity(Share):
    """Devices that meet all rules that concern them."""

    code = "conformity"
    label = msgid("Devices that conform")
    definition = (
        msgid(
            "Devices that meet every rule that concerns them, of those managed at the month's end."
        ),
        msgid(
            "A device that has not reported what a rule asks, or that no rule concerns, is managed and"
            " does not count as conforming; where no rule concerns any device there is no figure."
        ),
    )
    section = Section.DEVICES
    subject = Subject.DEVICE
    better = Better.UP
    by = ("standing",)
    part_label = msgid("Conform")
    rest_label = msgid("Do not conform, or nobody knows")

    def evidence(self, history: History) -> Sequence[Item]:
        """Return one item a managed device."""
        fleet = history.fleet
        if fleet is None:
            return []
        lists = (
            fleet.conforming_devices,
            fleet.failing_devices,
            fleet.unknown_devices,
            fleet.free_devices,
        )
        return [
            Item(
                reference=device,
                counts=standing == STANDINGS[0],
                tags={"standing": standing},
            )
            for standing, devices in zip(STANDINGS, lists, strict=True)
            for device in sorted(devices or ())
        ]

    def value(self, history: History, items: Sequence[Item]) -> Value:
        """Return the share, and the day it was counted on where that was not the last."""
        fleet = history.fleet
        found = super().value(history, items)
        if not any(item.tags["standing"] != STANDINGS[-1] for item in items):
            found = replace(found, amount=None)  # where no rule is, nothing conforms or fails
        late = fleet.on_day.isoformat() if fleet and fleet.on_day != history.period.last_on else ""
        return replace(found, as_of=late)
