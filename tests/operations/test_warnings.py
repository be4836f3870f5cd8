"""A clock's warning: told once, to the right people, in their hours, if it is still so."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from sqlalchemy import select

from servicedesk.accounts.models import Notice, User
from servicedesk.core import clock, database
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.sla.evaluation import EventKind
from servicedesk.sla.jobs import watch
from servicedesk.sla.models import SlaEvent, SlaLedger
from servicedesk.tickets import warnings as telling
from servicedesk.tickets.handling import add_message, move_ticket, reclassify_ticket
from servicedesk.tickets.models import EntryKind, Impact, Queue, TicketEntry, Urgency
from servicedesk.tickets.queries import TicketFilter, ticket_view, tickets, tickets_by_due
from servicedesk.tickets.warnings import tell_warning
from tests.warning_story import (
    MONDAY,
    WHY,
    ClockStory,
    asked_again,
    audited,
    count_of,
    fresh,
    mails,
    names,
    rows,
    sweep_at,
    tell_at,
    threshold,
    warnings,
)

HOUR = timedelta(hours=1)
MADRID = ZoneInfo("Europe/Madrid")
# medium: 16 business hours of eight a day, from Monday ten on; half is used on Tuesday at ten
HALF = MONDAY + timedelta(days=1, minutes=1)
LATE = MONDAY + timedelta(days=2, minutes=1)


def outcomes() -> list[tuple[int, str | None]]:
    return [(row.percent, row.outcome) for row in warnings()]


def test_who_has_the_ticket_is_told_by_mail_and_in_the_desk(make):
    story = ClockStory(make, threshold(50, "assignee"))
    ticket = story.open()
    make.agent()
    story.give(ticket, story.agent)
    sweep_at(HALF)
    tell_at(HALF)
    (mail,) = mails()
    assert mail.to == story.agent.email
    assert mail.facts["reference"] == ticket.reference
    assert mail.facts["client"] == story.client.name
    assert (mail.facts["metric"], mail.facts["percent"]) == ("resolution", 50)
    assert mail.facts["left"] == (8 * HOUR - timedelta(minutes=1)).total_seconds()
    assert datetime.fromisoformat(mail.facts["due_at"]) == MONDAY + timedelta(days=2)
    (notice,) = rows(select(Notice))
    assert (notice.user_id, notice.kind) == (story.agent.user_id, telling.NOTICE)
    assert (notice.reference, notice.client_id) == (ticket.reference, story.client.id)
    (warning,) = warnings()
    assert (warning.outcome, warning.told_at) == ("told", HALF)
    assert warning.told_to == [story.agent.name]
    assert audited("tickets.tell_warning") == 1


def test_each_group_is_reached_and_each_person_once(make):
    everybody = ("assignee", "queue", "supervisors", "account_managers")
    story = ClockStory(make, threshold(50, *everybody))
    supervisor, other = make.supervisor(), make.agent()
    manager = make.person(Role.ACCOUNT_MANAGER, story.client)
    make.person(Role.ACCOUNT_MANAGER, make.client())  # looks after somebody else
    ticket = story.open()
    story.give(ticket, story.agent)
    sweep_at(HALF)
    tell_at(HALF)
    told = (story.agent, other, supervisor, manager)
    assert sorted(mail.to for mail in mails()) == sorted(person.email for person in told)
    assert sorted(warnings()[0].told_to) == names(*told)
    assert count_of(Notice) == len(told)


@pytest.mark.parametrize("reaches", ["supervisors", "account_managers"])
def test_nobody_else_is_told(make, reaches):
    story = ClockStory(make, threshold(50, reaches))
    person = {
        "supervisors": make.supervisor,
        "account_managers": lambda: make.person(Role.ACCOUNT_MANAGER, story.client),
    }[reaches]()
    story.open()
    sweep_at(HALF)
    tell_at(HALF)
    assert [mail.to for mail in mails()] == [person.email]


def test_for_a_missing_assignee_the_agents_are_told(make):
    story = ClockStory(make, threshold(50, "assignee"))
    other, gone = make.agent(), make.agent()
    ticket = story.open()
    story.give(ticket, gone)
    with database.acting_as(SYSTEM):
        database.session().get_one(User, gone.user_id).is_active = False
        database.session().commit()
    sweep_at(HALF)
    tell_at(HALF)
    assert warnings()[0].told_to == names(story.agent, other)


def test_a_job_that_runs_again_tells_nobody_again(make):
    story = ClockStory(make, threshold(50, "queue", raises=True))
    ticket = story.open()
    sweep_at(HALF)
    for _ in range(3):
        tell_at(HALF)
    assert len(mails()) == count_of(Notice) == 1
    assert fresh(ticket).escalation == 1
    assert audited("tickets.tell_warning") == 1


def test_two_workers_at_once_tell_once(make):
    story = ClockStory(make, threshold(50, "queue", raises=True, queue="security"))
    ticket = story.open()
    sweep_at(HALF)
    (warning,) = warnings()
    start, failed = threading.Barrier(4), []

    def work() -> None:
        try:
            with database.acting_as(SYSTEM), clock.told_as(HALF):
                start.wait(10)
                tell_warning(warning.id)
        except BaseException as error:  # noqa: BLE001  a thread tells nobody otherwise
            failed.append(error)
        finally:
            database.session().close()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert not failed
    assert len(mails()) == count_of(Notice) == 1
    assert fresh(ticket).escalation == 1


def test_a_worker_that_dies_half_way_has_told_nobody_and_the_next_one_tells(make, monkeypatch):
    story = ClockStory(make, threshold(50, "queue", raises=True))
    ticket = story.open()
    sweep_at(HALF)

    def die(*_anything: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(telling, "_settle", die)
        with pytest.raises(SystemExit):
            tell_at(HALF)
    assert mails() == []
    assert count_of(Notice) == fresh(ticket).escalation == 0
    tell_at(HALF)
    assert len(mails()) == count_of(Notice) == fresh(ticket).escalation == 1


@pytest.mark.parametrize("end", ["resolve", "cancel", "replan"])
def test_when_the_cause_is_gone_nobody_is_told_and_nothing_escalates(make, end):
    story = ClockStory(make, threshold(50, "queue", raises=True, queue="security"))
    ticket = story.open()
    sweep_at(HALF)
    with clock.told_as(HALF):
        if end == "resolve":
            move_ticket(story.agent, ticket.reference, "resolve", words="Done.", why=WHY)
        elif end == "cancel":
            move_ticket(story.contact, ticket.reference, "cancel")
        else:
            reclassify_ticket(story.agent, ticket.reference, Impact.LOW, Urgency.LOW)
    tell_at(HALF + HOUR)
    assert outcomes() == [(50, "cause_gone")]
    assert mails() == []
    assert count_of(Notice) == 0
    assert (fresh(ticket).escalation, fresh(ticket).queue) == (0, Queue.SUPPORT)
    assert warnings()[0].told_at is None


def test_a_wait_that_is_learnt_of_later_takes_the_cause_away(make):
    story = ClockStory(make, threshold(50, "queue"))
    ticket = story.open()
    sweep_at(HALF)
    with database.acting_as(SYSTEM):
        session = database.session()
        for number, (kind, hours) in enumerate(((EventKind.PAUSED, 1), (EventKind.RESUMED, 3))):
            session.add(
                SlaEvent(
                    client_id=story.client.id,
                    ledger_id=ticket.ledger_id,
                    sequence=10 + number,
                    at=MONDAY + hours * HOUR,
                    kind=kind,
                    party="device",
                    actor="test",
                )
            )
        session.commit()
    tell_at(HALF + timedelta(minutes=1))
    assert outcomes() == [(50, "cause_gone")]
    assert mails() == []


def test_while_the_clock_is_paused_it_is_asked_again_later_until_it_runs(make):
    story = ClockStory(make, threshold(50, "queue"))
    ticket = story.open()
    sweep_at(HALF)
    with clock.told_as(HALF):
        move_ticket(story.agent, ticket.reference, "wait_for_client", words="Which one?")
    tell_at(HALF + timedelta(seconds=1))
    assert outcomes() == [(50, None)]
    assert mails() == []
    assert asked_again()[1:] == [HALF + timedelta(seconds=1) + telling.ASKED_AGAIN]
    assert audited("tickets.tell_warning") == 0
    with clock.told_as(HALF + HOUR):
        add_message(story.contact, ticket.reference, "The left one.")
    tell_at(HALF + HOUR)
    assert outcomes() == [(50, "told")]
    assert len(mails()) == 1


def test_a_clock_that_was_set_back_does_not_forget_that_it_was_solved(make):
    story = ClockStory(make, threshold(50, "queue", raises=True))
    ticket = story.open()
    sweep_at(HALF)
    with clock.told_as(HALF + HOUR):
        move_ticket(story.agent, ticket.reference, "resolve", words="Done.", why=WHY)
    tell_at(HALF)
    assert outcomes() == [(50, "cause_gone")]


def test_a_clock_that_jumps_fires_each_threshold_once(make):
    story = ClockStory(make, threshold(50, "queue"), threshold(75, "queue"))
    story.open()
    for jump in (0, -300, 10, 3000, -3000, 0, 5000, 1):
        with time_machine.travel(HALF + timedelta(minutes=jump), tick=True):
            watch()
            for row in warnings():
                telling.tell_warning(row.id)
    assert sorted(percent for percent, _ in outcomes()) == [50, 75]
    assert len(mails()) == 2


def test_only_the_highest_threshold_of_a_look_is_told(make):
    story = ClockStory(make, threshold(50, "queue"), threshold(75, "queue", raises=True))
    ticket = story.open()
    sweep_at(LATE)
    tell_at(LATE)
    assert outcomes() == [(50, "passed_over"), (75, "told")]
    assert len(asked_again()) == len(mails()) == 1
    assert fresh(ticket).escalation == 1


def test_a_threshold_that_waits_for_the_morning_is_not_told_beside_a_higher_one(make):
    story = ClockStory(
        make, threshold(50, "queue"), threshold(75, "queue"), always=True, notice_calendar="office"
    )
    evening = datetime(2026, 11, 16, 18, tzinfo=MADRID)
    story.open(at=evening)
    for hours in (8.1, 12.1):  # 02:06 and 06:06
        sweep_at(evening + hours * HOUR)
    morning = datetime(2026, 11, 17, 8, tzinfo=MADRID)
    assert asked_again() == [morning, morning]
    tell_at(morning)
    assert outcomes() == [(50, "passed_over"), (75, "told")]
    assert len(mails()) == 1


def test_a_threshold_raises_the_escalation_and_never_the_priority(make):
    story = ClockStory(
        make, *(threshold(percent, "supervisors", raises=True) for percent in (50, 60, 70, 80, 90))
    )
    make.supervisor()
    ticket = story.open()
    for percent in (50, 60, 70, 80, 90):
        moment = _used(percent) + timedelta(minutes=1)
        sweep_at(moment)
        tell_at(moment)
    found = fresh(ticket)
    assert found.escalation == 3
    assert found.priority is ticket.priority
    ledger = rows(select(SlaLedger))[0]
    assert ledger.resolution_due_at == MONDAY + timedelta(days=2)
    assert len(mails()) == 5


def _used(percent: int) -> datetime:
    """When so much of 16 hours of nine to five is used, from Monday ten on."""
    hours = 16 * percent / 100 + 1  # since Monday at nine
    return MONDAY - HOUR + timedelta(days=hours // 8, hours=hours % 8)


def test_a_threshold_gives_the_ticket_to_a_queue_and_says_so_among_us(make):
    story = ClockStory(make, threshold(50, "assignee", queue="security"))
    ticket = story.open()
    story.give(ticket, story.agent)
    sweep_at(HALF)
    tell_at(HALF)
    found = fresh(ticket)
    assert (found.queue, found.assignee_id, found.assignee_name) == (Queue.SECURITY, None, None)
    entry = rows(select(TicketEntry).where(TicketEntry.kind == EntryKind.ESCALATED))[0]
    assert not entry.is_public
    assert entry.facts == {
        "plan": "Standard v1",
        "metric": "resolution",
        "percent": 50,
        "queue": "security",
    }
    ledger = rows(select(SlaLedger))[0]
    assert (ledger.queue, ledger.agent_id) == ("security", None)
    event = rows(select(SlaEvent).order_by(SlaEvent.id.desc()))[0]
    assert (event.kind, event.queue, event.agent_id) == (EventKind.ASSIGNED, "security", None)
    assert warnings()[0].told_to == [story.agent.name]


def test_escalated_tickets_are_found_and_seen_first(make):
    story = ClockStory(make, threshold(50, "queue", raises=True))
    calm = story.open("low", at=MONDAY - 4 * HOUR)
    hot = story.open("low")
    with database.acting_as(SYSTEM):
        session = database.session()
        session.merge(hot).escalation = 2
        session.commit()
    with database.acting_as(story.agent):
        found = tickets(story.agent, TicketFilter(escalated="1")).items
        assert [ticket.id for ticket in found] == [hot.id]
        by_due = tickets_by_due(story.agent, TicketFilter(assignee="none"))
        assert [ticket.id for ticket in by_due] == [hot.id, calm.id]


def test_a_client_does_not_see_whom_the_operator_told(make):
    story = ClockStory(make, threshold(50, "queue"))
    ticket = story.open()
    sweep_at(HALF)
    tell_at(HALF)
    for actor, seen in ((story.agent, 1), (story.contact, 0)):
        with database.acting_as(actor):
            assert len(ticket_view(actor, ticket.reference).warnings) == seen
            database.session().rollback()


NIGHT = datetime(2026, 11, 17, 3, tzinfo=MADRID)
MORNING = datetime(2026, 11, 17, 8, tzinfo=MADRID)


@pytest.mark.parametrize(
    ("priority", "hours", "told_at"), [("critical", 2, NIGHT), ("medium", 8, MORNING)]
)
def test_at_night_only_what_counts_round_the_clock_is_told(make, priority, hours, told_at):
    story = ClockStory(
        make,
        threshold(50, "queue"),
        always=True,
        notice_calendar="office",
        round_the_clock=["critical"],
    )
    story.open(priority, at=NIGHT - hours * HOUR)
    sweep_at(NIGHT)
    assert asked_again() == [told_at]


def test_nothing_is_told_at_midnight_and_nothing_of_a_cause_that_went_by_morning(make):
    story = ClockStory(make, threshold(50, "queue"), always=True, notice_calendar="office")
    ticket = story.open(at=NIGHT - 8 * HOUR)
    sweep_at(NIGHT)
    tell_at(NIGHT)  # a worker that does not keep to its time
    assert mails() == []
    assert asked_again() == [MORNING, MORNING]
    with clock.told_as(NIGHT + HOUR):
        move_ticket(story.contact, ticket.reference, "cancel")
    tell_at(MORNING)
    assert outcomes() == [(50, "cause_gone")]
    assert mails() == []


def test_it_is_told_once_however_often_the_clock_looks(make):
    story = ClockStory(make, threshold(50, "queue"), always=True, notice_calendar="office")
    story.open(at=NIGHT - 8 * HOUR)
    for minutes in range(0, 600, 30):
        sweep_at(NIGHT + timedelta(minutes=minutes))
    tell_at(MORNING)
    assert len(warnings()) == len(mails()) == len(asked_again()) == 1
