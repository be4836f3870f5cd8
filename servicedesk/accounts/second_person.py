"""What makes somebody a second person: not new to the role, and proved to be there a moment ago."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from sqlalchemy import select

from servicedesk.accounts.models import User
from servicedesk.core.errors import DomainError, Forbidden
from servicedesk.core.text import msgid

if TYPE_CHECKING:
    from datetime import datetime

    from servicedesk.accounts.sign_in import Presence
    from servicedesk.core.unit_of_work import Work

FRESH = timedelta(minutes=5)  # how long a proof of presence holds
NEW_APPROVER = timedelta(hours=24)  # a fresh account or role approves nothing for so long


class TooNew(Forbidden):
    """An account that was made, or got its role, a moment ago."""

    code = "new-approver"
    sentence = msgid(
        "Your account has had this role for less than 24 hours: it cannot approve anything yet."
    )


class ProofNeeded(DomainError):
    """No proof of presence, one for something else, or one that is too old."""

    code = "proof-needed"
    status: ClassVar[int] = 403
    sentence = msgid("Enter your password again: it approves just this, for five minutes.")


def check_seasoned(work: Work) -> None:
    """Raise TooNew unless the actor has had the role for a day."""
    since = work.session.scalar(select(User.role_since).where(User.id == work.actor.user_id))
    if since is None or since > work.at - NEW_APPROVER:
        raise TooNew


def checked_proof(work: Work, presence: Presence | None, purpose: str) -> datetime:
    """Return when the actor proved to be there, for just this purpose. Raises ProofNeeded."""
    if (
        presence is None
        or presence.user_id != work.actor.user_id
        or presence.purpose != purpose
        or not work.at - FRESH < presence.at <= work.at
    ):
        raise ProofNeeded(field="password")
    return presence.at
