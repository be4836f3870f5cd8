"""Secrets at rest: sealed with a key from the settings, opened only where they leave for an engine.

Sealing is deterministic (AES-SIV): the same secret seals to the same text, so two settings can be
compared, and a policy's fingerprint kept, without opening anything.
"""

from __future__ import annotations

import base64
import hashlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

PREFIX = "sealed:"
_ciphers: list[AESSIV] = []


class NotOurs(ValueError):
    """It was sealed with another key, or changed."""


def use_key(secret: str) -> None:
    """Seal and open with a key derived from `secret`; the composition root calls this."""
    key = hashlib.sha512(b"servicedesk sealing 1|" + secret.encode()).digest()
    _ciphers[:] = [AESSIV(key)]


def seal(text: str) -> str:
    """Return `text` as it may be kept; nothing stays nothing."""
    if not text:
        return ""
    sealed = _ciphers[0].encrypt(text.encode(), None)
    return PREFIX + base64.urlsafe_b64encode(sealed).decode()


def unseal(sealed: str) -> str:
    """Return what `seal` was given. Raises NotOurs."""
    if not sealed:
        return ""
    try:
        return _ciphers[0].decrypt(_bytes_of(sealed), None).decode()
    except (InvalidTag, ValueError):
        raise NotOurs from None


def _bytes_of(sealed: str) -> bytes:
    if not sealed.startswith(PREFIX):
        raise NotOurs
    return base64.b64decode(sealed.removeprefix(PREFIX), altchars=b"-_", validate=True)
