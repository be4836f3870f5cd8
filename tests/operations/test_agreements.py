"""Calendars, plans and what contracts agree to: nothing in the past moves, and two never collide."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from functools import partial
from threading import Barrier

import pytest
from sqlalchemy import select, text

from servicedesk.core import clock, database
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.core.audit import AuditEntry
from servicedesk.core.errors import Conflict, Forbidden, InvalidInput, NotAllowedNow, NotFound
from servicedesk.sla.agreements import NewLevel, agree, state_of, withdraw_level
from servicedesk.sla.calendar import CalendarDefinition, OpenInterval
from servicedesk.sla.calendar_editing import (
    CalendarDraft,
    add_calendar_version,
    create_calendar,
    withdraw_calendar_version,
)
from servicedesk.sla.clocks import cycles_of, events_of, ledger_events
from servicedesk.sla.cycles import Metric, Verdict, WorkingDays
from servicedesk.sla.derivation import derive, differences
from servicedesk.sla.jobs import refresh_calendar, replan_contracts
from servicedesk.sla.models import CalendarVersion, PlanVersion, ServiceLevel, SlaLedger
from servicedesk.sla.plan import PlanDefinition
from servicedesk.sla.plan_editing import (
    PlanDraft,
    add_plan_version,
    create_plan,
    withdraw_plan_version,
)
from servicedesk.sla.queries import agreement, calendars, plans, users_of
from servicedesk.sla.terms import calendar_up_to
from servicedesk.sla.versioning import Overtaken, StillUsed
from servicedesk.tickets.handling import add_message, move_ticket
from servicedesk.tickets.models import Impact, Urgency

MONDAY = datetime(2026, 11, 16, 9, tzinfo=UTC)  # ten in Madrid
TODAY = MONDAY.date()
FRIDAY = datetime(2026, 11, 20, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


def hours(*weekly, zone="Europe/Madrid", holidays=()):
    days = [(OpenInterval(start * 60, end * 60),) for start, end in weekly]
    return CalendarDefinition(
        time_zone=zone, weekly=tuple(days + [()] * (7 - len(days))), holidays=holidays
    )


NINE_TO_FIVE = hours(*[(9, 17)] * 5)
MORNINGS = hours(*[(9, 13)] * 5)
ALWAYS = hours(*[(0, 24)] * 7)


def calendar_draft(definition=MORNINGS, on=date(2026, 11, 18), name="Office hours"):
    return CalendarDraft(name=name, effective_on=on, definition=definition)


def plan_draft(hours=2, on=date(2026, 11, 18), name="Standard", **more):
    targets = {
        (kind, priority): {Metric.RESOLUTION: hours * HOUR}
        for kind in ("incident", "request", "query")
        for priority in ("critical", "high", "medium", "low")
    }
    return PlanDraft(name=name, effective_on=on, definition=PlanDefinition(targets=targets, **more))


@pytest.fixture
def cast(make):
    client = make.client()
    return client, make.contact(client), make.agent(), make.supervisor()


@pytest.fixture(autouse=True)
def monday():
    with clock.told_as(MONDAY):
        yield


def rows(model):
    session = database.session()
    session.expunge_all()
    session.rollback()
    found = session.scalars(select(model)).all()
    session.expunge_all()
    session.rollback()
    return found


def jobs():
    session = database.session()
    session.rollback()
    with session.get_bind().connect() as connection:
        told = connection.execute(
            text("SELECT task_name, args FROM procrastinate_jobs WHERE task_name LIKE 'sla.re%'")
        ).all()
    return sorted((name, args.get("code", "")) for name, args in told)


def ledger(ticket) -> SlaLedger:
    return next(row for row in rows(SlaLedger) if row.subject == ticket.reference)


def level(client, plan="standard", calendar="office", on=TODAY, reason="Agreed"):
    known = [row for row in rows(ServiceLevel) if row.client_id == client.id]
    known.sort(key=lambda row: row.effective_on)
    return NewLevel(
        plan_code=plan,
        calendar_code=calendar,
        effective_on=on,
        reason=reason,
        seen=state_of(known),
    )


def contract_of(client) -> str:
    return client.reference.replace("CLI", "CTR")


def agrees_with_its_events(row) -> bool:
    """Whether what is stored of a ledger is what follows from its events now."""
    session = database.session()
    session.rollback()
    stored = session.get_one(SlaLedger, row.id)
    cycles = cycles_of(session, [row.id])[row.id]
    warned = {(one.metric, one.ordinal): one.warned_percent for one in cycles}
    derived = derive(ledger_events(session, row.id), clock.now(), warned)
    found = differences(derived, stored, cycles)
    session.rollback()
    return not found


def test_only_a_supervisor_administers(cast, make):
    client, contact, agent, _supervisor = cast
    manager = make.person(Role.ACCOUNT_MANAGER, client)
    for actor in (contact, agent, manager):
        for act in (
            lambda actor: create_calendar(actor, calendar_draft()),
            lambda actor: add_calendar_version(actor, "office", calendar_draft(), after=1),
            lambda actor: withdraw_calendar_version(actor, "office", 1),
            lambda actor: create_plan(actor, plan_draft()),
            lambda actor: add_plan_version(actor, "standard", plan_draft(), after=1),
            lambda actor: withdraw_plan_version(actor, "standard", 1),
            lambda actor: agree(actor, contract_of(client), level(client)),
            lambda actor: withdraw_level(actor, contract_of(client), MONDAY.date()),
            calendars,
            plans,
        ):
            with pytest.raises(Forbidden):
                act(actor)


def test_a_calendars_version_begins_tomorrow_or_later_and_never_before_the_newest(cast):
    supervisor = cast[3]
    for on in (date(2026, 11, 15), date(2026, 11, 16), date(2019, 1, 1), date(9999, 1, 1)):
        with pytest.raises(InvalidInput) as refused:
            add_calendar_version(supervisor, "office", calendar_draft(on=on), after=1)
        assert refused.value.field == "effective_on"
    second = add_calendar_version(supervisor, "office", calendar_draft(), after=1)
    assert (second.version, second.author_name) == (2, supervisor.name)
    with pytest.raises(InvalidInput):
        add_calendar_version(supervisor, "office", calendar_draft(on=date(2026, 11, 17)), after=2)
    # one from the same day takes its place
    third = add_calendar_version(supervisor, "office", calendar_draft(ALWAYS), after=2)
    assert third.version == 3


def test_today_is_the_calendars_own_day(cast):
    supervisor = cast[3]
    tokyo = hours(*[(9, 17)] * 5, zone="Asia/Tokyo")
    made = create_calendar(
        supervisor, CalendarDraft(name="Tokyo", effective_on=date(2026, 1, 1), definition=tokyo)
    )
    with clock.told_as(datetime(2026, 11, 16, 20, tzinfo=UTC)):  # the 17th there
        draft = CalendarDraft(name="Tokyo", effective_on=date(2026, 11, 17), definition=tokyo)
        with pytest.raises(InvalidInput):
            add_calendar_version(supervisor, made.code, draft, after=1)


def test_the_zone_is_fixed_and_the_name_is_its_own(cast):
    supervisor = cast[3]
    elsewhere = hours(*[(9, 17)] * 5, zone="Atlantic/Canary")
    with pytest.raises(InvalidInput) as refused:
        add_calendar_version(supervisor, "office", calendar_draft(elsewhere), after=1)
    assert refused.value.field == "time_zone"
    with pytest.raises(InvalidInput) as refused:
        create_calendar(supervisor, calendar_draft())
    assert refused.value.field == "name"
    for name in ("", "x" * 81, "a\x00b"):
        with pytest.raises(InvalidInput):
            create_calendar(supervisor, calendar_draft(name=name))
    codes = [
        create_calendar(supervisor, calendar_draft(name=name)).code
        for name in ("Señales 24+7", "Senales 24x7", "New", "漢字", "Office")
    ]
    assert codes == ["senales-24-7", "senales-24x7", "new-2", "x", "office-2"]


def test_of_two_who_save_at_once_one_is_told_that_there_is_another(cast, sessions):
    supervisor, both = cast[3], Barrier(2)

    def save(number: int) -> str:
        database.become(supervisor)
        both.wait()
        try:
            with clock.told_as(MONDAY):
                draft = calendar_draft(on=date(2026, 11, 20 + number))
                return (
                    f"version {add_calendar_version(supervisor, 'office', draft, after=1).version}"
                )
        except Overtaken as refused:
            return str(refused)
        finally:
            sessions.remove()

    with ThreadPoolExecutor(2) as pool:
        said = sorted(pool.map(save, (0, 1)))
    assert said[0].startswith("Somebody else has changed it meanwhile: the newest version is now 2")
    assert said[1] == "version 2"
    assert len(rows(CalendarVersion)) == 2


def test_what_has_begun_stays_and_what_comes_is_withdrawn_newest_first(cast):
    supervisor = cast[3]
    add_calendar_version(supervisor, "office", calendar_draft(), after=1)
    add_calendar_version(supervisor, "office", calendar_draft(on=date(2026, 11, 20)), after=2)
    for number in (1, 2):
        with pytest.raises(NotAllowedNow):
            withdraw_calendar_version(supervisor, "office", number)
    withdraw_calendar_version(supervisor, "office", 3)
    with pytest.raises(NotFound):
        withdraw_calendar_version(supervisor, "office", 3)
    with clock.told_as(MONDAY + timedelta(days=2)), pytest.raises(NotAllowedNow):
        withdraw_calendar_version(supervisor, "office", 2)
    withdraw_calendar_version(supervisor, "office", 2)
    # another may begin before what was taken back would have; numbers go on
    with pytest.raises(Overtaken):
        add_calendar_version(supervisor, "office", calendar_draft(on=date(2026, 11, 17)), after=1)
    made = add_calendar_version(
        supervisor, "office", calendar_draft(ALWAYS, on=date(2026, 11, 17)), after=5
    )
    session = database.session()
    known = [calendar_up_to(session, number) for number in range(1, made.id + 1)]
    session.rollback()
    later = datetime(2026, 11, 21, 9, tzinfo=UTC), datetime(2026, 11, 21, 10, tzinfo=UTC)
    assert [calendar.between(*later) for calendar in known] == [0 * HOUR] * 5 + [HOUR]
    wednesday = datetime(2026, 11, 18, 14, tzinfo=UTC), datetime(2026, 11, 18, 15, tzinfo=UTC)
    # as each of them was known: with what came, and without it once it was taken back
    assert [calendar.between(*wednesday) // HOUR for calendar in known] == [1, 0, 0, 0, 1, 1]
    told = [entry for entry in rows(AuditEntry) if entry.act == "sla.withdraw_calendar_version"]
    assert {entry.subject for entry in told} == {"office v3", "office v2"}
    assert "weekly" in told[0].payload


def test_what_is_used_cannot_be_withdrawn_whole(cast):
    client, supervisor = cast[0], cast[3]
    later = date(2026, 12, 1)
    made = create_calendar(supervisor, calendar_draft(on=later, name="Night"))
    agree(supervisor, contract_of(client), level(client, calendar=made.code, on=later))
    with pytest.raises(StillUsed):
        withdraw_calendar_version(supervisor, made.code, 1)
    told = create_calendar(supervisor, calendar_draft(on=later, name="Notice"))
    create_plan(supervisor, plan_draft(name="Noticed", notice_calendar=told.code))
    with pytest.raises(StillUsed):
        withdraw_calendar_version(supervisor, told.code, 1)
    free = create_calendar(supervisor, calendar_draft(on=later, name="Free"))
    withdraw_calendar_version(supervisor, free.code, 1)
    assert free.code not in {line.code for line in calendars(supervisor).items}


def test_open_clocks_follow_a_calendars_version_and_its_withdrawal(cast, make):
    client, contact, agent, supervisor = cast
    still = make.request(contact, "device.lock", make.device(client))
    answered = make.request(contact, "device.lock", make.device(client))
    with clock.told_as(MONDAY + HOUR):
        move_ticket(agent, answered.reference, "resolve", words="Done.")
        assert ledger(still).resolution_due_at == FRIDAY  # 32 hours of business time
        add_calendar_version(supervisor, "office", calendar_draft(), after=1)
        assert jobs() == [("sla.refresh_calendar", "office")] * 2
        assert not agrees_with_its_events(ledger(still))
        refresh_calendar("office")
        moved = {row.id: row.resolution_due_at for row in rows(SlaLedger)}
        assert moved[ledger(still).id] > FRIDAY
        assert all(agrees_with_its_events(row) for row in rows(SlaLedger))
        refresh_calendar("office")
        assert moved == {row.id: row.resolution_due_at for row in rows(SlaLedger)}
        assert ledger(answered).resolution_verdict is Verdict.MET
        withdraw_calendar_version(supervisor, "office", 2)
        refresh_calendar("office")
        assert ledger(still).resolution_due_at == FRIDAY
        assert all(agrees_with_its_events(row) for row in rows(SlaLedger))


def test_before_a_versions_date_a_due_time_stays_and_behind_it_follows(cast, make):
    client, contact, _agent, supervisor = cast
    urgent = {"impact": Impact.HIGH, "urgency": Urgency.HIGH}
    soon = make.request(contact, "device.lock", make.device(client), **urgent)
    late = make.request(contact, "device.lock", make.device(client))
    add_calendar_version(supervisor, "office", calendar_draft(), after=1)
    refresh_calendar("office")
    assert ledger(soon).resolution_due_at == MONDAY + 4 * HOUR
    # of 32 hours 15 pass before Wednesday, and then four a morning
    assert ledger(late).resolution_due_at == datetime(2026, 11, 24, 9, tzinfo=UTC)


def test_a_refresh_while_tickets_move_loses_neither(cast, make, sessions):
    client, contact, agent, supervisor = cast
    tickets = [make.request(contact, "device.lock", make.device(client)) for _ in range(4)]
    add_calendar_version(supervisor, "office", calendar_draft(), after=1)
    all_of_them = Barrier(len(tickets) + 2)

    def together(act) -> None:
        database.become(SYSTEM)
        all_of_them.wait()
        try:
            with clock.told_as(MONDAY + HOUR):
                act()
        finally:
            sessions.remove()

    acts = [
        *(partial(add_message, agent, ticket.reference, "Working on it.") for ticket in tickets),
        *[partial(refresh_calendar, "office")] * 2,
    ]
    with ThreadPoolExecutor(len(acts)) as pool:
        list(pool.map(together, acts))
    with clock.told_as(MONDAY + HOUR):
        refresh_calendar("office")
        assert all(agrees_with_its_events(row) for row in rows(SlaLedger))
    assert {row.response_verdict for row in rows(SlaLedger)} == {Verdict.MET}


def test_a_plans_version_is_for_what_is_opened_from_its_date_on(cast, make):
    client, contact, _agent, supervisor = cast
    old = make.request(contact, "device.lock", make.device(client))
    add_plan_version(supervisor, "standard", plan_draft(hours=2), after=1)
    with clock.told_as(MONDAY + timedelta(days=1)):
        still = make.request(contact, "device.lock", make.device(client))
    with clock.told_as(MONDAY + timedelta(days=2)):
        new = make.request(contact, "device.lock", make.device(client))
        refresh_calendar("office")
        replan_contracts()
    first, second = sorted(rows(PlanVersion), key=lambda row: row.version)
    assert ledger(old).plan_id == ledger(still).plan_id == first.id
    assert ledger(new).plan_id == second.id
    assert ledger(new).resolution_due_at == datetime(2026, 11, 18, 11, tzinfo=UTC)
    for on in (date(2026, 11, 15), date(2026, 11, 17)):
        with pytest.raises(InvalidInput):
            add_plan_version(supervisor, "standard", plan_draft(on=on), after=2)
    with pytest.raises(Overtaken):
        add_plan_version(supervisor, "standard", plan_draft(), after=1)


def test_a_plan_tells_in_the_hours_of_a_calendar_that_there_is(cast):
    supervisor = cast[3]
    with pytest.raises(InvalidInput) as refused:
        create_plan(supervisor, plan_draft(name="Odd", notice_calendar="nowhere"))
    assert refused.value.field == "notice_calendar"
    made = create_plan(supervisor, plan_draft(name="Odd", notice_calendar="office"))
    withdraw_plan_version(supervisor, made.code, 1)
    with pytest.raises(NotAllowedNow):
        withdraw_plan_version(supervisor, "standard", 1)


def test_a_contract_follows_another_plan_and_calendar_from_its_day_on(cast, make):
    client, contact, agent, supervisor = cast
    reference = contract_of(client)
    plan = create_plan(supervisor, plan_draft(hours=3, on=date(2026, 1, 1), name="Fast"))
    calendar = create_calendar(supervisor, calendar_draft(ALWAYS, date(2026, 1, 1), name="Always"))
    ticket = make.request(contact, "device.lock", make.device(client))
    done = make.request(contact, "device.lock", make.device(client))
    add_message(agent, ticket.reference, "We are on it.")
    with clock.told_as(MONDAY + HOUR):
        move_ticket(agent, ticket.reference, "wait_for_client", words="Which one?")
        move_ticket(agent, done.reference, "resolve", words="Done.")
    judged = ledger(done)
    wednesday = date(2026, 11, 18)
    agree(supervisor, reference, level(client, plan.code, calendar.code, wednesday))
    assert jobs() == []  # not today
    replan_contracts()
    assert ledger(ticket).plan_id != plan.id
    with clock.told_as(datetime(2026, 11, 18, 9, tzinfo=UTC)):
        replan_contracts()
        replan_contracts()
        now = ledger(ticket)
        assert (now.plan_id, now.calendar_id) == (plan.id, calendar.id)
        session = database.session()
        events = [row.event for row in events_of(session, [now.id])[now.id]]
        replans = [event for event in events if event.kind == "replanned"]
        assert len(replans) == 1
        assert replans[0].evidence == {
            "reason": "contract",
            "before": {"plan": "standard", "calendar": "office"},
            "after": {"plan": plan.code, "calendar": calendar.code},
        }
        cycles = cycles_of(session, [now.id])[now.id]
        session.rollback()
        resolution = max(
            (row for row in cycles if row.metric is Metric.RESOLUTION), key=lambda row: row.ordinal
        )
        # from the real start, one hour of it used before the wait for the client, which goes on
        assert (resolution.started_at, resolution.verdict) == (MONDAY, Verdict.PAUSED)
        assert resolution.target_seconds == 3 * 3600
        move_ticket(agent, ticket.reference, "resume")
        assert ledger(ticket).resolution_due_at == datetime(2026, 11, 18, 11, tzinfo=UTC)
        assert agrees_with_its_events(now)
    # what was judged stays as it was judged
    assert ledger(done).plan_id == judged.plan_id
    assert ledger(done).resolution_verdict is Verdict.MET


def test_a_change_for_today_is_followed_at_once_and_one_to_come_can_be_withdrawn(cast, make):
    client, supervisor = cast[0], cast[3]
    reference = contract_of(client)
    plan = create_plan(supervisor, plan_draft(on=date(2026, 1, 1), name="Fast"))
    made = agree(supervisor, reference, level(client, plan.code))
    assert (made.reason, made.author_name, made.created_at) == ("Agreed", supervisor.name, MONDAY)
    assert jobs() == [("sla.replan_contracts", "")]
    agree(supervisor, reference, level(client, on=date(2026, 12, 1)))
    for day in (date(2020, 1, 1), MONDAY.date()):
        with pytest.raises(NotAllowedNow):
            withdraw_level(supervisor, reference, day)
    with pytest.raises(NotFound):
        withdraw_level(supervisor, reference, date(2026, 12, 2))
    view = agreement(supervisor, reference)
    assert (view.current.plan_code, len(view.coming)) == (plan.code, 1)
    withdraw_level(supervisor, reference, date(2026, 12, 1))
    assert len(rows(ServiceLevel)) == 2
    acts = [entry.act for entry in rows(AuditEntry) if entry.subject == reference]
    assert acts == ["sla.agree", "sla.agree", "sla.withdraw_level"]


def test_what_would_leave_a_contract_without_exactly_one_of_each_is_refused(cast):
    client, supervisor = cast[0], cast[3]
    reference = contract_of(client)
    future = date(2027, 1, 1)
    plan = create_plan(supervisor, plan_draft(on=future, name="Later"))
    calendar = create_calendar(supervisor, calendar_draft(on=future, name="Later"))
    for change, field in (
        ({"plan": "nowhere"}, "plan_code"),
        ({"calendar": "nowhere"}, "calendar_code"),
        ({"plan": plan.code}, "plan_code"),
        ({"calendar": calendar.code}, "calendar_code"),
        ({"on": date(2026, 11, 15)}, "effective_on"),
        ({"on": date(2099, 1, 1)}, "effective_on"),
        ({"reason": " "}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({}, "plan_code"),  # that is what it is already
    ):
        with pytest.raises(InvalidInput) as refused:
            agree(supervisor, reference, level(client, **change))
        assert refused.value.field == field, change
    stale = level(client, plan.code, on=future)
    agree(supervisor, reference, stale)
    with pytest.raises(Conflict):
        agree(supervisor, reference, stale)
    with pytest.raises(NotFound):
        agree(supervisor, "CTR-9999", level(client))


def test_lists_say_what_holds_what_comes_and_who_uses_it(cast, make):
    client, supervisor = cast[0], cast[3]
    make.client()
    add_calendar_version(supervisor, "office", calendar_draft(name="Summer hours"), after=1)
    plan = create_plan(supervisor, plan_draft(on=date(2026, 1, 1), name="Fast"))
    agree(supervisor, contract_of(client), level(client, plan.code, on=date(2026, 12, 1)))
    (line,) = calendars(supervisor).items
    assert (line.name, line.current.version, [one.version for one in line.coming]) == (
        "Office hours",
        1,
        [2],
    )
    assert line.contracts == 2
    assert {one.code: one.contracts for one in plans(supervisor).items} == {
        "fast": 1,
        "standard": 2,
    }
    (use,) = users_of(supervisor, plan).items
    assert (use.client.id, use.since, use.until) == (client.id, date(2026, 12, 1), None)
    standard = next(row for row in rows(PlanVersion) if row.code == "standard")
    found = users_of(supervisor, standard).items
    assert [one.until for one in found] == [date(2026, 12, 1), None]


def test_a_page_of_users_goes_on_where_it_ended(cast, make):
    supervisor = cast[3]
    for _ in range(26):
        make.client()
    office = rows(CalendarVersion)[0]
    first = users_of(supervisor, office)
    second = users_of(supervisor, office, first.next)
    references = [use.contract.reference for use in [*first.items, *second.items]]
    assert len(references) == len(set(references)) == 27
    assert second.next is None


def test_others_contracts_do_not_exist(cast, make):
    client, contact, agent, _supervisor = cast
    other = make.client()
    assert agreement(contact, contract_of(client)).plan.code == "standard"
    assert agreement(agent, contract_of(other)).calendar.code == "office"
    for actor in (contact, make.person(Role.ACCOUNT_MANAGER, client)):
        with pytest.raises(NotFound):
            agreement(actor, contract_of(other))


def test_working_days_go_through_a_version_and_back(cast):
    supervisor = cast[3]
    targets = {("request", "low"): {Metric.RESOLUTION: WorkingDays(days=3)}}
    definition = PlanDefinition(targets=targets)
    draft = PlanDraft(name="Standard", effective_on=MONDAY.date(), definition=definition)
    add_plan_version(supervisor, "standard", draft, after=1)
    assert PlanDefinition.from_json(max(rows(PlanVersion), key=lambda r: r.id).definition) == (
        definition
    )
    with pytest.raises(NotAllowedNow):  # it has begun today
        withdraw_plan_version(supervisor, "standard", 2)
    assert database.acting() is SYSTEM
