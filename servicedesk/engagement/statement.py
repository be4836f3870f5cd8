"""A year's statement: the ledger line by line with what was left after each. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from servicedesk.engagement.budget import Budget
from servicedesk.engagement.models import EntryKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from servicedesk.engagement.models import LedgerEntry

# what a line does: to what is reserved, to what is consumed, to what there is
EFFECTS = {
    EntryKind.RESERVE: (1, 0, 0),
    EntryKind.CONSUME: (-1, 1, 0),
    EntryKind.GIVE_BACK: (-1, 0, 0),
    EntryKind.CORRECT: (1, -1, 0),
    EntryKind.AMEND: (0, 0, 1),
}


@dataclass(frozen=True, kw_only=True)
class StatementLine:
    """A line of the ledger, and the balance after it."""

    entry: LedgerEntry
    after: Budget


def statement_lines(granted: int, entries: Iterable[LedgerEntry]) -> Iterator[StatementLine]:
    """Yield the lines in the order they were written, each with the balance after it."""
    total, held, spent = granted, 0, 0
    for entry in entries:
        reserved, consumed, added = EFFECTS[entry.kind]
        held += reserved * entry.quarters
        spent += consumed * entry.quarters
        total += added * entry.quarters
        yield StatementLine(
            entry=entry,
            after=Budget(total_quarters=total, reserved_quarters=held, consumed_quarters=spent),
        )
