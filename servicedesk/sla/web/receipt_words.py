"""A receipt in the reader's words, once for the page and for the paper.

Times are told in the calendar's zone to the second. What is counted is exact: each column is cut
to whole seconds where it adds up, so that the rows shown give the sum shown.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from flask_babel import format_date, format_datetime, ngettext
from flask_babel import gettext as _

from servicedesk.core.actors import SYSTEM
from servicedesk.core.text import msgid
from servicedesk.shell.language import translate
from servicedesk.sla.cycles import METRIC_LABELS, ZERO, Party
from servicedesk.sla.evaluation import EventKind
from servicedesk.sla.receipt import by_day, shown_evidence
from servicedesk.sla.receipt_json import hash_of
from servicedesk.sla.web.verdict_words import (
    SECOND,
    WAITING_WORDS,
    exactly,
    target_words,
    tone_of,
    verdict_words,
)
from servicedesk.sla.web.words import kind_word, priority_word

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from servicedesk.sla.evaluation import LedgerEvent
    from servicedesk.sla.receipt import Receipt, Stretch, Superseded

EVENT_WORDS = {
    EventKind.STARTED: msgid("opened"),
    EventKind.RESPONDED: msgid("answered"),
    EventKind.ASSIGNED: msgid("assigned"),
    EventKind.PAUSED: msgid("the wait began"),
    EventKind.RESUMED: msgid("the wait ended"),
    EventKind.RESOLVED: msgid("resolved"),
    EventKind.REOPENED: msgid("reopened"),
    EventKind.REPLANNED: msgid("other terms"),
    EventKind.WITHDRAWN: msgid("withdrawn"),
    EventKind.MERGED: msgid("merged into another"),
}
EVIDENCE_WORDS = {
    "order": msgid("Work order"),
    "device": msgid("Device"),
    "devices": msgid("Devices"),
    "device_count": msgid("Devices in all"),
    "last_contact_at": msgid("Last contact"),
    "until": msgid("Until"),
    "merged_into": msgid("Merged into"),
}
DATED_EVIDENCE = frozenset({"last_contact_at", "until"})


@dataclass(frozen=True, kw_only=True)
class Row:
    """A stretch as it is shown."""

    start: str
    end: str
    state: str
    is_running: bool
    cause: str
    time: str  # business time
    days: str  # over how many working days, when more than one
    outside: str
    total: str


@dataclass(frozen=True, kw_only=True)
class Day:
    """What of a working day was counted."""

    day: str
    hours: str
    time: str


@dataclass(frozen=True, kw_only=True)
class ReceiptWords:
    """What the page and the paper say."""

    title: str
    subject: str
    verdict: str
    tone: str
    notice: str
    facts: list[tuple[str, str]]
    rows: list[Row]
    sums: list[tuple[str, str]]
    days: list[Day]
    thresholds: list[tuple[str, str]]
    superseded: list[str]
    hash: str


def words_of(receipt: Receipt) -> ReceiptWords:
    """Return a receipt in the language of whoever reads it."""
    shown = _whole_seconds(receipt)
    return ReceiptWords(
        title=_("Receipt: %(metric)s", metric=translate(METRIC_LABELS[receipt.cycle.metric])),
        subject=receipt.heading.subject,
        verdict=verdict_words(receipt.cycle),
        tone=tone_of(receipt.cycle),
        notice=""
        if receipt.is_final
        else _("Not final: the clock has not stopped. As of %(when)s.", when=_at(receipt)),
        facts=list(_facts(receipt)),
        rows=[
            _row(receipt, *parts) for parts in zip(receipt.stretches, *shown.columns, strict=True)
        ],
        sums=list(_sums(receipt, shown)),
        days=list(_days(receipt)) if any(s.days > 1 for s in receipt.stretches) else [],
        thresholds=[
            (
                _("%(percent)s %% of the target", percent=fired.percent),
                moment(receipt, fired.reached_at),
            )
            for fired in receipt.fired
        ],
        superseded=[_superseded(receipt, other) for other in receipt.superseded],
        hash=hash_of(receipt),
    )


def moment(receipt: Receipt, at: datetime) -> str:
    """Return an instant in the calendar's zone, whoever reads it."""
    local = at.astimezone(receipt.zone)
    return str(format_datetime(local, "EEE d MMM y, HH:mm:ss", rebase=False))


def _at(receipt: Receipt) -> str:
    return moment(receipt, receipt.as_of)


def actor_words(event: LedgerEvent) -> str:
    """Return who it was, as the timeline names them."""
    return _("The desk") if event.actor == SYSTEM.name else event.actor


def cause_words(receipt: Receipt, event: LedgerEvent) -> str:
    """Return who did what, with what is known of it."""
    told = f"{actor_words(event)}: {translate(EVENT_WORDS[event.kind])}"
    known = [
        f"{translate(EVIDENCE_WORDS[name])}: {_evidence(receipt, name, value)}"
        for name, value in shown_evidence(event).items()
    ]
    return f"{told} ({'; '.join(known)})" if known else told


def _evidence(receipt: Receipt, name: str, value: object) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    if name not in DATED_EVIDENCE:
        return str(value)
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        return str(value)
    return moment(receipt, at) if at.tzinfo else str(format_date(at, "medium"))


def _facts(receipt: Receipt) -> Iterator[tuple[str, str]]:
    cycle, heading = receipt.cycle, receipt.heading
    plan = receipt.plans[cycle.terms.plan_id]
    row = [kind_word(cycle.terms.kind), priority_word(cycle.terms.priority)]
    yield _("Ticket"), heading.subject
    yield _("Client and contract"), f"{heading.client} · {heading.contract}"
    yield _("Clock"), f"{translate(METRIC_LABELS[cycle.metric])} · {receipt.ordinal}"
    version = _("version %(number)s", number=plan.version)
    yield _("Service plan"), f"{plan.name}, {version} · {' · '.join(row)}"
    yield _("Target"), target_words(cycle)
    for used in receipt.calendars:
        version = _("version %(number)s", number=used.version)
        since = _("from %(date)s on", date=format_date(used.effective_on, "medium"))
        yield _("Calendar"), f"{used.name}, {version}, {since}"
    yield _("Time zone of all times"), receipt.zone.key
    began = receipt.event(cycle.began_by)
    yield (
        _("Counts from"),
        f"{moment(receipt, cycle.started_at)}{_by(began)}",
    )
    if cycle.due_at:
        yield _("Due"), moment(receipt, cycle.due_at)
    if cycle.stopped_at:
        stopped = receipt.event(cycle.stopped_by)
        yield _("Stopped at"), f"{moment(receipt, cycle.stopped_at)}{_by(stopped)}"


def _by(event: LedgerEvent | None) -> str:
    return f" · {actor_words(event)}: {translate(EVENT_WORDS[event.kind])}" if event else ""


@dataclass(frozen=True)
class _Shown:
    """Business time and closed time of each stretch in whole seconds, and their sums."""

    columns: tuple[list[timedelta], list[timedelta], list[timedelta]]
    running: timedelta
    waited: dict[Party, timedelta]
    outside: timedelta


def _whole_seconds(receipt: Receipt) -> _Shown:
    exact: dict[Party | str | None, timedelta] = defaultdict(lambda: ZERO)

    def cut(column: Party | str | None, time: timedelta) -> timedelta:
        """Return what the column's sum, cut to seconds, gains by `time`."""
        before = exact[column] // SECOND
        exact[column] += time
        return (exact[column] // SECOND - before) * SECOND

    times, outsides, totals = [], [], []
    for stretch in receipt.stretches:
        times.append(cut(stretch.party, stretch.business_time))
        outsides.append(cut("outside", stretch.outside))
        totals.append(exact[None] // SECOND * SECOND)
    return _Shown(
        columns=(times, outsides, totals),
        running=exact[None] // SECOND * SECOND,
        waited={party: exact[party] // SECOND * SECOND for party in receipt.waited},
        outside=exact["outside"] // SECOND * SECOND,
    )


def _row(
    receipt: Receipt, stretch: Stretch, time: timedelta, outside: timedelta, total: timedelta
) -> Row:
    days = ngettext("in %(num)s working day", "in %(num)s working days", stretch.days)
    return Row(
        start=moment(receipt, stretch.start),
        end=moment(receipt, stretch.end),
        state=translate(WAITING_WORDS[stretch.party]) if stretch.party else _("Running"),
        is_running=stretch.party is None,
        cause=cause_words(receipt, stretch.cause),
        time=exactly(time),
        days=days if stretch.days > 1 else "",
        outside=exactly(outside) if outside else "—",
        total=exactly(total),
    )


def _sums(receipt: Receipt, shown: _Shown) -> Iterator[tuple[str, str]]:
    yield _("Business time that counts"), exactly(shown.running)
    for party, time in shown.waited.items():
        yield (
            _("%(wait)s, not counted", wait=translate(WAITING_WORDS[party])),
            exactly(time),
        )
    yield _("Outside business hours, not counted"), exactly(shown.outside)
    whole = shown.running + sum(shown.waited.values(), ZERO) + shown.outside
    yield _("In all, from start to stop"), exactly(whole)
    yield _("Target"), target_words(receipt.cycle)


def _days(receipt: Receipt) -> Iterator[Day]:
    """Yield the working days with what was counted on each; cut where they add up."""
    found: dict[date, list[tuple[datetime, datetime]]] = defaultdict(list)
    for stretch in receipt.stretches:
        for span in stretch.spans:
            if span.is_open and stretch.party is None:
                for day, start, end in by_day(span, receipt.zone):
                    found[day].append((start, end))
    total = ZERO
    for day, spans in found.items():
        before = total // SECOND
        total += sum((end - start for start, end in spans), ZERO)
        yield Day(
            day=str(format_date(day, "EEE d MMM y")),
            hours=", ".join(" - ".join(_clock(receipt, at) for at in span) for span in spans),
            time=exactly((total // SECOND - before) * SECOND),
        )


def _clock(receipt: Receipt, at: datetime) -> str:
    local = at.astimezone(receipt.zone)
    return f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"


def _superseded(receipt: Receipt, other: Superseded) -> str:
    """Return which target was replaced, why, by whom and when."""
    terms, after = other.cycle.terms, other.because.terms or receipt.cycle.terms
    if terms.priority != after.priority:
        why = _(
            "the priority changed from %(before)s to %(after)s",
            before=priority_word(terms.priority),
            after=priority_word(after.priority),
        )
    else:
        why = _("the plan or calendar changed")
    said: str = _(
        "Cycle %(ordinal)s with a target of %(target)s: %(why)s by %(who)s on %(when)s.",
        ordinal=other.ordinal,
        target=target_words(other.cycle),
        why=why,
        who=actor_words(other.because),
        when=moment(receipt, other.because.at),
    )
    return said
