"""One-time links: how a first password and a forgotten one are set, without ever sending one."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from sqlalchemy import Select, func, or_, select

from servicedesk.accounts import passwords
from servicedesk.accounts.models import Credential, LinkPurpose, OneTimeLink, User
from servicedesk.accounts.people import credential_of, gate, locked_user, normalised_email
from servicedesk.accounts.sign_in import set_password
from servicedesk.core import clock, database
from servicedesk.core.actors import SYSTEM
from servicedesk.core.errors import DomainError
from servicedesk.core.jobs import job
from servicedesk.core.mail import queue_mail
from servicedesk.core.text import msgid
from servicedesk.core.unit_of_work import Work, unit_of_work

if TYPE_CHECKING:
    from collections.abc import Mapping

LIFETIMES: Mapping[LinkPurpose, timedelta] = {
    LinkPurpose.FIRST_PASSWORD: timedelta(days=7),
    LinkPurpose.RESET_PASSWORD: timedelta(minutes=30),
}
RESET_MAILS = 3  # an account
RESET_MAILS_WITHIN = timedelta(hours=1)


class LinkNotValid(DomainError):
    """The link was used, is too old, was never given, or its account is closed."""

    code = "link-not-valid"
    status: ClassVar[int] = 410
    sentence = msgid("This link has been used or has expired. Ask for a new one.")


@dataclass(frozen=True, kw_only=True)
class LinkHolder:
    """Whom a link that still works belongs to."""

    user_id: int
    email: str
    name: str
    language: str
    purpose: LinkPurpose


def link_holder(token: str) -> LinkHolder:
    """Return whose link this is, without using it up. Raises LinkNotValid."""
    with database.acting_as(gate("")):
        found = database.session().execute(_valid_link(token, clock.now())).one_or_none()
    if found is None:
        raise LinkNotValid
    link, user = found
    return LinkHolder(
        user_id=user.id,
        email=user.email,
        name=user.name,
        language=user.language,
        purpose=link.purpose,
    )


def use_link(token: str, password: str, address: str) -> LinkHolder:
    """Set the password of the link's holder, end their sessions and use the link up.

    Raises LinkNotValid, or InvalidInput at `password`: then the link still works.
    """
    holder = link_holder(token)
    passwords.check_rules(password, email=holder.email, name=holder.name)
    hashed = passwords.hash_password(password)
    with unit_of_work(gate(address), "accounts.use_link") as work:
        # the person's row first: two uses of a link wait for each other here
        user = locked_user(work, holder.user_id)
        found = work.session.execute(_valid_link(token, work.at)).one_or_none()
        if found is None:
            raise LinkNotValid
        found[0].used_at = work.at
        set_password(work, user, credential_of(work, user), hashed)
    return holder


def request_password_reset(email: str, address: str, public_url: str) -> None:
    """Have a worker mail a link, if there is such an account.

    The same happens here for whoever is asked about, so neither the answer nor its time tells.
    `public_url` comes from the settings, never from a request.
    """
    wanted = normalised_email(email)
    with unit_of_work(gate(address), "accounts.request_password_reset") as work:
        work.enqueue(
            answer_reset_request,
            lock=f"reset:{wanted}",
            email=wanted,
            address=address,
            public_url=public_url,
        )


@job("accounts.answer_reset_request", queue="mail")
def answer_reset_request(email: str, address: str, public_url: str) -> None:
    """Mail a reset link to an open account, at most three an hour."""
    with unit_of_work(replace(SYSTEM, address=address), "accounts.send_reset_link") as work:
        user = work.session.scalar(
            select(User).where(func.lower(User.email) == email, User.is_active).with_for_update()
        )
        if user is None:
            return
        sent = work.session.scalar(
            select(func.count())
            .select_from(OneTimeLink)
            .where(
                OneTimeLink.user_id == user.id,
                OneTimeLink.purpose == LinkPurpose.RESET_PASSWORD,
                OneTimeLink.created_at > work.at - RESET_MAILS_WITHIN,
            )
        )
        if (sent or 0) < RESET_MAILS:
            send_link(work, user, LinkPurpose.RESET_PASSWORD, public_url)


def send_link(work: Work, user: User, purpose: LinkPurpose, public_url: str) -> None:
    """Make a link and queue the mail that carries it; the mail's row forgets it once sent."""
    link = make_link(work, user, purpose, public_url)
    lifetime = LIFETIMES[purpose]
    queue_mail(
        work,
        user.email,
        user.language,
        purpose.value,
        about=user.email,
        name=user.name,
        link=link,
        portal=public_url,
        days=lifetime.days,
        minutes=lifetime // timedelta(minutes=1),
    )


def make_link(work: Work, user: User, purpose: LinkPurpose, public_url: str) -> str:
    """Return a new link for `user`, of which only the hash is kept."""
    token = secrets.token_urlsafe(32)
    work.session.add(
        OneTimeLink(
            user_id=user.id,
            purpose=purpose,
            token_hash=_hash(token),
            created_at=work.at,
            expires_at=work.at + LIFETIMES[purpose],
        )
    )
    work.concerns(None, user.email)
    return f"{public_url}/password/link/{token}"


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _valid_link(token: str, at: datetime) -> Select[OneTimeLink, User]:
    return (
        select(OneTimeLink, User)
        .join(User, User.id == OneTimeLink.user_id)
        .join(Credential, Credential.user_id == User.id)
        .where(
            OneTimeLink.token_hash == _hash(token),
            OneTimeLink.used_at.is_(None),
            OneTimeLink.expires_at > at,
            User.is_active,
            # a password set since, by another link or by hand, voids what was sent before
            or_(
                Credential.password_changed_at.is_(None),
                OneTimeLink.created_at >= Credential.password_changed_at,
            ),
        )
        .execution_options(populate_existing=True)
    )
