"""How each fleet stood at the end of its days: written once, early in the day after, never invented.

See decision 0035.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ARRAY,
    CTE,
    CheckConstraint,
    Date,
    Exists,
    ForeignKey,
    Text,
    and_,
    cast,
    exists,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by, distinct_on, insert
from sqlalchemy.orm import Mapped, Session, aliased, defer, mapped_column

from servicedesk.clients.models import Client, Contract
from servicedesk.core.actors import SYSTEM
from servicedesk.core.database import Model
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.conformity.models import Conformity
from servicedesk.devices.conformity.standing import JUDGED, standing
from servicedesk.devices.models import Device

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement

    from servicedesk.core.unit_of_work import Work

# each count and the list of references behind it
LISTS = {
    "conforming": "conforming_devices",
    "failing": "failing_devices",
    "unknown": "unknown_devices",
    "without_rules": "free_devices",
}


class FleetSnapshot(Model):
    """A client's fleet as a day ended, in its contract's time zone.

    The last one of each month keeps the devices behind its counts; of the others the lists go (None).
    """

    __tablename__ = "fleet_snapshot"
    __table_args__ = (
        CheckConstraint(
            "managed = conforming + failing + unknown + without_rules", "the_counts_add_up"
        ),
        CheckConstraint(
            "conforming >= 0 and failing >= 0 and unknown >= 0 and without_rules >= 0",
            "nothing_is_less_than_none",
        ),
        CheckConstraint(
            " and ".join(
                f"({names} is null or cardinality({names}) = {count})"
                for count, names in LISTS.items()
            ),
            "a_list_is_as_long_as_its_count",
        ),
        CheckConstraint(
            f"num_nulls({', '.join(LISTS.values())}) in (0, 4)", "the_lists_go_together"
        ),
    )
    __audited__ = False  # a record of what was

    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), primary_key=True)
    on_day: Mapped[date] = mapped_column(primary_key=True)  # the day that had ended
    taken_at: Mapped[datetime]
    managed: Mapped[int]
    conforming: Mapped[int]
    failing: Mapped[int]
    unknown: Mapped[int]
    without_rules: Mapped[int]
    conforming_devices: Mapped[list[str] | None]
    failing_devices: Mapped[list[str] | None]
    unknown_devices: Mapped[list[str] | None]
    free_devices: Mapped[list[str] | None]


def take_snapshots() -> int:
    """Write how every fleet stood when its last day ended, where nobody has; return how many.

    Two statements for all clients. A day is over at its zone's midnight; what was not written until
    the next one stays a gap.
    """
    with unit_of_work(SYSTEM, "conformity.snapshot") as work:
        rows = work.session.execute(_insertion(work)).all()
        if rows:
            _empty_lists(work, rows)
    return len(rows)


def _due(at: datetime) -> CTE:
    """Return the clients without a snapshot of the day that ended last, by the newest contract of it."""
    yesterday = cast(func.timezone(Contract.time_zone, at), Date) - 1
    over = (
        select(Contract.client_id, yesterday.label("on_day"))
        .join(Client, Client.id == Contract.client_id)
        .where(~Client.is_internal, Contract.starts_on <= yesterday, Contract.ends_on >= yesterday)
        .ext(distinct_on(Contract.client_id))
        .order_by(Contract.client_id, Contract.starts_on.desc())
        .subquery()
    )
    return select(over).where(~_is_taken(over.c.client_id, over.c.on_day)).cte("due")


def _is_taken(client_id: ColumnElement[int], day: ColumnElement[date]) -> Exists:
    return exists().where(FleetSnapshot.client_id == client_id, FleetSnapshot.on_day == day)


def _insertion(work: Work) -> Any:
    due = _due(work.at)
    told = (
        select(due, Device.reference, standing().label("stands"))
        .join(Device, and_(Device.client_id == due.c.client_id, JUDGED), isouter=True)
        .cte("told")
        .prefix_with("MATERIALIZED")  # how a device stands is worked out once
    )
    sorts = {
        "conforming": told.c.stands == Conformity.CONFORMING.value,
        "failing": told.c.stands == Conformity.FAILING.value,
        "unknown": told.c.stands == Conformity.UNKNOWN.value,
        # a client without devices has one row here, of nothing
        "without_rules": told.c.stands.is_(None) & told.c.reference.is_not(None),
    }
    in_order = func.array_agg(aggregate_order_by(told.c.reference, told.c.reference))
    counted = select(
        told.c.client_id,
        told.c.on_day,
        literal(work.at),
        func.count(told.c.reference),
        *(func.count().filter(sort) for sort in sorts.values()),
        *(
            func.coalesce(in_order.filter(sort), cast(literal("{}"), ARRAY(Text)))
            for sort in sorts.values()
        ),
    ).group_by(told.c.client_id, told.c.on_day)
    columns = ["client_id", "on_day", "taken_at", "managed", *LISTS, *LISTS.values()]
    return (
        insert(FleetSnapshot)
        .from_select(columns, counted)
        .on_conflict_do_nothing()
        .returning(FleetSnapshot.client_id, FleetSnapshot.on_day)
    )


def _empty_lists(work: Work, written: Sequence[Any]) -> None:
    """Let the devices of days go that are no longer the last known of their month."""
    newer = aliased(FleetSnapshot)
    has_newer = exists().where(
        newer.client_id == FleetSnapshot.client_id,
        newer.on_day > FleetSnapshot.on_day,
        newer.on_day < func.date_trunc("month", FleetSnapshot.on_day) + func.make_interval(0, 1),
    )
    work.session.execute(
        update(FleetSnapshot)
        .where(
            FleetSnapshot.client_id.in_([row.client_id for row in written]),
            FleetSnapshot.on_day >= min(row.on_day for row in written).replace(day=1),
            FleetSnapshot.conforming_devices.is_not(None),
            has_newer,
        )
        .values(dict.fromkeys(LISTS.values())),
        execution_options={"synchronize_session": False},
    )


def fleet_at(session: Session, client_id: int, day: date) -> FleetSnapshot | None:
    """Return how a fleet stood on the last known day of the month up to `day`; None if on none."""
    return session.scalar(
        select(FleetSnapshot)
        .where(
            FleetSnapshot.client_id == client_id,
            FleetSnapshot.on_day.between(day.replace(day=1), day),
        )
        .order_by(FleetSnapshot.on_day.desc())
        .limit(1)
    )


def fleet_trend(
    session: Session, client_id: int, first: date, last: date
) -> Sequence[FleetSnapshot]:
    """Return the last known day of each month from `first` to `last`, in order, without the lists."""
    month = func.date_trunc("month", FleetSnapshot.on_day)
    return session.scalars(
        select(FleetSnapshot)
        .options(
            *(defer(getattr(FleetSnapshot, names), raiseload=True) for names in LISTS.values())
        )
        .where(FleetSnapshot.client_id == client_id, FleetSnapshot.on_day.between(first, last))
        .ext(distinct_on(month))
        .order_by(month, FleetSnapshot.on_day.desc())
    ).all()
