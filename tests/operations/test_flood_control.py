"""What goes wrong again and again is one incident with few words, and ends by itself when it is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from servicedesk.core import database
from servicedesk.core.clock import told_as
from servicedesk.core.text import Text
from servicedesk.devices import fleet_engines
from servicedesk.devices.engines.contract import EngineHealth
from servicedesk.planning.firing import fire_due
from servicedesk.planning.models import PlannedRun, PlannedTask, RunState
from servicedesk.planning.running import run
from servicedesk.planning.shipping import SHIPPED, ship_tasks
from servicedesk.tickets.handling import add_message, move_ticket
from servicedesk.tickets.models import EntryKind, Ticket, TicketEntry, TicketState

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
FIVE = timedelta(minutes=5)


class Engine:
    key = "sandbox"
    is_there = True

    def health(self):
        return EngineHealth(reachable=self.is_there, detail="", milliseconds=5)


class Watch:
    """The check of engines that ships, run every five minutes."""

    def __init__(self, make) -> None:
        self.make, self.at = make, START
        self.supervisor = make.supervisor()
        self.engine = Engine()
        fleet_engines.use_engines({"sandbox": self.engine})
        with told_as(START):
            ship_tasks(tuple(one for one in SHIPPED if one.key == "engines"))

    def pass_by(self, times: int = 1, *, is_there: bool) -> list[RunState]:
        """Let so many times pass; return how their runs ended."""
        self.engine.is_there, ended = is_there, []
        for _ in range(times):
            self.at += FIVE
            session = fresh()
            fire_due(session, self.at)
            session.commit()
            queued = select(PlannedRun.id).where(PlannedRun.state == RunState.QUEUED)
            run_id = session.scalars(queued).one()
            session.rollback()
            with told_as(self.at):
                run(run_id)
            ended.append(fresh().get_one(PlannedRun, run_id).state)
        return ended

    def skip(self, **time: int) -> None:
        """Let time pass in which no run is made."""
        self.at += timedelta(**time)
        session = fresh()
        task = session.scalars(select(PlannedTask)).one()
        task.next_due_at = self.at + FIVE
        session.commit()

    @property
    def incidents(self) -> list[Ticket]:
        return list(fresh().scalars(select(Ticket).order_by(Ticket.id)))

    @property
    def incident(self) -> Ticket:
        (found,) = self.incidents
        return found

    @property
    def notes(self) -> list[str]:
        query = select(TicketEntry).where(TicketEntry.kind == EntryKind.DESK_NOTE)
        entries = fresh().scalars(query.order_by(TicketEntry.id)).all()
        assert not any(entry.is_public for entry in entries)
        return [str(Text.from_json(entry.facts)) for entry in entries]


def fresh():
    session = database.session()
    session.expunge_all()
    session.rollback()
    return session


@pytest.fixture
def watch(make) -> Watch:
    return Watch(make)


def test_a_check_that_finds_the_same_every_five_minutes_tells_it_once_a_day(watch):
    assert watch.pass_by(30, is_there=False) == [RunState.PROBLEMS] * 30
    assert len(watch.notes) == 1
    assert "sandbox does not answer" in watch.notes[0]
    assert watch.incident.state is TicketState.NEW
    runs = fresh().scalar(
        select(func.count(PlannedRun.incident_id)).where(PlannedRun.incident_id.is_not(None))
    )
    assert runs == 30  # every run leads to it
    watch.skip(hours=25)
    watch.pass_by(2, is_there=False)
    assert len(watch.notes) == 2
    assert watch.incident.requester_id == watch.supervisor.user_id


def test_something_else_is_told_at_once(watch):
    watch.pass_by(2, is_there=False)
    fleet_engines.use_engines({})
    watch.make.device(watch.make.client())
    watch.pass_by(2, is_there=False)
    assert len(watch.notes) == 2
    assert "the settings do not name it" in watch.notes[1]
    assert len(watch.incidents) == 1


def test_an_incident_that_nobody_touched_is_resolved_when_all_is_well_for_a_while(watch):
    watch.pass_by(1, is_there=False)
    assert watch.pass_by(5, is_there=True) == [RunState.DONE] * 5
    assert watch.incident.state is TicketState.NEW  # not yet: it might come back
    watch.pass_by(2, is_there=True)
    assert watch.incident.state is TicketState.RESOLVED
    assert len(watch.notes) == 2
    assert watch.notes[1].startswith("All right again")
    watch.pass_by(5, is_there=True)
    assert len(watch.notes) == 2


def test_what_somebody_took_or_spoke_about_is_left_to_them_with_one_note(watch):
    watch.pass_by(1, is_there=False)
    move_ticket(watch.supervisor, watch.incident.reference, "take")
    watch.pass_by(10, is_there=True)
    assert watch.incident.state is TicketState.IN_PROGRESS
    assert len(watch.notes) == 2


def test_a_word_of_a_person_is_touching_it_too(watch):
    watch.pass_by(1, is_there=False)
    add_message(watch.supervisor, watch.incident.reference, "I call them.", is_public=False)
    watch.pass_by(10, is_there=True)
    assert watch.incident.state is TicketState.NEW


def test_what_comes_and_goes_every_few_minutes_stays_one_open_incident(watch):
    for number in range(12):
        watch.pass_by(1, is_there=number % 2 == 0)
    assert watch.incident.state is TicketState.NEW
    assert len(watch.notes) == 1


def test_what_comes_back_within_a_day_is_the_same_incident_again(watch):
    watch.pass_by(1, is_there=False)
    watch.pass_by(8, is_there=True)
    assert watch.incident.state is TicketState.RESOLVED
    watch.pass_by(1, is_there=False)
    assert (watch.incident.state, watch.incident.reopened_count) == (TicketState.IN_PROGRESS, 1)
    assert len(watch.notes) == 3
    watch.pass_by(8, is_there=True)
    assert watch.incident.state is TicketState.RESOLVED
    watch.skip(hours=30)
    watch.pass_by(1, is_there=False)
    assert [one.state for one in watch.incidents] == [TicketState.RESOLVED, TicketState.NEW]


def test_its_subject_is_in_the_language_of_the_house(watch):
    watch.pass_by(1, is_there=False)
    task = fresh().scalars(select(PlannedTask)).one()
    assert task.reference in watch.incident.subject
    assert task.title not in watch.incident.subject
