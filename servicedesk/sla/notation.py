"""How people write opening hours, holidays and targets; each is read and written back the same."""

from __future__ import annotations

import re
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from servicedesk.core.text import Text, Verbatim, msgid
from servicedesk.sla.calendar import DAY_MINUTES, WEEKDAYS, Holiday, OpenInterval
from servicedesk.sla.cycles import WorkingDays

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from servicedesk.sla.cycles import Target

MOST_HOLIDAYS = 1500
NAME_LENGTH = 120
HOUR = 60
PARTS = 2  # date and name; the third, hours, may be left out

_TIME = r"(\d{1,2})(?:[:.](\d{2}))?"
_INTERVAL = re.compile(rf"{_TIME}\s*h?\s*[-–—]\s*{_TIME}\s*h?", re.IGNORECASE | re.ASCII)  # noqa: RUF001
_CLOSED = {"", "-", "–", "—", "closed", "cerrado"}  # noqa: RUF001
_PIECE = re.compile(
    r"([0-9]{1,4}(?:[.,][0-9]{1,2})?)\s*"
    r"(horas?|hours?|h|minutos?|minutes?|mins?|m|d[ií]as?|days?|d)(?![^\W\d_])\.?",
    re.IGNORECASE,
)


class NotationError(ValueError):
    """Something that cannot be read; `text` is for whoever typed it."""

    def __init__(self, sentence: str, **values: object) -> None:
        """Keep the sentence, a msgid, and what its placeholders take."""
        self.text = Text(sentence, values)
        super().__init__(str(self.text))


def read_hours(typed: str) -> tuple[OpenInterval, ...]:
    """Return the intervals of a day: “08:00-14:00, 15:00-19:00”; past midnight “22:00-06:00”.

    Nothing, or a dash, is a day that is not worked. Raises NotationError.
    """
    if typed.strip().lower() in _CLOSED:
        return ()
    intervals = sorted(
        (_interval(piece.strip()) for piece in re.split(r"[,;/]", typed)),
        key=lambda interval: interval.start,
    )
    if any(one.end > other.start for one, other in pairwise(intervals)):
        raise NotationError(msgid("Two of these intervals overlap."))
    return tuple(intervals)


def _interval(piece: str) -> OpenInterval:
    found = _INTERVAL.fullmatch(piece)
    if found is None:
        raise NotationError(
            msgid("“%(piece)s” is no interval. Write 08:00-14:00, 15:00-19:00 or 22:00-06:00."),
            piece=Verbatim(piece[:40]),
        )
    start, end = (
        int(hours) * HOUR + int(minutes or 0)
        for hours, minutes in (found.groups()[:2], found.groups()[2:])
    )
    if any(int(minutes or 0) >= HOUR for minutes in (found[2], found[4])):
        raise NotationError(msgid("An hour has 60 minutes: “%(piece)s”."), piece=Verbatim(piece))
    if start >= DAY_MINUTES or end > 2 * DAY_MINUTES:
        raise NotationError(
            msgid("A day goes from 00:00 to 24:00: “%(piece)s”."), piece=Verbatim(piece)
        )
    return OpenInterval(start, end if end > start else end + DAY_MINUTES)


def written_hours(intervals: Iterable[OpenInterval]) -> str:
    """Return what `read_hours` reads as these intervals."""
    return ", ".join(span_written(interval.start, interval.end) for interval in intervals)


def span_written(start: int, end: int) -> str:
    """Return minutes after midnight as hours: 22:00-06:00 runs into the next day."""
    wraps = DAY_MINUTES < end <= start + DAY_MINUTES
    return f"{_clock(start)}-{_clock(end - DAY_MINUTES if wraps else end)}"


def _clock(minutes: int) -> str:
    return f"{minutes // HOUR:02d}:{minutes % HOUR:02d}"


def overlapping_days(weekly: Sequence[Sequence[OpenInterval]]) -> list[int]:
    """Return the days, Monday 0, whose night runs into the hours of the day after."""
    found = []
    for day, intervals in enumerate(weekly):
        spill = max((interval.end for interval in intervals), default=0) - DAY_MINUTES
        following = weekly[(day + 1) % WEEKDAYS]
        if following and spill > min(interval.start for interval in following):
            found.append(day)
    return found


def read_holidays(typed: str) -> tuple[list[Holiday], list[Text]]:
    """Return the holidays, one a line, and what is wrong in which line.

    A line is “2027-05-02; Fiesta local” or, for part of a day, “2027-12-24; Nochebuena; 14:00-24:00”.
    """
    found: dict[Holiday, None] = {}  # in order, and what is said twice once
    faults: list[Text] = []
    for number, line in enumerate(typed.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            found[_holiday(line)] = None
        except NotationError as fault:
            faults.append(
                Text(msgid("Line %(number)s: %(fault)s"), {"number": number, "fault": fault.text})
            )
    if len(found) > MOST_HOLIDAYS:
        faults.append(
            Text(msgid("A calendar takes at most %(most)s holidays."), {"most": MOST_HOLIDAYS})
        )
    return sorted(found, key=lambda holiday: (holiday.on, holiday.closed_from)), faults


def _holiday(line: str) -> Holiday:
    parts = [part.strip() for part in line.split(";")]
    if len(parts) < PARTS or len(parts) > PARTS + 1:
        raise NotationError(msgid("write date; name, or date; name; hours that are closed."))
    try:
        on = date.fromisoformat(parts[0])
    except ValueError:
        raise NotationError(
            msgid("“%(date)s” is not a date like 2027-05-02."), date=Verbatim(parts[0][:40])
        ) from None
    return holiday_named(on, parts[1], parts[2] if len(parts) > PARTS else "")


def holiday_named(on: date, name: str, hours: str = "") -> Holiday:
    """Return a holiday, of the whole day or of the hours typed. Raises NotationError."""
    cleaned = " ".join(name.replace(";", ",").split())
    if not cleaned:
        raise NotationError(msgid("a holiday needs a name."))
    if len(cleaned) > NAME_LENGTH or not cleaned.isprintable():
        raise NotationError(
            msgid("a name has at most %(length)s ordinary characters."), length=NAME_LENGTH
        )
    if not hours.strip():
        return Holiday(on, cleaned)
    closed = read_hours(hours)
    if len(closed) != 1 or closed[0].end > DAY_MINUTES:
        raise NotationError(msgid("give one interval of the day, like 14:00-24:00."))
    return Holiday(on, cleaned, closed[0].start, closed[0].end)


def written_holiday(holiday: Holiday) -> str:
    """Return the line that says a holiday."""
    line = f"{holiday.on.isoformat()}; {holiday.name.replace(';', ',')}"
    if (holiday.closed_from, holiday.closed_until) == (0, DAY_MINUTES):
        return line
    return f"{line}; {span_written(holiday.closed_from, holiday.closed_until)}"


def written_holidays(holidays: Iterable[Holiday]) -> str:
    """Return holidays, one a line, by date."""
    return "\n".join(
        written_holiday(holiday)
        for holiday in sorted(holidays, key=lambda holiday: (holiday.on, holiday.closed_from))
    )


def read_target(typed: str) -> Target | None:
    """Return a target: “4 h”, “30 min”, “1,5 h”, “2 h 30 min” or “3 d” in working days.

    None where nothing is promised. Raises NotationError.
    """
    if typed.strip().lower() in {"", "-", "–", "—"}:  # noqa: RUF001
        return None
    pieces = _PIECE.findall(typed)
    if not pieces or _PIECE.sub("", typed).strip():
        raise NotationError(msgid("Write 4 h, 30 min, 1.5 h or 3 d (working days)."))
    units = [unit[0].lower() for _, unit in pieces]
    if "d" in units:
        return _working_days(pieces)
    if units not in (["h"], ["m"], ["h", "m"]):
        raise NotationError(msgid("Write 4 h, 30 min, 1.5 h or 3 d (working days)."))
    seconds = sum(
        float(number.replace(",", ".")) * (3600 if unit[0].lower() == "h" else 60)
        for number, unit in pieces
    )
    return timedelta(seconds=round(seconds))


def _working_days(pieces: list[tuple[str, str]]) -> WorkingDays:
    number = pieces[0][0]
    if len(pieces) > 1 or not number.isdigit():
        raise NotationError(msgid("Working days are whole ones and stand alone: 3 d."))
    return WorkingDays(days=int(number))


def written_target(target: Target | None) -> str:
    """Return what `read_target` reads as this target."""
    if target is None:
        return ""
    if isinstance(target, WorkingDays):
        return f"{target.days} d"
    seconds = int(target.total_seconds())
    hours, rest = divmod(seconds, 3600)
    if rest % 60:  # never typed, but a definition may hold it: to the second in hundredths
        return f"{round(seconds / 60, 2):g} min"
    return " ".join(
        piece
        for piece in (f"{hours} h" if hours else "", f"{rest // 60} min" if rest else "")
        if piece
    )
