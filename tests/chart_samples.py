"""One chart of each kind, as a dashboard would have them; any word can be made a hostile one."""

from __future__ import annotations

from servicedesk.shell.charts.values import (
    BarChart,
    Heatmap,
    Point,
    StackedBars,
    Target,
    Tone,
    TrendChart,
    Unit,
)
from servicedesk.shell.charts.words import Reader

SPANISH = Reader("es", str)
ENGLISH = Reader("en", str)
MONTHS = tuple(f"{month} 26" for month in ("ago", "sep", "oct", "nov"))
HOURS = tuple(f"{hour} h" for hour in range(24))
DAYS = ("lun", "mar", "mié", "jue", "vie", "sáb", "dom")


def point(label: str, value: float | None, series: str = "", **more) -> Point:
    return Point(label=label, value=value, series=series, href="/desk/tickets/?q=1", **more)


def bar_chart(word: str = "Aguas del Sur") -> BarChart:
    return BarChart(
        title="Cumplimiento por cliente",
        head="Cliente",
        what="En plazo",
        unit=Unit.PERCENT,
        target=Target(value=0.95, label="Objetivo"),
        points=(
            point(word, 0.997),
            point("Transportes Ibéricos y Logística Reunida, S. A.", 0.91, tone=Tone.BAD),
            point("Hotel Mar", None),
        ),
    )


def grouped(word: str = "Recibidos") -> BarChart:
    return BarChart(
        title="Recibidos y resueltos",
        head="Prioridad",
        points=tuple(
            point(label, value, series)
            for label, values in (("Crítica", (12, 11)), ("Alta", (1048, 52)))
            for series, value in zip((word, "Resueltos"), values, strict=True)
        ),
    )


def ages(word: str = "Hasta 2 días") -> StackedBars:
    return StackedBars(
        title="Antigüedad de los tickets abiertos",
        head="Prioridad",
        is_ordered=True,
        points=tuple(
            point(label, value, series)
            for label, values in (("Crítica", (30, 10, 0)), ("Alta", (9, 60, 21)))
            for series, value in zip((word, "3 a 7 días", "Más de 7 días"), values, strict=True)
        ),
    )


def trend_chart(word: str = "Primera respuesta") -> TrendChart:
    return TrendChart(
        title="Cumplimiento de los acuerdos",
        head="Mes",
        unit=Unit.PERCENT,
        target=Target(value=0.95, label="Objetivo"),
        points=tuple(
            point(month, value, series)
            for series, values in (
                (word, (0.99, None, 0.97, 0.96)),
                ("Resolución", (0.93, 0.91, 0.94, 0.96)),
            )
            for month, value in zip(MONTHS, values, strict=True)
        ),
    )


def arrivals(word: str = "lun") -> Heatmap:
    days = (word, *DAYS[1:])
    return Heatmap(
        title="Cuándo llegan los tickets",
        head="Hora",
        labels=HOURS,
        lines=days,
        points=tuple(point("9 h", number * 20, day) for number, day in enumerate(days, 1)),
    )


KINDS = (bar_chart, grouped, ages, trend_chart, arrivals)
