"""The figures of a what-if, as they are kept and as they are read."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from servicedesk.sla.cycles import Metric
from servicedesk.sla.plan import KINDS, PRIORITIES
from servicedesk.sla.replay import Comparison, Count

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from servicedesk.sla.replay import Cell

Figures = dict["Cell", Comparison]
ORDER = {name: number for number, name in enumerate((*Metric, *KINDS, *PRIORITIES))}


def to_json(figures: Mapping[Cell, Comparison]) -> list[dict[str, Any]]:
    """Return figures as JSON knows them, in the order in which they are read."""
    return [
        {
            "kind": kind,
            "priority": priority,
            "metric": metric.value,
            "was": vars(found.was),
            "would": vars(found.would),
            "changes": dict(found.changes),
        }
        for (kind, priority, metric), found in sorted(figures.items(), key=_place)
    ]


def from_json(rows: Iterable[Mapping[str, Any]]) -> Figures:
    """Read what `to_json` wrote."""
    return {
        (row["kind"], row["priority"], Metric(row["metric"])): Comparison(
            was=Count(**row["was"]), would=Count(**row["would"]), changes=Counter(row["changes"])
        )
        for row in rows
    }


def by_metric(figures: Mapping[Cell, Comparison]) -> dict[Metric, Comparison]:
    """Return the figures of each metric that has any, over all kinds and priorities."""
    found: dict[Metric, Comparison] = {}
    for metric in Metric:
        for (_, _, of_it), comparison in figures.items():
            if of_it is metric:
                found.setdefault(metric, Comparison()).add(comparison)
    return found


def _place(item: tuple[Cell, Comparison]) -> list[int]:
    (kind, priority, metric), _ = item
    return [ORDER.get(name, len(ORDER)) for name in (metric, kind, priority)]
