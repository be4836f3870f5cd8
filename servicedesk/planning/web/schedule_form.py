"""The part of a form that says when: only the fields of the chosen kind of schedule are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import (
    DateField,
    DateTimeLocalField,
    HiddenField,
    IntegerField,
    SelectField,
    StringField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length, Optional
from wtforms.widgets import NumberInput

from servicedesk.core.errors import InvalidInput
from servicedesk.core.text import msgid
from servicedesk.planning.schedule import (
    SCHEDULE_LABELS,
    UNIT_LABELS,
    After,
    Cron,
    Interval,
    Once,
    Schedule,
    ScheduleKind,
    Unit,
    kind_of,
)
from servicedesk.planning.schedule_limits import LONGEST_CRON
from servicedesk.shell.language import DEFAULT_ZONE, options

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

TYPED = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
NEEDED = msgid("This is needed.")
UNKNOWN_ZONE = msgid("There is no such time zone.")


def choices(labels: Mapping[Any, str]) -> list[SelectChoice]:
    """Return the values of an enumeration to choose from, in the reader's language."""
    return [SelectChoice(value, words) for value, words in options(labels)]


class ScheduleForm(FlaskForm):
    """When a task runs, and how long it may take to begin."""

    schedule_kind = SelectField(_("How often?"), default=ScheduleKind.INTERVAL.value)
    once_at = DateTimeLocalField(_("Date and time"), [Optional()], format=TYPED)
    interval_count = IntegerField(
        _("Every"), [Optional()], default=1, widget=NumberInput(min=1, max=1000)
    )
    interval_unit = SelectField(_("Unit"), default=Unit.WEEK.value)
    interval_starts_at = DateTimeLocalField(_("For the first time"), [Optional()], format=TYPED)
    cron = StringField(
        _("Cron expression"),
        [Length(max=LONGEST_CRON, message=_("This is too long."))],
        description=_("Minute, hour, day, month, weekday. 30 2 * * 1-5: at 02:30 on working days."),
        render_kw={"autocomplete": "off", "spellcheck": "false"},
    )
    after = SelectField(_("After which task?"), default="")
    after_minutes = IntegerField(
        _("So many minutes later"), [Optional()], default=0, widget=NumberInput(min=0)
    )
    until = DateField(_("Last day"), [Optional()], description=_("Empty: it has no end."))
    zone = StringField(
        _("Time zone"),
        [Length(max=60, message=_("This is too long."))],
        default=DEFAULT_ZONE,
        render_kw={"list": "zones", "autocomplete": "off", "spellcheck": "false"},
    )
    window_minutes = IntegerField(
        _("Maintenance window, in minutes"),
        [Optional()],
        description=_("It begins within it or not at all. Empty: no window."),
        widget=NumberInput(min=5),
        render_kw={"list": "windows", "autocomplete": "off"},
    )
    version = HiddenField(default="0")
    schedule = HiddenField()  # where what is wrong with all of it is said

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Fill the choices in the reader's language."""
        super().__init__(*args, **kwargs)
        self.schedule_kind.choices = choices(SCHEDULE_LABELS)
        self.interval_unit.choices = choices(UNIT_LABELS)
        self.after.choices = [SelectChoice("", "—")]

    @property
    def kind(self) -> ScheduleKind:
        """Return the chosen kind of schedule."""
        return ScheduleKind(_known(self.schedule_kind, ScheduleKind.INTERVAL))

    @property
    def shown_version(self) -> int:
        """Return the version of the task that the form showed; -1 for what is none."""
        typed = str(self.version.data or "")
        return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 10 else -1  # noqa: PLR2004

    def to_schedule(self) -> Schedule:
        """Return what was filled in. Raises InvalidInput with the field that is missing."""
        zone = (self.zone.data or "").strip()
        match self.kind:
            case ScheduleKind.ONCE:
                at = _needed(self.once_at.data, "once_at")
                return Once(at=at.replace(tzinfo=_zone(zone)), zone=zone)
            case ScheduleKind.CRON:
                return Cron(
                    expression=" ".join((self.cron.data or "").split()),
                    zone=zone,
                    until=self.until.data,
                )
            case ScheduleKind.AFTER:
                return After(minutes=self.after_minutes.data or 0, zone=zone)
            case ScheduleKind.INTERVAL:
                return Interval(
                    count=self.interval_count.data or 0,
                    unit=Unit(_known(self.interval_unit, Unit.WEEK)),
                    starts_at=_needed(self.interval_starts_at.data, "interval_starts_at"),
                    zone=zone,
                    until=self.until.data,
                )


def _known(field: Any, default: str) -> str:
    """Return a value of a list to choose from; while it is not checked yet, anything may stand there."""
    return str(field.data) if any(field.data == one.value for one in field.choices) else default


def _needed(typed: datetime | None, name: str) -> datetime:
    if typed is None:
        raise InvalidInput(NEEDED, field=name)
    return typed


def is_missing(form: ScheduleForm) -> bool:
    """Whether the time itself was not said yet."""
    said: Mapping[ScheduleKind, Any] = {
        ScheduleKind.ONCE: form.once_at,
        ScheduleKind.CRON: form.cron,
        ScheduleKind.INTERVAL: form.interval_starts_at,
    }
    return form.kind in said and not said[form.kind].data


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as unknown:  # also what is no name of a file
        raise InvalidInput(UNKNOWN_ZONE, field="zone") from unknown


def schedule_values(schedule: Schedule, after: str = "") -> dict[str, object]:
    """Return a schedule as the form shows it; `after` is the task it follows."""
    found: dict[str, object] = {"schedule_kind": kind_of(schedule).value, "zone": schedule.zone}
    until: date | None = None
    match schedule:
        case Once():
            wall = schedule.at.astimezone(ZoneInfo(schedule.zone))
            found["once_at"] = wall.replace(tzinfo=None)
        case Cron():
            found["cron"], until = schedule.expression, schedule.until
        case Interval():
            found |= {
                "interval_count": schedule.count,
                "interval_unit": schedule.unit.value,
                "interval_starts_at": schedule.starts_at,
            }
            until = schedule.until
        case After():
            found |= {"after": after, "after_minutes": schedule.minutes}
    return found | {"until": until}
