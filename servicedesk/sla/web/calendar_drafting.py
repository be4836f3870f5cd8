"""Helpers on the form of a calendar: each changes the draft in the form and saves nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from flask_babel import gettext, ngettext

from servicedesk.core import clock
from servicedesk.core.text import msgid
from servicedesk.shell.formatting import duration
from servicedesk.shell.language import chosen_language, translate
from servicedesk.sla.calendar import FIRST_YEAR, YEARS_AHEAD
from servicedesk.sla.holiday_files import holidays_in_file
from servicedesk.sla.month import hours_a_week
from servicedesk.sla.notation import NotationError, holiday_named, written_holidays
from servicedesk.sla.public_holidays import public_holidays

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from servicedesk.sla.calendar import Holiday
    from servicedesk.sla.holiday_files import Failure
    from servicedesk.sla.web.calendar_forms import CalendarForm

OFFICE, LUNCH, FRIDAY = "09:00-18:00", "08:00-14:00, 15:00-19:00", "08:00-15:00"
PRESETS: Mapping[str, tuple[str, Sequence[str]]] = {
    "office": (msgid("Office, 9 to 18"), [OFFICE] * 5 + ["", ""]),
    "lunch": (msgid("Office with lunch"), [LUNCH] * 4 + [FRIDAY, "", ""]),
    "always": (msgid("Round the clock"), ["00:00-24:00"] * 7),
    "nights": (msgid("Nights"), ["22:00-06:00"] * 7),
}


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a helper did, to be shown beside it."""

    place: str
    words: str
    failures: Sequence[Failure] = ()


def carry_out(form: CalendarForm, wish: str) -> Said | None:
    """Do what a button of the form asks for; what it cannot do stands beside its field."""
    act, _, which = wish.partition(":")
    if act == "preset" and which in PRESETS:
        for field, hours in zip(form.days, PRESETS[which][1], strict=True):
            field.data = hours
        return None
    return _ACTS[act](form) if act in _ACTS else None


def _copy_monday(form: CalendarForm) -> None:
    for field in form.days[1:5]:
        field.data = form.days[0].data


def _check(form: CalendarForm) -> Said | None:
    draft = form.draft()
    if draft is None:
        return None
    coming = sum(one.on >= draft.effective_on for one in draft.definition.holidays)
    words = gettext(
        "%(hours)s a week and %(holidays)s from that day on. Nothing has been saved yet.",
        hours=duration(hours_a_week(draft.definition)),
        holidays=ngettext("%(num)s holiday", "%(num)s holidays", coming),
    )
    return Said(place="save", words=words)


def _add_public(form: CalendarForm) -> Said | None:
    years = _years(form)
    if years is None:
        return None
    try:
        found = public_holidays(
            form.country.data or "", years, form.subdivision.data or "", chosen_language()
        )
    except NotationError as fault:
        form.country.errors = [translate(fault.text)]
        return None
    return _added(form, found)


def _add_own(form: CalendarForm) -> Said | None:
    if form.own_date.data is None:
        form.own_date.errors = [gettext("Choose a date.")]
        return None
    try:
        holiday = holiday_named(
            form.own_date.data, form.own_name.data or "", form.own_hours.data or ""
        )
    except NotationError as fault:
        is_named = bool((form.own_name.data or "").strip())
        field = form.own_hours if is_named and form.own_hours.data else form.own_name
        field.errors = [translate(fault.text)]
        return None
    said = _added(form, [holiday])
    if said is not None:
        for field in (form.own_date, form.own_name, form.own_hours):
            field.data = field.raw_data = None
    return said


def _import(form: CalendarForm) -> Said | None:
    chosen, years = form.file.data, _years(form)
    if years is None:
        return None
    if not chosen or not chosen.filename:
        form.file.errors = [gettext("Choose a file.")]
        return None
    try:
        zone = ZoneInfo(form.time_zone.data or "")
    except (ValueError, OSError, KeyError):
        form.time_zone.errors = [gettext("This is not a time zone.")]
        return None
    try:
        imported = holidays_in_file(chosen.read(), zone, years)
    except NotationError as fault:
        form.file.errors = [translate(fault.text)]
        return None
    return _added(form, imported.holidays, imported.failures)


def _added(
    form: CalendarForm, holidays: Sequence[Holiday], failures: Sequence[Failure] = ()
) -> Said | None:
    """Put holidays among those typed; none if these cannot be read, so that nothing is lost."""
    known = form.read_holidays()
    if known is None:
        return None
    days = {(one.on, one.closed_from, one.closed_until) for one in known}
    new = [one for one in holidays if (one.on, one.closed_from, one.closed_until) not in days]
    form.holidays.data = written_holidays([*known, *new])
    words = ngettext("%(num)s holiday added.", "%(num)s holidays added.", len(new))
    if len(new) < len(holidays):
        words += " " + ngettext(
            "%(num)s was there already.",
            "%(num)s were there already.",
            len(holidays) - len(new),
        )
    return Said(place="holidays", words=words, failures=failures)


def _years(form: CalendarForm) -> range | None:
    first, last = form.first_year.data, form.last_year.data
    latest = clock.now().year + YEARS_AHEAD
    if first is None or last is None or not FIRST_YEAR <= first <= last <= latest:
        form.first_year.errors = [
            gettext("Choose years from %(first)s to %(last)s.", first=FIRST_YEAR, last=latest)
        ]
        return None
    return range(first, last + 1)


_ACTS: Mapping[str, Callable[[CalendarForm], Any]] = {
    "copy_monday": _copy_monday,
    "check": _check,
    "regions": lambda _form: None,
    "add_public": _add_public,
    "add_own": _add_own,
    "import": _import,
}
