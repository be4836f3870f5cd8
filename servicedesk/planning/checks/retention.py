"""What is kept for so long and no longer. Audit, tickets and ledgers are kept for ever."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import exists, func, select, text
from sqlalchemy.orm import aliased

from servicedesk.core import clock
from servicedesk.core.actors import SYSTEM
from servicedesk.core.mail import OutgoingMail
from servicedesk.core.text import Text, msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.parameters import Kind, Parameter
from servicedesk.planning.checks.check import Check
from servicedesk.planning.checks.forgetting import BATCH, DELETED, TO_DELETE, Old, forget, told
from servicedesk.planning.models import PlannedRun, PlannedTask, RunState, WorkKind
from servicedesk.sla.what_if.models import UNFINISHED, WhatIf, WhatIfChange
from servicedesk.tickets.closing_links import ClosingLink

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from typing import Any

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from servicedesk.planning.checks.check import Round

JOBS = msgid("Jobs that are over")


def _kept(name: str, label: str, default: str, most: int = 3650) -> Parameter:
    return Parameter(name=name, label=label, kind=Kind.NUMBER, least=1, most=most, default=default)


class Retention(Check):
    """Delete what nobody reads any more, so that the tables stay small."""

    code = "house.retention"
    label = msgid("What is old is deleted")
    description = msgid(
        "Deletes jobs that are over, mails, runs of the desk's own checks that went well, and what-ifs"
        " after some time. Audit trail, tickets and service levels are kept for ever."
    )
    is_housekeeping = True
    parameters = (
        _kept("jobs_hours", msgid("Jobs that were done: hours kept"), "6", 720),
        _kept("failed_jobs_days", msgid("Jobs that were given up: days kept"), "30"),
        _kept("mails_days", msgid("Mails: days kept"), "365"),
        # this month and the one before stay whole, so that their punctuality adds up
        _kept("runs_days", msgid("Runs of the desk's own checks that went well: days kept"), "62"),
        _kept("what_ifs_days", msgid("What-ifs: days kept"), "90"),
    )

    def run(self, given: Round, parameters: Mapping[str, str]) -> Text:
        """Delete in batches."""
        given.seen(0, 0)
        rows = _forget_jobs(given, self._of_jobs(parameters))
        rows += forget(given, self._kinds(parameters))
        return Text(msgid("%(rows)s rows were deleted."), {"rows": rows})

    def preview(
        self, session: Session, client_id: int | None, parameters: Mapping[str, str]
    ) -> Sequence[Text]:
        """Count them."""
        del client_id
        jobs = select(func.count()).select_from(
            func.desk_old_jobs(*self._of_jobs(parameters).values()).table_valued("id")
        )
        count = session.scalar(jobs)
        return [
            Text(TO_DELETE, {"label": Text(JOBS), "rows": count}),
            *told(session, self._kinds(parameters)),
        ]

    def _before(self, parameters: Mapping[str, str], name: str) -> datetime:
        return clock.now() - timedelta(days=self.number(parameters, name))

    def _of_jobs(self, parameters: Mapping[str, str]) -> dict[str, datetime]:
        hours = timedelta(hours=self.number(parameters, "jobs_hours"))
        return {
            "done": clock.now() - hours,
            "others": self._before(parameters, "failed_jobs_days"),
        }

    def _kinds(self, parameters: Mapping[str, str]) -> list[Old]:
        what_ifs = self._before(parameters, "what_ifs_days")
        is_old = (WhatIf.finished_at < what_ifs) & WhatIf.state.not_in(UNFINISHED)
        return [
            Old(
                label=msgid("Mails"),
                model=OutgoingMail,
                condition=OutgoingMail.created_at < self._before(parameters, "mails_days"),
            ),
            Old(
                label=msgid("Runs of the desk's own checks"),
                model=PlannedRun,
                condition=_is_no_news(self._before(parameters, "runs_days")),
            ),
            Old(
                label=msgid("Links to decide by mail that have expired"),
                model=ClosingLink,
                condition=ClosingLink.expires_at < clock.now(),
            ),
            Old(
                label=msgid("Tickets of what-ifs"),
                model=WhatIfChange,
                condition=WhatIfChange.what_if_id.in_(select(WhatIf.id).where(is_old)),
            ),
            Old(
                label=msgid("What-ifs"),
                model=WhatIf,
                condition=is_old & ~exists().where(WhatIfChange.what_if_id == WhatIf.id),
            ),
        ]


def _is_no_news(before: datetime) -> ColumnElement[bool]:
    """Return the condition on runs of checks that ship with the desk and had nothing to tell.

    The newest of a task stays, whenever that was.
    """
    later: Any = aliased(PlannedRun)
    shipped = select(PlannedTask.id).where(
        PlannedTask.key.is_not(None), PlannedTask.work_kind == WorkKind.CHECK
    )
    return (
        (PlannedRun.due_at < before)
        & PlannedRun.state.in_((RunState.DONE, RunState.SKIPPED))
        & PlannedRun.task_id.in_(shipped)
        & PlannedRun.incident_id.is_(None)
        & PlannedRun.order_id.is_(None)
        & PlannedRun.ticket_id.is_(None)
        & exists().where(
            later.task_id == PlannedRun.task_id,
            later.due_at > PlannedRun.due_at,
            later.state == RunState.DONE,
        )
    )


def _forget_jobs(given: Round, before: Mapping[str, datetime]) -> int:
    rows = 0
    while True:
        with unit_of_work(SYSTEM, "housekeeping.forget") as work:
            count = work.session.scalar(FORGET_JOBS, {**before, "most": BATCH}) or 0
        rows += count
        given.seen(rows, rows)
        if count < BATCH:
            break
    if rows:
        given.info(DELETED, label=Text(JOBS).to_json(), rows=rows)
    return rows


FORGET_JOBS = text("SELECT desk_forget_jobs(:done, :others, :most)")
