"""Planned tasks that tests begin with."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select

from servicedesk.accounts.models import User
from servicedesk.core import database
from servicedesk.core.actors import SYSTEM
from servicedesk.planning.drafting import TaskDraft
from servicedesk.planning.models import Category, PlannedRun, WorkKind
from servicedesk.planning.schedule import Interval, Unit

MADRID = "Europe/Madrid"
FIRST = datetime(2026, 3, 2, 11)  # noqa: DTZ001  the clock on the wall
WEEKLY = Interval(count=1, unit=Unit.WEEK, starts_at=FIRST, zone=MADRID)


def check_draft(**more):
    """A check of the whole service, each week."""
    return TaskDraft(
        **{
            "title": "Engines answer",
            "category": Category.PREVENTIVE_MAINTENANCE,
            "work_kind": WorkKind.CHECK,
            "code": "engines.reachable",
            "schedule": WEEKLY,
        }
        | more
    )


def action_draft(of, phones, code="device.push_message", **more):
    """An action on devices of a client, each week; harmless unless another one is named."""
    parameters = {"text": "Maintenance tonight"} if code == "device.push_message" else {}
    return check_draft(
        **{
            "title": "Tell of the maintenance",
            "client": of.reference,
            "work_kind": WorkKind.ACTION,
            "code": code,
            "parameters": parameters,
            "devices": [phone.reference for phone in phones],
            "category": Category.SECURITY_POLICIES,
        }
        | more
    )


def steps_draft(client, **more):
    """Steps for people, each week."""
    return check_draft(
        **{
            "title": "Look at the certificates",
            "client": client.reference,
            "work_kind": WorkKind.CHECKLIST,
            "code": "",
            "steps": ["Look", "Renew what expires"],
        }
        | more
    )


def runs_of(task):
    """The runs there are, as they are now."""
    session = database.session()
    session.rollback()
    session.expire_all()
    query = select(PlannedRun).where(PlannedRun.task_id == task.id).order_by(PlannedRun.due_at)
    return list(session.scalars(query))


def approver(make):
    """An agent who has been one for as long as the stories go back."""
    agent = make.agent()
    with database.acting_as(SYSTEM):
        session = database.session()
        session.get_one(User, agent.user_id).role_since = datetime(2020, 1, 1, tzinfo=UTC)
        session.commit()
    return agent
