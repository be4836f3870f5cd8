"""Asking what would have been: who may, what is counted, and what happens to a worker that dies."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select, text

from servicedesk.clients.models import Contract
from servicedesk.core import clock, database
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.core.audit import AuditEntry
from servicedesk.core.errors import Forbidden, InvalidInput, NotAllowedNow, NotFound
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.sla.cycles import Metric, Verdict
from servicedesk.sla.models import CalendarVersion, PlanVersion, SlaCycle, SlaTallyChange
from servicedesk.sla.replay import Change
from servicedesk.sla.what_if import counting, jobs, queries
from servicedesk.sla.what_if.asking import ask_what_if, cancel_what_if, months_before
from servicedesk.sla.what_if.figures import by_metric, from_json
from servicedesk.sla.what_if.models import WhatIf, WhatIfChange, WhatIfState
from servicedesk.sla.what_if.wishes import Wish
from servicedesk.tickets.handling import move_ticket, reclassify_ticket
from servicedesk.tickets.models import Impact, Urgency
from tests.warning_story import WHY

MONDAY = datetime(2026, 11, 16, 9, tzinfo=UTC)  # ten in Madrid
DECEMBER = datetime(2026, 12, 10, 9, tzinfo=UTC)
NOVEMBER = date(2026, 11, 1)


class Story:
    """A client of whose tickets some were resolved in November, after so many hours."""

    def __init__(self, make, *hours: float) -> None:
        self.make = make
        self.client = make.client()
        self.contact, self.agent = make.contact(self.client), make.agent()
        self.supervisor = make.supervisor()
        self.tickets = [self.resolved(taken) for taken in hours]

    def resolved(self, hours: float, start: datetime = MONDAY):
        with clock.told_as(start):
            ticket = self.make.request(
                self.contact, "device.lock", self.make.device(self.client, "ios")
            )
        with clock.told_as(start + timedelta(hours=hours)):
            move_ticket(self.agent, ticket.reference, "resolve", words="Done.", why=WHY)
        return ticket

    @property
    def contract(self) -> str:
        with database.acting_as(SYSTEM):
            session = database.session()
            query = select(Contract.reference).where(Contract.client_id == self.client.id)
            found = session.scalars(query).one()
            session.expunge_all()
            session.rollback()
        return found

    def wish(self, **more) -> Wish:
        return Wish(**({"contract": self.contract, "months": 1, "factor_percent": 50} | more))

    def ask(self, actor=None, now=DECEMBER, **more) -> WhatIf:
        with clock.told_as(now):
            return ask_what_if(actor or self.supervisor, self.wish(**more))

    def answered(self, actor=None, now=DECEMBER, **more) -> WhatIf:
        asked = self.ask(actor, now, **more)
        jobs.count(what_if_id=asked.id)
        return self.seen(asked, actor)

    def seen(self, asked, actor=None) -> WhatIf:
        with database.acting_as(actor or self.supervisor):
            session = database.session()
            session.expunge_all()
            found = queries.what_if_named(actor or self.supervisor, asked.reference)
            session.expunge_all()
            session.rollback()
        return found

    def changes(self, asked) -> list[WhatIfChange]:
        with database.acting_as(self.supervisor):
            found = queries.changes_of(self.supervisor, asked, "", None, 200).items
            database.session().expunge_all()
            database.session().rollback()
        return found


def resolution_of(what_if):
    return by_metric(from_json(what_if.result))[Metric.RESOLUTION]


def everything_but(*left_out) -> dict[str, object]:
    """Return what every table says, to compare it with what it says later."""
    session = database.session()
    session.expunge_all()
    session.rollback()
    said = {
        table.name: session.execute(
            text(
                f"SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM \"{table.name}\" t"
            )
        ).scalar_one()
        for table in WhatIf.metadata.sorted_tables
        if table.name not in left_out
    }
    session.expunge_all()
    session.rollback()
    return said


OWN = ("sla_what_if", "sla_what_if_change", "audit_entry", "audit_head", "reference_counter")


def test_a_tighter_plan_says_what_would_breach_and_by_how_much(make):
    story = Story(make, 1, 10, 17)  # low priority: 32 business hours for the resolution
    late = story.resolved(45)  # over the night and the next day: 16 hours of business time
    found = story.answered(factor_percent=45)
    assert (found.state, found.done, found.total) == (WhatIfState.DONE, 4, 4)
    assert (found.first_month, found.last_month) == (NOVEMBER, NOVEMBER)
    figures = resolution_of(found)
    assert (figures.was.decided, figures.was.met, figures.was.breached) == (4, 4, 0)
    assert (figures.would.decided, figures.would.met, figures.would.breached) == (4, 3, 1)
    assert figures.difference == -0.25
    changes = [change for change in story.changes(found) if change.metric is Metric.RESOLUTION]
    (change,) = changes
    assert (change.subject, change.change) == (late.reference, Change.WORSE)
    assert (change.was, change.would) == (Verdict.MET, Verdict.BREACHED)
    assert change.was_used_seconds == change.would_used_seconds
    assert change.would_target_seconds * 100 == change.was_target_seconds * 45


def test_the_very_plan_and_calendar_in_force_change_nothing_and_agree_with_the_figures(make):
    story = Story(make, 1, 30, 100)
    with database.acting_as(SYSTEM):
        session = database.session()
        plan, calendar = (
            str(session.scalars(select(model.id)).one()) for model in (PlanVersion, CalendarVersion)
        )
        session.expunge_all()
        session.rollback()
    found = story.answered(plan=plan, calendar=calendar, factor_percent=100)
    assert story.changes(found) == []
    with database.acting_as(SYSTEM):
        session = database.session()
        counted = dict(
            session.execute(
                select(SlaCycle.verdict, func.count())
                .where(SlaCycle.month == NOVEMBER, SlaCycle.metric == Metric.RESOLUTION)
                .group_by(SlaCycle.verdict)
            ).all()
        )
        session.expunge_all()
        session.rollback()
    figures = resolution_of(found)
    assert figures.was == figures.would
    assert counted == {Verdict.MET: figures.was.met, Verdict.BREACHED: figures.was.breached}


def test_a_draft_whose_date_has_not_come_is_tried_as_if_it_had_ruled(make):
    story = Story(make, 10)
    with database.acting_as(SYSTEM):
        session = database.session()
        draft = {
            "targets": {
                "request": {
                    "low": {"resolution": {"seconds": 3600}},
                    "critical": {"resolution": {"working_days": 3}},
                }
            },
            "thresholds": [],
            "notice_calendar": "",
            "round_the_clock": [],
        }
        version = PlanVersion(
            code="standard",
            version=2,
            name="Standard",
            effective_on=date(2027, 1, 1),
            definition=draft,
            created_at=MONDAY,
            author_name=SYSTEM.name,
        )
        session.add(version)
        session.commit()
        plan = str(version.id)
    with clock.told_as(MONDAY):
        ticket = make.request(story.contact, "device.lock", make.device(story.client, "ios"))
    with clock.told_as(MONDAY + timedelta(hours=1)):
        reclassify_ticket(story.agent, ticket.reference, Impact.HIGH, Urgency.HIGH)
    with clock.told_as(MONDAY + timedelta(hours=30)):
        move_ticket(story.agent, ticket.reference, "resolve", words="Done.", why=WHY)
    found = story.answered(plan=plan, factor_percent=100)
    told = {(row.subject, row.metric): (row.was, row.would) for row in story.changes(found)}
    first = story.tickets[0].reference
    assert told[first, Metric.RESOLUTION] == (Verdict.MET, Verdict.BREACHED)
    # its priority keeps its own row of the draft, in working days
    assert told[ticket.reference, Metric.RESOLUTION] == (Verdict.BREACHED, Verdict.MET)
    assert told[first, Metric.FIRST_RESPONSE] == (Verdict.MET, None)  # not promised any more


def test_single_targets_are_tried_as_typed(make):
    story = Story(make, 3)
    found = story.answered(factor_percent=100, targets={"request_low_resolution": "1,5 h"})
    assert found.definition["targets"] == [["request", "low", "resolution", {"seconds": 5400}]]
    (change,) = story.changes(found)
    assert (change.change, change.would_target_seconds) == (Change.WORSE, 5400)
    none = story.answered(factor_percent=100, targets={"request_low_resolution": "-"})
    (change,) = story.changes(none)
    assert (change.change, change.would) == (Change.DROPPED, None)


def test_only_these_months_and_only_this_contract_are_counted(make):
    story, other = Story(make, 1), Story(make, 1, 1)
    story.resolved(1, MONDAY - timedelta(days=31))  # October
    story.resolved(1, DECEMBER - timedelta(days=1))  # the month that is not over
    assert story.answered().total == 1
    assert story.answered(months=2).total == 2
    assert other.answered(months=13).total == 2
    assert [months_before(date(2026, 1, 1), count) for count in (1, 12, 13)] == [
        date(2025, 12, 1),
        date(2025, 1, 1),
        date(2024, 12, 1),
    ]


def test_nothing_else_changes_and_who_asked_is_on_the_record(make):
    story = Story(make, 1, 45)
    before = everything_but(*OWN)
    found = story.ask()
    queued = "procrastinate_jobs"
    assert queued not in before
    jobs.count(what_if_id=found.id)
    assert everything_but(*OWN) == before
    with database.acting_as(SYSTEM):
        session = database.session()
        acts = session.execute(
            select(AuditEntry.act, AuditEntry.actor, AuditEntry.chain)
            .where(AuditEntry.subject == found.reference)
            .order_by(AuditEntry.id)
        ).all()
        assert session.scalar(select(func.count(SlaTallyChange.id)))
        session.expunge_all()
        session.rollback()
    assert [tuple(act) for act in acts] == [
        ("what_if.ask", story.supervisor.name, story.client.id),
        ("what_if.count", SYSTEM.name, story.client.id),
    ]


def test_a_worker_that_dies_in_between_leaves_whole_pieces_and_the_next_goes_on(make, monkeypatch):
    story = Story(make, 1, 2, 3, 45, 46)
    monkeypatch.setattr(counting, "PIECE", 2)
    whole = story.answered(factor_percent=45)
    asked = story.ask(factor_percent=45)
    with unit_of_work(SYSTEM, "what_if.count") as work:
        assert counting.count_piece(work, asked.id)
    halfway = story.seen(asked)
    assert (halfway.state, halfway.done, halfway.total) == (WhatIfState.RUNNING, 2, 5)

    class Killed(BaseException):
        pass

    def die(*_) -> None:
        raise Killed

    with monkeypatch.context() as patch:  # after it has counted, before the commit
        patch.setattr(counting, "to_json", die)
        with pytest.raises(Killed):
            jobs.count(what_if_id=asked.id)
    assert story.seen(asked).done == 2
    assert len(story.changes(asked)) == 0
    jobs.count(what_if_id=asked.id)
    jobs.count(what_if_id=asked.id)  # a second worker, or the same job once more
    done = story.seen(asked)
    assert (done.state, done.done, done.result) == (WhatIfState.DONE, 5, whole.result)
    assert [c.subject for c in story.changes(done)] == [c.subject for c in story.changes(whole)]


def test_a_cancelled_one_is_counted_no_further(make, monkeypatch):
    story = Story(make, 1, 2, 3)
    monkeypatch.setattr(counting, "PIECE", 1)
    asked = story.ask()
    with unit_of_work(SYSTEM, "what_if.count") as work:
        counting.count_piece(work, asked.id)
    cancel_what_if(story.supervisor, asked.reference)
    jobs.count(what_if_id=asked.id)
    found = story.seen(asked)
    assert (found.state, found.done) == (WhatIfState.CANCELLED, 1)
    with pytest.raises(NotAllowedNow):
        cancel_what_if(story.supervisor, asked.reference)


def test_one_that_cannot_be_counted_says_so_and_is_not_tried_for_ever(make, monkeypatch):
    story = Story(make, 1)
    asked = story.ask()

    def fail(*_) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(counting, "replay", fail)
    with pytest.raises(RuntimeError):
        jobs.count(what_if_id=asked.id)
    found = story.seen(asked)
    assert (found.state, found.fault) == (
        WhatIfState.FAILED,
        "An error of ours stopped it. It was noted.",
    )
    jobs.count(what_if_id=asked.id)  # tried again: there is nothing left to do


def test_silence_of_the_worker_shows(make):
    story = Story(make)
    asked = story.ask()
    assert not asked.is_stalled(DECEMBER + timedelta(seconds=59))
    assert asked.is_stalled(DECEMBER + timedelta(seconds=61))


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"contract": "CTR-9999"}, "contract"),
        ({"months": 0}, "months"),
        ({"months": 14}, "months"),
        ({"plan": "77"}, "plan"),
        ({"plan": "x"}, "plan"),
        ({"calendar": "9" * 18}, "calendar"),
        ({"factor_percent": 9}, "factor_percent"),
        ({"factor_percent": 100}, "plan"),  # nothing would be different
    ],
)
def test_what_cannot_be_asked_is_refused_at_its_field(make, more, field):
    story = Story(make)
    with pytest.raises(InvalidInput) as refused:
        story.ask(**more)
    assert refused.value.field == field


def test_every_target_that_cannot_be_read_is_named(make):
    story = Story(make)
    with pytest.raises(InvalidInput) as refused:
        story.ask(targets={"incident_high_resolution": "soon", "query_low_resolution": "0 h"})
    assert set(refused.value.faults) == {"incident_high_resolution", "query_low_resolution"}


def test_nobody_has_more_than_three_counted_at_a_time(make):
    story = Story(make)
    asked = [story.ask() for _ in range(3)]
    with pytest.raises(NotAllowedNow):
        story.ask()
    story.ask(make.supervisor())
    jobs.count(what_if_id=asked[0].id)
    story.ask()


def test_who_may_ask_and_who_sees_it(make):
    story = Story(make)
    manager = make.person(Role.ACCOUNT_MANAGER, story.client)
    stranger = make.person(Role.ACCOUNT_MANAGER, make.client())
    asked = story.answered(manager)
    assert asked.state is WhatIfState.DONE
    for actor in (story.agent, story.contact):
        with pytest.raises(Forbidden):
            story.ask(actor)
        with pytest.raises(Forbidden):
            queries.what_ifs(actor)
    with pytest.raises(InvalidInput):
        story.ask(stranger)
    with pytest.raises(NotFound):
        cancel_what_if(stranger, asked.reference)
    with database.acting_as(stranger):
        with pytest.raises(NotFound):
            queries.what_if_named(stranger, asked.reference)
        assert queries.what_ifs(stranger).items == []
        database.session().expunge_all()
        database.session().rollback()


def test_not_even_a_row_of_their_own_client_exists_for_a_contact(make):
    story = Story(make, 45)
    story.answered(factor_percent=10)
    for table in ("sla_what_if", "sla_what_if_change"):
        for actor, count in ((story.supervisor, 1), (story.contact, 0)):
            with database.acting_as(actor):
                session = database.session()
                seen = session.execute(text(f"SELECT DISTINCT 1 FROM {table}")).all()
                session.expunge_all()
                session.rollback()
            assert len(seen) == count, (table, actor.role)
