"""The dashboard's charts: values whose points lead to the tickets that were counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask_babel import gettext as _

from servicedesk.shell.charts.showing import this_reader
from servicedesk.shell.charts.values import Heatmap, Point, StackedBars, Tone, TrendChart, Unit
from servicedesk.shell.language import translate
from servicedesk.shell.navigation import to
from servicedesk.sla.cycles import METRIC_LABELS, OPEN_STANDINGS, STANDING_LABELS, Metric, Standing
from servicedesk.sla.evidence import HOURS, WEEKDAYS
from servicedesk.sla.web.evidence_words import month_words, short_month, weekday_names

if TYPE_CHECKING:
    from servicedesk.sla.ageing import Bucket
    from servicedesk.sla.dashboard import Attained, Dashboard
    from servicedesk.sla.evidence import Evidence

TONES = {
    Standing.BREACHED: Tone.BAD,
    Standing.AT_RISK: Tone.WARN,
    Standing.PAUSED: Tone.CALM,
    Standing.ON_TRACK: Tone.GOOD,
}


def ageing(found: Dashboard) -> StackedBars:
    """Return how old what is open is, by how it stands."""
    return StackedBars(
        title=_("How old what is open is"),
        head=_("Working days"),
        points=tuple(
            Point(
                label=bucket_words(aged.bucket),
                series=translate(STANDING_LABELS[standing]),
                value=aged.by_standing[standing],
                href=_tickets(aged.behind.but(sla=standing.value)),
                tone=TONES[standing],
            )
            for aged in found.ageing
            for standing in OPEN_STANDINGS
        )
        if sum(found.open.values())
        else (),
    )


def bucket_words(bucket: Bucket) -> str:
    """Return an age in words: 2 to 3 days."""
    if bucket.oldest is None:
        return str(_("Over %(days)s days", days=bucket.youngest - 1))
    return str(_("%(first)s to %(last)s days", first=bucket.youngest, last=bucket.oldest))


def kept(found: Dashboard) -> TrendChart:
    """Return what was kept of each target over the months."""
    return TrendChart(
        title=_("Attainment over thirteen months"),
        head=_("Month"),
        unit=Unit.PERCENT,
        points=tuple(_kept(row, metric) for metric in Metric for row in found.trend[metric])
        if any(row.counted for rows in found.trend.values() for row in rows)
        else (),
    )


def _kept(row: Attained, metric: Metric) -> Point:
    label, series = short_month(row.of), translate(METRIC_LABELS[metric])
    share = this_reader().figure(row.share, Unit.PERCENT)
    return Point(
        label=label,
        series=series,
        value=row.share,
        href=_tickets(row.behind) if row.counted else "",
        description=_(
            "%(series)s, %(month)s: %(share)s of %(all)s",
            series=series,
            month=label,
            share=share,
            all=this_reader().figure(row.counted, Unit.COUNT),
        ),
    )


def arrivals(found: Dashboard) -> TrendChart:
    """Return how many tickets came over the months."""
    return TrendChart(
        title=_("Arrivals over thirteen months"),
        head=_("Month"),
        what=_("Tickets"),
        points=tuple(
            Point(
                label=short_month(month),
                value=amount,
                href=_tickets(found.behind.but(arrived=month)) if amount else "",
            )
            for month, amount in found.arrivals
        )
        if any(amount for _month, amount in found.arrivals)
        else (),
    )


def hours(found: Dashboard) -> Heatmap:
    """Return when in the week tickets came in the month."""
    names, labels = (
        weekday_names("abbreviated"),
        [f"{hour}\N{NO-BREAK SPACE}h" for hour in range(HOURS)],
    )
    return Heatmap(
        title=_("Arrivals by hour and weekday, %(month)s", month=month_words(found.month)),
        head=_("Hour"),
        labels=tuple(labels),
        lines=tuple(names),
        points=tuple(
            Point(
                label=labels[slot % HOURS],
                series=names[slot // HOURS],
                value=amount,
                href=_tickets(
                    found.behind.but(
                        arrived=found.asked.month,
                        weekday=str(slot // HOURS + 1),
                        hour=str(slot % HOURS),
                    )
                ),
            )
            for slot, amount in sorted(found.hours.items())
            if 0 <= slot < HOURS * WEEKDAYS
        ),
    )


def _tickets(asked: Evidence) -> str:
    return to("tickets.index", **asked.as_query())
