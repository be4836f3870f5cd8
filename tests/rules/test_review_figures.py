"""Shapes of figures, stories of tickets and months: pure, against the words of their definitions."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from servicedesk.reviews.frozen import canonical, packed, unpacked
from servicedesk.reviews.metrics.figure import Item, Row, Value
from servicedesk.reviews.metrics.satisfaction import Satisfaction
from servicedesk.reviews.metrics.shapes import grouped, mean, median, percentile, share
from servicedesk.reviews.metrics.time_to_own import TimeToOwn
from servicedesk.reviews.period import MONTHS, Period, month_before, months_until, next_month
from servicedesk.reviews.stories import Holder, story_of
from servicedesk.sla.calendar import compiled
from servicedesk.sla.evaluation import EventKind
from tests.sla_histories import ALWAYS, OFFICE, histories

tries = settings(max_examples=150, deadline=None, derandomize=True, database=None)
measures = st.lists(st.integers(0, 50) | st.integers(0, 10**7), max_size=30).map(sorted)
items = st.lists(
    st.builds(
        Item,
        reference=st.sampled_from(["A", "B", "Ñ"]),
        counts=st.booleans(),
        measure=st.none() | st.integers(0, 10**6) | st.floats(0, 10**6),
        tags=st.dictionaries(
            st.sampled_from(["kind", "score"]), st.sampled_from("abc"), max_size=2
        ),
        about=st.text(max_size=5),
    ),
    max_size=12,
)


class Nothing:
    """A history in which nothing is still to come."""


@tries
@given(measures, st.integers(1, 100))
def test_a_percentile_is_the_smallest_that_so_many_do_not_exceed(found, percent):
    told = percentile(found, percent)
    if not found:
        assert (told, median(found), mean(found)) == (None, None, None)
        return
    enough = [m for m in found if 100 * sum(x <= m for x in found) >= percent * len(found)]
    assert told == min(enough)
    below, above = (sum(sign * x > sign * median(found) for x in found) for sign in (1, -1))
    assert max(below, above) <= len(found) / 2
    assert found[0] <= mean(found) + 0.05
    assert mean(found) - 0.05 <= found[-1]


@tries
@given(st.integers(0, 1000), st.integers(0, 1000))
def test_a_share_is_exact_to_six_digits_and_nothing_has_none(part, whole):
    told = share(part, whole)
    if not whole:
        assert told is None
    else:
        assert abs(Fraction(part, whole) - Fraction(told)) <= Fraction(6, 10**7)


@tries
@given(items)
def test_parts_add_up_and_what_is_kept_gives_the_same_value(found):
    kept, digest = packed({"satisfaction": found})
    again = unpacked(kept)["satisfaction"]
    assert again == found
    assert packed({"satisfaction": again}) == (kept, digest)
    for figure in (Satisfaction(), TimeToOwn()):
        value = figure.value(Nothing(), found)
        assert figure.value(Nothing(), again) == value
        assert Value.from_json(value.to_json()) == value
        for tag in figure.by:
            whole = [item for item in found if tag in item.tags]
            parts = [group for by, _, group in grouped(figure.by, found) if by == tag]
            assert sorted(map(id, whole)) == sorted(id(item) for part in parts for item in part)
    value = Satisfaction().value(Nothing(), found)
    assert value.part == sum(item.counts for item in found) <= value.n == len(found)


def test_one_content_is_one_text():
    one = {"b": [1, {"z": "ñ", "a": None}], "a": 0.1}
    assert canonical(one) == canonical({"a": 0.1, "b": [1, {"a": None, "z": "ñ"}]})
    assert canonical(one) == '{"a":0.1,"b":[1,{"a":null,"z":"ñ"}]}'
    row = Row(by="kind", of="incident", amount=None, n=0)
    value = Value(amount=None, n=0, rows=(row,))
    assert Value.from_json(value.to_json()) == value


# stories


@tries
@given(
    histories(), st.sampled_from([OFFICE, ALWAYS]), st.timedeltas(timedelta(0), timedelta(days=9))
)
def test_whose_time_it_was_adds_up(events, definition, more):
    calendar, story = compiled(definition), story_of(events)
    start, end = events[0].at, events[-1].at + more
    times = story.time_by_holder(start, end, calendar)
    assert sum((elapsed for elapsed, _ in times.values()), timedelta(0)) == end - start
    business = sum((worked for _, worked in times.values()), timedelta(0))
    assert business == calendar.between(start, end)
    if not any(event.kind is EventKind.PAUSED for event in events):
        assert set(times) == {Holder.OPERATOR}


@tries
@given(histories())
def test_a_story_is_told_the_same_in_whatever_order_it_is_read(events):
    story = story_of(events)
    assert story_of(reversed(events)) == story
    assert story.created_at == events[0].at
    assert story.before(events[0].at) is None
    for at in {event.at for event in events}:
        # resolved or open, never both; at the instant itself it has not happened yet
        assert not (story.resolved_at(at) and story.is_open_at(at))
        after = at + timedelta(microseconds=1)
        assert story.is_open_at(after) == (
            story.before(after) in {EventKind.STARTED, EventKind.REOPENED}
        )


@tries
@given(histories())
def test_a_resolution_is_reopened_by_what_comes_after_it(events):
    told = sorted(events, key=lambda event: (event.at, event.sequence))
    found = story_of(events).resolutions()
    assert [at for at, _ in found] == [e.at for e in told if e.kind is EventKind.RESOLVED]
    for at, again in found:
        assert again is None or again >= at


# months


def test_a_month_is_that_of_the_contracts_clock():
    period = Period(
        client_id=1,
        contract_id=1,
        month=date(2026, 3, 1),
        first_on=date(2026, 3, 1),
        last_on=date(2026, 3, 31),
        zone="Europe/Madrid",
    )
    assert period.start == datetime(2026, 2, 28, 23, tzinfo=UTC)
    assert period.end == datetime(2026, 3, 31, 22, tzinfo=UTC)  # the clocks went forward
    micro = timedelta(microseconds=1)
    held = [
        period.holds(at)
        for at in (period.start - micro, period.start, period.end - micro, period.end)
    ]
    assert held == [False, True, True, False]
    assert not period.holds(None)


@tries
@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_thirteen_months_follow_one_another(day):
    months = months_until(day)
    assert len(months) == MONTHS
    assert months[-1] == day.replace(day=1)
    assert [next_month(month) for month in months[:-1]] == months[1:]
    assert [month_before(month) for month in months[1:]] == months[:-1]
