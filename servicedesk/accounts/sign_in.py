"""Signing in: tries are written and counted before a password is looked at.

The rows are shared by all processes, so the limits are too. Tries that the limit refuses are not
counted, and a success or a new password starts the account's count anew: the window always slides
on, and nobody can keep the owner out for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, ClassVar

from sqlalchemy import ColumnElement, func, select, text, update

from servicedesk.accounts import passwords
from servicedesk.accounts.models import Credential, SignInAttempt, User
from servicedesk.accounts.people import (
    at_gate,
    credential_of,
    gate,
    locked_user,
    normalised_email,
    user_by_email,
)
from servicedesk.core.errors import DomainError, Forbidden
from servicedesk.core.mail import queue_mail
from servicedesk.core.permissions import Permission, require
from servicedesk.core.text import msgid
from servicedesk.core.unit_of_work import Work, unit_of_work

if TYPE_CHECKING:
    from servicedesk.core.actors import Actor

WINDOW = timedelta(minutes=15)
TRIES_PER_ACCOUNT = 10
TRIES_PER_ADDRESS = 100


class SignInRefused(DomainError):
    """The e-mail, the password or the account is not right; which of them is not told."""

    code = "sign-in-refused"
    status: ClassVar[int] = 422
    sentence = msgid("E-mail or password is not right.")


class TooManyTries(DomainError):
    """The account or the address has used up its tries; `retry_after` says for how long."""

    code = "too-many-tries"
    status: ClassVar[int] = 429
    sentence = msgid("Too many attempts. Try again in %(minutes)s min.")

    def __init__(self, retry_after: timedelta) -> None:
        """Refuse until `retry_after` has passed."""
        self.retry_after = max(retry_after, timedelta(seconds=1))
        super().__init__(minutes=-(-self.retry_after // timedelta(minutes=1)))


class Step(Enum):
    """What stands between a right password and the desk."""

    SIGNED_IN = "signed_in"
    SECOND_FACTOR = "second_factor"


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """Who has proved to be whom; `session_id` is what the session cookie carries."""

    user_id: int
    session_version: int
    name: str
    language: str
    step: Step

    @property
    def session_id(self) -> str:
        """Return the value that ends with the user's session version."""
        return session_id(self.user_id, self.session_version)


@dataclass(frozen=True, kw_only=True)
class _Try:
    attempt_id: int
    user_id: int | None
    kept_hash: str | None


def session_id(user_id: int, version: int) -> str:
    """Return what a session cookie carries: raising the version ends every session."""
    return f"{user_id}:{version}"


def sign_in(email: str, password: str, address: str) -> SignedIn:
    """Prove by password who is at `address`.

    Two short transactions, and the hashing between them, so that no connection waits for it.
    Raises SignInRefused or TooManyTries; the try is kept all the same.
    """
    tried = _begin_try(email, address)
    if not passwords.is_password(tried.kept_hash, password) or tried.user_id is None:
        raise SignInRefused
    stronger = None
    if tried.kept_hash and passwords.needs_rehash(tried.kept_hash):
        stronger = passwords.hash_password(password)
    return _finish_try(tried, tried.user_id, stronger, address)


def next_step(credential: Credential) -> Step:
    """Return what a right password leads to; the second factor is asked for here one day."""
    return Step.SECOND_FACTOR if credential.second_factor else Step.SIGNED_IN


def _begin_try(email: str, address: str) -> _Try:
    """Write the try as a failure, unless the limits refuse it."""
    with unit_of_work(gate(address), "accounts.try_sign_in") as work:
        attempt = _counted_try(work, normalised_email(email), address)
        user = user_by_email(email)
        known = user is not None and user.is_active
        credential = work.session.get(Credential, user.id) if user and known else None
        kept = credential.password_hash if credential else None
        return _Try(
            attempt_id=attempt.id, user_id=user.id if user and known else None, kept_hash=kept
        )


def _finish_try(tried: _Try, user_id: int, stronger: str | None, address: str) -> SignedIn:
    with unit_of_work(gate(address), "accounts.sign_in") as work:
        user = locked_user(work, user_id)
        credential = credential_of(work, user)
        # between the two transactions the account may have been closed or its password changed
        if not user.is_active or credential.password_hash != tried.kept_hash:
            raise SignInRefused
        if stronger is not None:
            credential.password_hash = stronger
        _mark_succeeded(work, tried.attempt_id)
        user.last_sign_in_at = work.at
        return SignedIn(
            user_id=user.id,
            session_version=user.session_version,
            name=user.name,
            language=user.language,
            step=next_step(credential),
        )


def change_own_password(actor: Actor, current: str, new: str) -> SignedIn:
    """Replace one's password and end one's other sessions; the caller's goes on with the answer.

    Wrong current passwords count as tries to sign in. Raises SignInRefused at the field `current`,
    TooManyTries, or InvalidInput at `new`.
    """
    if actor.user_id is None:
        raise Forbidden
    tried = _begin_try(actor.email, actor.address)
    if not passwords.is_password(tried.kept_hash, current):
        raise SignInRefused(msgid("This is not your current password."), field="current")
    passwords.check_rules(new, email=actor.email, name=actor.name, field="new")
    hashed = passwords.hash_password(new)
    with unit_of_work(at_gate(actor), "accounts.change_password") as work:
        user = locked_user(work, actor.user_id)
        credential = credential_of(work, user)
        if not user.is_active or credential.password_hash != tried.kept_hash:
            raise SignInRefused
        _mark_succeeded(work, tried.attempt_id)
        set_password(work, user, credential, hashed)
        return SignedIn(
            user_id=user.id,
            session_version=user.session_version,
            name=user.name,
            language=user.language,
            step=Step.SIGNED_IN,
        )


@dataclass(frozen=True, kw_only=True)
class Presence:
    """That a person proved a moment ago to be there, for one purpose. Made by `prove_presence`."""

    user_id: int
    purpose: str
    at: datetime


def prove_presence(actor: Actor, password: str, purpose: str) -> Presence:
    """Ask for a person's password once more before what cannot be undone.

    Wrong ones count as tries to sign in. Raises SignInRefused at `password`, TooManyTries.
    """
    if actor.user_id is None:
        raise Forbidden
    tried = _begin_try(actor.email, actor.address)
    if not passwords.is_password(tried.kept_hash, password):
        raise SignInRefused(msgid("This is not your current password."), field="password")
    with unit_of_work(at_gate(actor), "accounts.prove_presence") as work:
        user = locked_user(work, actor.user_id)
        if not user.is_active:
            raise SignInRefused(field="password")
        _mark_succeeded(work, tried.attempt_id)
        return Presence(user_id=user.id, purpose=purpose, at=work.at)


def set_password(work: Work, user: User, credential: Credential, hashed: str) -> None:
    """Keep a new password's hash, end every session and tell the owner by mail.

    Links sent before are void from here on, because they are older than the password.
    """
    credential.password_hash = hashed
    credential.password_changed_at = work.at
    user.session_version += 1
    queue_mail(
        work, user.email, user.language, "password_changed", about=user.email, name=user.name
    )


def end_all_sessions(actor: Actor, user_id: int) -> int:
    """End every session of a person: oneself, or anybody for who administers accounts.

    Returns the new session version.
    """
    if actor.user_id != user_id:
        require(actor, Permission.ACCOUNT_ADMINISTER)
    with unit_of_work(actor, "accounts.end_sessions") as work:
        user = locked_user(work, user_id)
        user.session_version += 1
        return user.session_version


def _counted_try(work: Work, email: str, address: str) -> SignInAttempt:
    since = work.at - WINDOW
    for key in sorted({f"sign-in:{email}", f"sign-in@{address}"}):
        # counting and writing are one step, also for tries that arrive together
        work.session.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key}
        )
    anew = max(since, _count_starts(work, email) or since)
    _refuse_from(work, SignInAttempt.email == email, anew, TRIES_PER_ACCOUNT)
    _refuse_from(work, SignInAttempt.address == address, since, TRIES_PER_ADDRESS)
    attempt = SignInAttempt(at=work.at, email=email, address=address, succeeded=False)
    work.session.add(attempt)
    work.session.flush()
    return attempt


def _count_starts(work: Work, email: str) -> datetime | None:
    """Return when the account was last entered or its password set."""
    entered = (
        select(func.max(SignInAttempt.at))
        .where(SignInAttempt.email == email, SignInAttempt.succeeded)
        .scalar_subquery()
    )
    changed = (
        select(Credential.password_changed_at)
        .join(User)
        .where(func.lower(User.email) == email)
        .scalar_subquery()
    )
    return work.session.scalar(select(func.greatest(entered, changed)))


def _refuse_from(work: Work, whose: ColumnElement[bool], since: datetime, limit: int) -> None:
    """Raise TooManyTries if `limit` tries failed after `since`."""
    decisive = work.session.scalar(
        select(SignInAttempt.at)
        .where(whose, SignInAttempt.at > since, ~SignInAttempt.succeeded)
        .order_by(SignInAttempt.at.desc())
        .offset(limit - 1)
        .limit(1)
    )
    if decisive is not None:
        raise TooManyTries(decisive + WINDOW - work.at)


def _mark_succeeded(work: Work, attempt_id: int) -> None:
    work.session.execute(
        update(SignInAttempt).where(SignInAttempt.id == attempt_id).values(succeeded=True)
    )
