"""Passwords: how they are kept, checked without telling who exists, and what a good one is."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, ClassVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from servicedesk.core.errors import DomainError, InvalidInput
from servicedesk.core.text import msgid

if TYPE_CHECKING:
    from collections.abc import Iterator

MIN_LENGTH = 12
MAX_LENGTH = 200

# argon2id, twice the passes of OWASP's profile with 46 MiB
STRENGTH = PasswordHasher(time_cost=2, memory_cost=47_104, parallelism=1)
# for suites that sign in hundreds of times; weaker than any production hash, so never kept there
CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)

AT_ONCE = 4  # hashes computed at the same time by a process: 46 MiB and a core each
PATIENCE_SECONDS = 15.0

_hasher = [STRENGTH]
_places = threading.BoundedSemaphore(AT_ONCE)

# the commonest of public breach lists that reach the minimal length, and what people use here
COMMONEST = frozenset(
    {
        "000000000000",
        "111111111111",
        "112233445566",
        "121212121212",
        "123123123123",
        "123412341234",
        "1234567890123",
        "12345678901234",
        "123456789012345",
        "1234567891011",
        "123456789012",
        "1q2w3e4r5t6y",
        "1qaz2wsx3edc",
        "abcdefghijkl",
        "adminadminadmin",
        "administrador",
        "administrator",
        "barcelona2026",
        "changemeplease",
        "contrasena123",
        "contraseña123",
        "contraseñacontraseña",
        "iloveyou1234",
        "letmeinletmein",
        "madrid2026madrid",
        "movilgestionado",
        "passwordpassword",
        "password1234",
        "password12345",
        "password123456",
        "q1w2e3r4t5y6",
        "qazwsxedcrfv",
        "qwerty123456",
        "qwertyqwerty",
        "qwertyuiop12",
        "qwertyuiop123",
        "qwertyuiopas",
        "realmadrid123",
        "servicedesk1",
        "telefonica123",
        "telefonica2026",
        "welcome12345",
        "zaq12wsxcde3",
    }
)


class TooBusy(DomainError):
    """More people sign in at this moment than the process can hash for."""

    code = "too-busy"
    status: ClassVar[int] = 503
    sentence = msgid("Too many people are signing in at this moment. Try again in a minute.")


def hash_password(password: str) -> str:
    """Return the argon2id hash to keep. Raises TooBusy."""
    with _place():
        return _hasher[0].hash(_octets(password))


def is_password(kept_hash: str | None, password: str) -> bool:
    """Whether `password` is the one kept; takes as long when there is none. Raises TooBusy."""
    with _place():
        try:
            _hasher[0].verify(kept_hash or _nobodys_hash(_hasher[0]), _octets(password))
        except (VerificationError, InvalidHashError):
            return False
    return kept_hash is not None


def needs_rehash(kept_hash: str) -> bool:
    """Whether a hash was made with other parameters than today's."""
    return _hasher[0].check_needs_rehash(kept_hash)


def check_rules(password: str, *, email: str, name: str, field: str = "password") -> None:
    """Raise InvalidInput at `field` unless `password` may be this person's."""
    if len(password) < MIN_LENGTH:
        raise InvalidInput(
            msgid("Choose a password of at least %(length)s characters."),
            field=field,
            length=MIN_LENGTH,
        )
    if len(password) > MAX_LENGTH:
        raise InvalidInput(
            msgid("Choose a password of at most %(length)s characters."),
            field=field,
            length=MAX_LENGTH,
        )
    bare = _bare(password)
    if bare in _personal(email, name):
        raise InvalidInput(msgid("The password must not be your name or e-mail."), field=field)
    if bare in _COMMON_BARE or len(set(bare)) <= 2:  # noqa: PLR2004
        raise InvalidInput(
            msgid("This is one of the passwords that are guessed first. Choose another."),
            field=field,
        )


def _bare(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


def _personal(email: str, name: str) -> set[str]:
    local, _, domain = email.partition("@")
    words = {email, local, name, "".join(reversed(name.split())), local + local, name + name}
    return {_bare(word) for word in words} | {_bare(local + domain.partition(".")[0])}


_COMMON_BARE = frozenset(_bare(word) for word in COMMONEST)


def _octets(password: str) -> bytes:
    # what JSON can carry and UTF-8 cannot must be a wrong password, not a fault
    return password[: MAX_LENGTH + 1].encode("utf-8", "surrogatepass")


@cache
def _nobodys_hash(hasher: PasswordHasher) -> str:
    return hasher.hash(b"no account has this password")


@contextmanager
def _place() -> Iterator[None]:
    if not _places.acquire(timeout=PATIENCE_SECONDS):
        raise TooBusy
    try:
        yield
    finally:
        _places.release()
