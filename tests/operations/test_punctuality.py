"""The punctuality of planned tasks: counted a second time, plainly, over runs of every kind."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest

from servicedesk.core import database
from servicedesk.core.actors import Role
from servicedesk.core.clock import told_as
from servicedesk.core.errors import NotFound
from servicedesk.planning.firing import MADE_UP, NO_CLOCK
from servicedesk.planning.models import OVER, Category, RunState
from servicedesk.planning.punctual import CLASSES, Figure, Wanted
from servicedesk.planning.punctuality import punctuality, runs_behind
from servicedesk.planning.running import STILL_RUNNING
from servicedesk.planning.schedule import Once
from tests.calendar_story import MADRID, NOW, planned, ran

MARCH = Wanted(month="2026-03")
LATER = datetime(2026, 3, 20, 12, tzinfo=UTC)
DUE = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def later():
    with told_as(LATER):
        yield


def counted(actor, wanted=MARCH):
    with database.acting_as(actor):
        database.session().expunge_all()
        database.session().rollback()
        found = punctuality(actor, wanted)
        database.session().rollback()
    return found


def task_of(author, client=None, **more):
    with told_as(NOW):
        schedule = Once(at=NOW + timedelta(days=300), zone=MADRID)
        return planned(author, client, schedule=schedule, **more)


def counts(run, now):
    """Whether a run counts, by the words of the definition."""
    if run.asked_by_name is not None or run.due_at > now:
        return False
    if run.state is RunState.CANCELLED and run.finished_at <= run.due_at:
        return False
    is_open = run.started_at is None and run.state not in OVER
    return not is_open or now - run.due_at > timedelta(minutes=5)


def plainly(run, now):
    """The class of a run by the words of the definition, or None where it does not count."""
    if not counts(run, now):
        return None
    made_up = run.state is RunState.SKIPPED and run.reason == MADE_UP
    never = run.started_at is None and run.state is RunState.CANCELLED
    if run.state is RunState.MISSED or made_up or never:
        return Figure.MISSED
    if run.state is RunState.SKIPPED:
        return Figure.LEFT_OUT
    in_time = run.started_at and run.started_at <= run.due_at + timedelta(minutes=5)
    return Figure.PUNCTUAL if in_time else Figure.LATE


def any_run(task, due, dice):
    state = dice.choice(list(RunState))
    over = state in OVER
    began = dice.random() < 0.7 and state not in {RunState.SKIPPED, RunState.PREPARED}
    delay = timedelta(seconds=dice.choice((0, 1, 299, 300, 301, 4000)))
    return ran(
        task,
        due,
        state,
        started_at=due + delay if began else None,
        finished_at=due + timedelta(minutes=dice.choice((-60, 0, 1, 90))) if over else None,
        reason=dice.choice((None, MADE_UP, STILL_RUNNING, NO_CLOCK)),
        asked_by_name="Somebody" if dice.random() < 0.1 else None,
    )


@pytest.mark.parametrize("seed", range(3))
def test_figures_and_lists_agree_with_a_plain_second_count(make, seed):
    dice = Random(seed)
    supervisor, client = make.supervisor(), make.client()
    tasks = [task_of(supervisor, client, category=dice.choice(list(Category)[:3])) for _ in "ab"]
    tasks.append(task_of(supervisor))
    made = []
    for number in range(90):
        day = dice.choice((-40, -3, 0, 5, 18))
        due = datetime(2026, 3, 2, tzinfo=UTC) + timedelta(days=day, minutes=number)
        if dice.random() < 0.1:
            due = LATER - timedelta(minutes=dice.randrange(8)) + timedelta(microseconds=number)
        task = dice.choice(tasks)
        made.append((task, any_run(task, due, dice)))
    month = [
        (task, run)
        for task, run in made
        if run.due_at.astimezone(ZoneInfo(MADRID)).strftime("%Y-%m") == "2026-03"
    ]
    expected = Counter(plainly(run, LATER) for _task, run in month)
    found = counted(supervisor)
    assert {figure: found.whole.amount(figure) for figure in CLASSES} == {
        figure: expected[figure] for figure in CLASSES
    }
    assert sum(one.planned for one in found.by_client) == found.whole.planned
    assert sum(one.planned for one in found.by_category) == found.whole.planned
    assert found.trend[-1].amounts == found.whole.amounts
    counting = [run for _task, run in month if plainly(run, LATER)]
    assert found.whole.amount(Figure.FAILED) == sum(
        run.state is RunState.FAILED for run in counting
    )
    for cut in (found.whole, *found.by_client, *found.by_category, *found.trend):
        for figure in Figure:
            behind = cut.behind.but(figure=figure.value)
            listed = runs_behind(supervisor, behind, size=200).items
            assert len(listed) == cut.amount(figure), (behind, figure)


def test_a_page_goes_on_where_the_last_one_ended(make):
    agent, client = make.agent(), make.client()
    task, other = task_of(agent, client), task_of(agent, client)
    for number in range(5):
        for each in (task, other):
            ran(each, DUE + timedelta(hours=number), RunState.MISSED, finished_at=LATER)
    seen, cursor = [], None
    for _ in range(5):
        page = runs_behind(agent, MARCH, cursor, size=3)
        seen += [run.id for run in page.items]
        cursor = page.next
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 10


def test_five_minutes_are_punctual_and_a_second_more_is_late(make):
    task = task_of(make.agent(), make.client())
    for hour, seconds in enumerate((0, 300, 301)):
        due = DUE + timedelta(hours=hour)
        ran(task, due, started_at=due + timedelta(seconds=seconds))
    whole = counted(make.supervisor()).whole
    assert (whole.amount(Figure.PUNCTUAL), whole.amount(Figure.LATE)) == (2, 1)
    assert whole.share == pytest.approx(2 / 3)


def test_a_month_is_that_of_the_operators_clock(make):
    task = task_of(make.agent(), make.client())
    ran(task, datetime(2026, 2, 28, 23, 30, tzinfo=UTC))  # half past midnight in Madrid
    assert counted(make.supervisor()).whole.planned == 1
    assert counted(make.supervisor(), Wanted(month="2026-02")).whole.planned == 0


def test_each_counts_what_they_see(make):
    mine, other = make.client(), make.client()
    agent, supervisor = make.agent(), make.supervisor()
    for author, client, shown in (
        (agent, mine, True),
        (agent, mine, False),
        (agent, other, True),
        (supervisor, None, True),
        (supervisor, None, False),
    ):
        ran(task_of(author, client, shown_to_client=shown), DUE)
    assert counted(make.contact(mine)).whole.planned == 2
    assert counted(make.person(Role.ACCOUNT_MANAGER, mine)).whole.planned == 4
    assert counted(agent).whole.planned == 5
    assert counted(agent, MARCH.but(client=mine.reference)).whole.planned == 2
    assert counted(agent, MARCH.but(client="-")).whole.planned == 2
    with pytest.raises(NotFound):
        counted(make.contact(other), MARCH.but(client=mine.reference))


def test_the_desks_own_housekeeping_counts_only_when_asked_for(make):
    supervisor = make.supervisor()
    task = task_of(supervisor)
    database.session().merge(task).key = "own"
    database.session().commit()
    ran(task, DUE)
    assert counted(supervisor).whole.planned == 0
    assert counted(supervisor, MARCH.but(own=True)).whole.planned == 1
    assert counted(make.contact(), MARCH.but(own=True)).whole.planned == 0


def test_a_month_beyond_the_thirteen_is_the_present_one(make):
    found = counted(make.supervisor(), Wanted(month="2020-01"))
    assert (found.wanted.month, len(found.months)) == ("2026-03", 13)
    assert found.whole.share is None
