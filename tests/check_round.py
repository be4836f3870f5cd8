"""What tests give a check: remembers its lines, and can cancel it at its n-th sign of life."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from servicedesk.core import database
from servicedesk.core.text import Text
from servicedesk.planning.checks import check_named
from servicedesk.planning.checks.check import RunCancelled

if TYPE_CHECKING:
    from datetime import datetime


@dataclass
class Given:
    """Implements `checks.check.Round`."""

    client_id: int | None = None
    previous_at: datetime | None = None
    cancelled_at: int | None = None  # the number of the sign of life
    lines: list[tuple[str, str | None, Text]] = field(default_factory=list)
    signs: list[tuple[int, int]] = field(default_factory=list)

    def seen(self, done: int, total: int) -> None:
        assert not database.session().in_transaction(), "a transaction is open"
        assert done <= total
        self.signs.append((done, total))
        if self.cancelled_at is not None and len(self.signs) > self.cancelled_at:
            raise RunCancelled

    def info(self, text: str, *, subject: str | None = None, **values: Any) -> None:
        self.lines.append(("info", subject, Text(text, values)))

    def finding(self, text: str, *, subject: str | None = None, **values: Any) -> None:
        self.lines.append(("finding", subject, Text(text, values)))

    def problem(self, text: str, *, subject: str | None = None, **values: Any) -> None:
        self.lines.append(("problem", subject, Text(text, values)))

    def of(self, kind: str) -> list[Text]:
        return [text for one, _, text in self.lines if one == kind]

    @property
    def subjects(self) -> set[str | None]:
        return {subject for _, subject, _ in self.lines}


def check_now(code: str, given: Given | None = None, **parameters: object) -> tuple[Given, Text]:
    """Run a check as a worker does; return what it was given, with its lines, and its sum."""
    given = given or Given()
    session = database.session()
    session.expunge_all()
    session.rollback()
    check = check_named(code)
    assert check.faults(parameters) == {}
    told = check.run(given, check.cleaned(parameters))
    assert not session.in_transaction(), "a transaction is open"
    for text in [told, *(text for _, _, text in given.lines)]:
        assert str(text)  # every placeholder has its value
    return given, told


def previewed(code: str, client_id: int | None = None, **parameters: object) -> list[Text]:
    """Return what a check says it would do."""
    check, session = check_named(code), database.session()
    said = list(check.preview(session, client_id, check.cleaned(parameters)))
    session.rollback()
    assert all(str(text) for text in said)
    return said


def count(model: Any, *conditions: Any) -> int:
    """Return how many rows there are now."""
    session = database.session()
    session.expunge_all()
    session.rollback()
    found = session.scalar(select(func.count()).select_from(model).where(*conditions))
    session.rollback()
    return found
