"""What-ifs in words: sentences, shares and differences."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from flask_babel import format_decimal, format_percent, gettext, ngettext

from servicedesk.core.text import msgid
from servicedesk.shell.language import translate
from servicedesk.sla.cycles import METRIC_LABELS, WHOLE, Metric, Verdict
from servicedesk.sla.notation import written_target
from servicedesk.sla.replay import Change
from servicedesk.sla.web.words import kind_word, priority_word
from servicedesk.sla.what_if.figures import by_metric, from_json
from servicedesk.sla.what_if.wishes import targets_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from servicedesk.sla.replay import Cell, Comparison
    from servicedesk.sla.what_if.models import WhatIf

# what is looked at first
METRICS = (Metric.RESOLUTION, Metric.FIRST_RESPONSE, Metric.PERIODIC_UPDATE)
VERDICT_WORDS = {
    Verdict.RUNNING: msgid("Running"),
    Verdict.PAUSED: msgid("Paused"),
    Verdict.MET: msgid("Met"),
    Verdict.BREACHED: msgid("Breached"),
}


def share(value: float | None) -> str:
    """Return a share as a percentage with one decimal."""
    return "—" if value is None else str(format_percent(value, "#,##0.0 %"))


def points(value: float | None) -> str:
    """Return a difference of shares in percentage points, with its sign."""
    if value is None:
        return "—"
    number = format_decimal(abs(value) * WHOLE, "#,##0.0")
    sign = "" if round(abs(value), 3) == 0 else "+" if value > 0 else "−"  # noqa: RUF001  minus
    return str(gettext("%(number)s pp", number=f"{sign}{number}"))


def hours(seconds: int | None) -> timedelta | None:
    """Return a kept number of seconds as a duration."""
    return None if seconds is None else timedelta(seconds=seconds)


def verdict_label(verdict: Verdict | None) -> str:
    """Return a verdict in words; none is no promise."""
    return translate(VERDICT_WORDS[verdict] if verdict else msgid("Not promised"))


def summary(what_if: WhatIf) -> list[str]:
    """Return a sentence for each metric that has figures, the most important first."""
    found = by_metric(from_json(what_if.result))
    return [sentence(metric, found[metric]) for metric in METRICS if metric in found]


def sentence(metric: Metric, figures: Comparison) -> str:
    """Return what the draft does to a metric, in a sentence."""
    values = {
        "metric": translate(METRIC_LABELS[metric]).lower(),
        "was": share(figures.was.attainment),
        "would": share(figures.would.attainment),
    }
    difference = figures.difference
    if figures.was.attainment is None and figures.would.attainment is None:
        return str(gettext("Of %(metric)s nothing would be decided.", **values))
    if figures.was.attainment is None:
        words = gettext(
            "Attainment of %(metric)s, which was not promised, would be %(would)s", **values
        )
    elif figures.would.attainment is None:
        words = gettext("Attainment of %(metric)s was %(was)s and would not be measured", **values)
    elif difference is not None and values["was"] != values["would"]:
        words = (
            gettext("Attainment of %(metric)s would rise from %(was)s to %(would)s", **values)
            if difference > 0
            else gettext("Attainment of %(metric)s would fall from %(was)s to %(would)s", **values)
        )
    else:
        words = gettext("Attainment of %(metric)s would stay at %(was)s", **values)
    return f"{words}: {_changes_in_words(figures)}."


def _changes_in_words(figures: Comparison) -> str:
    worse, better, dropped = (figures.changes[change] for change in Change)
    parts = []
    if worse:
        parts.append(ngettext("%(num)s ticket would breach", "%(num)s tickets would breach", worse))
    if better:
        parts.append(
            ngettext(
                "%(num)s ticket would no longer breach",
                "%(num)s tickets would no longer breach",
                better,
            )
        )
    if dropped:
        parts.append(
            ngettext(
                "%(num)s that was met would not be promised",
                "%(num)s that were met would not be promised",
                dropped,
            )
        )
    return ", ".join(parts) or str(gettext("no verdict would change"))


def tried(what_if: WhatIf) -> list[str]:
    """Return what is tried, one sentence a difference."""
    told, words = what_if.definition, []
    if told["plan"]:
        words.append(gettext("Plan: %(name)s", name=told["plan"]))
    if told["calendar"]:
        words.append(gettext("Calendar: %(name)s", name=told["calendar"]))
    if told["factor_percent"] != WHOLE:
        words.append(gettext("All targets at %(percent)s %%", percent=told["factor_percent"]))
    for cell, target in targets_in(told).items():
        amount = written_target(target) if target else gettext("nothing is promised")
        words.append(f"{' · '.join(place(cell))}: {amount}")
    return [str(line) for line in words]


def place(cell: Cell) -> tuple[str, str, str]:
    """Return metric, kind and priority in words."""
    kind, priority, metric = cell
    return translate(METRIC_LABELS[metric]), kind_word(kind), priority_word(priority)


def metric_lines(totals: Mapping[Metric, Comparison]) -> list[tuple[str, Comparison]]:
    """Return the figures of each metric with its name, the most important first."""
    return [
        (translate(METRIC_LABELS[metric]), totals[metric]) for metric in METRICS if metric in totals
    ]


def cell_lines(figures: Mapping[Cell, Comparison]) -> list[tuple[str, Comparison]]:
    """Return the figures of each cell with its name, the most important metric first."""
    return [
        (" · ".join(place(cell)), found)
        for metric in METRICS
        for cell, found in figures.items()
        if cell[2] is metric
    ]
