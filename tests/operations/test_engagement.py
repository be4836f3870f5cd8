"""Visits and the ledger of days: what reserves, consumes, gives back, corrects and adds."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from servicedesk.clients.administration import edit_contract
from servicedesk.clients.models import FunctionalBlock, Modality
from servicedesk.clients.terms import ContractTerms
from servicedesk.core import clock, database
from servicedesk.core.actors import Role
from servicedesk.core.errors import Conflict, Forbidden, InvalidInput, NotAllowedNow, NotFound
from servicedesk.engagement.amendments import (
    accept_days,
    agree_for_operator,
    end_offer,
    offer_days,
)
from servicedesk.engagement.budget import BudgetExhausted
from servicedesk.engagement.models import AmendmentState, EntryKind, VisitState
from servicedesk.engagement.outcomes import cancel_visit, confirm_visit, correct_visit
from servicedesk.engagement.visits import book_visit, change_visit
from tests.engagement_story import (
    contract_of,
    entries,
    looking,
    plan,
    visit_named,
    with_contract,
    years,
)

YESTERDAY = date.today() - timedelta(days=1)
TOMORROW = date.today() + timedelta(days=1)


@pytest.fixture
def client(make):
    return make.client()


@pytest.fixture
def manager(make, client):
    return make.person(Role.ACCOUNT_MANAGER, client)


def balance(client) -> list[tuple[int, int, int]]:
    return [
        (y.reserved_quarters, y.consumed_quarters, y.budget.left_quarters) for y in years(client)
    ]


def test_a_planned_visit_reserves_and_a_confirmed_one_consumes_its_real_length(client, manager):
    visit = book_visit(manager, client.reference, plan(YESTERDAY, 4))
    assert balance(client) == [(4, 0, 60)]

    confirm_visit(manager, visit.reference, 3, version=visit.version)

    assert balance(client) == [(0, 3, 61)]
    assert [(e.kind, e.quarters) for e in entries(client)] == [
        (EntryKind.RESERVE, 4),
        (EntryKind.CONSUME, 3),
        (EntryKind.GIVE_BACK, 1),
    ]


def test_what_took_longer_asks_for_more(client, manager):
    visit = book_visit(manager, client.reference, plan(YESTERDAY, 2))
    done = confirm_visit(manager, visit.reference, 6, version=visit.version)

    assert (done.state, done.quarters) == (VisitState.DONE, 6)
    assert balance(client) == [(0, 6, 58)]


def test_what_took_longer_than_there_is_stays_unconfirmed(make, client, manager):
    with_contract(make, client, engagement_days=1)
    visit = book_visit(manager, client.reference, plan(YESTERDAY, 2))
    other = book_visit(manager, client.reference, plan(TOMORROW, 2))

    with pytest.raises(BudgetExhausted) as refused:
        confirm_visit(manager, visit.reference, 3, version=visit.version)

    assert refused.value.left_quarters == 2
    assert [line.reference for line in refused.value.releasable] == [other.reference]
    assert visit_named(visit.reference).state is VisitState.PLANNED
    assert balance(client) == [(4, 0, 0)]


def test_the_refusal_says_what_is_left_and_what_could_be_released(client, manager):
    later = book_visit(manager, client.reference, plan(TOMORROW + timedelta(days=1), 20))
    sooner = book_visit(manager, client.reference, plan(TOMORROW, 20))
    done = book_visit(manager, client.reference, plan(YESTERDAY, 20))
    confirm_visit(manager, done.reference, 20, version=done.version)

    with pytest.raises(BudgetExhausted) as refused:
        book_visit(manager, client.reference, plan(TOMORROW, 5))

    assert refused.value.facts == {
        "left": "1",
        "releasable": [
            {"visit": sooner.reference, "day": TOMORROW.isoformat(), "days": "5"},
            {
                "visit": later.reference,
                "day": (TOMORROW + timedelta(days=1)).isoformat(),
                "days": "5",
            },
        ],
    }
    assert "1.25 days were asked for, but only 1 are left of 16. 10 could" in str(refused.value)
    book_visit(manager, client.reference, plan(TOMORROW, 4))
    assert balance(client) == [(44, 20, 0)]


def test_a_cancelled_visit_gives_back_and_says_why(client, manager):
    visit = book_visit(manager, client.reference, plan(TOMORROW, 4))
    with pytest.raises(InvalidInput):
        cancel_visit(manager, visit.reference, "  ", version=visit.version)

    cancel_visit(manager, visit.reference, "The client moved house.", version=visit.version)

    assert balance(client) == [(0, 0, 64)]
    assert entries(client)[-1].reason == "The client moved house."
    with pytest.raises(NotAllowedNow):
        confirm_visit(manager, visit.reference, 4, version=visit.version + 1)


def test_a_visit_that_has_not_begun_is_not_confirmed(client, manager):
    visit = book_visit(manager, client.reference, plan(TOMORROW, 4))
    with pytest.raises(NotAllowedNow):
        confirm_visit(manager, visit.reference, 4, version=visit.version)


def test_a_correction_reverses_and_stands_beside_what_it_corrects(client, manager):
    visit = book_visit(manager, client.reference, plan(YESTERDAY, 4))
    visit = confirm_visit(manager, visit.reference, 4, version=visit.version)

    visit = correct_visit(manager, visit.reference, 2, "Half a day.", version=visit.version)

    assert balance(client) == [(0, 2, 62)]
    kinds = [(e.kind, e.quarters) for e in entries(client)]
    assert kinds[2:] == [
        (EntryKind.CORRECT, 4),
        (EntryKind.CONSUME, 2),
        (EntryKind.GIVE_BACK, 2),
    ]
    visit = correct_visit(
        manager, visit.reference, 0, "It never took place.", version=visit.version
    )
    assert (visit.state, balance(client)) == (VisitState.CANCELLED, [(0, 0, 64)])


def test_a_moved_visit_takes_its_time_into_the_other_year_whole_or_not_at_all(
    make, client, manager
):
    turn = date.today() + timedelta(days=30)
    with_contract(make, client, starts_on=turn.replace(year=turn.year - 1), engagement_days=2)
    first = book_visit(manager, client.reference, plan(TOMORROW, 4))
    moved = change_visit(
        manager, first.reference, plan(turn, 4), version=first.version, note="Holidays"
    )
    assert balance(client) == [(0, 0, 8), (4, 0, 4)]
    assert moved.sequence == 1

    second = book_visit(manager, client.reference, plan(TOMORROW, 8))
    with pytest.raises(BudgetExhausted):
        change_visit(manager, second.reference, plan(turn, 8), version=second.version)
    assert balance(client) == [(8, 0, 0), (4, 0, 4)]

    change_visit(manager, moved.reference, plan(turn, 6), version=moved.version)
    change_visit(manager, second.reference, plan(TOMORROW, 3, at=time(9)), version=second.version)
    assert balance(client) == [(3, 0, 5), (6, 0, 2)]


def test_two_who_edit_the_same_visit_do_not_overwrite_each_other(client, manager):
    visit = book_visit(manager, client.reference, plan(TOMORROW, 4))
    change_visit(manager, visit.reference, plan(TOMORROW, 2), version=visit.version)
    with pytest.raises(Conflict):
        change_visit(manager, visit.reference, plan(TOMORROW, 8), version=visit.version)
    assert balance(client) == [(2, 0, 62)]


def test_only_who_steers_the_days_may_and_others_do_not_find_them(make, client, manager):
    visit = book_visit(manager, client.reference, plan(TOMORROW))
    stranger = make.person(Role.ACCOUNT_MANAGER, make.client())
    for actor, error in (
        (stranger, NotFound),
        (make.agent(), Forbidden),
        (make.contact(client), Forbidden),
        (make.contact(), NotFound),
    ):
        with pytest.raises(error):
            cancel_visit(actor, visit.reference, "x", version=visit.version)
    for actor, error in ((make.agent(), Forbidden), (stranger, InvalidInput)):
        with pytest.raises(error):
            book_visit(actor, client.reference, plan(TOMORROW))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": " "}, "title"),
        ({"title": "x" * 121}, "title"),
        ({"place": ""}, "place"),
        ({"quarters": 0}, "days"),
        ({"quarters": 21}, "days"),
        ({"attendees": ["nobody"]}, "attendees"),
        ({"attendees": [f"p{n}@client.example" for n in range(21)]}, "attendees"),
        ({"day": date(1990, 1, 1)}, "day"),
        ({"day": date(9999, 12, 31)}, "day"),
    ],
)
def test_what_cannot_be_booked_says_at_which_field(client, manager, change, field):
    with pytest.raises(InvalidInput) as refused:
        book_visit(manager, client.reference, plan(**change))
    assert refused.value.field == field
    assert entries(client) == []


def test_an_amendment_counts_when_both_sides_agreed_and_not_before(make, client, manager):
    contact, supervisor = make.contact(client), make.supervisor()
    offer = offer_days(manager, client.reference, TOMORROW, 6, "Roll-out of tablets")
    assert offer.state is AmendmentState.OFFERED
    with pytest.raises(Forbidden):
        agree_for_operator(manager, offer.reference)
    with pytest.raises(Forbidden):
        accept_days(supervisor, offer.reference)

    assert accept_days(contact, offer.reference).state is AmendmentState.OPERATOR_NEXT
    assert balance(client) == [(0, 0, 64)]
    agreed = agree_for_operator(supervisor, offer.reference)

    assert agreed.state is AmendmentState.AGREED
    assert (agreed.client_agreed_by_name, agreed.operator_agreed_by_name) == (
        contact.name,
        supervisor.name,
    )
    assert balance(client) == [(0, 0, 70)]
    for settle in (accept_days, lambda actor, ref: end_offer(actor, ref, "No.")):
        with pytest.raises(NotAllowedNow):
            settle(contact, offer.reference)


def test_the_contact_may_be_the_second_to_agree_or_decline(make, client, manager):
    contact, supervisor = make.contact(client), make.supervisor()
    offer = offer_days(supervisor, client.reference, TOMORROW, 4, "Training")
    assert offer.state is AmendmentState.CLIENT_NEXT
    assert accept_days(contact, offer.reference).state is AmendmentState.AGREED
    assert balance(client) == [(0, 0, 68)]

    other = offer_days(supervisor, client.reference, TOMORROW, 4, "More training")
    declined = end_offer(contact, other.reference, "Not this year.")
    assert declined.state is AmendmentState.DECLINED
    withdrawn = offer_days(manager, client.reference, TOMORROW, 4, "Even more")
    assert end_offer(manager, withdrawn.reference, "A slip.").state is AmendmentState.WITHDRAWN
    assert balance(client) == [(0, 0, 68)]


def test_a_year_keeps_the_days_it_was_opened_with(make, client, manager):
    supervisor = make.supervisor()
    book_visit(manager, client.reference, plan(TOMORROW, 4))
    contract = contract_of(client)

    def edit(**change) -> None:
        terms = {
            "modality": Modality.ADVANCED_MANAGED,
            "starts_on": contract.starts_on,
            "ends_on": contract.ends_on,
            "blocks": frozenset(FunctionalBlock),
        }
        edit_contract(supervisor, contract.reference, ContractTerms(**(terms | change)))

    edit(engagement_days=Decimal(20))
    assert balance(client) == [(4, 0, 60)]
    next_year = TOMORROW + timedelta(days=366)
    book_visit(manager, client.reference, plan(next_year, 4))
    assert balance(client) == [(4, 0, 60), (4, 0, 76)]
    with pytest.raises(InvalidInput) as refused:
        edit(starts_on=contract.starts_on + timedelta(days=1))
    assert refused.value.field == "starts_on"


def test_midnight_of_the_anniversary_is_the_contracts_own(make, client, manager):
    """23:30 in the Canaries is 00:30 of the next day in Madrid: another contract year there."""
    start = date(2024, 11, 24)
    zone = {"starts_on": start, "ends_on": date(2030, 1, 1), "time_zone": "Atlantic/Canary"}
    with_contract(make, client, **zone)
    late = book_visit(manager, client.reference, plan(date(2026, 11, 23), 1, at=time(23, 30)))
    early = book_visit(manager, client.reference, plan(date(2026, 11, 24), 2, at=time(0, 30)))
    assert late.starts_at == datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
    assert early.starts_at == datetime(2026, 11, 24, 0, 30, tzinfo=UTC)
    assert [(y.number, y.reserved_quarters) for y in years(client)] == [(2, 1), (3, 2)]


def test_a_contract_of_29_february_turns_on_1_march(make, client, manager):
    with_contract(make, client, starts_on=date(2024, 2, 29), ends_on=date(2029, 2, 28))
    for day in (date(2027, 2, 28), date(2027, 3, 1), date(2028, 2, 28), date(2028, 2, 29)):
        book_visit(manager, client.reference, plan(day, 1))
    assert [(y.number, y.first_on, y.last_on) for y in years(client)] == [
        (3, date(2026, 3, 1), date(2027, 2, 28)),
        (4, date(2027, 3, 1), date(2028, 2, 28)),
        (5, date(2028, 2, 29), date(2029, 2, 28)),
    ]
    assert [y.reserved_quarters for y in years(client)] == [1, 2, 1]


def test_an_hour_that_a_spring_skips_and_one_that_comes_twice(make, client, manager):
    with_contract(make, client, starts_on=date(2026, 1, 1), ends_on=date(2028, 1, 1))
    skipped = book_visit(manager, client.reference, plan(date(2027, 3, 28), 1, at=time(2, 30)))
    assert skipped.starts_at == datetime(2027, 3, 28, 1, 30, tzinfo=UTC)
    twice = book_visit(manager, client.reference, plan(date(2026, 10, 25), 8, at=time(2, 30)))
    assert twice.starts_at == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    # the second day begins at the same hour of the clock, and ends eight hours later
    assert twice.ends_at == datetime(2026, 10, 26, 9, 30, tzinfo=UTC)


def line(kind: str, quarters: str, source: str = "engagement_visit", **columns: str) -> str:
    """Return the SQL of a line of the ledger about whatever there is."""
    about = {"visit_id": "id"} if source.startswith("engagement_visit") else {"amendment_id": "id"}
    more = about | columns
    return (
        "INSERT INTO engagement_entry (client_id, year_id, kind, quarters, reason, at, author_name,"
        f" {', '.join(more)}) SELECT client_id, year_id, '{kind}', {quarters}, 'x', now(), 'x',"
        f" {', '.join(more.values())} FROM {source}"
    )


RAW = (
    line("reserve", "61"),  # more than there is
    line("reserve", "31", "engagement_visit, generate_series(1, 2)"),  # in two lines of a statement
    line("give_back", "5"),  # more than it has
    line("correct", "4", reverses_id="(SELECT max(id) FROM engagement_entry)"),  # nothing consumed
    line("amend", "quarters", "engagement_amendment"),  # what nobody agreed to
    (
        "UPDATE engagement_amendment SET client_agreed_at = now(), client_agreed_by_name = 'x',"
        " client_agreed_by_id = proposed_by_id"
    ),
    "UPDATE engagement_amendment SET quarters = 40",
    "UPDATE engagement_year SET granted_quarters = 400",
    "UPDATE engagement_year SET reserved_quarters = 0",
    (
        "INSERT INTO engagement_year (client_id, contract_id, number, first_on, last_on,"
        " granted_quarters) SELECT client_id, contract_id, 99, first_on, last_on, 400"
        " FROM engagement_year"
    ),
    "UPDATE engagement_visit SET reserved_quarters = 0",
    "UPDATE engagement_entry SET quarters = 1",
    "DELETE FROM engagement_entry",
    "TRUNCATE engagement_entry CASCADE",
    "DELETE FROM engagement_visit",
)


@pytest.mark.parametrize("statement", RAW)
def test_no_role_of_the_desk_gets_past_the_wall_with_its_own_sql(make, client, manager, statement):
    book_visit(manager, client.reference, plan(TOMORROW, 4))
    offer_days(manager, client.reference, TOMORROW, 4, "x")
    for actor in (manager, make.supervisor(), make.contact(client), make.agent()):
        with database.acting_as(actor):
            session = database.session()
            with pytest.raises(DBAPIError):
                session.execute(text(statement))
            session.rollback()
    assert balance(client) == [(4, 0, 60)]


def test_the_desks_own_worker_writes_no_days(make, client, manager):
    book_visit(manager, client.reference, plan(TOMORROW, 4))
    session = database.session()
    with pytest.raises(DBAPIError):
        session.execute(text(line("reserve", "1")))
    session.rollback()


def test_everything_is_audited_and_the_session_told_the_truth(client, manager):
    visit = book_visit(manager, client.reference, plan(YESTERDAY, 4))
    with clock.told_as(datetime.now(UTC)):
        confirm_visit(manager, visit.reference, 4, version=visit.version)
    told = "SELECT act FROM audit_entry WHERE subject = '" + visit.reference + "' ORDER BY id"
    rows = looking(text(told))
    assert rows == ["engagement.book_visit", "engagement.confirm_visit"]
