"""The calendar of planned work: month, week, agenda."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import render_template, request
from flask_babel import format_date, format_time
from flask_babel import gettext as _

from servicedesk.core import clock
from servicedesk.core.permissions import Permission
from servicedesk.core.text import msgid
from servicedesk.planning.calendar import calendar_of
from servicedesk.planning.conflicts import Why
from servicedesk.planning.looks import WHOLE_SERVICE, Look, Others, Shape
from servicedesk.planning.models import CATEGORY_LABELS, RUN_STATE_LABELS, RunState
from servicedesk.planning.occasions import What, local_day
from servicedesk.planning.other_dates import sources
from servicedesk.planning.web.places import run_page, task_page
from servicedesk.shell.formatting import duration
from servicedesk.shell.language import chosen_zone, translate
from servicedesk.shell.navigation import nav, to
from servicedesk.shell.session import current_actor
from servicedesk.sla.web.evidence_words import month_words, weekday_names

if TYPE_CHECKING:
    from datetime import date, datetime

    from flask import Blueprint
    from flask.typing import ResponseReturnValue

    from servicedesk.planning.calendar import Clash
    from servicedesk.planning.occasions import Occasion

SHAPE_LABELS = {
    Shape.MONTH: msgid("Month"),
    Shape.WEEK: msgid("Week"),
    Shape.AGENDA: msgid("Agenda"),
}
OTHER_LABELS = {
    Others.WITHOUT: msgid("Planned work only"),
    Others.ONLY: msgid("Visits only"),
}
# colour and sign of each state: never by colour alone
MARKS: dict[RunState, tuple[str, str]] = {
    RunState.PREPARED: ("calm", "mail"),
    RunState.QUEUED: ("warn", "clock"),
    RunState.AWAITING_APPROVAL: ("warn", "hand-stop"),
    RunState.RUNNING: ("warn", "player-play"),
    RunState.DONE: ("good", "check"),
    RunState.PROBLEMS: ("warn", "alert-triangle"),
    RunState.FAILED: ("bad", "circle-x"),
    RunState.MISSED: ("bad", "clock-pause"),
    RunState.SKIPPED: ("calm", "arrow-right"),
    RunState.CANCELLED: ("calm", "x"),
}
DUE_MARK, TENTATIVE_MARK, TICKET_MARK = ("calm", "clock"), ("warn", "hand-stop"), ("calm", "ticket")
OTHER_TONE = "other"
LEGEND = (
    *((*MARKS[state], RUN_STATE_LABELS[state]) for state in MARKS),
    (*DUE_MARK, msgid("Planned")),
    (*TENTATIVE_MARK, msgid("If it is approved")),
    (*TICKET_MARK, msgid("Agreed date")),
)


def add(pages: Blueprint) -> None:
    """Add `/planned/`."""
    pages.add_url_rule("/", view_func=index)


@nav("portal.planned.index", msgid("Planning"), "calendar-time", 22, Permission.PLANNING_READ)
@nav("desk.planned.index", msgid("Planning"), "calendar-time", 22, Permission.PLANNING_READ)
def index() -> ResponseReturnValue:
    """Show what was planned and what comes."""
    zone = chosen_zone()
    look = Look.read(request.args, local_day(clock.now(), zone))
    found = calendar_of(current_actor(), look, zone)
    return render_template(
        "planned/calendar.html",
        found=found,
        look=look,
        shapes=SHAPE_LABELS,
        categories=CATEGORY_LABELS,
        others=OTHER_LABELS,
        whole_service=WHOLE_SERVICE,
        heading=look_words(look),
        weekday_names=weekday_names(),
        short_weekday_names=weekday_names("abbreviated"),
        words=WORDS,
        zone=zone,
    )


def look_words(look: Look) -> str:
    """Return what a page shows: November 2026, or from when to when."""
    if look.shape is Shape.MONTH:
        return month_words(look.first)
    return str(
        _("From %(first)s to %(last)s", first=_short_day(look.first), last=_short_day(look.last))
    )


def _short_day(day: date) -> str:
    return str(format_date(day, "d MMM y"))


def day_words(day: date) -> str:
    """Return a day of the calendar: Tuesday 24 November."""
    words = str(format_date(day, "EEEE d MMMM"))
    return words[0].upper() + words[1:]


def time_words(at: datetime) -> str:
    """Return the time of day in the reader's zone."""
    return str(format_time(at, "HH:mm"))


def span_words(one: Occasion) -> str:
    """Return from when to when: its window, or of many the first and the last."""
    begin = time_words(one.starts_at)
    end = one.last_at or (one.ends_at if one.has_window and one.times == 1 else None)
    if end is None:
        return begin
    last = time_words(end)
    if local_day(end, chosen_zone()) != one.on:
        last = f"{last} ({format_date(end, 'EEE d', rebase=True)})"
    return f"{begin}\u2013{last}"


def lasts_words(one: Occasion) -> str:
    """Return how long its window is; empty for none, and for many."""
    return duration(one.ends_at - one.starts_at) if one.has_window and one.times == 1 else ""


def state_words(one: Occasion) -> str:
    """Return how it stands, in words."""
    if one.what is What.TICKET:
        return str(_("Agreed date"))
    if one.source is not None:
        return translate(one.state_words)
    if one.state is None:
        return str(_("If it is approved") if one.is_tentative else _("Planned"))
    return translate(RUN_STATE_LABELS[one.state])


def count_words(one: Occasion) -> str:
    """Return how often it comes on its day; empty for once."""
    if one.times == 1:
        return ""
    if one.is_cut:
        return str(_("more than %(count)s times a day", count=one.times))
    return str(_("%(count)s times", count=one.times))


def mark_of(one: Occasion) -> tuple[str, str]:
    """Return tone and icon."""
    if one.what is What.TICKET:
        return TICKET_MARK
    if one.source is not None:
        return OTHER_TONE, one.source.sign
    if one.state is None:
        return TENTATIVE_MARK if one.is_tentative else DUE_MARK
    return MARKS[one.state]


def leads_to(one: Occasion) -> str:
    """Return the page of it: the run's, the task's, the ticket's, or whose else it is."""
    if one.what is What.TICKET:
        return to("tickets.show", reference=one.reference)
    if one.source is not None:
        return to(one.source.page, reference=one.reference)
    if one.run_id is not None and one.times == 1:
        return run_page(one.reference, one.run_id)
    return task_page(one.reference)


def legend() -> list[tuple[str, str, str]]:
    """Return tone, sign and words of everything that can stand on a calendar."""
    return [*LEGEND, *((OTHER_TONE, source.sign, source.label) for source in sources())]


def clash_words(clash: Clash) -> str:
    """Return why two tasks, or a task and a day, do not go together."""
    conflict = clash.conflict
    when = {"begin": _moment(conflict.starts_at), "end": time_words(conflict.ends_at)}
    if conflict.why is Why.HOLIDAY:
        day = day_words(min(conflict.days))
        return str(
            _(
                "Its steps are for people, and %(day)s is a holiday: %(holiday)s.",
                day=day,
                holiday=conflict.holiday,
            )
        )
    if conflict.why is Why.SERVICE_CHANGE:
        return str(_("The whole service is being changed meanwhile: %(begin)s to %(end)s.", **when))
    return str(_("Both act on the same devices at one time: %(begin)s to %(end)s.", **when))


def _moment(at: datetime) -> str:
    return f"{day_words(local_day(at, chosen_zone()))}, {time_words(at)}"


WORDS: dict[str, Any] = {
    "clash": clash_words,
    "count": count_words,
    "day": day_words,
    "lasts": lasts_words,
    "leads_to": leads_to,
    "legend": legend,
    "mark": mark_of,
    "span": span_words,
    "state": state_words,
    "task_page": task_page,
    "time": time_words,
}
