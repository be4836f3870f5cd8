"""What is cached of the clocks follows from the events, whatever happened; anything else is found."""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, select, text
from sqlalchemy.dialects import postgresql

from servicedesk.clients.models import Contract
from servicedesk.core import clock, database, embedded_postgres
from servicedesk.core.actors import SYSTEM
from servicedesk.core.audit import AuditEntry
from servicedesk.core.errors import Forbidden
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.sla import jobs, rebuild, recounting
from servicedesk.sla.checking import (
    ask_check,
    check_all,
    check_tonight,
    latest_checks,
    rebuild_all,
    standing_alarm,
)
from servicedesk.sla.clocks import Subject, open_ledger, record
from servicedesk.sla.cycles import Party
from servicedesk.sla.evaluation import EventKind
from servicedesk.sla.models import PlanVersion, SlaCheck, SlaCycle, SlaLedger, SlaTally
from servicedesk.sla.tallies import fold_changes
from servicedesk.sla.terms import forget_terms
from servicedesk.sla.watch import sweep

START = datetime(2026, 11, 16, 9, tzinfo=UTC)  # a Monday
SAID = {"threshold": 50, "reaches": ["assignee"]}


def faults(client_id: int | None = None) -> list[str]:
    """Everything that the check finds, in words."""
    with database.acting_as(SYSTEM):
        session = database.session()
        ledgers = [
            str(difference)
            for checked in rebuild.check_ledgers(session, client_id)
            for found in checked.differences.values()
            for difference in found
        ]
        counters = [str(found) for found in recounting.check_counters(session, client_id)]
        session.rollback()
    return ledgers + counters


@pytest.fixture
def contract(make):
    """A contract whose plan tells people at 50 and 90 per cent."""
    client = make.client()
    session = database.session()
    plan = session.scalars(select(PlanVersion)).one()
    everything = {
        "reaches": ["assignee"],
        "metrics": ["first_response", "periodic_update", "resolution"],
        "priorities": ["critical", "high", "low", "medium"],
        "raises": False,
        "queue": "",
    }
    plan.definition = {
        **plan.definition,
        "thresholds": [{"percent": percent, **everything} for percent in (50, 90)],
    }
    session.commit()
    forget_terms()
    return session.scalars(select(Contract).where(Contract.client_id == client.id)).one()


class Desk:
    """Opens ledgers, appends events and looks at the clock, at instants that are told."""

    def __init__(self, contract: Contract, at: datetime = START) -> None:
        self.contract, self.at, self.number = contract, at, 0

    def open(self) -> str:
        self.number += 1
        reference = f"INC-2026-{self.contract.id:03d}{self.number:03d}"
        subject = Subject(reference=reference, kind="incident", priority="high", queue="support")
        with clock.told_as(self.at), unit_of_work(SYSTEM, "test") as work:
            open_ledger(work, work.session.merge(self.contract), subject)
        return reference

    def tell(self, reference: str, kind: EventKind, **options: object) -> None:
        with clock.told_as(self.at), unit_of_work(SYSTEM, "test") as work:
            found = select(SlaLedger).where(SlaLedger.subject == reference).with_for_update()
            record(work, work.session.scalars(found).one(), kind, **options)

    def look(self) -> None:
        with clock.told_as(self.at), unit_of_work(SYSTEM, "test") as work:
            while sweep(work):
                pass

    def fold(self) -> None:
        with unit_of_work(SYSTEM, "test") as work:
            fold_changes(work.session, 7)

    def faults(self) -> list[str]:
        with clock.told_as(self.at):
            return faults()


steps = st.one_of(
    st.just(timedelta(0)),
    st.timedeltas(timedelta(0), timedelta(hours=2)),
    st.timedeltas(timedelta(0), timedelta(days=4)),
    st.sampled_from([timedelta(hours=1), timedelta(hours=2), timedelta(hours=8)]),
)
told = st.sampled_from(
    [
        *[(EventKind.PAUSED, {"party": party}) for party in Party],
        *[(EventKind.RESUMED, {"party": party}) for party in Party],
        (EventKind.RESPONDED, {}),
        (EventKind.ASSIGNED, {"owner": ("security", None)}),
        (EventKind.RESOLVED, {}),
        (EventKind.REOPENED, {}),
        (EventKind.REPLANNED, {"priority": "low"}),
        (EventKind.REPLANNED, {"priority": "critical"}),
        (EventKind.WITHDRAWN, {}),
        (EventKind.MERGED, {}),
    ]
)
backdated = st.tuples(
    st.sampled_from([EventKind.PAUSED, EventKind.RESUMED]),
    st.timedeltas(timedelta(0), timedelta(hours=5)),
)
moves = st.one_of(
    st.tuples(st.just("tell"), told),
    st.tuples(st.just("backdate"), backdated),
    st.tuples(st.just("look"), st.none()),
    st.tuples(st.just("fold"), st.none()),
)
tries = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


examples = itertools.count()


def act(desk: Desk, reference: str, move: tuple, began: datetime) -> None:
    name, what = move
    if name == "tell":
        kind, options = what
        desk.tell(reference, kind, **options)
    elif name == "backdate":
        kind, ago = what
        desk.tell(reference, kind, party=Party.DEVICE, at=max(began, desk.at - ago))
    elif name == "look":
        desk.look()
    else:
        desk.fold()


@tries
@given(st.lists(st.tuples(steps, moves), max_size=14))
def test_whatever_happened_and_whenever_the_clock_looked_nothing_is_found(contract, story):
    # the desk goes on from example to example, as time does
    number = next(examples)
    began = START + number * timedelta(days=70)
    desk = Desk(contract, began)
    desk.number = number
    reference = desk.open()
    for step, move in story:
        desk.at += step
        act(desk, reference, move, began)
        assert desk.faults() == []
    desk.at += timedelta(days=3)
    assert desk.faults() == []
    desk.look()
    assert desk.faults() == []


@pytest.fixture
def desk(contract):
    """Ledgers in every standing, looked at and counted."""
    desk = Desk(contract)
    resolved, waiting, breached, fresh = (desk.open() for _ in range(4))
    desk.tell(resolved, EventKind.RESPONDED)
    desk.at += timedelta(hours=1)
    desk.tell(waiting, EventKind.PAUSED, party=Party.CLIENT)
    desk.at += timedelta(hours=6)
    desk.tell(resolved, EventKind.REPLANNED, priority="low")
    desk.tell(resolved, EventKind.RESOLVED)
    desk.tell(breached, EventKind.ASSIGNED, owner=("security", None))
    desk.at += timedelta(days=2)
    desk.look()
    desk.fold()
    desk.at += timedelta(hours=1)
    desk.fresh = desk.open()
    desk.look()
    assert fresh != desk.fresh
    assert desk.faults() == []
    return desk


OTHER = {
    "bigint": "coalesce({0}, 0) + 100",
    "text": "coalesce({0}, '') || 'x'",
    "boolean": "NOT {0}",
    "date": "coalesce({0}, '2020-01-01') + 40",
    "timestamp with time zone": "coalesce({0}, '2020-01-01') + interval '1 second'",
}
ENUMS = {
    "standing": "CASE standing WHEN 'at_risk' THEN 'paused' ELSE 'at_risk' END",
    "verdict": "CASE verdict WHEN 'met' THEN 'breached' ELSE 'met' END",
    "response_verdict": "CASE response_verdict WHEN 'met' THEN 'breached' ELSE 'met' END",
    "resolution_verdict": "CASE resolution_verdict WHEN 'met' THEN 'breached' ELSE 'met' END",
    "metric": "'periodic_update'",  # the plan has none of these
}
# who it is, rather than what is derived of it
NAMES = {"id", "ledger_id", "subject", "contract_id"}


@pytest.mark.parametrize("model", [SlaLedger, SlaCycle, SlaTally])
def test_any_one_column_that_says_something_else_is_found_and_named(desk, owner, model):
    table = model.__tablename__
    with owner.begin() as connection:
        connection.execute(text(f"CREATE TABLE kept AS TABLE {table}"))
    for number, column in enumerate(model.__table__.columns):
        if column.name in NAMES:
            continue
        kind = str(column.type.compile(dialect=postgresql.dialect())).lower()
        value = ENUMS.get(column.name) or OTHER[kind].format(column.name)
        with changed(owner, table, f"{column.name} = {value}", number):
            found = desk.faults()
        assert found, column
        if model is SlaTally:
            assert all(said.startswith("counter ") for said in found)
        elif column.name not in {"metric", "ordinal"}:
            assert any(column.name in said for said in found), found
    assert desk.faults() == []


@pytest.fixture
def owner(database_address):
    """The server's superuser, whom no key and no wall stops."""
    engine = create_engine(database_address.replace(f"{embedded_postgres.ROLE}@", "postgres@"))
    yield engine
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS kept"))
    engine.dispose()


@contextmanager
def changed(owner, table: str, change: str, number: int):
    """Have one row of a table say something else, and then what it said before."""
    with owner.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        places = connection.scalars(text(f"SELECT ctid::text FROM {table} ORDER BY 1")).all()
        place = places[number % len(places)]
        connection.execute(text(f"UPDATE {table} SET {change} WHERE ctid = '{place}'"))
    yield
    with owner.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text(f"DELETE FROM {table}"))
        connection.execute(text(f"INSERT INTO {table} SELECT * FROM kept"))


def corrupt(owner) -> None:
    with owner.begin() as connection:
        for statement in (
            (
                "UPDATE sla_cycle SET verdict = 'met', month = '2026-10-01', warned_percent = 7"
                " WHERE verdict = 'breached'"
            ),
            "UPDATE sla_ledger SET standing = 'at_risk', next_due_at = NULL, due_at = now()",
            "DELETE FROM sla_cycle WHERE verdict = 'met' AND month >= '2026-11-01'",
            (
                "INSERT INTO sla_cycle SELECT * FROM (SELECT nextval('sla_cycle_id_seq'), client_id,"
                " ledger_id, metric, 9, started_at, target_seconds, due_at, stopped_at,"
                " elapsed_seconds, verdict, plan_id, kind, priority, queue, agent_id, month,"
                " is_near_miss, warned_percent FROM sla_cycle LIMIT 1) more"
            ),
            "UPDATE sla_tally SET amount = amount + 5 WHERE figure LIKE 'open.%'",
            "DELETE FROM sla_tally WHERE figure = 'arrived'",
        ):
            connection.execute(text(statement))


def test_rebuilding_sets_everything_right_says_so_in_the_audit_trail_and_is_idempotent(
    desk, owner, sessions
):
    corrupt(owner)
    with clock.told_as(desk.at):
        only_said = check_all()
        assert len(only_said) > 20
        assert [str(found) for found in check_all()] == [str(found) for found in only_said]
        found = rebuild_all()
        assert [each for each in found if each.subject] == [e for e in only_said if e.subject]
        assert faults() == []
        assert rebuild_all() == []
    with database.acting_as(SYSTEM):
        acts = sessions().execute(select(AuditEntry.act, AuditEntry.payload)).all()
        sessions().rollback()
    told = {act: payload for act, payload in acts if act in {"sla.rebuild", "sla.recount"}}
    assert set(told) == {"sla.rebuild", "sla.recount"}
    assert desk.fresh in told["sla.rebuild"]


def test_a_counter_is_not_called_wrong_because_a_row_is(desk, owner):
    with owner.begin() as connection:
        connection.execute(
            text("UPDATE sla_ledger SET standing = 'paused' WHERE subject = :subject"),
            {"subject": desk.fresh},
        )
    with clock.told_as(desk.at):
        assert [str(found) for found in check_all()] == [
            f"{desk.fresh} standing stored paused, derived on_track"
        ]
        rebuild_all()
        assert faults() == []


def test_only_the_client_asked_for_is_checked_and_set_right(desk, owner, make):
    other = Desk(
        database.session()
        .scalars(select(Contract).where(Contract.client_id == make.client().id))
        .one(),
        desk.at,
    )
    other.open()
    client_id, other_id = desk.contract.client_id, other.contract.client_id
    corrupt(owner)
    with clock.told_as(desk.at):
        assert faults(client_id)
        assert faults(other_id)
        rebuild_all(other_id)
        assert faults(other_id) == []
        assert faults(client_id)
        rebuild_all(client_id)
        assert faults(client_id) == []
        rebuild_all()  # what is counted over all clients
        assert faults() == []


def test_what_somebody_holds_is_left_and_set_right_when_they_let_go(desk, owner):
    corrupt(owner)
    with clock.told_as(desk.at), owner.connect() as busy:
        held = busy.scalar(
            text("SELECT id FROM sla_ledger WHERE subject = :subject FOR UPDATE"),
            {"subject": desk.fresh},
        )
        with unit_of_work(SYSTEM, "test") as work:
            every = list(work.session.scalars(select(SlaLedger.id)))
            assert rebuild.set_right(work.session, every, waits=False) == [held]
        assert {said.split(" ", 1)[0] for said in faults() if said.startswith("INC")} == {
            desk.fresh
        }
        busy.rollback()
        rebuild_all()
        assert faults() == []


def test_a_ledger_that_cannot_be_told_is_named_and_stops_nothing(desk, owner):
    with owner.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("DELETE FROM sla_event WHERE ledger_id = 1"))
    with clock.told_as(desk.at):
        assert [said for said in faults() if "events" in said]
        rebuild_all()
        assert len(faults()) == 1


def runs(sessions) -> list[SlaCheck]:
    sessions.expire_all()
    found = list(sessions.scalars(select(SlaCheck).order_by(SlaCheck.id)))
    sessions.rollback()
    return found


def mails(sessions) -> list[str]:
    with database.acting_as(SYSTEM):
        found = list(sessions.execute(text("SELECT recipient FROM outgoing_mail")).scalars())
        sessions.rollback()
    return found


def test_a_difference_is_told_to_supervisors_once_and_stands_until_a_check_finds_none(
    desk, owner, make, sessions
):
    supervisor, agent = make.supervisor(), make.agent()
    night = datetime(2026, 11, 20, 2, 5, tzinfo=UTC)
    with clock.told_as(night):
        desk.look()
        assert check_tonight() == []
    (run,) = runs(sessions)
    assert (run.finished_at, run.difference_count, run.ledgers) == (night, 0, 5)
    assert mails(sessions) == []
    assert standing_alarm(supervisor) is None
    corrupt(owner)
    for days in (1, 2):
        with clock.told_as(night + timedelta(days=days)):
            check_tonight()
    assert mails(sessions) == [supervisor.email]  # the second night found the same
    alarm = standing_alarm(supervisor)
    assert alarm.difference_count == len(alarm.differences) > 20
    assert standing_alarm(agent) is None
    with pytest.raises(Forbidden):
        latest_checks(agent)
    with pytest.raises(Forbidden):
        ask_check(agent)
    # a correction does not make it believed: a check of its own does
    with clock.told_as(night + timedelta(days=2, hours=1)):
        jobs.rebuild()
        assert standing_alarm(supervisor) is not None
        jobs.check(check_id=runs(sessions)[-1].id)
    assert standing_alarm(supervisor) is None
    assert [(run.repairs, run.difference_count > 0) for run in runs(sessions)] == [
        (False, False),
        (False, True),
        (False, True),
        (True, True),
        (False, False),
    ]


def test_after_an_upgrade_nobody_is_alarmed_by_what_the_repair_will_set_right(
    desk, owner, make, sessions
):
    supervisor = make.supervisor()
    night = datetime(2026, 11, 20, 2, 5, tzinfo=UTC)
    with clock.told_as(night), unit_of_work(SYSTEM, "test") as work:
        work.session.add(SlaCheck(asked_at=night, repairs=True))  # as the migration writes it
    corrupt(owner)
    with clock.told_as(night + timedelta(hours=1)):
        assert check_tonight() is None
        assert (len(runs(sessions)), mails(sessions)) == (1, [])
        jobs.rebuild()
        jobs.check(check_id=runs(sessions)[-1].id)
    assert [(run.repairs, run.difference_count > 0) for run in runs(sessions)] == [
        (True, True),
        (False, False),
    ]
    assert (mails(sessions), standing_alarm(supervisor)) == ([], None)


def test_a_repair_that_never_comes_keeps_nothing_quiet_for_long(contract, sessions):
    night = datetime(2026, 11, 20, 2, 5, tzinfo=UTC)
    with clock.told_as(night), unit_of_work(SYSTEM, "test") as work:
        work.session.add(SlaCheck(asked_at=night - timedelta(days=1), repairs=True))
    with clock.told_as(night):
        check_tonight()
    assert [(run.repairs, run.finished_at is not None) for run in runs(sessions)] == [
        (True, False),
        (False, True),
    ]


def test_asking_twice_checks_once(make, sessions):
    supervisor = make.supervisor()
    ask_check(supervisor)
    ask_check(supervisor)
    (run,) = runs(sessions)
    assert run.asked_by == supervisor.name
