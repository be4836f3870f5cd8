"""Notifications of the sandbox: signed, dated, and understood or refused."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

from servicedesk.core import clock
from servicedesk.devices.engines.contract import BadNotification

if TYPE_CHECKING:
    from collections.abc import Mapping

TOLERANCE = 300  # seconds a notification may be old


def verified_events(secret: str, headers: Mapping[str, str], body: bytes) -> list[dict[str, Any]]:
    """Return the events of a notification whose signature is right and young. Raises BadNotification."""
    stamp = headers.get("X-Sandbox-Timestamp", "")
    signed = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(signed.encode(), headers.get("X-Sandbox-Signature", "").encode()):
        raise BadNotification("the signature is wrong")
    if not stamp.isdigit() or abs(clock.now().timestamp() - int(stamp)) > TOLERANCE:
        raise BadNotification("the notification is too old")
    try:
        events = json.loads(body)["events"]
    except (ValueError, KeyError, TypeError) as error:
        raise BadNotification("the notification is not understood") from error
    if not isinstance(events, list):
        raise BadNotification("the notification is not understood")
    return events
