"""What the pages of calendars and of plans do alike with their versions."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from flask import flash, redirect, request, url_for

from servicedesk.core.errors import NotAllowedNow
from servicedesk.shell.language import translate
from servicedesk.shell.session import current_actor
from servicedesk.sla.models import CalendarVersion, PlanVersion
from servicedesk.sla.versioning import Overtaken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from flask.typing import ResponseReturnValue
    from wtforms import Field

    from servicedesk.core.actors import Actor

V = TypeVar("V", CalendarVersion, PlanVersion)


def picked(versions: Sequence[V]) -> V | None:
    """Return the version in the address; what only takes another back is none to look at."""
    asked = request.args.get("version", "")
    shown = (one for one in versions if one.withdrawn_by_id != one.id)
    return next((one for one in shown if str(one.version) == asked), None)


@contextmanager
def following(after: Field) -> Iterator[int]:
    """Give the number of the version that a form has seen as the newest.

    Where another was saved meanwhile, the refusal tells it, and the form has seen it from then on.
    """
    seen: Any = after.data or ""
    try:
        yield int(seen) if re.fullmatch(r"\d{1,9}", seen) else 0
    except Overtaken as refused:
        after.data = str(refused.text.values["version"])
        raise


def withdrawn(
    withdraw: Callable[[Actor, str, int], None], code: str, version: int, words: str
) -> ResponseReturnValue:
    """Take back a version that has not begun, and go on where it is seen."""
    try:
        withdraw(current_actor(), code, version)
    except NotAllowedNow as refused:
        flash(translate(refused.text), "error")
        return redirect(url_for(".show", code=code))
    flash(words, "success")
    return redirect(url_for(".index") if version == 1 else url_for(".show", code=code))
