from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicedesk.clients.contract_year import ContractYear, contract_year_of
from servicedesk.core.errors import InvalidInput
from servicedesk.engagement.budget import Budget, BudgetExhausted, days_of, quarters_of


def test_the_first_year_begins_with_the_contract_and_ends_the_day_before_its_anniversary():
    year = contract_year_of(date(2025, 9, 15), date(2025, 9, 15))

    assert year == ContractYear(number=1, first_on=date(2025, 9, 15), last_on=date(2026, 9, 14))


@pytest.mark.parametrize(
    ("day", "number"),
    [(date(2026, 9, 14), 1), (date(2026, 9, 15), 2), (date(2027, 1, 1), 2), (date(2027, 9, 15), 3)],
)
def test_the_anniversary_opens_the_next_year(day, number):
    assert contract_year_of(date(2025, 9, 15), day).number == number


def test_a_calendar_years_contract_has_calendar_years():
    year = contract_year_of(date(2024, 1, 1), date(2024, 12, 31))

    assert (year.first_on, year.last_on) == (date(2024, 1, 1), date(2024, 12, 31))


def test_a_contract_of_29_february_turns_on_1_march_unless_the_year_has_the_day():
    start = date(2024, 2, 29)

    assert contract_year_of(start, date(2025, 2, 28)) == ContractYear(
        number=1, first_on=start, last_on=date(2025, 2, 28)
    )
    assert contract_year_of(start, date(2025, 3, 1)).number == 2
    assert contract_year_of(start, date(2028, 2, 28)).number == 4
    assert contract_year_of(start, date(2028, 2, 29)) == ContractYear(
        number=5, first_on=date(2028, 2, 29), last_on=date(2029, 2, 28)
    )


def test_a_day_before_the_contract_has_no_year():
    with pytest.raises(ValueError, match="before"):
        contract_year_of(date(2025, 9, 15), date(2025, 9, 14))


days = st.dates(date(1990, 1, 1), date(2090, 1, 1))


@given(start=days, later=st.integers(0, 20_000))
def test_each_day_lies_in_its_year_and_years_follow_each_other_without_gap(start, later):
    day = start + timedelta(days=later)
    year = contract_year_of(start, day)
    following = contract_year_of(start, year.last_on + timedelta(days=1))

    assert year.contains(day)
    assert 365 <= (year.last_on - year.first_on).days + 1 <= 366
    assert (following.number, following.first_on) == (
        year.number + 1,
        year.last_on + timedelta(days=1),
    )


def test_days_are_counted_in_quarters_exactly():
    assert quarters_of(Decimal("0.25")) == 1
    assert quarters_of(Decimal("16.00")) == 64
    assert [str(days_of(q)) for q in (1, 2, 3, 4, 40, 64)] == [
        "0.25",
        "0.5",
        "0.75",
        "1",
        "10",
        "16",
    ]


@pytest.mark.parametrize("days", ["0.1", "-1", "NaN", "Infinity", "0.3333"])
def test_other_parts_of_a_day_are_refused(days):
    with pytest.raises(InvalidInput) as refused:
        quarters_of(Decimal(days))

    assert refused.value.field == "days"


def test_the_last_quarter_can_be_reserved_and_not_one_more():
    budget = Budget(total_quarters=64, reserved_quarters=60, consumed_quarters=3)

    full = budget.reserve(1)

    assert full.left_quarters == 0
    with pytest.raises(BudgetExhausted) as refused:
        full.reserve(1)
    assert str(refused.value) == "0.25 days were asked for, but only 0 are left of 16."


def test_a_visit_consumes_what_it_took_and_gives_back_what_it_did_not():
    budget = Budget(total_quarters=64).reserve(4)

    assert budget.consume(4, 2) == Budget(total_quarters=64, consumed_quarters=2)
    assert budget.give_back(4) == Budget(total_quarters=64)


def test_a_visit_that_took_longer_needs_days_that_are_left():
    budget = Budget(total_quarters=8, reserved_quarters=4, consumed_quarters=3)

    assert budget.consume(4, 5).left_quarters == 0
    with pytest.raises(BudgetExhausted):
        budget.consume(4, 6)


def test_nothing_is_given_back_twice():
    with pytest.raises(ValueError, match="more is given back"):
        Budget(total_quarters=64, reserved_quarters=2).give_back(3)


def test_a_budget_below_zero_cannot_be():
    with pytest.raises(BudgetExhausted):
        Budget(total_quarters=4, reserved_quarters=3, consumed_quarters=2)


@given(
    total=st.integers(0, 80),
    asked=st.lists(st.tuples(st.sampled_from(["reserve", "consume", "cancel"]), st.integers(1, 9))),
)
def test_no_sequence_of_bookings_overspends_or_loses_a_quarter(total, asked):
    budget, open_visits, spent = Budget(total_quarters=total), [], 0
    for act, quarters in asked:
        try:
            if act == "reserve":
                budget = budget.reserve(quarters)
                open_visits.append(quarters)
            elif open_visits and act == "cancel":
                budget = budget.give_back(open_visits.pop())
            elif open_visits:
                budget = budget.consume(open_visits[-1], quarters)
                open_visits.pop()
                spent += quarters
        except BudgetExhausted:
            pass
        assert budget.left_quarters >= 0
        assert budget.reserved_quarters == sum(open_visits)
        assert budget.consumed_quarters == spent
