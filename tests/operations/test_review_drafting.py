"""Drafting reviews: on the first working day, for whom, once, and what trends say of earlier months."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select, text, update

from servicedesk.clients.models import Client
from servicedesk.core import clock, database
from servicedesk.core.actors import SYSTEM
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.planning.checks.check import RunCancelled
from servicedesk.reviews.drafting import contracts_to_review, draft_review, recount_review
from servicedesk.reviews.models import MonthFigures, ServiceReview
from servicedesk.reviews.writing import ask_recount
from servicedesk.sla.models import CalendarVersion, ServiceLevel
from servicedesk.sla.terms import forget_terms
from servicedesk.tickets.handling import move_ticket
from tests.check_round import Given, check_now, count, previewed
from tests.engagement_story import contract_of, with_contract
from tests.review_story import DRAFTED, NOVEMBER, OCTOBER, Month, at, kept, seen_by

HOLIDAYS = [["2027-01-01", "New year", 0, 1440], ["2027-01-06", "Kings", 0, 1440]]


def due(now: datetime) -> list[tuple[int, date]]:
    with database.acting_as(SYSTEM):
        found = list(contracts_to_review(database.session(), now))
        database.session().rollback()
    return found


def instant(told: str) -> datetime:
    return datetime.fromisoformat(told).astimezone(UTC)


@pytest.mark.parametrize(
    ("zone", "told", "is_due"),
    [
        ("Europe/Madrid", "2026-11-01T12:00+01:00", False),  # a Sunday
        ("Europe/Madrid", "2026-11-01T23:59+01:00", False),
        ("Europe/Madrid", "2026-11-02T00:00+01:00", True),
        ("Atlantic/Canary", "2026-11-02T00:30+01:00", False),  # still Sunday there
        ("America/Bogota", "2026-11-02T05:30+00:00", True),
        ("Europe/Madrid", "2026-12-01T00:00+01:00", True),  # a Tuesday
        ("Europe/Madrid", "2026-12-31T12:00+01:00", True),  # nobody drafted November before
        ("Europe/Madrid", "2027-01-01T12:00+01:00", False),  # a Friday, and a holiday
        ("Europe/Madrid", "2027-01-03T12:00+01:00", False),
        ("Europe/Madrid", "2027-01-04T05:50+01:00", True),
        ("Europe/Madrid", "2027-01-06T12:00+01:00", True),  # a holiday after the first working day
    ],
)
def test_a_month_is_due_from_its_first_working_day_on_where_the_contract_is(
    make, zone, told, is_due
):
    client = make.client()
    contract = with_contract(
        make, client, time_zone=zone, starts_on=date(2026, 9, 1), ends_on=date(2027, 12, 31)
    )
    with unit_of_work(SYSTEM, "test") as work:
        office = work.session.scalars(select(CalendarVersion)).one()
        office.definition = {**office.definition, "time_zone": zone, "holidays": HOLIDAYS}
    forget_terms()
    found = [one for one, _month in due(instant(told))]
    assert found == ([contract.id] if is_due else [])


def test_a_calendar_that_is_agreed_for_later_says_nothing_of_today(make):
    contract = contract_of(make.client())
    with unit_of_work(SYSTEM, "test") as work:
        seven = {"time_zone": "Europe/Madrid", "weekly": [[[0, 1440]]] * 7, "holidays": []}
        known = {"version": 1, "effective_on": date(2020, 1, 1), "created_at": work.at}
        work.session.add(
            CalendarVersion(code="seven", name="", definition=seven, author_name="", **known)
        )
        for since in (date(2026, 11, 2), date(2026, 10, 1)):
            work.session.add(
                ServiceLevel(
                    contract_id=contract.id,
                    client_id=contract.client_id,
                    effective_on=since,
                    plan_code="standard",
                    calendar_code="seven" if since.month == 11 else "office",
                )
            )
    assert due(at(11, 1, 12)) == []
    assert due(at(11, 2, 5)) == [(contract.id, OCTOBER)]


def test_who_had_a_day_in_the_last_month_gets_its_last_review_and_nobody_else(make):
    contracts = {}
    for name, starts_on, ends_on in (
        ("all of it", date(2026, 1, 1), date(2027, 1, 1)),
        ("ended in it", date(2026, 1, 1), date(2026, 10, 1)),
        ("ended before", date(2026, 1, 1), date(2026, 9, 30)),
        ("began in it", date(2026, 10, 31), date(2027, 1, 1)),
        ("began after", date(2026, 11, 1), date(2027, 1, 1)),
        ("the house", date(2026, 1, 1), date(2027, 1, 1)),
    ):
        client = make.client()
        contracts[name] = with_contract(make, client, starts_on=starts_on, ends_on=ends_on)
    with unit_of_work(SYSTEM, "test") as work:
        work.session.execute(update(Client).where(Client.id == client.id).values(is_internal=True))
    found = {one for one, month in due(DRAFTED) if month == OCTOBER}
    wanted = {contracts[name].id for name in ("all of it", "ended in it", "began in it")}
    assert found == wanted
    with clock.told_as(DRAFTED):
        (said,) = previewed("reviews.draft")
        assert said.values == {"reviews": 3}
        given, told = check_now("reviews.draft")
        assert told.values == {"reviews": 3}
        assert given.signs[-1] == (3, 3)
        assert check_now("reviews.draft")[1].values == {"reviews": 0}


def test_a_run_that_was_cut_goes_on_with_who_is_left(make):
    clients = [make.client() for _ in range(3)]
    for client in clients:
        with_contract(make, client, starts_on=date(2026, 10, 1))
    with clock.told_as(DRAFTED):
        with pytest.raises(RunCancelled):
            check_now("reviews.draft", Given(cancelled_at=1))
        database.session().rollback()
        assert count(ServiceReview) == 1
        assert check_now("reviews.draft")[1].values == {"reviews": 2}
    with clock.told_as(at(12, 1)):
        given, _told = check_now("reviews.draft")
        (late,) = given.of("finding")
        assert late.values == {"reviews": 3}  # October's, that nobody published


def test_four_at_once_draft_it_once(make, sessions):
    month = Month(make)

    def draft(_number: int) -> str | None:
        try:
            with clock.told_as(DRAFTED):
                return draft_review(month.contract.id, OCTOBER)
        finally:
            sessions.remove()

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(draft, range(4)))
    (reference,) = [one for one in found if one]
    assert count(ServiceReview) == 1
    rows = read("SELECT act FROM audit_entry WHERE subject = :subject", subject=reference)
    assert [row.act for row in rows] == ["reviews.draft"]


def read(statement: str, **values):
    session = database.session()
    session.expunge_all()
    session.rollback()
    found = session.execute(text(statement), values).all()
    session.rollback()
    return found


def test_a_draft_is_counted_anew_when_somebody_asks(make):
    month = Month(make)
    reference = month.draft()
    before = kept(reference)
    assert seen_by(month.manager, reference).values["reopen_rate"].is_provisional
    with clock.told_as(at(11, 5)):
        move_ticket(month.contact, month.tickets[1].reference, "reopen", words="Again")
        assert recount_review(seen_by(month.manager, reference).review.id) is False  # nobody asked
        ask_recount(month.manager, reference)
        review = seen_by(month.manager, reference).review
        assert review.recount_asked_at
        assert recount_review(review.id) is True
        assert recount_review(review.id) is False
    view = seen_by(month.manager, reference)
    assert (view.review.recount_asked_at, view.review.counted_at) == (None, at(11, 5))
    assert view.values["reopen_rate"].amount == 0.5
    assert view.values["volume"].part == 2  # October ended with both solved
    assert kept(reference)[0] != before[0]


def test_what_is_published_is_counted_anew_only_beside_it(make):
    month = Month(make)
    reference = month.draft()
    month.publish(reference)
    before = kept(reference)
    with clock.told_as(at(11, 5)):
        move_ticket(month.contact, month.tickets[1].reference, "reopen", words="Again")
        ask_recount(month.manager, reference)
        assert recount_review(seen_by(month.manager, reference).review.id)
    assert kept(reference) == before
    assert count(MonthFigures, MonthFigures.month == OCTOBER) == 1


def test_a_trend_tells_published_months_as_published_and_provisional_ones_as_they_became(make):
    month = Month(make)
    reference = month.draft()
    month.publish(reference)
    with clock.told_as(at(11, 5)):
        move_ticket(month.contact, month.tickets[1].reference, "reopen", words="Again")
    next_reference = month.draft(NOVEMBER, at(12, 1, 6))
    trend = seen_by(month.manager, next_reference).content["trend"]
    points = {code: {p["month"]: p for p in told} for code, told in trend.items()}
    assert all(len(told) == 13 for told in trend.values())
    october = {code: told["2026-10-01"] for code, told in points.items()}
    assert (october["reopen_rate"]["source"], october["reopen_rate"]["amount"]) == ("final", 0.5)
    assert not october["reopen_rate"]["is_provisional"]
    assert (october["volume"]["source"], october["volume"]["amount"]) == ("frozen", 1.0)
    # a score may still come: until none can, what was published stands
    assert october["satisfaction_response"]["source"] == "frozen"
    assert october["satisfaction_response"]["is_provisional"]
    assert points["volume"]["2026-09-01"]["source"] == "counted"
    assert points["volume"]["2026-08-01"]["amount"] is None  # before the contract
    frozen = seen_by(month.manager, reference).values["reopen_rate"]
    assert (frozen.amount, frozen.is_provisional) == (0.0, True)
