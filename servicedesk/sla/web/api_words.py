"""Parts of a filter as the API reads them: the same words as in the addresses of pages."""

from __future__ import annotations

from marshmallow import ValidationError, fields

from servicedesk.core.text import msgid
from servicedesk.sla.evidence import UNDERSTOOD


def understood(name: str, description: str) -> fields.String:
    """Return the field for a part of `Evidence`; what is not understood is refused."""

    def check(value: str) -> None:
        if value and not UNDERSTOOD[name](value):
            raise ValidationError(msgid("This is not understood."))

    return fields.String(load_default="", validate=check, metadata={"description": description})
