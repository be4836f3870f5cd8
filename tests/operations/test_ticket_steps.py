"""The checklist of a ticket: who ticks what, two people at once, and when a ticket may be resolved."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError

from servicedesk.core import database
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.core.audit import AuditEntry
from servicedesk.core.errors import Forbidden, InvalidInput, NotAllowedNow, NotFound
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.commands import DeviceCommand
from servicedesk.devices.dispatch import send_command
from servicedesk.devices.engines.contract import ObservedState
from servicedesk.devices.settlement import record_answer
from servicedesk.orders.execution import execute_order
from servicedesk.orders.models import WorkOrder
from servicedesk.tickets import queries
from servicedesk.tickets.checklist import MOST_STEPS, STEP_LENGTH, TicketStep
from servicedesk.tickets.handling import move_ticket
from servicedesk.tickets.models import EntryKind, Ticket, TicketEntry, TicketState
from servicedesk.tickets.ticking import (
    REASON_LENGTH,
    StepTaken,
    remove_step,
    skip_step,
    tick_step,
    write_steps,
)
from tests.operations.test_waits import fresh, read

STEPS = ["Look at the disk", "Renew the certificate", "Say that it is done"]


@pytest.fixture
def cast(make):
    client = make.client()
    return client, make.contact(client), make.agent()


@pytest.fixture
def ticket(make, cast) -> Ticket:
    client, contact, agent = cast
    found = make.request(contact, "device.lock", make.device(client, "ios"))
    write_steps(agent, found.reference, ["", *STEPS, "   "])
    return found


def steps() -> list[tuple[int, str, str | None, str | None]]:
    query = select(TicketStep).where(TicketStep.removed_at.is_(None))
    return [
        (step.position, step.text, step.done_by_name, step.skipped_because)
        for step in read(query.order_by(TicketStep.position))
    ]


def told() -> list[dict]:
    query = select(TicketEntry).where(TicketEntry.kind == EntryKind.STEP).order_by(TicketEntry.id)
    return [entry.facts | {"body": entry.body, "public": entry.is_public} for entry in read(query)]


def test_steps_are_added_ticked_and_opened_again_and_the_timeline_tells(ticket, cast):
    agent = cast[2]
    assert steps() == [(n, text, None, None) for n, text in enumerate(STEPS, start=1)]
    tick_step(agent, ticket.reference, 2)
    assert steps()[1] == (2, STEPS[1], agent.name, None)
    tick_step(agent, ticket.reference, 2, done=False)
    assert steps()[1] == (2, STEPS[1], None, None)
    tick_step(agent, ticket.reference, 2, done=False)  # a repeat changes nothing
    assert [(one["what"], one.get("number")) for one in told()] == [
        ("added", None),
        ("done", 2),
        ("open", 2),
    ]
    assert told()[0]["count"] == 3
    assert not any(one["public"] for one in told())
    acts = [entry.act for entry in read(select(AuditEntry).order_by(AuditEntry.id))]
    assert acts[-4:] == ["tickets.add_steps", *["tickets.tick_step"] * 3]


def test_who_comes_second_is_told_who_was_first_and_nothing_is_lost(make, ticket, cast):
    agent, other = cast[2], make.agent()
    tick_step(agent, ticket.reference, 1)
    tick_step(agent, ticket.reference, 1)  # the same press twice
    with pytest.raises(StepTaken, match=agent.name):
        tick_step(other, ticket.reference, 1)
    with pytest.raises(StepTaken, match=agent.name):
        skip_step(other, ticket.reference, 1, "No need.")
    with pytest.raises(StepTaken):
        skip_step(agent, ticket.reference, 1, "No need.")
    with pytest.raises(StepTaken):
        remove_step(other, ticket.reference, 1)
    assert steps()[0] == (1, STEPS[0], agent.name, None)
    skip_step(other, ticket.reference, 2, " Not  needed. ")
    skip_step(other, ticket.reference, 2, "Not needed.")
    with pytest.raises(StepTaken, match=other.name):
        tick_step(agent, ticket.reference, 2)
    assert steps()[1] == (2, STEPS[1], other.name, "Not needed.")
    assert [one["what"] for one in told()] == ["added", "done", "skipped"]
    assert told()[-1]["body"] == "Not needed."


def test_of_many_at_the_same_moment_one_does_a_step(make, ticket):
    agents = [make.agent() for _ in range(6)]
    together = Barrier(len(agents))

    def press(agent) -> str:
        together.wait()
        try:
            tick_step(agent, ticket.reference, 1)
        except StepTaken as taken:
            return str(taken)
        finally:
            make.sessions.remove()
        return agent.name

    with ThreadPoolExecutor(len(agents)) as pool:
        answers = list(pool.map(press, agents))
    (winner,) = {agent.name for agent in agents} & set(answers)
    assert steps()[0][2] == winner
    assert all(answer.startswith(winner) for answer in answers)
    assert [one["what"] for one in told()] == ["added", "done"]


def test_a_ticket_is_resolved_when_each_step_is_done_or_left_out_with_a_reason(ticket, cast):
    agent = cast[2]
    tick_step(agent, ticket.reference, 1)
    with pytest.raises(NotAllowedNow, match="Steps still open: 2"):
        move_ticket(agent, ticket.reference, "resolve", words="Done.")
    assert fresh(ticket).state is TicketState.NEW
    with pytest.raises(InvalidInput) as refused:
        skip_step(agent, ticket.reference, 2, "  ")
    assert refused.value.field == "reason"
    with pytest.raises(InvalidInput):
        skip_step(agent, ticket.reference, 2, "x" * (REASON_LENGTH + 1))
    skip_step(agent, ticket.reference, 2, "It was renewed last week.")
    remove_step(agent, ticket.reference, 3)
    move_ticket(agent, ticket.reference, "resolve", words="Done.")
    assert fresh(ticket).state is TicketState.RESOLVED
    for act in (
        lambda: tick_step(agent, ticket.reference, 1, done=False),
        lambda: write_steps(agent, ticket.reference, ["One more"]),
    ):
        with pytest.raises(NotAllowedNow):
            act()
    move_ticket(agent, ticket.reference, "reopen", words="Not yet.")
    tick_step(agent, ticket.reference, 1, done=False)


def test_the_devices_answers_do_not_resolve_a_ticket_with_open_steps(make, cast):
    client, contact, agent = cast
    device = make.device(client, "ios")
    found = make.request(contact, "device.lock", device)
    write_steps(agent, found.reference, ["Ring them up"])
    (order,) = read(select(WorkOrder))
    execute_order(agent, order.reference)
    all_obey(make.engine)
    assert read(select(WorkOrder))[0].state.value == "done"
    assert fresh(found).state.is_open
    tick_step(agent, found.reference, 1)
    move_ticket(agent, found.reference, "resolve", words="Done.")


def all_obey(engine) -> None:
    for command in read(select(DeviceCommand)):
        send_command(command.id)
        told = next(sent for sent in engine.submitted if sent.idempotency_key == command.key)
        with unit_of_work(SYSTEM, "tests.answer") as work:
            seen = engine.observation(told, ObservedState.ACKNOWLEDGED)
            record_answer(work, seen, "notification")


def test_a_withdrawn_ticket_keeps_its_steps_as_they_were(ticket, cast):
    contact = cast[1]
    move_ticket(contact, ticket.reference, "cancel")
    assert len(steps()) == 3


def test_a_removed_steps_number_is_given_to_no_other(ticket, cast):
    agent = cast[2]
    remove_step(agent, ticket.reference, 3)
    write_steps(agent, ticket.reference, ["Another"])
    assert [step[:2] for step in steps()][-1] == (4, "Another")
    for act in (tick_step, remove_step):
        with pytest.raises(NotFound):
            act(agent, ticket.reference, 3)
    with pytest.raises(NotFound):
        tick_step(agent, ticket.reference, 99)


@pytest.mark.parametrize(
    "lines", [[], ["  "], ["x" * (STEP_LENGTH + 1)], ["a\x00b"], ["one"] * (MOST_STEPS - 2)]
)
def test_what_cannot_be_a_step_is_refused_at_its_field(ticket, cast, lines):
    with pytest.raises(InvalidInput) as refused:
        write_steps(cast[2], ticket.reference, lines)
    assert refused.value.field == "steps"
    assert len(steps()) == 3


def test_steps_do_not_exist_for_a_contact_even_in_the_database(ticket, cast):
    contact = cast[1]
    assert queries.ticket_view(contact, ticket.reference).steps == []
    entries = queries.ticket_view(contact, ticket.reference).entries
    assert EntryKind.STEP not in {entry.kind for entry in entries}
    for act in (
        lambda: tick_step(contact, ticket.reference, 1),
        lambda: skip_step(contact, ticket.reference, 1, "No."),
        lambda: write_steps(contact, ticket.reference, ["x"]),
        lambda: remove_step(contact, ticket.reference, 1),
    ):
        with pytest.raises(Forbidden):
            act()
    with database.acting_as(contact):
        session = database.session()
        assert session.execute(text("SELECT * FROM ticket_step")).all() == []
        with pytest.raises(ProgrammingError, match="permission denied"):
            session.execute(text("UPDATE ticket_step SET text = 'x'"))
        session.rollback()


def test_an_account_manager_reads_the_steps_of_their_clients_alone(make, ticket, cast):
    client = cast[0]
    own = make.person(Role.ACCOUNT_MANAGER, client)
    other = make.person(Role.ACCOUNT_MANAGER, make.client())
    assert len(queries.ticket_view(own, ticket.reference).steps) == 3
    with pytest.raises(Forbidden):
        tick_step(own, ticket.reference, 1)
    with pytest.raises(NotFound):
        tick_step(other, ticket.reference, 1)
    for person, count in ((own, 3), (other, 0)):
        with database.acting_as(person):
            session = database.session()
            assert len(session.execute(text("SELECT * FROM ticket_step")).all()) == count
            session.rollback()
