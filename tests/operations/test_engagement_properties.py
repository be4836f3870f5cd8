"""Random histories of days against a plain list of visits: at every year's edge, in every zone."""

from __future__ import annotations

import calendar
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from servicedesk.core import clock
from servicedesk.core.actors import Role
from servicedesk.engagement.amendments import accept_days, agree_for_operator, offer_days
from servicedesk.engagement.budget import BudgetExhausted
from servicedesk.engagement.contract_time import year_at
from servicedesk.engagement.models import EntryKind
from servicedesk.engagement.outcomes import cancel_visit, confirm_visit, correct_visit
from servicedesk.engagement.visits import book_visit, change_visit
from tests.engagement_story import entries, plan, visit_named, with_contract, years

MUCH_LATER = datetime(2029, 6, 1, 12, tzinfo=UTC)
STARTS = (date(2024, 2, 29), date(2024, 3, 1), date(2024, 1, 1), date(2023, 10, 29))
ENDS = date(2029, 2, 28)
ZONES = ("Europe/Madrid", "Atlantic/Canary", "America/Havana", "Pacific/Apia", "UTC")
TIMES = (time(0, 0), time(0, 30), time(2, 30), time(9, 0), time(23, 59))


def turns(start: date) -> list[date]:
    """Return the days on which a contract year begins, written down one by one."""
    found = []
    for year in range(start.year, ENDS.year + 2):
        if (start.month, start.day) == (2, 29) and not calendar.isleap(year):
            found.append(date(year, 3, 1))
        else:
            found.append(start.replace(year=year))
    return found


@dataclass
class Line:
    """A visit as the plain model has it."""

    year: int
    quarters: int
    state: str = "planned"


@dataclass
class Model:
    """What should be: visits in a list, and sums over it."""

    start: date
    days: int
    visits: dict[str, Line] = field(default_factory=dict)
    agreed: dict[int, int] = field(default_factory=dict)
    opened: set[int] = field(default_factory=set)

    def year_of(self, day: date) -> int:
        return sum(turn <= day for turn in turns(self.start))

    def total(self, year: int) -> int:
        return self.days + self.agreed.get(year, 0)

    def taken(self, year: int, state: str) -> int:
        return sum(v.quarters for v in self.visits.values() if (v.year, v.state) == (year, state))

    def left(self, year: int) -> int:
        return self.total(year) - self.taken(year, "planned") - self.taken(year, "done")


steps = st.lists(
    st.tuples(
        st.sampled_from(["book", "book", "change", "confirm", "cancel", "correct", "amend"]),
        st.integers(0, 5),  # which turn, or which visit
        st.sampled_from([-1, 0, 1, 90, 180]),  # days from the turn
        st.integers(1, 6),
        st.sampled_from(TIMES),
        st.integers(0, 3),
    ),
    min_size=5,
    max_size=14,
)


@settings(
    max_examples=40,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    start=st.sampled_from(STARTS),
    zone=st.sampled_from(ZONES),
    days=st.sampled_from([3, 8, 11]),
    history=steps,
)
def test_any_history_leaves_what_a_plain_list_of_visits_leaves(make, start, zone, days, history):
    client = make.client()
    people = {
        "manager": make.person(Role.ACCOUNT_MANAGER, client),
        "contact": make.contact(client),
        "supervisor": make.supervisor(),
    }
    contract = with_contract(
        make, client, starts_on=start, ends_on=ENDS, time_zone=zone, engagement_days=days / 4
    )
    model = Model(start, days)
    with clock.told_as(MUCH_LATER):
        for step in history:
            take(step, client, people, model)
            check(client, contract, model)


def take(step, client, people, model: Model) -> None:
    """Do a step in both worlds: they let through or refuse the same."""
    act, number, offset, quarters, at, other = step
    day = min(max(turns(model.start)[number % 3] + timedelta(days=offset), model.start), ENDS)
    wanted = plan(day, quarters, at=at, attendees=())
    if act == "amend":
        amend(client, people, model, wanted, other)
    elif act == "book":
        year = model.year_of(day)
        with refusing(model, year, quarters):
            visit = book_visit(people["manager"], client.reference, wanted)
            model.visits[visit.reference] = Line(year, quarters)
            model.opened.add(year)
    else:
        state = "done" if act == "correct" else "planned"
        open_ones = [ref for ref, line in model.visits.items() if line.state == state]
        if open_ones:
            reference = open_ones[number % len(open_ones)]
            settle(act, people["manager"], reference, model, wanted, other)


def amend(client, people, model: Model, wanted, sides: int) -> None:
    offer = offer_days(people["manager"], client.reference, wanted.day, wanted.quarters, "agreed")
    year = model.year_of(wanted.day)
    model.opened.add(year)
    if sides & 1:
        accept_days(people["contact"], offer.reference)
    if sides & 2:
        agree_for_operator(people["supervisor"], offer.reference)
    if sides == 3:
        model.agreed[year] = model.agreed.get(year, 0) + wanted.quarters


def settle(act: str, manager, reference: str, model: Model, wanted, other: int) -> None:
    line, version = model.visits[reference], visit_named(reference).version
    if act == "cancel":
        cancel_visit(manager, reference, "not needed", version=version)
        line.state = "cancelled"
    elif act == "change":
        year = model.year_of(wanted.day)
        held = line.quarters if year == line.year else 0
        with refusing(model, year, wanted.quarters - held):
            change_visit(manager, reference, wanted, version=version)
            line.year, line.quarters = year, wanted.quarters
            model.opened.add(year)
    elif act == "confirm":
        with refusing(model, line.year, wanted.quarters - line.quarters):
            confirm_visit(manager, reference, wanted.quarters, version=version)
            line.quarters, line.state = wanted.quarters, "done"
    else:
        right = 0 if other == 0 else wanted.quarters
        with refusing(model, line.year, right - line.quarters):
            correct_visit(manager, reference, right, "as it was", version=version)
            line.quarters, line.state = right, "done" if right else "cancelled"


@contextmanager
def refusing(model: Model, year: int, asked: int):
    """Expect a refusal exactly when the plain model has not enough left."""
    left, is_refused = model.left(year), False
    try:
        yield
    except BudgetExhausted:
        is_refused = True
    assert is_refused == (asked > left)


def check(client, contract, model: Model) -> None:
    """Compare balances with the model and with the ledger added up line by line."""
    found = {year.number: year for year in years(client)}
    assert set(found) == model.opened
    sums = {year.id: {"held": 0, "spent": 0, "added": 0} for year in found.values()}
    for entry in entries(client):
        of = sums[entry.year_id]
        if entry.kind is EntryKind.AMEND:
            of["added"] += entry.quarters
            continue
        of["held"] += entry.quarters if entry.kind in {"reserve", "correct"} else -entry.quarters
        of["spent"] += {"consume": 1, "correct": -1}.get(entry.kind, 0) * entry.quarters
    for number, year in found.items():
        assert year.reserved_quarters == model.taken(number, "planned") == sums[year.id]["held"]
        assert year.consumed_quarters == model.taken(number, "done") == sums[year.id]["spent"]
        assert year.added_quarters == model.agreed.get(number, 0) == sums[year.id]["added"]
        budget = year.budget
        assert budget.left_quarters == model.left(number) >= 0
        assert (
            budget.reserved_quarters + budget.consumed_quarters + budget.left_quarters
            == budget.total_quarters
        )
        midnight = datetime.combine(year.first_on, time(0), ZoneInfo(contract.time_zone))
        before = midnight.astimezone(UTC) - timedelta(minutes=1)
        assert year_at(contract, midnight).number == number
        if number > 1:
            assert year_at(contract, before).number == number - 1
