"""What the worker does with a what-if: a piece of its tickets a transaction, until all are counted.

A piece writes what it counted together with how far it came. Whoever goes on after a worker that
died, or runs beside one that was thought dead, takes the next piece under the same lock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import exists, func, insert, select, update

from servicedesk.core.database import expect_rows
from servicedesk.sla.clocks import events_of, told_of
from servicedesk.sla.models import SlaCycle, SlaLedger
from servicedesk.sla.replay import Comparison, replay
from servicedesk.sla.what_if.figures import from_json, to_json
from servicedesk.sla.what_if.models import WhatIf, WhatIfChange, WhatIfState
from servicedesk.sla.what_if.wishes import draft_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Select

    from servicedesk.core.unit_of_work import Work
    from servicedesk.sla.cycles import Cycle
    from servicedesk.sla.replay import Pair

PIECE = 500  # ledgers


def count_piece(work: Work, what_if_id: int) -> bool:
    """Count the next tickets; return whether some may be left."""
    what_if = work.session.get(WhatIf, what_if_id, with_for_update=True)
    if what_if is None or not what_if.is_unfinished:
        return False
    if what_if.state is WhatIfState.QUEUED:
        _begin(work, what_if)
    ledgers = _next_ledgers(work, what_if)
    figures = from_json(what_if.result)
    changes: list[dict[str, Any]] = []
    for subject, pair in _pairs(work, what_if, ledgers):
        figures.setdefault(pair.cell, Comparison()).take(pair)
        if pair.change:
            changes.append(_change(what_if, subject, pair))
    if changes:
        expect_rows(work.session, len(changes))
        work.session.execute(insert(WhatIfChange), changes)
    # not through the row: how far it came is no change that anybody audits
    work.session.execute(
        update(WhatIf)
        .where(WhatIf.id == what_if_id)
        .values(
            done=what_if.done + len(ledgers),
            last_ledger_id=max(ledgers, default=what_if.last_ledger_id),
            result=to_json(figures),
            progress_at=work.at,
        )
        .execution_options(synchronize_session=False)
    )
    if len(ledgers) == PIECE:
        return True
    what_if.state, what_if.finished_at = WhatIfState.DONE, work.at
    return False


def give_up(work: Work, what_if_id: int, fault: str) -> None:
    """Say why it cannot be counted."""
    what_if = work.session.get(WhatIf, what_if_id, with_for_update=True)
    if what_if is not None and what_if.is_unfinished:
        what_if.state, what_if.finished_at = WhatIfState.FAILED, work.at
        what_if.fault = fault


def _begin(work: Work, what_if: WhatIf) -> None:
    what_if.state, what_if.started_at = WhatIfState.RUNNING, work.at
    everybody = _population(what_if).subquery()
    what_if.total = work.session.scalar(select(func.count()).select_from(everybody)) or 0


def _population(what_if: WhatIf) -> Select[int, str]:
    """Return what has a cycle that was decided in these months under what was agreed."""
    is_counted = exists().where(
        SlaCycle.ledger_id == SlaLedger.id,
        SlaCycle.month.between(what_if.first_month, what_if.last_month),
    )
    return select(SlaLedger.id, SlaLedger.subject).where(
        SlaLedger.contract_id == what_if.contract_id, is_counted
    )


def _next_ledgers(work: Work, what_if: WhatIf) -> dict[int, str]:
    """Return the subjects of the next ledgers by their ids."""
    query = (
        _population(what_if)
        .where(SlaLedger.id > what_if.last_ledger_id)
        .order_by(SlaLedger.id)
        .limit(PIECE)
    )
    found = work.session.execute(query).all()
    return {row.id: row.subject for row in found}


def _pairs(work: Work, what_if: WhatIf, ledgers: dict[int, str]) -> Iterator[tuple[str, Pair]]:
    """Yield what counts of each ledger, as of the instant at which it was asked."""
    draft = draft_of(work.session, what_if.definition)
    found = events_of(work.session, list(ledgers))
    for ledger_id, subject in ledgers.items():
        events = told_of(work.session, found[ledger_id])
        for pair in replay(events, draft, what_if.asked_at):
            if pair.is_of(what_if.first_month, what_if.last_month):
                yield subject, pair


def _change(what_if: WhatIf, subject: str, pair: Pair) -> dict[str, Any]:
    kind, priority, metric = pair.cell
    return {
        "client_id": what_if.client_id,
        "what_if_id": what_if.id,
        "subject": subject,
        "metric": metric,
        "kind": kind,
        "priority": priority,
        "change": pair.change,
        **_side("was", pair.was),
        **_side("would", pair.would),
    }


def _side(name: str, cycle: Cycle | None) -> dict[str, Any]:
    return {
        name: cycle.verdict if cycle else None,
        f"{name}_used_seconds": int(cycle.elapsed.total_seconds()) if cycle else None,
        f"{name}_target_seconds": int(cycle.target.total_seconds()) if cycle else None,
    }
