"""Business time is exact, undoes itself, and agrees with counting minutes on a wall clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from servicedesk.sla.calendar import (
    BusinessCalendar,
    CalendarDefinition,
    CalendarError,
    Holiday,
    OpenInterval,
    compiled,
    compiled_versions,
    openings,
)

HOUR, MINUTE, MICROSECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(microseconds=1)
DAY, WEEK = timedelta(days=1), 7 * 1440
YEAR = 2026
# when the clocks are changed there in that year, as local dates
CHANGES = {
    "Europe/Madrid": (date(2026, 3, 29), date(2026, 10, 25)),
    "Atlantic/Canary": (date(2026, 3, 29), date(2026, 10, 25)),
    "America/Santiago": (date(2026, 4, 4), date(2026, 9, 6)),  # at midnight
    "Australia/Lord_Howe": (date(2026, 4, 5), date(2026, 10, 4)),  # by half an hour
    "America/Bogota": (date(2026, 10, 25),),  # never
    "UTC": (date(2026, 3, 29),),
}
OFFICE = ((OpenInterval(480, 840), OpenInterval(900, 1140)),) * 4 + (
    (OpenInterval(480, 900),),
    (),
    (),
)
NIGHTS = ((OpenInterval(1320, 1800),),) * 7
ALWAYS = ((OpenInterval(0, 1440),),) * 7
WEEKEND_NIGHT = ((),) * 5 + ((OpenInterval(1320, 1800),), ())


def calendar_of(*versions) -> BusinessCalendar:
    return BusinessCalendar(tuple(versions), YEAR, YEAR)


def defined(weekly, zone="Europe/Madrid", *holidays) -> CalendarDefinition:
    return CalendarDefinition(time_zone=zone, weekly=weekly, holidays=holidays)


def local(zone, *fields, fold=0) -> datetime:
    return datetime(*fields, tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


# What a calendar may be.

near_the_changes = st.one_of(
    st.integers(5 * 1440 + 1260, 6 * 1440 + 300),  # Saturday 21:00 to Sunday 05:00
    st.integers(0, WEEK - 1),
)


@st.composite
def random_week(draw):
    """Opening hours anywhere in the week, over midnight too, that do not overlap."""
    points = sorted(draw(st.sets(near_the_changes, min_size=2, max_size=16)))
    turn = draw(st.integers(0, 1439))  # so that Sunday night reaches into Monday
    days = [[] for _ in range(7)]
    for opens, closes in list(pairwise(points))[::2]:
        day, start = divmod((opens + turn) % WEEK, 1440)
        days[day].append(OpenInterval(start, min(start + closes - opens, 2880)))
    in_any_order = draw(st.sampled_from([1, -1]))
    return tuple(tuple(day[::in_any_order]) for day in days)


weeks = st.one_of(random_week(), st.sampled_from([OFFICE, NIGHTS, ALWAYS, WEEKEND_NIGHT]))


@st.composite
def random_holiday(draw, around):
    start, end = draw(
        st.one_of(
            st.sampled_from([(0, 1440), (0, 120), (60, 90), (150, 840), (1380, 1440)]),
            st.tuples(st.integers(0, 1439), st.integers(1, 1440)).filter(lambda p: p[0] < p[1]),
        )
    )
    return Holiday(around + draw(st.integers(-4, 5)) * DAY, "day", start, end)


@st.composite
def situations(draw):
    """A calendar in versions and a day around which its clocks and holidays change."""
    zone = draw(st.sampled_from(sorted(CHANGES)))
    around = draw(st.sampled_from(CHANGES[zone]))
    begins = [date(2020, 1, 1), *sorted(draw(st.sets(st.integers(-4, 4), max_size=2)))]
    versions = tuple(
        (
            begin if isinstance(begin, date) else around + begin * DAY,
            defined(draw(weeks), zone, *draw(st.lists(random_holiday(around), max_size=4))),
        )
        for begin in begins
    )
    return versions, around


def opening_days(calendar, first, last) -> dict[date, list[tuple[datetime, datetime]]]:
    """Return each local day from `first` to `last` with the intervals that open on it, whole."""
    days = {first + number * DAY: [] for number in range((last - first).days + 1)}
    for day, opens, closes in openings(calendar.versions, first, last):
        if day in days:
            days[day].append((opens, closes))
    return {day: sorted(spans) for day, spans in days.items()}


def midnight(versions, day) -> datetime:
    return local(versions[0][1].time_zone, day.year, day.month, day.day)


instants = st.one_of(
    st.datetimes(datetime(2026, 1, 2), datetime(2026, 12, 15)),  # noqa: DTZ001
    st.datetimes(datetime(2026, 3, 27), datetime(2026, 4, 7)),  # noqa: DTZ001
    st.datetimes(datetime(2026, 10, 22), datetime(2026, 10, 28)),  # noqa: DTZ001
).map(lambda moment: moment.replace(tzinfo=UTC))
few_days = st.timedeltas(timedelta(0), timedelta(days=9))
quick = settings(max_examples=60, deadline=None, derandomize=True, database=None)


# What a clock on the wall says: written without the calendar's own arithmetic.


def worked_at(versions, shown) -> bool:
    """Whether the wall-clock time `shown` is worked."""
    minute = shown.hour * 60 + shown.minute
    return any(
        interval.start <= minute + ago * 1440 < interval.end
        for ago in (0, 1)
        for definition in [ruling(versions, shown.date() - ago * DAY)]
        if not any(
            holiday.on == shown.date() and holiday.closed_from <= minute < holiday.closed_until
            for holiday in definition.holidays
        )
        for interval in definition.weekly[(shown.date() - ago * DAY).weekday()]
    )


def ruling(versions, day) -> CalendarDefinition:
    return next((d for begin, d in reversed(versions) if begin <= day), versions[0][1])


def minutes_worked(versions, start, minutes) -> list[bool]:
    """Whether each minute from `start` is worked, as people know it.

    When clocks are put back, what they already showed does not happen a second time: until they
    show a later time than ever before, all stays as it was.
    """
    zone = ZoneInfo(versions[0][1].time_zone)
    found, latest = [], datetime.min  # noqa: DTZ901
    for number in range(-180, minutes):
        shown = (start + number * MINUTE).astimezone(zone).replace(tzinfo=None)
        latest = max(latest, shown)
        if number >= 0:
            found.append(worked_at(versions, latest))
    return found


# Days on which clocks are changed, by hand.

SAMPLES = {
    "a night in spring is an hour shorter": (
        "Europe/Madrid", WEEKEND_NIGHT, (2026, 3, 28, 12), (2026, 3, 29, 12), 7.0,
    ),
    "a night in autumn is an hour longer": (
        "Europe/Madrid", WEEKEND_NIGHT, (2026, 10, 24, 12), (2026, 10, 25, 12), 9.0,
    ),
    "also in the Canaries, an hour earlier on the clock": (
        "Atlantic/Canary", WEEKEND_NIGHT, (2026, 10, 24, 12), (2026, 10, 25, 12), 9.0,
    ),
    "where there is no other hour at midnight": (
        "America/Santiago", WEEKEND_NIGHT, (2026, 9, 5, 12), (2026, 9, 6, 12), 7.0,
    ),
    "and where there are two before it": (
        "America/Santiago", WEEKEND_NIGHT, (2026, 4, 4, 12), (2026, 4, 5, 12), 9.0,
    ),
    "half an hour is half an hour": (
        "Australia/Lord_Howe", WEEKEND_NIGHT, (2026, 4, 4, 12), (2026, 4, 5, 12), 8.5,
    ),
    "a closing in the doubled hour closes once, at the first": (
        "Europe/Madrid",
        ((),) * 6 + ((OpenInterval(60, 150),),),
        (2026, 10, 25), (2026, 10, 25, 12), 1.5,
    ),
    "an opening in the doubled hour opens at the first": (
        "Europe/Madrid",
        ((),) * 6 + ((OpenInterval(150, 240),),),
        (2026, 10, 25), (2026, 10, 25, 12), 2.5,
    ),
    "a break in the doubled hour is had once": (
        "Europe/Madrid",
        ((),) * 6 + ((OpenInterval(0, 135), OpenInterval(165, 360)),),
        (2026, 10, 25), (2026, 10, 25, 12), 6.5,
    ),
    "what lies in the hour that is jumped is not had": (
        "Europe/Madrid",
        ((),) * 6 + ((OpenInterval(125, 175),),),
        (2026, 3, 29), (2026, 3, 29, 12), 0.0,
    ),
    "an opening in it opens at the jump": (
        "Europe/Madrid",
        ((),) * 6 + ((OpenInterval(150, 240),),),
        (2026, 3, 29), (2026, 3, 29, 12), 1.0,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("zone", "weekly", "start", "end", "hours"), SAMPLES.values(), ids=SAMPLES)
def test_the_night_the_clocks_change_has_the_length_it_has(zone, weekly, start, end, hours):
    calendar, start, end = compiled(defined(weekly, zone)), local(zone, *start), local(zone, *end)
    assert calendar.between(start, end) == hours * HOUR
    if hours:
        assert calendar.between(start, calendar.add(start, hours * HOUR)) == hours * HOUR


def test_what_is_jumped_is_no_working_day():
    sunday = date(2026, 3, 29)
    calendar = compiled(defined(((),) * 6 + ((OpenInterval(125, 175),),)))
    assert opening_days(calendar, sunday, sunday) == {sunday: []}
    saturday = local("Europe/Madrid", 2026, 3, 28, 12)
    assert calendar.add_working_days(saturday, 1) == local("Europe/Madrid", 2026, 4, 5, 2, 55)


def test_once_closed_in_the_doubled_hour_it_stays_closed():
    calendar = compiled(defined(((),) * 6 + ((OpenInterval(60, 150),),)))
    first, second = (local("Europe/Madrid", 2026, 10, 25, 2, 15, fold=fold) for fold in (0, 1))
    assert second - first == HOUR
    assert calendar.is_open(first)
    assert not calendar.is_open(second)


# What holds for every calendar.


@settings(quick, max_examples=160)
@given(situations(), st.integers(-2900, 2900), st.integers(0, 2900))
def test_it_agrees_with_counting_minutes_on_a_wall_clock(situation, offset, minutes):
    versions, around = situation
    start = midnight(versions, around) + offset * MINUTE
    worked = minutes_worked(versions, start, minutes)
    end = start + minutes * MINUTE
    calendar = calendar_of(*versions)
    assert calendar.between(start, end) == sum(worked) * MINUTE
    spans = calendar.open_spans(start, end)
    assert spans == joined(
        (start + n * MINUTE, start + (n + 1) * MINUTE) for n, open_ in enumerate(worked) if open_
    )
    if worked:
        assert calendar.is_open(start) == worked[0]
    if spans:
        assert calendar.next_opening(start) == spans[0][0]


@pytest.mark.parametrize("weekly", [NIGHTS, ALWAYS, WEEKEND_NIGHT, OFFICE])
@pytest.mark.parametrize("zone", CHANGES)
def test_whole_weekends_of_changed_clocks_agree_minute_by_minute(zone, weekly):
    versions = ((date(2020, 1, 1), defined(weekly, zone)),)
    calendar = calendar_of(*versions)
    for day in CHANGES[zone]:
        start = midnight(versions, day) - DAY
        total = timedelta(0)
        for number, open_ in enumerate(minutes_worked(versions, start, 3 * 1440)):
            assert calendar.between(start, start + number * MINUTE) == total
            total += open_ * MINUTE


@quick
@given(situations(), instants, few_days)
def test_adding_and_measuring_undo_each_other_to_the_microsecond(situation, start, span):
    calendar = calendar_of(*situation[0])
    try:
        end = calendar.add(start, span)
    except CalendarError:  # a week of a few minutes: that much does not come in these years
        assert calendar.between(start, last_instant(situation[0])) < span
        return
    assert end >= start
    assert calendar.between(start, end) == span
    if span:  # and not a microsecond before
        assert calendar.between(start, end - MICROSECOND) == span - MICROSECOND


def last_instant(versions) -> datetime:
    return midnight(versions, date(YEAR + 1, 1, 1))


@quick
@given(situations(), st.integers(-9000, 9000), few_days)
def test_measuring_and_adding_give_the_earliest_instant_of_that_time(situation, offset, length):
    versions, around = situation
    calendar = calendar_of(*versions)
    start = midnight(versions, around) + offset * 997 * MICROSECOND
    end = start + length
    found = calendar.add(start, calendar.between(start, end))
    assert start <= found <= end
    assert calendar.between(found, end) == timedelta(0)
    assert found == start or calendar.is_open(found - MICROSECOND)


@quick
@given(situations(), st.lists(instants, min_size=3, max_size=3).map(sorted))
def test_business_time_adds_up_and_never_runs_back_or_faster_than_time(situation, moments):
    calendar = calendar_of(*situation[0])
    a, b, c = moments
    assert calendar.between(a, c) == calendar.between(a, b) + calendar.between(b, c)
    assert timedelta(0) <= calendar.between(a, b) <= b - a


@quick
@given(situations(), instants, instants, few_days, few_days)
def test_who_starts_later_or_needs_longer_is_not_due_earlier(situation, one, two, some, more):
    calendar = calendar_of(*situation[0])
    early, late = sorted((one, two))
    try:
        latest = calendar.add(late, some + more)
    except CalendarError:
        return
    assert calendar.add(early, some) <= calendar.add(late, some) <= latest


@quick
@given(situations(), instants, few_days)
def test_open_spans_are_apart_in_order_and_add_up(situation, start, length):
    calendar, end = calendar_of(*situation[0]), start + length
    spans = calendar.open_spans(start, end)
    edges = [start, *(edge for span in spans for edge in span), end]
    assert edges == sorted(edges)
    assert all(opens < closes for opens, closes in spans)
    assert all(closes < opens for (_, closes), (opens, _) in pairwise(spans))
    assert sum((b - a for a, b in spans), timedelta(0)) == calendar.between(start, end)


@quick
@given(situations(), st.integers(-5, 5), st.integers(0, 40))
def test_opening_days_are_what_is_open_by_the_day_it_opens_on(situation, offset, length):
    versions, around = situation
    calendar, zone = calendar_of(*versions), ZoneInfo(versions[0][1].time_zone)
    first = around + offset * DAY
    last = first + length * DAY
    days = opening_days(calendar, first, last)
    assert list(days) == [first + n * DAY for n in range(length + 1)]
    for day, spans in days.items():
        assert spans == sorted(spans)
        assert all(opens < closes for opens, closes in spans)
        assert {opens.astimezone(zone).date() for opens, _ in spans} <= {day}
    # with what the days before leave over, they make up what is open in that time
    before = opening_days(calendar, first - 2 * DAY, first - DAY)
    start, end = midnight(versions, first), midnight(versions, last + DAY)
    everything = [span for some in (before, days) for spans in some.values() for span in spans]
    clipped = [(max(opens, start), min(closes, end)) for opens, closes in everything]
    assert joined(span for span in clipped if span[0] < span[1]) == calendar.open_spans(start, end)


def joined(spans) -> list[tuple[datetime, datetime]]:
    found = []
    for opens, closes in sorted(spans):
        if found and opens <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], closes)
        else:
            found.append((opens, closes))
    return found


@quick
@given(situations(), st.integers(-9000, 9000), st.integers(1, 5))
def test_working_days_are_the_days_on_which_something_opens(situation, offset, count):
    versions, around = situation
    calendar, zone = calendar_of(*versions), ZoneInfo(versions[0][1].time_zone)
    start = midnight(versions, around) + offset * MINUTE
    today = start.astimezone(zone).date()
    days = [s for s in opening_days(calendar, today + DAY, today + 50 * DAY).values() if s]
    expected = max(closes for _, closes in days[count - 1])
    assert calendar.add_working_days(start, count) == expected


# Other zones and what has no answer.


@quick
@given(instants, few_days, st.sampled_from(sorted(CHANGES)))
def test_an_instant_means_the_same_in_every_zone(start, length, zone):
    calendar, end = compiled(defined(OFFICE)), start + length
    there, then = start.astimezone(ZoneInfo(zone)), end.astimezone(ZoneInfo(zone))
    assert calendar.between(there, then) == calendar.between(start, end)
    assert calendar.add(there, 8 * HOUR) == calendar.add(start, 8 * HOUR)
    assert calendar.open_spans(there, then) == calendar.open_spans(start, end)
    assert calendar.next_opening(there) == calendar.next_opening(start)


def test_the_doubled_hour_counts_from_the_one_that_is_meant():
    calendar, zone = compiled(defined(ALWAYS)), ZoneInfo("Europe/Madrid")
    first = datetime(2026, 10, 25, 2, 30, tzinfo=zone)
    assert calendar.between(first, first.replace(fold=1)) == HOUR
    with pytest.raises(ValueError, match="forwards"):
        calendar.between(first.replace(fold=1), first)


def test_a_time_without_a_zone_is_refused():
    calendar, naive = compiled(defined(OFFICE)), datetime(2026, 1, 1)  # noqa: DTZ001
    aware = naive.replace(tzinfo=UTC)
    for ask in (
        lambda: calendar.add(naive, HOUR),
        lambda: calendar.add(naive, timedelta(0)),
        lambda: calendar.between(naive, aware),
        lambda: calendar.between(aware, naive),
        lambda: calendar.open_spans(aware, naive),
        lambda: calendar.is_open(naive),
        lambda: calendar.next_opening(naive),
        lambda: calendar.add_working_days(naive, 1),
    ):
        with pytest.raises(TypeError):
            ask()


def test_what_lies_beyond_the_compiled_years_is_refused():
    calendar = calendar_of((date(2020, 1, 1), defined(ALWAYS)))
    inside, end = local("Europe/Madrid", 2026, 12, 31, 12), local("Europe/Madrid", 2027, 1, 1)
    before = local("Europe/Madrid", 2026, 1, 1) - MICROSECOND
    assert calendar.add(inside, 12 * HOUR) == end
    assert calendar.between(inside, end) == 12 * HOUR
    for ask in (
        lambda: calendar.add(inside, 12 * HOUR + MICROSECOND),
        lambda: calendar.add(end + DAY, HOUR),
        lambda: calendar.add(before, HOUR),
        lambda: calendar.between(before, inside),
        lambda: calendar.between(inside, end + MICROSECOND),
        lambda: calendar.open_spans(inside, end + MICROSECOND),
        lambda: calendar.is_open(before),
        lambda: calendar.next_opening(end),
        lambda: calendar.add_working_days(inside, 1),
    ):
        with pytest.raises(CalendarError, match="beyond the years"):
            ask()


@pytest.mark.parametrize("weekly", [NIGHTS, ALWAYS, OFFICE])
def test_the_first_and_the_last_hours_of_the_compiled_years_are_as_any_others(weekly):
    versions = ((date(2020, 1, 1), defined(weekly)),)
    calendar, minutes = calendar_of(*versions), 3 * 1440
    begin, end = midnight(versions, date(YEAR, 1, 1)), last_instant(versions)
    for start, stop in ((begin, begin + minutes * MINUTE), (end - minutes * MINUTE, end)):
        worked = minutes_worked(versions, start, minutes)
        assert calendar.between(start, stop) == sum(worked) * MINUTE
        assert calendar.between(start, start + HOUR) == sum(worked[:60]) * MINUTE
        assert calendar.between(stop - HOUR, stop) == sum(worked[-60:]) * MINUTE
        assert calendar.add(start, MINUTE) == start + (worked.index(True) + 1) * MINUTE
    everything = calendar.between(begin, end)
    assert calendar.between(begin, calendar.add(begin, everything)) == everything
    with pytest.raises(CalendarError, match="beyond the years"):
        calendar.add(begin, everything + MICROSECOND)


def test_what_a_night_leaves_over_for_the_next_year_is_no_working_day_of_this_one():
    new_year = Holiday(date(YEAR + 1, 1, 1), "new year", 0, 120)  # so that it opens again at two
    calendar = calendar_of((date(2020, 1, 1), defined(NIGHTS, "Europe/Madrid", new_year)))
    with pytest.raises(CalendarError, match="beyond the years"):
        calendar.add_working_days(local("Europe/Madrid", YEAR, 12, 31, 12), 1)


def test_time_is_added_and_measured_forwards():
    calendar, moment = compiled(defined(OFFICE)), datetime(2026, 1, 7, tzinfo=UTC)
    with pytest.raises(ValueError, match="forwards"):
        calendar.add(moment, -MICROSECOND)
    for ask in (calendar.between, calendar.open_spans):
        with pytest.raises(ValueError, match="forwards"):
            ask(moment, moment - MICROSECOND)
    with pytest.raises(ValueError, match="from one"):
        calendar.add_working_days(moment, 0)


def test_round_the_clock_has_working_days_too():
    calendar = compiled(defined(ALWAYS))
    start = local("Europe/Madrid", 2026, 3, 27, 15)
    assert calendar.add_working_days(start, 2) == local("Europe/Madrid", 2026, 3, 30)


def test_a_day_is_the_same_in_whatever_order_its_hours_are_written():
    backwards = compiled(defined(tuple(day[::-1] for day in OFFICE)))
    start, monday = local("Europe/Madrid", 2026, 3, 27, 15), date(2026, 3, 30)
    assert backwards.add_working_days(start, 1) == local("Europe/Madrid", 2026, 3, 30, 19)
    forwards = opening_days(compiled(defined(OFFICE)), monday, monday)
    assert opening_days(backwards, monday, monday) == forwards


# Versions.

CHANGE = date(2026, 11, 18)  # a Wednesday
OLD = defined(NIGHTS)


@quick
@given(situations(), weeks, st.integers(-6, 6), instants, instants)
def test_a_later_version_moves_nothing_before_its_date(situation, weekly, offset, one, two):
    versions, around = situation
    begin = max(around + offset * DAY, versions[-1][0] + DAY)
    zone = versions[0][1].time_zone
    new = (begin, defined(weekly, zone, Holiday(begin - DAY, "late"), Holiday(begin, "first")))
    before, after = calendar_of(*versions), calendar_of(*versions, new)
    limit = midnight(versions, begin)
    moments = [moment for moment in (one, two, around_it(limit, one)) if moment <= limit]
    for start, end in pairwise(sorted([*moments, limit])):
        assert after.between(start, end) == before.between(start, end)
        assert after.open_spans(start, end) == before.open_spans(start, end)
        worked = before.between(start, end)
        assert after.add(start, worked) == before.add(start, worked)


def around_it(limit, dice) -> datetime:
    """Return an instant of the two days before `limit`."""
    return limit - timedelta(seconds=dice.timestamp() % (2 * 86_400))


@quick
@given(situations(), instants, few_days)
def test_versions_that_say_the_same_are_one(situation, start, length):
    versions, around = situation
    same = versions[-1][1]
    later = max(around, versions[-1][0]) + 2 * DAY
    one, two = calendar_of(*versions), calendar_of(*versions, (later, same))
    assert one.open_spans(start, start + length) == two.open_spans(start, start + length)


def test_a_version_rules_from_local_midnight_and_the_first_one_also_before():
    early, late = ((OpenInterval(480, 960),),) * 7, ((OpenInterval(0, 120),),) * 7
    calendar = compiled_versions([(CHANGE, defined(early)), (CHANGE + DAY, defined(late))])
    days = opening_days(calendar, CHANGE - DAY, CHANGE + DAY)
    assert [[span[0] for span in spans] for spans in days.values()] == [
        [local("Europe/Madrid", 2026, 11, 17, 8)],
        [local("Europe/Madrid", 2026, 11, 18, 8)],
        [local("Europe/Madrid", 2026, 11, 19)],
    ]


def test_a_night_shift_that_began_goes_on_under_the_hours_it_began_with():
    new = defined(((OpenInterval(240, 480),),) * 7, "Europe/Madrid", Holiday(CHANGE, "new"))
    calendar = compiled_versions([(date(2020, 1, 1), OLD), (CHANGE, new)])
    start, end = local("Europe/Madrid", 2026, 11, 17, 12), local("Europe/Madrid", 2026, 11, 18, 12)
    shift = local("Europe/Madrid", 2026, 11, 17, 22), local("Europe/Madrid", 2026, 11, 18, 6)
    assert calendar.open_spans(start, end) == [shift]  # the new holiday does not send them home


def test_where_the_new_hours_open_before_the_old_shift_ends_time_counts_once():
    new = defined(((OpenInterval(60, 120), OpenInterval(240, 480)),) * 7)
    calendar = compiled_versions([(date(2020, 1, 1), OLD), (CHANGE, new)])
    start, end = local("Europe/Madrid", 2026, 11, 17, 12), local("Europe/Madrid", 2026, 11, 18, 12)
    assert calendar.between(start, end) == 10 * HOUR  # 22:00 to 08:00


def test_versions_are_compiled_once_by_value():
    versions = [(date(2020, 1, 1), OLD), (CHANGE, defined(OFFICE))]
    again = [(begin, CalendarDefinition.from_json(d.to_json())) for begin, d in versions]
    assert compiled_versions(versions) is compiled_versions(again)
    assert compiled_versions(versions) is not compiled_versions(versions[:1])


@pytest.mark.parametrize(
    ("versions", "words"),
    [
        ([], "needs a version"),
        ([(CHANGE, OLD), (CHANGE, defined(OFFICE))], "begins after"),
        ([(CHANGE, OLD), (CHANGE - DAY, defined(OFFICE))], "begins after"),
        ([(CHANGE, OLD), (CHANGE + DAY, defined(NIGHTS, "UTC"))], "same time zone"),
    ],
)
def test_versions_without_meaning_are_refused_with_a_sentence(versions, words):
    with pytest.raises(CalendarError, match=words):
        compiled_versions(versions)
