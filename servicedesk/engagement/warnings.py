"""Telling that a share of a year's days is taken: at 50, 75 and 90 percent, once each.

Reserved days count: they are gone unless somebody releases them, and a warning has to come in time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import exists, select
from sqlalchemy.dialects.postgresql import insert

from servicedesk.accounts.models import User
from servicedesk.accounts.notices import tell_people
from servicedesk.clients.models import AccountManagement, Client
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.core.jobs import JobName
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.engagement.budget import days_of
from servicedesk.engagement.models import BudgetWarning, EngagementYear

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.core.unit_of_work import Work

PERCENTS = (50, 75, 90)
SUPERVISED_PERCENT = 90  # from here on supervisors are told too
NOTICE = "engagement_warning"
TELL = JobName("engagement.tell_warning")


def warn_if_due(work: Work, year: EngagementYear) -> None:
    """Note each share that is reached for the first time; the highest of them is told.

    Called under the year's lock, so that no two note the same.
    """
    budget = year.budget
    taken = budget.reserved_quarters + budget.consumed_quarters
    reached = [percent for percent in PERCENTS if taken * 100 >= percent * budget.total_quarters]
    if not reached or not budget.total_quarters:
        return
    new = work.session.scalars(
        insert(BudgetWarning)
        .values(
            [
                {"client_id": year.client_id, "year_id": year.id, "percent": p, "at": work.at}
                for p in reached
            ]
        )
        .on_conflict_do_nothing()
        .returning(BudgetWarning.percent)
    ).all()
    if new and max(new) == max(reached):
        work.enqueue(TELL, year_id=year.id, percent=max(new))


def tell_warning(year_id: int, percent: int) -> None:
    """Tell the account managers of a client, and at the end its supervisors; a repeat tells nobody."""
    with unit_of_work(SYSTEM, TELL.name) as work:
        warning = work.session.scalars(
            select(BudgetWarning)
            .where(BudgetWarning.year_id == year_id, BudgetWarning.percent == percent)
            .with_for_update()
        ).one()
        if warning.told_at is not None:
            return
        people = people_of(work, warning.client_id, with_supervisors=percent >= SUPERVISED_PERCENT)
        year = work.session.get_one(EngagementYear, year_id)
        client = work.session.get_one(Client, warning.client_id)
        budget = year.budget
        tell_people(
            work,
            people,
            NOTICE,
            reference=client.reference,
            client_id=client.id,
            client=client.name,
            title=client.name,
            percent=percent,
            left=str(days_of(budget.left_quarters)),
            total=str(days_of(budget.total_quarters)),
            last_on=year.last_on,
        )
        warning.told_at, warning.told_to = work.at, [person.name for person in people]
        work.concerns(client.id, client.reference)
        work.note(percent=percent, told_to=warning.told_to)


def people_of(work: Work, client_id: int, *, with_supervisors: bool) -> Sequence[User]:
    """Return who looks after a client's days."""
    manages = exists().where(
        AccountManagement.user_id == User.id, AccountManagement.client_id == client_id
    )
    whom = (User.role == Role.ACCOUNT_MANAGER) & manages
    if with_supervisors:
        whom = whom | (User.role == Role.SUPERVISOR)
    return work.session.scalars(
        select(User).where(User.is_active, whom).order_by(User.name, User.id)
    ).all()
