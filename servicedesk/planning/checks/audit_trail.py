"""Whether the audit trail holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from servicedesk.core import audit, database
from servicedesk.core.text import Text, msgid
from servicedesk.planning.checks.check import Check

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

    from servicedesk.planning.checks.check import Round

MOST_NAMED = 100

BENT = msgid("The audit trail does not hold: chain %(chain)s, entry %(entry)s: %(fault)s.")
FAULTS = (
    msgid("an entry before this one is missing"),
    msgid("does not continue the entry before it"),
    msgid("was changed after it was written"),
    msgid("its columns differ from what was hashed"),
    msgid("the head does not match the last entry"),
)


class AuditTrail(Check):
    """Recompute every chain of the audit trail."""

    code = "audit.verify"
    label = msgid("The audit trail holds")
    description = msgid(
        "Recomputes the chains of the audit trail: whatever was changed, left out or cut off is found."
    )

    def run(self, given: Round, parameters: Mapping[str, str]) -> Text:
        """Read all entries in batches."""
        del parameters
        read = 0

        def seen(done: int, total: int) -> None:
            nonlocal read
            read = done
            given.seen(done, total)

        given.seen(0, 0)
        faults = audit.verify(database.session(), seen=seen)
        for fault in faults[:MOST_NAMED]:
            given.problem(
                BENT,
                subject=str(fault.chain),
                chain=fault.chain,
                entry=str(fault.number),  # what it is about, not how much
                fault=Text(fault.what).to_json(),
            )
        if not faults:
            return Text(msgid("%(entries)s entries were read: the trail holds."), {"entries": read})
        return Text(
            msgid("%(entries)s entries were read: the trail does not hold in %(faults)s places."),
            {"entries": read, "faults": len(faults)},
        )

    def preview(
        self, session: Session, client_id: int | None, parameters: Mapping[str, str]
    ) -> Sequence[Text]:
        """Count the entries."""
        del client_id, parameters
        count = session.scalar(select(func.coalesce(func.sum(audit.AuditHead.number), 0)))
        return [Text(msgid("Reads %(entries)s entries."), {"entries": int(count or 0)})]
