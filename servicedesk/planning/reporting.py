"""What people are told of runs: incidents about what went wrong, tickets with steps, approvals.

A task has one open incident at a time: what goes wrong again is written on it, so that a check that
fails all night is one thing to see to and not hundreds. The same again is told once a day, what comes
back within a day is the same incident, and one that nobody touched is resolved when all is well again.
"""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import select

from servicedesk.accounts.models import User
from servicedesk.accounts.notices import add_notices
from servicedesk.core.actors import Role
from servicedesk.core.errors import DomainError
from servicedesk.core.house_words import stored
from servicedesk.core.text import Text, msgid
from servicedesk.orders.models import WorkOrder
from servicedesk.planning.models import LineKind, PlannedRun, RunLine, RunState
from servicedesk.planning.run_log import tell
from servicedesk.tickets.categories import IncidentCategory
from servicedesk.tickets.desk_tickets import (
    is_touched,
    latest_mark,
    note_from_desk,
    open_for_desk,
    reopen_from_desk,
    resolve_from_desk,
)
from servicedesk.tickets.intake import SUBJECT_LENGTH, NewTicket
from servicedesk.tickets.models import OPEN_STATES, Impact, Ticket, TicketKind, TicketState, Urgency

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from servicedesk.core.unit_of_work import Work

WENT = {
    RunState.PROBLEMS: msgid("The run of %(due_at)s found problems."),
    RunState.FAILED: msgid("The run of %(due_at)s failed."),
    RunState.MISSED: msgid("The run of %(due_at)s was missed."),
}
WELL_AGAIN = msgid("All right again: the run of %(due_at)s went well.")
WELL = "well"  # the mark of having said so
A_DAY = timedelta(days=1)
STAYS_AWAY = timedelta(minutes=30)
CARRIED_OUT = msgid("The workaround %(task)s was carried out.")
MOST_TOLD = 10  # problems named in an incident; the run's page has them all


log = structlog.get_logger("servicedesk.planning")


def report(work: Work, run: PlannedRun, missed: int = 1) -> None:
    """Open an incident about a run that went wrong, or go on with the one there is.

    What was told already is not told again for a day.
    """
    incident = _incident(work, run) or _new_incident(work, run)
    if incident is None:
        tell(work, run, msgid("No incident could be opened."), kind=LineKind.PROBLEM)
        return
    if not incident.is_open:
        reopen_from_desk(work, incident)
    problems = _problems(work, run)
    mark = _mark(run, problems)
    if not _is_told(work, incident, mark):
        note_from_desk(work, incident, _known(work, run, missed, problems), mark=mark)
    run.incident_id = incident.id
    tell(work, run, msgid("Incident %(ticket)s tells of it."), ticket=incident.reference)


def _new_incident(work: Work, run: PlannedRun) -> Ticket | None:
    """Open an incident of the task's client; where it has no contract any more, of the operator.

    Whatever hinders that, the end of the run is written down.
    """
    task = run.task
    new = NewTicket(
        kind=TicketKind.INCIDENT,
        subject=f"{stored(task.named)} · {task.reference}"[:SUBJECT_LENGTH],
        description=stored(task.described),
        impact=Impact.LOW if run.state is RunState.PROBLEMS else Impact.MEDIUM,
        urgency=Urgency.MEDIUM,
        category=IncidentCategory.SERVICE,
    )
    for client_id in (task.client_id, None):
        try:
            with work.session.begin_nested():
                return open_for_desk(
                    work, client_id=client_id, new=new, requester=answers_for(work, run)
                )
        except DomainError as refusal:
            log.warning("no incident of this client", refusal=refusal.code)
    return None


def report_all_right(work: Work, run: PlannedRun) -> None:
    """Say on the task's open incident that it goes well again, and resolve one that nobody touched.

    Something that comes and goes is not well until it has stayed away for a while.
    """
    incident = _incident(work, run)
    if incident is None or not incident.is_open or incident.id == run.task.incident_id:
        return
    if _went_wrong_lately(work, run):
        return
    words = Text(WELL_AGAIN, {"due_at": run.due_at})
    if is_touched(work, incident):
        if not _is_told(work, incident, WELL):
            note_from_desk(work, incident, words, mark=WELL)
    elif resolve_from_desk(work, incident, words, is_public=False, mark=WELL):
        tell(work, run, msgid("It resolved %(ticket)s."), ticket=incident.reference)


def _incident(work: Work, run: PlannedRun) -> Ticket | None:
    """Return the incident about an earlier run of the task that is open, or was until yesterday."""
    is_fresh = (Ticket.state == TicketState.RESOLVED) & (Ticket.resolved_at > work.at - A_DAY)
    return work.session.scalar(
        select(Ticket)
        .join(PlannedRun, PlannedRun.incident_id == Ticket.id)
        .where(PlannedRun.task_id == run.task_id, Ticket.state.in_(OPEN_STATES) | is_fresh)
        .order_by(Ticket.state.in_(OPEN_STATES).desc(), Ticket.id.desc())
        .limit(1)
        .with_for_update(of=Ticket)
    )


def _went_wrong_lately(work: Work, run: PlannedRun) -> bool:
    lately = select(PlannedRun.id).where(
        PlannedRun.task_id == run.task_id,
        PlannedRun.incident_id.is_not(None),
        PlannedRun.finished_at > work.at - STAYS_AWAY,
    )
    return work.session.scalar(lately.limit(1)) is not None


def _is_told(work: Work, incident: Ticket, mark: str) -> bool:
    latest = latest_mark(work, incident)
    return latest is not None and latest[0] == mark and latest[1] > work.at - A_DAY


def _mark(run: PlannedRun, problems: Sequence[RunLine]) -> str:
    """Return what a run's trouble is about; how much it is, and since when, makes no difference."""
    about = [
        run.state,
        [run.reason, _names(run.reason_values or {})],
        run.order_id,
        sorted([each.text, each.subject or "", _names(each.text_values)] for each in problems),
    ]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:16]


def _names(values: Mapping[str, Any]) -> str:
    """Return the values without numbers and instants."""
    kept = {
        name: value
        for name, value in values.items()
        if not name.endswith("_at") and not isinstance(value, (int, float))
    }
    return json.dumps(kept, sort_keys=True)


def _problems(work: Work, run: PlannedRun) -> Sequence[RunLine]:
    return work.session.scalars(
        select(RunLine)
        .where(RunLine.run_id == run.id, RunLine.kind == LineKind.PROBLEM)
        .order_by(RunLine.id)
        .limit(MOST_TOLD)
    ).all()


def _known(work: Work, run: PlannedRun, missed: int, problems: Sequence[RunLine]) -> Text:
    """Return what is known of a run that went wrong."""
    told = [Text(WENT[run.state], {"due_at": run.due_at})]
    if missed > 1:
        told.append(Text(msgid("%(missed)s runs were missed together."), {"missed": missed}))
    if run.reason:
        told.append(Text.from_json({"words": run.reason, "values": run.reason_values or {}}))
    if run.order_id is not None:
        order = work.session.get_one(WorkOrder, run.order_id)
        told.append(Text(msgid("Its order is %(order)s."), {"order": order.reference}))
    told += [Text.from_json({"words": each.text, "values": each.text_values}) for each in problems]
    if run.problem_count > MOST_TOLD:
        rest = run.problem_count - MOST_TOLD
        told.append(Text(msgid("And %(rest)s more: the run's page has them."), {"rest": rest}))
    names = [f"sentence{number}" for number in range(len(told))]
    return Text(" ".join(f"%({name})s" for name in names), dict(zip(names, told, strict=True)))


def resolve_incident(work: Work, run: PlannedRun) -> None:
    """Resolve the incident that a workaround is for, now that its run went well."""
    incident_id = run.task.incident_id
    if incident_id is None or run.state is not RunState.DONE:
        return
    incident = work.session.get_one(Ticket, incident_id, with_for_update=True)
    words = Text(CARRIED_OUT, {"task": run.task.reference})
    if resolve_from_desk(work, incident, words):
        tell(work, run, msgid("It resolved %(ticket)s."), ticket=incident.reference)
    elif incident.state in OPEN_STATES:
        note_from_desk(work, incident, words)


def open_checklist(work: Work, run: PlannedRun) -> Ticket:
    """Open the ticket with the steps of the run's task."""
    task = run.task
    new = NewTicket(
        kind=TicketKind.REQUEST,
        subject=f"{task.title} · {task.reference}"[:SUBJECT_LENGTH],
        description=task.description,
        queue=task.queue,
    )
    return open_for_desk(
        work,
        client_id=task.client_id,
        new=new,
        requester=answers_for(work, run),
        steps=task.steps,
    )


def ask_for_approval(work: Work, run: PlannedRun, order: WorkOrder) -> None:
    """Tell everybody who may be the second person of a run's order that it waits."""
    people = work.session.scalars(
        select(User.id).where(
            User.is_active,
            User.role.in_((Role.AGENT, Role.SUPERVISOR)),
            User.id != order.author_id,
        )
    ).all()
    add_notices(
        work,
        people,
        kind="planned_approval",
        reference=order.reference,
        client_id=order.client_id,
        task=run.task.reference,
        title=run.task.title,
        due_at=run.due_at,
    )


def answers_for(work: Work, run: PlannedRun) -> tuple[int, str] | None:
    """Return id and name of who answers for a task: its owner, its author, or a supervisor."""
    task = run.task
    wanted = [user_id for user_id in (task.owner_id, task.author_id) if user_id is not None]
    people = {
        row.id: (row.id, row.name)
        for row in work.session.execute(
            select(User.id, User.name).where(User.is_active, User.id.in_(wanted))
        )
    }
    for user_id in wanted:
        if user_id in people:
            return people[user_id]
    row = work.session.execute(
        select(User.id, User.name)
        .where(User.is_active, User.role == Role.SUPERVISOR)
        .order_by(User.id)
        .limit(1)
    ).first()
    return (row[0], row[1]) if row else None
