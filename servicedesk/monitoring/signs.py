"""What readings mean: which part of the service is well, late or silent, in words for people."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from servicedesk.core.text import Text, Verbatim, msgid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servicedesk.monitoring.readings import EngineState, Readings

# seconds after which something is noteworthy, and after which people are told: within five minutes
# of the beginning, since the look comes round every minute
CLOCK = (10.0, 60.0)
WORKERS = (15.0, 60.0)
QUEUE = (60.0, 180.0)
MAIL = (120.0, 180.0)
ENGINE = (30.0, 120.0)


class Level(StrEnum):
    """How bad it is."""

    GOOD = "good"
    WARNING = "warning"
    ALARM = "alarm"


@dataclass(frozen=True, kw_only=True)
class Sign:
    """How a part of the service is; `seconds` says for how long it has not been well."""

    code: str
    name: Text
    level: Level
    words: Text
    seconds: float | None = None

    @property
    def is_alarm(self) -> bool:
        """Whether people are to be told."""
        return self.level is Level.ALARM


def signs_of(found: Readings) -> list[Sign]:
    """Return how every part of the service is."""
    return [
        _database(),
        *_clock(found),
        _workers(found),
        _queue(found),
        _mail(found),
        *(_engine(engine) for engine in found.engines),
    ]


def database_away() -> Sign:
    """Return the sign of a database that does not answer."""
    return Sign(
        code="database",
        name=Text(msgid("Database")),
        level=Level.ALARM,
        words=Text(msgid("It does not answer. Nothing else can be said until it does.")),
    )


def _level(seconds: float | None, limits: tuple[float, float]) -> Level:
    if seconds is None or seconds < limits[0]:
        return Level.GOOD
    return Level.WARNING if seconds < limits[1] else Level.ALARM


def _database() -> Sign:
    words = Text(msgid("It answers."))
    return Sign(code="database", name=Text(msgid("Database")), level=Level.GOOD, words=words)


def _clock(found: Readings) -> Iterator[Sign]:
    silent = max(-found.lease.left, 0.0)
    level = _level(silent, CLOCK)
    words = Text(
        msgid("%(holder)s is the clock, in term %(term)s.")
        if level is Level.GOOD
        else msgid("Nobody is the clock: nothing planned begins. The last one was %(holder)s."),
        {"holder": Verbatim(found.lease.holder), "term": found.lease.term},
    )
    yield Sign(
        code="clock",
        name=Text(msgid("Clock of planned work")),
        level=level,
        words=words,
        seconds=silent,
    )


def _workers(found: Readings) -> Sign:
    silent = WORKERS[1] if found.heartbeat is None else found.heartbeat
    level = _level(silent, WORKERS)
    words = Text(
        msgid("Workers at work: %(count)s.")
        if level is Level.GOOD
        else msgid("No worker is at work: nothing is sent, mailed or calculated."),
        {"count": found.workers},
    )
    return Sign(
        code="workers",
        name=Text(msgid("Workers")),
        level=level,
        words=words,
        seconds=found.heartbeat,
    )


def _queue(found: Readings) -> Sign:
    waiting = sum(each.waiting for each in found.jobs)
    late = [each for each in found.jobs if each.oldest is not None]
    slowest = max(late, key=lambda each: each.oldest or 0.0, default=None)
    oldest = slowest.oldest if slowest else None
    level = _level(oldest, QUEUE)
    words = Text(msgid("Jobs that wait: %(count)s."), {"count": waiting})
    if slowest is not None and level is not Level.GOOD:
        words = Text(
            msgid("Jobs that wait: %(count)s; the oldest is %(job)s."),
            {"count": waiting, "job": Verbatim(slowest.job)},
        )
    return Sign(code="queue", name=Text(msgid("Queue")), level=level, words=words, seconds=oldest)


def _mail(found: Readings) -> Sign:
    mails = found.mails
    level = _level(mails.undelivered, MAIL)
    words = Text(
        msgid("Mails that wait: %(count)s; tried without success: %(failing)s."),
        {"count": mails.waiting, "failing": mails.failing},
    )
    return Sign(
        code="mail", name=Text(msgid("Mail")), level=level, words=words, seconds=mails.undelivered
    )


def _engine(engine: EngineState) -> Sign:
    level = _level(engine.mute_seconds, ENGINE)
    if engine.looked_at is None:
        words = Text(msgid("It was not asked yet."))
    elif engine.mute_since is None:
        words = Text(
            msgid("It answered in %(milliseconds)s ms."),
            {"milliseconds": round(engine.milliseconds or 0)},
        )
    else:
        words = Text(msgid("It does not answer: commands wait until it does."))
    return Sign(
        code=f"engine:{engine.key}",
        name=Text(msgid("Engine %(name)s"), {"name": Verbatim(engine.name)}),
        level=level,
        words=words,
        seconds=engine.mute_seconds,
    )
