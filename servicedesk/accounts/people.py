"""Finding and adding people: the steps that sign-in, links and administration share."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import func, select

from servicedesk.accounts.models import Credential, User
from servicedesk.core import database
from servicedesk.core.actors import GATE, Actor, Role
from servicedesk.core.errors import InvalidInput, NotFound
from servicedesk.core.text import msgid

if TYPE_CHECKING:
    from servicedesk.core.unit_of_work import Work

EMAIL_MAX_LENGTH = 254
NAME_MAX_LENGTH = 120
LANGUAGES = ("es", "en")


def gate(address: str) -> Actor:
    """Return nobody yet, knocking from `address`."""
    return replace(GATE, address=address)


def at_gate(actor: Actor) -> Actor:
    """Return the same person under the role of sign-in, which alone may count tries."""
    return replace(actor, role=Role.GATE)


def normalised_email(typed: str) -> str:
    """Return an address as accounts are looked up by: also of nonsense, which finds nobody."""
    printable = (c for c in typed.strip() if unicodedata.category(c)[0] != "C")
    return "".join(printable).lower()[:EMAIL_MAX_LENGTH]


def user_by_email(email: str) -> User | None:
    """Return whose e-mail this is, whatever its case."""
    return database.session().scalar(
        select(User).where(func.lower(User.email) == normalised_email(email))
    )


def locked_user(work: Work, user_id: int) -> User:
    """Return a person for changing. Raises NotFound."""
    user = work.session.get(User, user_id, with_for_update=True)
    if user is None:
        raise NotFound
    work.concerns(None, user.email)
    return user


def credential_of(work: Work, user: User) -> Credential:
    """Return a person's secrets for changing; the row comes into being with the account."""
    credential = work.session.get(Credential, user.id, with_for_update=True)
    if credential is None:
        raise NotFound
    return credential


def add_account(work: Work, *, email: str, name: str, role: Role, language: str) -> User:
    """Add a person who cannot sign in before a first password is chosen.

    Raises InvalidInput with the field at fault.
    """
    user = User(
        email=_new_email(email),
        name=checked_name(name),
        role=role,
        language=checked_language(language),
        created_at=work.at,
        role_since=work.at,
    )
    work.session.add(user)
    work.session.flush()
    work.session.add(Credential(user_id=user.id))
    work.concerns(None, user.email)
    return user


def checked_name(name: str) -> str:
    """Return a name without needless blanks. Raises InvalidInput."""
    cleaned = " ".join(name.split())
    if not cleaned or len(cleaned) > NAME_MAX_LENGTH or not cleaned.isprintable():
        raise InvalidInput(msgid("Enter a name."), field="name")
    return cleaned


def checked_language(language: str) -> str:
    """Return a language the desk speaks. Raises InvalidInput."""
    if language not in LANGUAGES:
        raise InvalidInput(msgid("Choose one of the languages offered."), field="language")
    return language


def _new_email(email: str) -> str:
    try:
        checked = validate_email(email.strip(), check_deliverability=False).normalized
    except EmailNotValidError:
        raise InvalidInput(msgid("This is not an e-mail address."), field="email") from None
    if user_by_email(checked) is not None:
        raise InvalidInput(
            msgid("There is already an account with this e-mail address."), field="email"
        )
    return checked
