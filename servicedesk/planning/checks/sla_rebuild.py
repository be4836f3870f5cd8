"""Whether everything that is cached of service levels is as its events say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.core.text import Text, msgid
from servicedesk.planning.checks.check import Check
from servicedesk.sla.checking import check_all, check_tonight
from servicedesk.sla.rebuild import count_ledgers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

    from servicedesk.planning.checks.check import Round
    from servicedesk.sla.rebuild import Checked

MOST_NAMED = 100

DIFFERS = msgid("%(place)s is stored as %(stored)s and would be %(derived)s.")


class SlaRebuild(Check):
    """Derive every clock and counter again, and hold it against what is stored; changes nothing.

    For the whole service it is the check that the page of checks tells of, with its mail to
    supervisors when it finds something new.
    """

    code = "sla.check"
    label = msgid("Service levels are as their events say")
    description = msgid(
        "Derives every clock and counter of the service levels again, and compares it with what is"
        " stored. It changes nothing."
    )
    for_client = True

    def run(self, given: Round, parameters: Mapping[str, str]) -> Text:
        """Walk through all ledgers."""
        del parameters
        looked = 0

        def seen(done: int, total: int) -> None:
            nonlocal looked
            looked = done
            given.seen(done, total)

        def told(checked: Checked) -> None:
            seen(checked.done, checked.total)

        given.seen(0, 0)
        client_id = given.client_id
        found = check_tonight(seen) if client_id is None else check_all(client_id, told)
        if found is None:
            given.finding(msgid("An upgrade's repair is under way: it is checked after it."))
            return Text(msgid("Not checked: an upgrade's repair is under way."))
        for difference in found[:MOST_NAMED]:
            given.problem(
                DIFFERS,
                subject=difference.subject or None,
                place=difference.place,
                stored=difference.stored,
                derived=difference.derived,
            )
        return Text(
            msgid("%(ledgers)s tickets were checked; %(differences)s places differ."),
            {"ledgers": looked, "differences": len(found)},
        )

    def preview(
        self, session: Session, client_id: int | None, parameters: Mapping[str, str]
    ) -> Sequence[Text]:
        """Count the ledgers."""
        del parameters
        count = count_ledgers(session, client_id)
        return [Text(msgid("Checks the clocks of %(ledgers)s tickets."), {"ledgers": count})]
