"""The words of stored verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from servicedesk.core.text import Text
from servicedesk.shell.language import translate

if TYPE_CHECKING:
    from sqlalchemy import Row

    from servicedesk.orders.models import OrderTarget


def verdict_words(target: OrderTarget | Row[Any]) -> str:
    """Return why a device cannot, in the reader's language; empty when it can."""
    if target.reason is None:
        return ""
    return translate(Text(target.reason, target.reason_values or {}))
