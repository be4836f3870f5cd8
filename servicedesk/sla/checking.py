"""Checks of the clocks as things that are done and remembered: asked for, seen, and alarming."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import select

from servicedesk.accounts.models import User
from servicedesk.core import clock, database
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.core.jobs import JobName
from servicedesk.core.mail import queue_mail
from servicedesk.core.permissions import Permission, may, require
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.sla.models import SlaCheck
from servicedesk.sla.rebuild import Checked, Difference, check_ledgers, set_right
from servicedesk.sla.recounting import check_counters, set_counters_right

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Select

    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work
    from servicedesk.sla.tallies import Mark

CHECK = JobName("sla.check")
SILENCE = timedelta(minutes=10)  # without a sign of life a check is dead
REPAIR_WAITED_FOR = timedelta(hours=12)
MOST_KEPT = 200  # differences
MOST_MAILED = 10
MOST_NOTED = 50
RUNS_SHOWN = 30

# what an upgrade asks for, or a worker is at
WAITING_REPAIR = (
    select(SlaCheck)
    .where(SlaCheck.repairs, SlaCheck.finished_at.is_(None))
    .order_by(SlaCheck.id.desc())
    .limit(1)
)

log = structlog.get_logger("servicedesk.sla")


def check_all(
    client_id: int | None = None, seen: Callable[[Checked], None] = lambda _: None
) -> list[Difference]:
    """Return everything that is not as the events say; changes nothing."""
    session, found = database.session(), []
    recount: Counter[Mark] = Counter()
    for checked in check_ledgers(session, client_id):
        found += [each for differing in checked.differences.values() for each in differing]
        recount.update(checked.recount())
        seen(checked)
    found += check_counters(session, client_id, recount)
    session.rollback()
    return found


def rebuild_all(
    client_id: int | None = None, seen: Callable[[Checked], None] = lambda _: None
) -> list[Difference]:
    """Set right everything that is not as the events say; return what that was.

    Each batch is a transaction of its own, so the desk goes on meanwhile; the counters come last.
    """
    session, found = database.session(), []
    held: list[int] = []
    for checked in check_ledgers(session, client_id):
        differing = [each for some in checked.differences.values() for each in some]
        if checked.differences:
            held += _rebuild(list(checked.differences), differing)
        found += differing
        seen(checked)
    for ledger_id in held:  # somebody was working on it: wait for them
        _rebuild([ledger_id], [], waits=True)
    with unit_of_work(SYSTEM, "sla.recount") as work:
        counters = check_counters(work.session, client_id)
        if counters:
            set_counters_right(work.session, client_id)
            _note(work, counters)
    return found + counters


def _rebuild(ids: list[int], differing: Sequence[Difference], *, waits: bool = False) -> list[int]:
    with unit_of_work(SYSTEM, "sla.rebuild") as work:
        held = set_right(work.session, ids, waits=waits)
        _note(work, differing, ledgers=len(ids) - len(held))
    return held


def _note(work: Work, differing: Sequence[Difference], **facts: int) -> None:
    """Have the audit trail say what was set right."""
    if differing:
        work.concerns(None, "SLA")
        told = [str(difference) for difference in differing[:MOST_NOTED]]
        work.note(differences=len(differing), first=told, **facts)


def ask_check(actor: Actor) -> None:
    """Have a worker check everything now, unless one is at it. Raises Forbidden."""
    require(actor, Permission.SLA_ADMINISTER)
    with unit_of_work(actor, "sla.ask_check") as work:
        unfinished = select(SlaCheck).where(SlaCheck.finished_at.is_(None))
        if any(is_running(run) for run in work.session.scalars(unfinished)):
            return
        check = SlaCheck(asked_by=actor.name, asked_at=work.at)
        work.session.add(check)
        work.session.flush()
        work.concerns(None, "SLA")
        work.enqueue(CHECK, check_id=check.id)


def run_check(check_id: int) -> None:
    """Make a check that somebody asked for; raise the alarm if need be."""
    _carry_out(check_id, check_all, lambda _done, _total: None)


def check_tonight(
    seen: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[Difference] | None:
    """Check everything under a row that tells of it, raise the alarm if need be; return what differs.

    None while an upgrade's repair is waited for: until then everything differs.
    """
    with unit_of_work(SYSTEM, "sla.check") as work:
        repair = work.session.scalar(WAITING_REPAIR)
        if repair is not None and (repair.seen_at or repair.asked_at) > work.at - REPAIR_WAITED_FOR:
            return None
        check_id = _asked(work).id
    return _carry_out(check_id, check_all, seen)


def run_repair() -> None:
    """Set everything right under the row that an upgrade left for it; then have it checked."""
    with unit_of_work(SYSTEM, "sla.check") as work:
        run = work.session.scalar(WAITING_REPAIR.with_for_update())
        if run is None:
            run = SlaCheck(repairs=True, asked_at=work.at)
            work.session.add(run)
        run.seen_at = work.at
        work.session.flush()
    _carry_out(run.id, rebuild_all, lambda _done, _total: None)


def _carry_out(
    check_id: int, look: Callable[..., list[Difference]], seen: Callable[[int, int], None]
) -> list[Difference]:
    def told(checked: Checked) -> None:
        log.info("clocks checked", done=checked.done, total=checked.total)
        with unit_of_work(SYSTEM, "sla.check") as work:
            run = work.session.get_one(SlaCheck, check_id)
            run.seen_at, run.ledgers, run.total = work.at, checked.done, checked.total
        seen(checked.done, checked.total)

    with unit_of_work(SYSTEM, "sla.check") as work:
        run = work.session.get_one(SlaCheck, check_id)
        run.started_at = run.seen_at = work.at
    found = look(seen=told)
    with unit_of_work(SYSTEM, "sla.check") as work:
        run = work.session.get_one(SlaCheck, check_id)
        run.finished_at, run.difference_count = work.at, len(found)
        run.differences = [asdict(difference) for difference in found[:MOST_KEPT]]
        if run.repairs:
            work.enqueue(CHECK, check_id=_asked(work).id)  # nobody believes a repair unseen
        elif found and not _is_known(work, run):
            _raise_alarm(work, found)
    return found


def _asked(work: Work) -> SlaCheck:
    check = SlaCheck(asked_at=work.at)
    work.session.add(check)
    work.session.flush()
    return check


def _is_known(work: Work, run: SlaCheck) -> bool:
    """Whether the check before found just the same: people have had their mail about it."""
    before = work.session.scalar(_finished().where(SlaCheck.id != run.id).limit(1))
    return (
        before is not None
        and before.difference_count == run.difference_count
        and before.differences == run.differences
    )


def _finished() -> Select[SlaCheck]:
    """Return the finished checks, the newest first."""
    return (
        select(SlaCheck)
        .where(SlaCheck.finished_at.is_not(None), SlaCheck.repairs.is_(False))
        .order_by(SlaCheck.id.desc())
    )


def _raise_alarm(work: Work, found: Sequence[Difference]) -> None:
    log.error("the clocks are not as their events say", differences=len(found))
    people = work.session.execute(
        select(User.email, User.language).where(User.is_active, User.role == Role.SUPERVISOR)
    )
    for email, language in people:
        queue_mail(
            work,
            email,
            language,
            "sla_differences",
            about="SLA",
            count=len(found),
            differences=[str(difference) for difference in found[:MOST_MAILED]],
        )


def latest_checks(actor: Actor) -> Sequence[SlaCheck]:
    """Return the newest runs, newest first. Raises Forbidden."""
    require(actor, Permission.SLA_ADMINISTER)
    wanted = select(SlaCheck).order_by(SlaCheck.id.desc()).limit(RUNS_SHOWN)
    return database.session().scalars(wanted).all()


def standing_alarm(actor: Actor) -> SlaCheck | None:
    """Return the newest finished check if it found something, for whoever can see to it."""
    if not may(actor, Permission.SLA_ADMINISTER):
        return None
    newest = database.session().scalar(_finished().limit(1))
    return newest if newest and newest.difference_count else None


def is_running(check: SlaCheck) -> bool:
    """Whether it waits for a worker or is at work."""
    alive = check.seen_at or check.asked_at
    return check.finished_at is None and alive > clock.now() - SILENCE
