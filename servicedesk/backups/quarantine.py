"""What was on its way when a backup was taken: kept back after the restore until somebody decides.

Mails that had not left are held; work orders under way are paused and their commands are unknown;
jobs of the past wait aside. Until somebody has looked, nothing else leaves either: see
`core.restored`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import select, text, update

from servicedesk.backups.events import DeskRestored
from servicedesk.core.database import session
from servicedesk.core.errors import NotAllowedNow
from servicedesk.core.jobs import JOBS
from servicedesk.core.mail import SEND_MAIL, OutgoingMail
from servicedesk.core.permissions import Permission, require
from servicedesk.core.restored import Restoration, standing_restoration
from servicedesk.core.text import msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.commands import RECONCILE_COMMANDS, SEND_COMMANDS
from servicedesk.devices.on_their_way import doubt_what_was_on_its_way
from servicedesk.orders.models import OrderState, PauseReason, WorkOrder
from servicedesk.orders.progress import pause

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg import Connection
    from sqlalchemy import ColumnElement, CursorResult

    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work

# their rows say what there is to do; jobs are made of them anew
MADE_ANEW = (SEND_MAIL.name, SEND_COMMANDS.name, RECONCILE_COMMANDS.name)
MAILS_SHOWN = 100

FORGET = """
    DELETE FROM procrastinate_jobs WHERE status IN ('todo', 'doing')
       AND (task_name = ANY (%(made_anew)s) OR (task_name = ANY (%(periodic)s) AND args = '{}')
            OR task_name LIKE 'jobs.%%')
"""
DO_AGAIN = """
    UPDATE procrastinate_jobs SET status = 'todo', worker_id = NULL, queueing_lock = NULL
     WHERE status = 'doing' AND task_name = ANY (%(inside)s)
"""
KEEP_ASIDE = """
    UPDATE procrastinate_jobs
       SET status = 'cancelled', worker_id = NULL, abort_requested = false,
           queue_name = 'held:' || queue_name
     WHERE status IN ('todo', 'doing') AND NOT task_name = ANY (%(inside)s)
"""


def keep_jobs_aside(connection: Connection[Any]) -> int:
    """Let no worker take a job of the past that reaches anybody; return how many wait for a look.

    Periodic jobs and those made anew of their rows are forgotten; what stays inside goes on.
    """
    facts = {
        "made_anew": list(MADE_ANEW),
        "periodic": [job.name for job in JOBS.values() if job.every is not None],
        "inside": [job.name for job in JOBS.values() if job.stays_inside or job.every is not None],
    }
    connection.execute("DELETE FROM procrastinate_workers")
    connection.execute(FORGET, facts)
    connection.execute(DO_AGAIN, facts)
    return connection.execute(KEEP_ASIDE, facts).rowcount


def hold_back(work: Work, restoration: Restoration) -> dict[str, int]:
    """Hold what waits to leave; return how much of what."""
    words = f"restored from the backup of {restoration.taken_at.isoformat(timespec='seconds')}"
    orders = work.session.scalars(
        select(WorkOrder)
        .where(WorkOrder.state.in_((OrderState.EXECUTING, OrderState.SCHEDULED)))
        .order_by(WorkOrder.id)
        .with_for_update()
    ).all()
    for order in orders:
        pause(work, order, PauseReason.RESTORED)
    commands = doubt_what_was_on_its_way(
        work, restoration.taken_at, f"restore-{restoration.id}", words
    )
    mails = _changed(
        work,
        update(OutgoingMail)
        .where(OutgoingMail.sent_at.is_(None), OutgoingMail.withdrawn_at.is_(None))
        .values(held_at=work.at),
    )
    # one that was used since the backup would work once more
    links = _changed(work, text("UPDATE one_time_link SET used_at = now() WHERE used_at IS NULL"))
    work.publish(DeskRestored(taken_at=restoration.taken_at))
    return {"mails": mails, "orders": len(orders), "commands": commands, "links": links}


def _changed(work: Work, statement: Any) -> int:
    return cast("CursorResult[Any]", work.session.execute(statement)).rowcount


def standing(actor: Actor) -> Restoration | None:
    """Return the restore that waits for somebody's look. Raises Forbidden."""
    require(actor, Permission.BACKUP_ADMINISTER)
    return standing_restoration(session())


def held_mails(actor: Actor) -> Sequence[OutgoingMail]:
    """Return the oldest mails that are held. Raises Forbidden."""
    require(actor, Permission.BACKUP_ADMINISTER)
    return (
        session()
        .scalars(
            select(OutgoingMail)
            .where(OutgoingMail.held_at.is_not(None), OutgoingMail.withdrawn_at.is_(None))
            .order_by(OutgoingMail.id)
            .limit(MAILS_SHOWN)
        )
        .all()
    )


def held_jobs(actor: Actor) -> dict[str, int]:
    """Return how many jobs of which name wait aside. Raises Forbidden."""
    require(actor, Permission.BACKUP_ADMINISTER)
    rows = session().execute(text("SELECT name, amount FROM desk_held_jobs()"))
    return {row.name: row.amount for row in rows}


def paused_orders(actor: Actor) -> Sequence[str]:
    """Return the references of orders that the restore paused and nobody resumed. Raises Forbidden."""
    require(actor, Permission.BACKUP_ADMINISTER)
    return (
        session()
        .scalars(
            select(WorkOrder.reference)
            .where(WorkOrder.pause_reason == PauseReason.RESTORED)
            .order_by(WorkOrder.id)
        )
        .all()
    )


def release_mails(actor: Actor, ids: Sequence[int] | None = None) -> int:
    """Have held mails sent after all, these or every one; return how many. Raises Forbidden."""
    with unit_of_work(actor, "restore.release_mails") as work:
        require(actor, Permission.BACKUP_ADMINISTER)
        released = _settle_mails(work, ids, held_at=None)
        _queue(work, OutgoingMail.id.in_(released))
    return len(released)


def withdraw_mails(actor: Actor, ids: Sequence[int] | None = None) -> int:
    """Never send held mails, these or every one; return how many. Raises Forbidden."""
    with unit_of_work(actor, "restore.withdraw_mails") as work:
        require(actor, Permission.BACKUP_ADMINISTER)
        withdrawn = _settle_mails(work, ids, withdrawn_at=work.at, context={})
    return len(withdrawn)


def _settle_mails(work: Work, ids: Sequence[int] | None, **values: Any) -> Sequence[int]:
    held = OutgoingMail.held_at.is_not(None) & OutgoingMail.withdrawn_at.is_(None)
    wanted = held if ids is None else held & OutgoingMail.id.in_(ids)
    settled = work.session.scalars(
        update(OutgoingMail).where(wanted).values(**values).returning(OutgoingMail.id)
    ).all()
    work.concerns(None, "MAIL")
    work.note(mails=sorted(settled))
    return settled


def _queue(work: Work, wanted: ColumnElement[bool]) -> None:
    ids = work.session.scalars(select(OutgoingMail.id).where(wanted).order_by(OutgoingMail.id))
    work.enqueue_all(SEND_MAIL, [(None, {"mail_id": mail_id}) for mail_id in ids])


def settle_jobs(actor: Actor, *, release: bool) -> int:
    """Have the jobs that wait aside done, or forget them; return how many. Raises Forbidden."""
    with unit_of_work(actor, "restore.settle_jobs") as work:
        require(actor, Permission.BACKUP_ADMINISTER)
        names = held_jobs(actor)
        settled = work.session.scalar(
            text("SELECT desk_settle_held_jobs(:release)"), {"release": release}
        )
        work.concerns(None, "JOBS")
        work.note(jobs=names, released=release)
    return settled or 0


class NotWhole(NotAllowedNow):
    """The restore never came to its end."""

    code = "not-whole"
    sentence = msgid("The restore was broken off: begin it anew with an empty database.")


def open_desk(actor: Actor) -> None:
    """Let the desk act again after a restore; what is held stays held.

    Raises Forbidden, NotWhole, NotAllowedNow.
    """
    with unit_of_work(actor, "restore.open") as work:
        require(actor, Permission.BACKUP_ADMINISTER)
        restoration = standing_restoration(work.session)
        if restoration is None:
            raise NotAllowedNow
        if restoration.finished_at is None:
            raise NotWhole
        restoration.opened_at, restoration.opened_by = work.at, actor.name
        work.concerns(None, "RESTORE")
        # what was written since and found the door shut
        _queue(
            work,
            OutgoingMail.sent_at.is_(None)
            & OutgoingMail.held_at.is_(None)
            & OutgoingMail.withdrawn_at.is_(None),
        )
