"""The tables of a what-if as CSV, written row by row."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from flask import Response, stream_with_context
from flask_babel import format_decimal

from servicedesk.core.text import msgid
from servicedesk.shell.language import translate
from servicedesk.sla.cycles import WHOLE
from servicedesk.sla.web.what_if_words import place, verdict_label
from servicedesk.sla.what_if.figures import from_json
from servicedesk.sla.what_if.models import CHANGE_LABELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from flask.typing import ResponseReturnValue

    from servicedesk.sla.replay import Count
    from servicedesk.sla.what_if.models import WhatIf, WhatIfChange

FIGURE_HEADINGS = (
    msgid("Metric"),
    msgid("Kind"),
    msgid("Priority"),
    msgid("Decided, as it was"),
    msgid("Decided, as it would be"),
    msgid("Met, as it was"),
    msgid("Met, as it would be"),
    msgid("Breached, as it was"),
    msgid("Breached, as it would be"),
    msgid("Near misses, as it was"),
    msgid("Near misses, as it would be"),
    msgid("Met %, as it was"),
    msgid("Met %, as it would be"),
)
CHANGE_HEADINGS = (
    msgid("Ticket"),
    msgid("Metric"),
    msgid("Kind"),
    msgid("Priority"),
    msgid("Change"),
    msgid("Verdict, as it was"),
    msgid("Hours used, as it was"),
    msgid("Target in hours, as it was"),
    msgid("Verdict, as it would be"),
    msgid("Hours used, as it would be"),
    msgid("Target in hours, as it would be"),
)


def figures_csv(what_if: WhatIf) -> ResponseReturnValue:
    """Return the figures of both sides by metric, kind and priority."""
    rows = (
        [
            *place(cell),
            *(
                str(n)
                for pair in zip(_counts(found.was), _counts(found.would), strict=True)
                for n in pair
            ),
        ]
        for cell, found in from_json(what_if.result).items()
    )
    return _download(f"{what_if.reference}-figures.csv", FIGURE_HEADINGS, rows)


def changes_csv(what_if: WhatIf, changes: Iterable[WhatIfChange]) -> ResponseReturnValue:
    """Return the verdicts that would be others, written as they are read."""
    rows = (
        [
            row.subject,
            *place((row.kind, row.priority, row.metric)),
            translate(CHANGE_LABELS[row.change]),
            verdict_label(row.was),
            _in_hours(row.was_used_seconds),
            _in_hours(row.was_target_seconds),
            verdict_label(row.would),
            _in_hours(row.would_used_seconds),
            _in_hours(row.would_target_seconds),
        ]
        for row in changes
    )
    return _download(f"{what_if.reference}-changes.csv", CHANGE_HEADINGS, rows)


def _counts(count: Count) -> list[str]:
    return [
        str(count.decided),
        str(count.met),
        str(count.breached),
        str(count.near),
        "" if count.attainment is None else format_decimal(count.attainment * WHOLE, "0.00"),
    ]


def _in_hours(seconds: int | None) -> str:
    return "" if seconds is None else str(format_decimal(seconds / 3600, "0.0000"))


def _download(name: str, headings: Sequence[str], rows: Iterable[list[str]]) -> ResponseReturnValue:
    def lines() -> Iterator[str]:
        buffer = io.StringIO()
        writer = csv.writer(buffer, delimiter=";")
        yield "\ufeff"  # tells a Spanish Excel that it is UTF-8
        writer.writerow([translate(heading) for heading in headings])
        for row in rows:
            writer.writerow(row)
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
        yield buffer.getvalue()

    return Response(
        stream_with_context(lines()),
        mimetype="text/csv",
        headers={"Content-Disposition": f"attachment; filename={name}"},
    )
