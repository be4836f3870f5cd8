"""Repeats: the same trouble with the same device again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.core.text import msgid
from servicedesk.reviews.metrics.figure import Better, Item, Section
from servicedesk.reviews.metrics.shapes import Share
from servicedesk.reviews.reading import REPEATED_WITHIN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.reviews.facts import IncidentFacts
    from servicedesk.reviews.history import History


class Repeats(Share):
    """Incidents that had been there before."""

    code = "repeats"
    label = msgid("Repeated incidents")
    definition = (
        msgid(
            "Incidents created in the month on a device that had one of the same category within the 30"
            " days before, of all incidents created in the month."
        ),
    )
    section = Section.QUALITY
    better = Better.DOWN
    by = ("category",)
    part_label = msgid("Repeated")
    rest_label = msgid("For the first time")

    def evidence(self, history: History) -> Sequence[Item]:
        """Return one item an incident, with the one that it repeats."""
        last: dict[tuple[int, str], IncidentFacts] = {}
        found = []
        for incident in history.incidents:
            keys = [(one, incident.category) for one in incident.device_ids if incident.category]
            before = [
                last[key]
                for key in keys
                if key in last and incident.started_at - last[key].started_at <= REPEATED_WITHIN
            ]
            newest = max(before, key=lambda one: one.started_at, default=None)
            last.update(dict.fromkeys(keys, incident))
            if history.period.holds(incident.started_at):
                found.append(
                    Item(
                        reference=incident.reference,
                        counts=newest is not None,
                        tags={"category": incident.category} if incident.category else {},
                        about=newest.reference if newest else "",
                    )
                )
        return found
