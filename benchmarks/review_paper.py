"""`python -m benchmarks.review_paper`: a review as PDF and XLSX, of twenty tickets and of 10,000.

Its content is made in memory of items that figures count; no database is asked. Times are medians of the
processor's time, and multiples of a receipt of one page printed in the same run; every round prints
another one, for Typst remembers what it has set before.
"""

from __future__ import annotations

import random
import statistics
import time
from datetime import date
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from flask import Flask
from flask_babel import force_locale

from config import ROOT
from servicedesk.reviews.frozen import FORMAT, canonical, hash_of, packed
from servicedesk.reviews.metrics import FIGURES
from servicedesk.reviews.metrics.figure import Item, Row, Unit, Value
from servicedesk.reviews.metrics.shapes import Count, Duration, Share
from servicedesk.reviews.metrics.volume import Flow
from servicedesk.reviews.models import Mark, Place, ReviewState, ServiceReview
from servicedesk.reviews.queries import ReviewView
from servicedesk.reviews.web.paper import paper_of
from servicedesk.reviews.web.spreadsheet import workbook_of
from servicedesk.shell import formatting, language
from servicedesk.shell.charts.drawing import warm_up
from servicedesk.shell.pdf import pdf_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from servicedesk.reviews.history import History
    from servicedesk.reviews.metrics.figure import Figure

SIZES = {"demonstration": 20, "10,000 tickets": 10_000}
ROUNDS = {"demonstration": 7, "10,000 tickets": 3}
AIM = 10.0  # seconds, for the larger one
KINDS = ("request", "query", "incident")
PRIORITIES = ("critical", "high", "medium", "low")
HOLDERS = ("operator", "client", "third_party")
CHANCES = {"repeats": 0.3, "satisfaction": 0.25, "backlog": 0.05, "breach_severity": 0.1}
SUBJECT = "The mail does not arrive on the telephones of the warehouse"


def measure() -> None:
    """Print how long each document takes, how large it is, and what that is in receipts."""
    app = Flask("desk", root_path=str(ROOT), template_folder="templates")
    language.install(app)
    formatting.install(app)
    with app.test_request_context(), force_locale("es"):
        warm_up()
        receipt, _file = timed([lambda n=n: pdf_of("receipt", receipt_data(n)) for n in range(9)])
        print(f"\n{'A review on paper':28}{'CPU s':>8}{'× receipt':>11}{'kB':>9}")
        print(f"{'a receipt':28}{receipt:8.2f}{1:11.1f}")
        for name, tickets in SIZES.items():
            made_up = [review_of(tickets, seed) for seed in range(ROUNDS[name])]
            papers = [lambda one=one: pdf_of("review", paper_of(*one)) for one in made_up]
            books = [lambda one=one: workbook_of(*one) for one in made_up]
            for kind, makes in (("PDF", papers), ("XLSX", books)):
                took, made = timed(makes)
                line = f"{took:8.2f}{took / receipt:11.1f}{len(made) / 1000:9.0f}"
                print(f"{f'{name}, {kind}':28}{line}")
                if took > AIM:
                    print(f"  slower than {AIM:.0f} s")


def timed(makes: Sequence[Callable[[], bytes]]) -> tuple[float, bytes]:
    """Return the median of how long they took, and what the last one made."""
    times, made = [], b""
    for make in makes:
        began = time.process_time()
        made = make()
        times.append(time.process_time() - began)
    return statistics.median(times), made


def review_of(tickets: int, seed: int) -> tuple[ReviewView, Mapping[str, Sequence[Item]]]:
    """Return a published review of a month of so many tickets, and its evidence."""
    dice = random.Random(seed)
    evidence = {figure.code: items_of(figure, tickets, dice) for figure in FIGURES}
    values = {figure.code: value_of(figure, evidence[figure.code]) for figure in FIGURES}
    content = {
        "format": FORMAT,
        "reference": "REV-2026-000001",
        "month": "2026-10-01",
        "first_on": "2026-10-01",
        "last_on": "2026-10-31",
        "zone": "Europe/Madrid",
        "client": {"reference": "CLI-000001", "name": f"Norte Distribución {seed}, S. A."},
        "contract": {
            "reference": "CTR-000001",
            "modality": "advanced_managed",
            "starts_on": "2025-09-07",
            "ends_on": "2028-09-06",
        },
        "counted_at": "2026-11-02T05:50:00+00:00",
        "published_at": "2026-11-04T09:00:00+00:00",
        "published_by": "Elena",
        "mark": Mark.WATCH.value,
        "texts": {
            place.value: f"What was done {seed} times, and what is left. " * 12 for place in Place
        },
        "actions": [],
        "figures": {code: value.to_json() for code, value in values.items()},
        "trend": {code: trend_of(value) for code, value in values.items()},
        "chapters": chapters_of(evidence, dice),
        "evidence_sha256": packed(evidence)[1],
    }
    text = canonical(content)
    review = ServiceReview(
        reference=content["reference"], month=date(2026, 10, 1), state=ReviewState.PUBLISHED
    )
    review.hash = hash_of(text)
    return ReviewView(
        review=review, text=text, texts={}, actions=(), comments=(), addenda=()
    ), evidence


def items_of(figure: Figure, tickets: int, dice: random.Random) -> list[Item]:
    """Return as many items as a figure would count of so many tickets."""
    each = {"service_levels": 3, "whose_time": 2, "volume": 2}.get(figure.code, 1)
    chance = CHANCES.get(figure.code, 1)
    return [
        Item(
            reference=f"INC-2026-{dice.randrange(100_000):06d}",
            counts=dice.random() < 0.9,
            measure=dice.randrange(60, 90_000) if figure.unit is not Unit.COUNT else 3600,
            tags=tags_of(figure, place, dice),
            about=SUBJECT,
        )
        for number in range(tickets)
        for place in range(each)
        if dice.random() < chance
    ]


def tags_of(figure: Figure, place: int, dice: random.Random) -> dict[str, str]:
    """Return what an item is broken down by."""
    of = {
        "metric": ("first_response", "resolution", "periodic_update"),
        "kind": ("consume",) if figure.code == "engagement" else KINDS,
        "priority": PRIORITIES,
        "flow": (Flow.CREATED, Flow.RESOLVED)[place : place + 1],
        "holder": HOLDERS[place : place + 1],
        "age": ("00-01", "04-07", "31"),
        "standing": ("conforming", "failing"),
        "score": ("2", "4", "5"),
        "category": ("mail", "network"),
        "action": ("device.lock", "device.locate"),
        "platform": ("ios", "android"),
        "punctuality": ("punctual", "late"),
    }
    return {by: str(dice.choice(of[by])) for by in figure.by}


def value_of(figure: Figure, items: Sequence[Item]) -> Value:
    """Return a figure's value by its shape: what needs more than items is not looked at."""
    nothing = cast("History", None)
    shape = next((one for one in (Share, Count, Duration) if isinstance(figure, one)), None)
    if shape is not None:
        plain = SimpleNamespace(by=figure.by, is_provisional=lambda _history: False)
        return shape.value(cast("Any", plain), nothing, items)
    if figure.code == "engagement":
        rows = tuple(
            Row(by="days", of=of, amount=8, n=0)
            for of in ("opening", "consumed", "reserved", "left")
        )
        return Value(amount=40, n=len(items), total=64, rows=rows)
    return figure.value(nothing, items)


def trend_of(value: Value) -> list[dict[str, Any]]:
    """Return thirteen months of a figure."""
    return [
        {
            "month": f"{2025 + (number + 9) // 12}-{(number + 9) % 12 + 1:02}-01",
            "amount": value.amount,
            "n": value.n,
            "is_provisional": False,
            "source": "frozen",
        }
        for number in range(13)
    ]


def chapters_of(evidence: Mapping[str, Sequence[Item]], dice: random.Random) -> dict[str, Any]:
    """Return what is told beside figures; every breach has its cause."""
    breaches = [
        {
            "reference": item.reference,
            "subject": item.about,
            "metric": "resolution",
            "kind": dice.choice(KINDS),
            "priority": dice.choice(PRIORITIES),
            "at": "2026-10-14T09:00:00+00:00",
            "target_seconds": 28_800,
            "beyond_seconds": item.measure,
            "cause": "workload",
            "words": "Too many came at once, and two of us were away. " * 3,
        }
        for item in evidence["breach_severity"]
    ]
    return {
        "breaches": breaches,
        "superseded": [],
        "oldest": [],
        "said": [
            {"reference": item.reference, "score": 4, "words": "Quick and clear, thank you."}
            for item in evidence["satisfaction"]
        ],
        "changes": {"by_action": [], "orders": [], "total": 0},
        "fleet": {"managed": None, "of": []},
        "rules": [],
        "missed": [],
        "planned_next": [],
        "days": {"visits": [], "runs_out_on": None},
        "actions_before": [],
    }


def receipt_data(number: int) -> dict[str, Any]:
    """Return a receipt of one page, unlike those of other numbers."""
    row = {
        "start": f"2 nov 2026, 09:00:0{number}",
        "end": "2 nov 2026, 11:30:00",
        "state": "Running",
        "is_running": True,
        "cause": f"opened by Ana {number}",
        "time": "2 h 30 min",
        "days": "",
        "outside": "",
        "total": "2 h 30 min",
    }
    table = {
        "title": "Interval by interval",
        "heads": ["a", "b", "c", "d", "e"],
        "rows": [row] * 12,
    }
    return {
        "language": "en",
        "author": "Móvil Gestionado",
        "title": "Receipt",
        "lead": "Resolved in time",
        "tone": "good",
        "notice": "",
        "made": [2026, 11, 2, 12, 0, 0],
        "footer": "INC-2026-000001",
        "facts": [("Ticket", "INC-2026-000001")] * 6,
        "table": table,
        "sums": {"title": "The sum", "rows": [("Counted", "2 h 30 min")] * 3},
        "days": {"title": "Days", "heads": ["a", "b", "c"], "rows": [("a", "b", "c")] * 3},
        "thresholds": {"title": "Thresholds", "rows": []},
        "superseded": {"title": "Earlier", "rows": []},
        "verify": "SHA-256",
        "hash": "a" * 64,
    }


if __name__ == "__main__":
    measure()
