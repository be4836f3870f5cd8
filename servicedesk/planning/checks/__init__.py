"""The checks the desk knows, written down: a file in this folder and a line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.core.errors import InvalidInput
from servicedesk.core.text import msgid
from servicedesk.planning.checks.engine_reachable import EngineReachable

if TYPE_CHECKING:
    from servicedesk.planning.checks.check import Check

CHECKS: tuple[Check, ...] = (EngineReachable(),)
_BY_CODE = {check.code: check for check in CHECKS}


def check_named(code: str) -> Check:
    """Return the check. Raises InvalidInput."""
    if code not in _BY_CODE:
        raise InvalidInput(msgid("There is no such check."), field="code")
    return _BY_CODE[code]
