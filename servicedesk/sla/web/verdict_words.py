"""How a cycle came out, in one plain sentence."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from flask_babel import gettext as _
from flask_babel import ngettext

from servicedesk.core.text import Text, msgid
from servicedesk.shell.language import translate
from servicedesk.sla.cycles import Metric, Party, Verdict, WorkingDays

if TYPE_CHECKING:
    from servicedesk.sla.cycles import Cycle

SECOND = timedelta(seconds=1)
WAITING_WORDS = {
    Party.CLIENT: msgid("Waiting for the client"),
    Party.THIRD_PARTY: msgid("Waiting for a third party"),
    Party.DEVICE: msgid("Waiting for the device"),
    Party.PLANNED: msgid("Planned for an agreed date"),
}
IN_TIME = {
    Metric.FIRST_RESPONSE: msgid("Answered after %(used)s of %(target)s: in time."),
    Metric.PERIODIC_UPDATE: msgid("News given after %(used)s of %(target)s: in time."),
    Metric.RESOLUTION: msgid("Resolved after %(used)s of %(target)s: in time."),
}
TOO_LATE = {
    Metric.FIRST_RESPONSE: msgid("Answered after %(used)s of %(target)s: %(late)s too late."),
    Metric.PERIODIC_UPDATE: msgid("News given after %(used)s of %(target)s: %(late)s too late."),
    Metric.RESOLUTION: msgid("Resolved after %(used)s of %(target)s: %(late)s too late."),
}
OTHERWISE = {
    Verdict.WITHDRAWN: msgid("Not counted: it was withdrawn after %(used)s of %(target)s."),
    Verdict.SUPERSEDED: msgid("Not counted: other terms came after %(used)s of %(target)s."),
    Verdict.BREACHED: msgid("Overdue: %(used)s of %(target)s used, and it has not stopped."),
    Verdict.PAUSED: msgid("%(used)s of %(target)s used. %(wait)s."),
    Verdict.RUNNING: msgid("%(used)s of %(target)s used: it is running."),
}


def tone_of(cycle: Cycle) -> str:
    """Return how a verdict looks: good, warn, bad or calm."""
    return {Verdict.MET: "good", Verdict.BREACHED: "bad", Verdict.RUNNING: "warn"}.get(
        cycle.verdict, ""
    )


def verdict_words(cycle: Cycle) -> str:
    """Return the verdict in one plain sentence."""
    values = {"used": exactly(cycle.elapsed), "target": target_words(cycle)}
    if cycle.waiting_for:
        values["wait"] = translate(WAITING_WORDS[cycle.waiting_for])
    sentence = OTHERWISE.get(cycle.verdict, "")
    if cycle.verdict is Verdict.MET:
        sentence = IN_TIME[cycle.metric]
    elif cycle.verdict is Verdict.BREACHED and not cycle.is_open:
        sentence = TOO_LATE[cycle.metric]
        values["late"] = exactly(cycle.elapsed - cycle.target)
    return translate(Text(sentence, values))


def target_words(cycle: Cycle) -> str:
    """Return a target as it was agreed; working days also as the business time that meant."""
    target = cycle.terms.targets[cycle.metric]
    if isinstance(target, WorkingDays):
        days = ngettext("%(num)s working day", "%(num)s working days", target.days)
        return f"{days} ({exactly(cycle.target)})"
    return exactly(target)


def exactly(time: timedelta) -> str:
    """Return hours, minutes and seconds, as far as there are some."""
    hours, rest = divmod(time // SECOND, 3600)
    minutes, seconds = divmod(rest, 60)
    parts = [
        _("%(hours)s h", hours=hours) if hours else "",
        _("%(minutes)s min", minutes=minutes) if minutes else "",
        _("%(seconds)s s", seconds=seconds) if seconds or not (hours or minutes) else "",
    ]
    return " ".join(part for part in parts if part)
