"""Whether jobs are done: what waits, since when, and what was given up."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from servicedesk.core import clock
from servicedesk.core.jobs import JOBS
from servicedesk.core.text import Text, msgid
from servicedesk.devices.parameters import Kind, Parameter
from servicedesk.planning.checks.check import Check
from servicedesk.planning.checks.looking import looking

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from servicedesk.planning.checks.check import Round

TOLD_ELSEWHERE = frozenset({"mail.send"})  # `mail_retries.py` tells of mails

WAITING = msgid("Queue %(queue)s: %(waiting)s jobs wait, %(doing)s are being done.")
OLD = msgid("In the queue %(queue)s the oldest job has been waiting since %(oldest_at)s.")
FAILED = msgid("Jobs %(task)s were given up %(jobs)s times, last on %(last_at)s.")
UNKNOWN = msgid("Jobs %(task)s, which this version does not know, were given up %(jobs)s times.")


class JobQueue(Check):
    """Look into the queues of jobs. What dead workers leave is taken over by others without this."""

    code = "jobs.queue"
    label = msgid("Jobs are done")
    description = msgid(
        "Looks into the queues of jobs: the oldest that waits, and those that were given up after"
        " their last try."
    )
    is_housekeeping = True
    parameters = (
        Parameter(
            name="minutes",
            label=msgid("A problem when one waits for so many minutes"),
            kind=Kind.NUMBER,
            least=1,
            most=1440,
            default="15",
        ),
        Parameter(
            name="hours",
            label=msgid("Given up in so many hours"),
            kind=Kind.NUMBER,
            least=1,
            most=168,
            default="24",
        ),
    )

    def run(self, given: Round, parameters: Mapping[str, str]) -> Text:
        """Look at waiting and at failed jobs."""
        given.seen(0, 1)
        now = clock.now()
        with looking() as session:
            queues = session.execute(QUEUES).all()
            failed = _given_up(session, now - timedelta(hours=self.number(parameters, "hours")))
        oldest = now - timedelta(minutes=self.number(parameters, "minutes"))
        for one in queues:
            given.info(
                WAITING, subject=one.queue, queue=one.queue, waiting=one.waiting, doing=one.doing
            )
            if one.oldest_at is not None and one.oldest_at < oldest:
                given.problem(OLD, subject=one.queue, queue=one.queue, oldest_at=one.oldest_at)
        for one in failed:
            if one.task in JOBS:
                given.problem(
                    FAILED, subject=one.queue, task=one.task, jobs=one.jobs, last_at=one.last_at
                )
            else:
                given.finding(UNKNOWN, subject=one.queue, task=one.task, jobs=one.jobs)
        given.seen(1, 1)
        return Text(
            msgid("%(waiting)s jobs wait; %(failed)s were given up."),
            {
                "waiting": sum(one.waiting for one in queues),
                "failed": sum(one.jobs for one in failed),
            },
        )

    def preview(
        self, session: Session, client_id: int | None, parameters: Mapping[str, str]
    ) -> Sequence[Text]:
        """Tell how the queues are."""
        del client_id, parameters
        queues = session.execute(QUEUES).all()
        return [
            Text(WAITING, {"queue": one.queue, "waiting": one.waiting, "doing": one.doing})
            for one in queues
        ] or [Text(msgid("No job waits."))]


QUEUES = text("SELECT queue, waiting, doing, oldest_at FROM desk_queues()")


def _given_up(session: Session, since: datetime) -> list[Any]:
    rows = session.execute(
        text("SELECT task, queue, jobs, last_at FROM desk_jobs_given_up(:since)"), {"since": since}
    )
    return [row for row in rows if row.task not in TOLD_ELSEWHERE]
