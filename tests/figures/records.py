"""The rest of a random desk: commands, planned runs, the fleet at the end of days, the ledger of days."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from servicedesk.devices.commands import CommandBatch, DeviceCommand
from servicedesk.devices.conformity.snapshots import FleetSnapshot
from servicedesk.engagement.models import EngagementYear, LedgerEntry, Visit
from servicedesk.orders.models import OrderTarget, WorkOrder
from servicedesk.planning.firing import MADE_UP
from servicedesk.planning.models import OVER, PlannedRun, PlannedTask, RunState
from servicedesk.tickets.models import TicketOrder

if TYPE_CHECKING:
    from random import Random

    from sqlalchemy.orm import Session

FIRST = datetime(2026, 2, 1, tzinfo=UTC)
SPAN = timedelta(days=330)
EDGES = tuple(date(2026, month, 1) for month in (3, 4, 5, 11, 12))
ZONES = ("Europe/Madrid", "Atlantic/Canary", "America/New_York")
MICRO = timedelta(microseconds=1)
STANDINGS = ("conforming", "failing", "unknown", "free")


def any_instant(dice: Random) -> datetime:
    """Return an instant of the year, often at a month's very edge somewhere."""
    if dice.random() < 0.3:
        edge = datetime.combine(dice.choice(EDGES), time(), ZoneInfo(dice.choice(ZONES)))
        return edge.astimezone(UTC) + dice.choice((-MICRO, 0 * MICRO, MICRO))
    return FIRST + dice.random() * SPAN


def write_records(session: Session, world: Any) -> None:
    """Write them for every client of the world."""
    for client in world.clients:
        _orders(session, world, client.id)
        _runs(session, world, client.id)
        _snapshots(session, world, client.id)
    for contract in world.contracts.values():
        _days(session, world, contract)
    session.flush()


def _orders(session: Session, world: Any, client_id: int) -> None:
    dice = world.dice
    for number in range(14):
        batch = CommandBatch(
            client_id=client_id,
            created_at=FIRST,
            instruction=dice.choice(("lock", "wipe")),
            parameters={},
            simulated=True,
        )
        session.add(batch)
        session.flush()
        if dice.random() < 0.7:
            order = WorkOrder(
                client_id=client_id,
                reference=f"ORD-{client_id}-{number}",
                action_code=dice.choice(("device.lock", "device.locate")),
                parameters={},
                state="done",
                needs_approval=False,
                content_hash="",
                author_name="test",
                created_at=FIRST,
                target_count=1,
                finished_at=any_instant(dice),
                batch_id=batch.id,
            )
            session.add(order)
            session.flush()
            device = dice.choice(world.devices[client_id])
            session.add_all(
                [
                    OrderTarget(
                        order_id=order.id,
                        device_id=device.id,
                        client_id=client_id,
                        position=0,
                        possible=True,
                    ),
                    # any ticket: an incident among them is about the order's device
                    TicketOrder(
                        order_id=order.id, ticket_id=dice.randint(1, 60), client_id=client_id
                    ),
                ]
            )
        for device in world.devices[client_id]:
            sent_at = any_instant(dice) if dice.random() < 0.9 else None
            states = (
                "acknowledged",
                "acknowledged",
                "failed",
                "expired",
                "not_now",
                "unknown",
                "sent",
            )
            state = dice.choice(states if sent_at else ("queued", "cancelled"))
            is_over = state not in {"queued", "sent", "not_now", "unknown"}
            took = timedelta(seconds=dice.choice((3.6, 90, 86400 * 3, 86400 * 45)) * dice.random())
            session.add(
                DeviceCommand(
                    client_id=client_id,
                    batch_id=batch.id,
                    device_id=device.id,
                    key=UUID(int=dice.getrandbits(128)),
                    state=state,
                    not_after=FIRST + 2 * SPAN,
                    created_at=FIRST,
                    sent_at=sent_at,
                    finished_at=(sent_at or FIRST) + took if is_over else None,
                    checked_at=FIRST,
                )
            )


def _runs(session: Session, world: Any, client_id: int) -> None:
    dice = world.dice
    for number, (key, shown) in enumerate([(None, True)] * 3 + [("own", True), (None, False)]):
        task = PlannedTask(
            reference=f"TSK-{client_id}-{number}",
            key=f"{key}-{client_id}" if key else None,
            client_id=client_id,
            category=dice.choice(("preventive_maintenance", "workaround")),
            title=f"Task {number}",
            description="",
            work_kind="checklist",
            code="",
            parameters={},
            steps=[],
            queue="operations",
            schedule={},
            misfire="skip",
            overlap="skip",
            owner_name="test",
            notice_days=0,
            shown_to_client=shown,
            state="paused",
            needs_approval=False,
            content_hash="",
            author_name="test",
            created_at=FIRST,
            updated_at=FIRST,
        )
        session.add(task)
        session.flush()
        for due in sorted({any_instant(dice) for _ in range(14)}):
            session.add(_run(dice, task, due))


def _run(dice: Random, task: PlannedTask, due: datetime) -> PlannedRun:
    state = dice.choice(list(RunState))
    begun = state not in {RunState.SKIPPED, RunState.MISSED, RunState.PREPARED, RunState.QUEUED}
    begun = begun and dice.random() < 0.8
    delay = timedelta(seconds=dice.choice((0, 1, 299, 300, 301, 4000)))
    ended = due + delay + timedelta(seconds=dice.choice((-5000, 0, 60)) if not begun else 60)
    return PlannedRun(
        task_id=task.id,
        client_id=task.client_id,
        due_at=due,
        state=state,
        reason=MADE_UP if state is RunState.SKIPPED and dice.random() < 0.5 else None,
        created_at=due,
        started_at=due + delay if begun else None,
        finished_at=ended if state in OVER else None,
        asked_by_name="Somebody" if dice.random() < 0.1 else None,
    )


def _snapshots(session: Session, world: Any, client_id: int) -> None:
    dice = world.dice
    names = [device.reference for device in world.devices[client_id]]
    for month in (2, 3, 4, 5, 10, 11, 12):
        last = date(2026, month, 28) + timedelta(days=dice.choice((-3, 0, 0)))
        if dice.random() < 0.25:
            continue
        rules = dice.random() < 0.8
        split = {name: dice.choice(STANDINGS) if rules else "free" for name in names}
        lists = {s: sorted(n for n, at in split.items() if at == s) for s in STANDINGS}
        for day, is_kept in ((last - timedelta(days=4), False), (last, True)):
            session.add(
                FleetSnapshot(
                    client_id=client_id,
                    on_day=day,
                    taken_at=FIRST,
                    managed=len(names),
                    conforming=len(lists["conforming"]),
                    failing=len(lists["failing"]),
                    unknown=len(lists["unknown"]),
                    without_rules=len(lists["free"]),
                    **{f"{s}_devices": lists[s] if is_kept else None for s in STANDINGS},
                )
            )


def _days(session: Session, world: Any, contract: Any) -> None:
    dice, client_id = world.dice, contract.client_id
    year = EngagementYear(
        client_id=client_id,
        contract_id=contract.id,
        number=1,
        first_on=max(contract.starts_on, date(2026, 1, 1)),
        last_on=min(contract.ends_on, date(2026, 11, 14)),  # the year ends within a month
        granted_quarters=dice.randint(10, 40),
    )
    session.add(year)
    session.flush()
    visit = Visit(
        client_id=client_id,
        contract_id=contract.id,
        year_id=year.id,
        reference=f"VIS-{contract.reference}",
        uid=f"visit-{contract.reference}",
        kind="project",
        title="Visit",
        starts_at=FIRST,
        ends_at=FIRST + timedelta(hours=1),
        planned_quarters=2,
        is_on_site=False,
        place="",
        attendees=[],
        manager_id=world.people[0].user_id,
        manager_name="test",
        created_at=FIRST,
        ask_at=FIRST,
    )
    session.add(visit)
    session.flush()
    for number, at in enumerate(sorted(any_instant(dice) for _ in range(30))):
        kind = dice.choice(("reserve", "reserve", "consume", "give_back", "correct", "amend"))
        session.add(
            LedgerEntry(
                client_id=client_id,
                year_id=year.id,
                kind=kind,
                quarters=dice.randint(1, 6),
                visit_id=None if kind == "amend" else visit.id,
                amendment_id=1000 * year.id + number if kind == "amend" else None,
                reverses_id=1000 * year.id + number if kind == "correct" else None,
                reason="test",
                at=at,
                author_name="test",
            )
        )
        session.flush()
