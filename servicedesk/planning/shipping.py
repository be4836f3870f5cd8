"""The planned tasks that ship with the desk, switched on: its checks and its own housekeeping.

What people adjusted or switched off stays so through every upgrade. Their words are marked texts and
are told in each reader's language (`PlannedTask.named`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time
from typing import TYPE_CHECKING

from sqlalchemy import select, text

from servicedesk.core.actors import SYSTEM
from servicedesk.core.references import next_reference
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.planning.checks import check_named
from servicedesk.planning.drafting import TaskDraft, write
from servicedesk.planning.models import (
    Category,
    MisfirePolicy,
    OverlapPolicy,
    PlannedTask,
    TaskState,
    WorkKind,
)
from servicedesk.planning.schedule import Interval, Unit, daily, next_due

if TYPE_CHECKING:
    from collections.abc import Mapping

    from servicedesk.core.unit_of_work import Work
    from servicedesk.planning.schedule import Schedule

ZONE = "Europe/Madrid"
BEGINNING = datetime(2026, 1, 1)  # noqa: DTZ001  what the clock on the wall says
SHIPPING_LOCK = 7_302_028  # the advisory lock of whoever ships: two hosts upgrade at once
HOURS = 60  # minutes


@dataclass(frozen=True, kw_only=True)
class Shipped:
    """A task that ships; `key` names it for ever, and its check says what it is called."""

    key: str
    code: str
    schedule: Schedule
    window_minutes: int | None = None  # without one it runs late rather than not
    parameters: Mapping[str, object] = field(default_factory=dict)

    def draft(self) -> TaskDraft:
        """Return it as somebody would fill it in."""
        check = check_named(self.code)
        return TaskDraft(
            title=check.label,
            description=check.description,
            category=Category.PREVENTIVE_MAINTENANCE,
            work_kind=WorkKind.CHECK,
            code=self.code,
            schedule=self.schedule,
            parameters=self.parameters,
            window_minutes=self.window_minutes,
            misfire=MisfirePolicy.RUN_ONCE,
            overlap=OverlapPolicy.SKIP,
            shown_to_client=False,
        )


def _every(minutes: int, beginning_with: int) -> Interval:
    """Return every so many minutes, beginning so many after midnight so that not all come at once."""
    return Interval(
        count=minutes,
        unit=Unit.MINUTE,
        starts_at=BEGINNING.replace(minute=beginning_with),
        zone=ZONE,
    )


def _at(hour: int, minute: int) -> Interval:
    return daily(time(hour, minute), ZONE, BEGINNING.date())


SHIPPED = (
    Shipped(key="engines", code="engines.reachable", schedule=_every(5, 0)),
    Shipped(key="queue", code="jobs.queue", schedule=_every(5, 2)),
    Shipped(key="mails", code="mail.retries", schedule=_every(10, 3)),
    Shipped(key="quiet_tickets", code="tickets.close_quiet", schedule=_every(15, 4)),
    Shipped(key="inventory", code="devices.inventory", schedule=_every(HOURS, 17)),
    Shipped(key="reconciliation", code="policies.reconcile", schedule=_every(HOURS, 37)),
    # at night, the heavy ones within a window and one after another
    Shipped(key="expiries", code="house.expiries", schedule=_at(1, 10)),
    Shipped(key="conformity", code="devices.conformity", schedule=_at(1, 30)),
    Shipped(key="retention", code="house.retention", schedule=_at(2, 20), window_minutes=4 * HOURS),
    Shipped(key="sla", code="sla.check", schedule=_at(3, 0), window_minutes=4 * HOURS),
    Shipped(key="backup", code="house.backup", schedule=_at(5, 0), window_minutes=2 * HOURS),
    Shipped(key="audit", code="audit.verify", schedule=_at(4, 0), window_minutes=3 * HOURS),
    # before people come to work
    Shipped(key="reviews", code="reviews.draft", schedule=_at(5, 50)),
    Shipped(key="silent_devices", code="devices.silent", schedule=_at(6, 10)),
    Shipped(key="drift", code="policies.drift", schedule=_at(6, 20)),
    Shipped(key="expiring", code="credentials.expiring", schedule=_at(6, 30)),
)


def ship_tasks(shipped: tuple[Shipped, ...] = SHIPPED) -> int:
    """Bring in the shipped tasks that are missing; end those that ship no more; return how many.

    Idempotent, also for two processes at once. Touches nothing that is there and ships still.
    """
    with unit_of_work(SYSTEM, "planning.ship") as work:
        work.session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": SHIPPING_LOCK})
        present = {
            task.key: task
            for task in work.session.scalars(
                select(PlannedTask).where(PlannedTask.key.is_not(None)).with_for_update()
            )
        }
        wanted = {one.key: one for one in shipped}
        missing = [one for key, one in wanted.items() if key not in present]
        for one in missing:
            _bring_in(work, one)
        changed = len(missing)
        for key, task in present.items():
            changed += _end(task) if key not in wanted else _begin_again(work, task)
        if changed:
            work.concerns(None, "SHIPPED")
    return changed


def _bring_in(work: Work, one: Shipped) -> None:
    task = PlannedTask(
        key=one.key,
        author_id=None,
        author_name=work.actor.name,
        created_at=work.at,
        updated_at=work.at,
    )
    with work.session.no_autoflush:
        write(work, task, one.draft())
    task.reference = next_reference(work, "TP")
    task.state, task.next_due_at = TaskState.ACTIVE, next_due(one.schedule, work.at)
    work.session.add(task)
    work.session.flush()


def _end(task: PlannedTask) -> bool:
    """End a task that ships no more; return whether it was not ended yet."""
    if task.state is TaskState.ENDED:
        return False
    task.state, task.next_due_at = TaskState.ENDED, None
    return True


def _begin_again(work: Work, task: PlannedTask) -> bool:
    """Go on with a task that did not ship for a while; nobody but shipping ends one."""
    if task.state is not TaskState.ENDED:
        return False
    task.state, task.next_due_at = TaskState.ACTIVE, next_due(task.when, work.at)
    return True
