"""People plan, approve, switch and end tasks: who may, when, and what follows."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select

from servicedesk.accounts.models import User
from servicedesk.accounts.second_person import TooNew
from servicedesk.core import database
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.core.audit import AuditEntry
from servicedesk.core.clock import told_as
from servicedesk.core.errors import Conflict, Forbidden, InvalidInput, NotAllowedNow, NotFound
from servicedesk.orders.approval import ContentChanged, OwnApproval
from servicedesk.orders.checking import BadParameters
from servicedesk.planning.dry_run import dry_run, dry_run_of_draft
from servicedesk.planning.models import (
    MisfirePolicy,
    PlannedRun,
    PlannedTask,
    RunState,
    TaskState,
    WorkKind,
)
from servicedesk.planning.preparing import prepare_runs
from servicedesk.planning.schedule import After, Cron, Interval, Once, Unit, from_json
from servicedesk.planning.tasks import (
    adjust_schedule,
    approve_task,
    change_task,
    end_task,
    plan_task,
    switch_off,
    switch_on,
)
from tests.planned_task_story import (
    FIRST,
    MADRID,
    action_draft,
    approver,
    check_draft,
    runs_of,
    steps_draft,
)

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NIGHTLY = Cron(expression="30 2 * * *", zone=MADRID)


@pytest.fixture(autouse=True)
def nine_o_clock():
    with told_as(NOW):
        yield


@pytest.fixture
def story(make):
    client = make.client()
    return client, make.agent(), make.fleet(client, 3)


def disruptive(client, devices, **more):
    return action_draft(client, devices, "device.lock", **more)


def test_what_interrupts_runs_only_once_a_second_person_approved_it(make, story):
    client, author, phones = story
    task = plan_task(author, disruptive(client, phones))
    assert (task.state, task.next_due_at) == (TaskState.AWAITING_APPROVAL, None)
    with pytest.raises(OwnApproval):
        approve_task(author, task.reference, task.content_hash)
    other = approver(make)
    task = approve_task(other, task.reference, task.content_hash)
    assert (task.state, task.approved_by_id) == (TaskState.ACTIVE, other.user_id)
    assert task.next_due_at == datetime(2026, 3, 2, 10, tzinfo=UTC)
    with pytest.raises(NotAllowedNow):
        approve_task(approver(make), task.reference, task.content_hash)


def test_the_approver_signs_what_was_shown(make, story):
    client, author, phones = story
    task = plan_task(author, disruptive(client, phones))
    seen = task.content_hash
    changed = change_task(author, task.reference, disruptive(client, phones[:1]), task.version)
    with pytest.raises(ContentChanged):
        approve_task(approver(make), task.reference, seen)
    assert approve_task(approver(make), task.reference, changed.content_hash).approved_hash != seen


def test_a_fresh_role_approves_nothing(make, story):
    client, author, phones = story
    task = plan_task(author, disruptive(client, phones))
    fresh = make.agent()
    with database.acting_as(SYSTEM):
        session = database.session()
        session.get_one(User, fresh.user_id).role_since = NOW
        session.commit()
    with pytest.raises(TooNew):
        approve_task(fresh, task.reference, task.content_hash)


def test_a_change_of_the_content_voids_the_approval_and_of_words_does_not(make, story):
    client, _agent, phones = story
    author = approver(make)
    task = plan_task(author, disruptive(client, phones))
    approve_task(approver(make), task.reference, task.content_hash)
    draft = disruptive(client, phones, title="Another title")
    task = change_task(author, task.reference, draft, task.version + 1)
    assert task.state is TaskState.ACTIVE
    other = make.agent()
    draft = disruptive(client, phones[:2], title="Another title")
    task = change_task(other, task.reference, draft, task.version)
    assert (task.state, task.approved_by_id) == (TaskState.AWAITING_APPROVAL, None)
    with pytest.raises(OwnApproval):  # who changed it is its author now
        approve_task(other, task.reference, task.content_hash)
    assert approve_task(author, task.reference, task.content_hash).state is TaskState.ACTIVE


def test_who_saves_an_old_form_changes_nothing(make, story):
    client, author, phones = story
    task = plan_task(author, action_draft(client, phones))
    first = change_task(author, task.reference, action_draft(client, phones[:1]), task.version)
    with pytest.raises(Conflict):
        change_task(author, task.reference, action_draft(client, phones[:2]), first.version - 1)
    assert database.session().get_one(PlannedTask, task.id).device_ids == [phones[0].id]


def test_switched_off_means_nothing_is_due_until_it_is_on_again(story):
    client, author, phones = story
    task = plan_task(author, action_draft(client, phones))
    task = switch_off(author, task.reference)
    assert (task.state, task.next_due_at) == (TaskState.PAUSED, None)
    assert switch_off(author, task.reference).state is TaskState.PAUSED
    with told_as(NOW + timedelta(days=10)):
        task = switch_on(author, task.reference)
    assert task.next_due_at == datetime(2026, 3, 16, 10, tzinfo=UTC)
    with pytest.raises(NotAllowedNow):
        switch_on(author, task.reference)


def test_a_paused_task_that_is_changed_stays_paused(story):
    client, author, phones = story
    task = plan_task(author, action_draft(client, phones))
    task = switch_off(author, task.reference)
    task = change_task(author, task.reference, action_draft(client, phones[:1]), task.version)
    assert task.state is TaskState.PAUSED


def test_once_is_not_switched_on_after_its_time(story):
    client, author, _phones = story
    once = Once(at=NOW + timedelta(hours=1), zone=MADRID)
    task = plan_task(author, steps_draft(client, schedule=once))
    switch_off(author, task.reference)
    with told_as(NOW + timedelta(hours=2)), pytest.raises(NotAllowedNow):
        switch_on(author, task.reference)


def test_the_end_calls_off_what_was_prepared_and_is_for_good(story):
    client, author, _phones = story
    task = plan_task(author, steps_draft(client, notice_days=5))
    prepare_runs()
    assert [run.state for run in runs_of(task)] == [RunState.PREPARED] * 2
    end_task(author, task.reference)
    assert {run.state for run in runs_of(task)} == {RunState.CANCELLED}
    for act in (switch_on, switch_off, end_task):
        with pytest.raises(NotAllowedNow):
            act(author, task.reference)


def shipped(make):
    task = plan_task(make.supervisor(), check_draft())
    with database.acting_as(SYSTEM):
        session = database.session()
        session.get_one(PlannedTask, task.id).key = "engines"
        session.commit()
    return task.reference


def test_of_what_ships_only_a_supervisor_changes_only_when_it_runs(make):
    reference, supervisor = shipped(make), make.supervisor()
    task = adjust_schedule(supervisor, reference, NIGHTLY, window_minutes=60)
    assert from_json(task.schedule) == NIGHTLY
    assert task.next_due_at == datetime(2026, 3, 3, 1, 30, tzinfo=UTC)
    with pytest.raises(Forbidden):
        adjust_schedule(make.agent(), reference, NIGHTLY, window_minutes=None)
    with pytest.raises(Conflict):
        adjust_schedule(supervisor, reference, NIGHTLY, window_minutes=None, version=1)
    with pytest.raises(NotAllowedNow):
        adjust_schedule(supervisor, reference, After(minutes=1, zone=MADRID), window_minutes=None)
    with pytest.raises(NotAllowedNow):
        end_task(supervisor, reference)
    with pytest.raises(Forbidden):
        switch_off(make.agent(), reference)
    assert switch_off(supervisor, reference).state is TaskState.PAUSED
    assert adjust_schedule(supervisor, reference, NIGHTLY, window_minutes=None).next_due_at is None


@pytest.mark.parametrize(
    ("schedule", "window", "field"),
    [
        (Cron(expression="nonsense", zone=MADRID), None, "cron"),
        (Cron(expression="0 0 30 2 *", zone=MADRID), None, "cron"),
        (Cron(expression="* * * * *", zone="Nowhere/City"), None, "zone"),
        (NIGHTLY, 4, "window_minutes"),
        (NIGHTLY, 10**9, "window_minutes"),
        (Interval(count=0, unit=Unit.DAY, starts_at=FIRST, zone=MADRID), None, "interval_count"),
        (
            Interval(
                count=1,
                unit=Unit.DAY,
                starts_at=FIRST.replace(year=9999),
                zone=MADRID,
            ),
            None,
            "interval_starts_at",
        ),
        (
            Interval(count=1, unit=Unit.DAY, starts_at=FIRST, zone=MADRID, until=date(2025, 1, 1)),
            None,
            "schedule",
        ),
    ],
)
def test_what_cannot_be_kept_is_not_adjusted(make, schedule, window, field):
    with pytest.raises(InvalidInput) as refused:
        adjust_schedule(make.supervisor(), shipped(make), schedule, window_minutes=window)
    assert refused.value.field == field


@pytest.mark.parametrize("role", [Role.CONTACT, Role.ACCOUNT_MANAGER])
def test_who_only_reads_changes_nothing_and_of_others_does_not_even_know(make, story, role):
    client, author, phones = story
    task = plan_task(author, action_draft(client, phones))
    reader, stranger = make.person(role, client), make.person(role, make.client())
    draft = action_draft(client, phones[:1])
    for who, refusal in ((reader, Forbidden), (stranger, NotFound)):
        for act in (switch_off, switch_on, end_task):
            with pytest.raises(refusal):
                act(who, task.reference)
        with pytest.raises(refusal):
            approve_task(who, task.reference, task.content_hash)
        with pytest.raises(refusal):
            change_task(who, task.reference, draft, task.version)
        with pytest.raises(refusal):
            adjust_schedule(who, task.reference, NIGHTLY, window_minutes=None)
    with pytest.raises(Forbidden):
        plan_task(reader, draft)


def test_an_agent_plans_for_a_client_and_not_for_the_whole_service(make):
    with pytest.raises(InvalidInput) as refused:
        plan_task(make.agent(), check_draft())
    assert refused.value.field == "client"


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"client": "CLI-9999"}, "client"),
        ({"title": " "}, "title"),
        ({"title": "a\x00b"}, "title"),
        ({"groups": ["Nobody's"]}, "groups"),
        ({"devices": ["DEV-999999"]}, "devices"),
        ({"devices": [], "groups": []}, "devices"),
        ({"work_kind": WorkKind.CHECK}, "code"),
        ({"owner_id": 999_999}, "owner_id"),
        ({"incident": "INC-2026-999999"}, "incident"),
        ({"misfire": MisfirePolicy.RUN_EACH}, "overlap"),
        ({"notice_days": 2, "shown_to_client": False}, "notice_days"),
        ({"schedule": After(minutes=5, zone=MADRID), "after": "TP-2026-999999"}, "after"),
        ({"schedule": Once(at=NOW, zone=MADRID)}, "once_at"),
        ({"work_kind": WorkKind.CHECKLIST, "steps": ["  "]}, "steps"),
    ],
)
def test_what_a_draft_lacks_is_said_beside_its_field_and_tried_the_same(story, more, field):
    client, author, phones = story
    draft = action_draft(client, phones, **more)
    for act in (plan_task, dry_run_of_draft):
        with pytest.raises(InvalidInput) as refused:
            act(author, draft)
        assert refused.value.field == field


def test_groups_and_devices_of_another_client_do_not_exist(make, story):
    client, author, _phones = story
    foreign = make.device(make.client(), "android")
    with pytest.raises(InvalidInput) as refused:
        plan_task(author, action_draft(client, [foreign]))
    assert refused.value.field == "devices"
    with pytest.raises(BadParameters):
        plan_task(author, action_draft(client, [], parameters={"text": ""}))


def test_a_try_tells_what_would_be_and_writes_nothing(make, story):
    client, author, phones = story
    old = make.device(client, "old")
    session = database.session()
    entries = session.scalar(select(func.count()).select_from(AuditEntry))
    tried = dry_run_of_draft(author, action_draft(client, [*phones, old]))
    assert (tried.reach.able, tried.reach.devices) == (3, 4)
    assert len(tried.next_dues) == 5
    assert tried.hindrance is None
    session.rollback()
    assert session.scalar(select(func.count()).select_from(PlannedTask)) == 0
    assert session.scalar(select(func.count()).select_from(PlannedRun)) == 0
    assert session.scalar(select(func.count()).select_from(AuditEntry)) == entries


def test_a_try_of_a_change_leaves_the_task_and_hears_of_circles(story):
    client, author, phones = story
    task = plan_task(author, action_draft(client, phones))
    follower = plan_task(
        author,
        steps_draft(client, schedule=After(minutes=5, zone=MADRID), after=task.reference),
    )
    tried = dry_run_of_draft(author, action_draft(client, phones[:1]), task.reference)
    assert tried.reach.devices == 1
    assert dry_run(author, task.reference).reach.devices == 3
    circle = action_draft(
        client, phones, schedule=After(minutes=1, zone=MADRID), after=follower.reference
    )
    with pytest.raises(InvalidInput) as refused:
        dry_run_of_draft(author, circle, task.reference)
    assert refused.value.field == "after"


def test_a_dry_run_says_when_nothing_would_be_done(make, story):
    client, author, _phones = story
    task = plan_task(author, action_draft(client, [make.device(client, "old")]))
    assert dry_run(make.contact(client), task.reference).hindrance is not None


def test_a_contact_does_not_try_what_concerns_every_client(make, story):
    client, _author, _phones = story
    task = plan_task(make.supervisor(), check_draft())
    with pytest.raises(Forbidden):
        dry_run(make.contact(client), task.reference)
