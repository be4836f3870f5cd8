"""Secrets at rest: sealed with a key from the settings, opened only where they leave for an engine."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "sealed:"
_fernets: list[Fernet] = []


class NotOurs(ValueError):
    """It was sealed with another key, or changed."""


def use_key(secret: str) -> None:
    """Seal and open with a key derived from `secret`; the composition root calls this."""
    key = hashlib.sha256(b"servicedesk sealing 1|" + secret.encode()).digest()
    _fernets[:] = [Fernet(base64.urlsafe_b64encode(key))]


def seal(text: str) -> str:
    """Return `text` as it may be kept; what is sealed or empty stays as it is."""
    if not text or is_sealed(text):
        return text
    return PREFIX + _fernets[0].encrypt(text.encode()).decode()


def is_sealed(text: str) -> bool:
    """Whether a kept text is a sealed one."""
    return text.startswith(PREFIX)


def unseal(text: str) -> str:
    """Return what was sealed. Raises NotOurs."""
    if not is_sealed(text):
        return text
    try:
        return _fernets[0].decrypt(text.removeprefix(PREFIX).encode()).decode()
    except InvalidToken:
        raise NotOurs from None


def unsealed(values: Mapping[str, str]) -> dict[str, str]:
    """Return settings with their secrets in the clear, for an engine. Raises NotOurs."""
    return {name: unseal(value) for name, value in values.items()}
