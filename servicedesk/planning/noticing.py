"""What a client's contacts are told of planned work: that it comes, and that it does not come after all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from servicedesk.accounts.models import User
from servicedesk.accounts.notices import tell_people
from servicedesk.clients.models import AuthorisedContact
from servicedesk.core.text import msgid
from servicedesk.planning.models import CATEGORY_LABELS
from servicedesk.planning.run_log import tell

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from servicedesk.core.unit_of_work import Work
    from servicedesk.planning.models import PlannedRun, PlannedTask


def tell_contacts(work: Work, run: PlannedRun, news: str) -> None:
    """Tell whoever a run concerns, inside the desk and by mail; `news` names notice and template."""
    task = run.task
    people = _concerned(work, task)
    tell_people(
        work,
        people,
        news,
        reference=task.reference,
        client_id=task.client_id,
        only_by_mail={
            "description": task.description,
            "category": CATEGORY_LABELS[task.category],
        },
        task=task.reference,
        title=task.title,
        due_at=run.due_at,
        closes_at=run.closes_at,
    )
    tell(work, run, msgid("%(people)s contacts were told."), people=len(people))


def _concerned(work: Work, task: PlannedTask) -> Sequence[Any]:
    """Return the client's contacts; for the whole service, those of every client it is shown to."""
    if not task.shown_to_client:
        return []
    query = (
        select(User.id, User.email, User.language, User.time_zone)
        .join(AuthorisedContact, AuthorisedContact.user_id == User.id)
        .where(User.is_active)
        .order_by(User.id)
        .distinct()
    )
    if task.client_id is not None:
        query = query.where(AuthorisedContact.client_id == task.client_id)
    return work.session.execute(query).all()
