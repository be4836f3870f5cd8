"""What the desk does by itself with the records of sign-in, and with what people have read."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete

from servicedesk.accounts.links import answer_reset_request as answer_reset_request
from servicedesk.accounts.models import Notice, OneTimeLink, SignInAttempt
from servicedesk.core.actors import SYSTEM
from servicedesk.core.jobs import job
from servicedesk.core.unit_of_work import unit_of_work

KEPT = timedelta(days=30)
READ_NOTICES_KEPT = timedelta(days=90)


@job("accounts.forget_old_tries", every=timedelta(days=1))
def forget_old_tries() -> None:
    """Delete tries and dead links of more than 30 days; the audit keeps what mattered."""
    with unit_of_work(SYSTEM, "accounts.forget_old_tries") as work:
        work.session.execute(delete(SignInAttempt).where(SignInAttempt.at < work.at - KEPT))
        work.session.execute(delete(OneTimeLink).where(OneTimeLink.expires_at < work.at - KEPT))


@job("accounts.forget_read_notices", every=timedelta(days=1))
def forget_read_notices() -> None:
    """Delete notices that were read 90 days ago; what nobody has read stays."""
    with unit_of_work(SYSTEM, "accounts.forget_read_notices") as work:
        work.session.execute(delete(Notice).where(Notice.read_at < work.at - READ_NOTICES_KEPT))
