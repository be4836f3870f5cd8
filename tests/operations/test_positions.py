"""Positions: asked for with a purpose, kept in one place and not for long, seen only by a look."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, timedelta

import pytest
import time_machine
from sqlalchemy import NullPool, create_engine, select, text
from sqlalchemy.exc import InvalidRequestError, ProgrammingError

from servicedesk import schema
from servicedesk.clients.administration import edit_contract
from servicedesk.clients.models import Contract, FunctionalBlock, Modality
from servicedesk.clients.terms import ContractTerms
from servicedesk.core import audit, clock, database
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.core.errors import Forbidden, NotFound
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices import dispatch
from servicedesk.devices.commands import CommandObservation, CommandState, DeviceCommand
from servicedesk.devices.engines.contract import ObservedState, Position, SubmissionOutcome
from servicedesk.devices.models import Ownership
from servicedesk.devices.settlement import record_answer
from servicedesk.orders.drafting import BadParameters
from servicedesk.orders.execution import execute_order
from servicedesk.orders.models import OrderTarget
from servicedesk.orders.positions import queries
from servicedesk.orders.positions.keeping import forget_expired
from servicedesk.orders.positions.looking import NoPosition, look_at_device, look_at_order
from servicedesk.orders.positions.models import DevicePosition, PositionLook
from servicedesk.orders.progress import NoDeviceAble
from servicedesk.orders.queries import order_named
from servicedesk.orders.steering import plan_stages
from tests.conftest import copied_database

LATITUDE, LONGITUDE = 41.387431, -2.168652
CANARIES = ("41.3874", "41,3874", "413874", "2.1686", "2,1686", "21686")
PURPOSE = "Stolen from the van this morning"


def said(at=None, **changes) -> Position:
    taken_at = (at or clock.now()).isoformat()
    return replace(
        Position(latitude=LATITUDE, longitude=LONGITUDE, accuracy=25.0, taken_at=taken_at),
        **changes,
    )


class Story:
    """Somebody asks where devices are, and they answer."""

    def __init__(self, make, *blocks):
        self.make = make
        self.client = make.client(*blocks)
        self.contact, self.agent = make.contact(self.client), make.agent()

    def ask(self, *devices, purpose=PURPOSE):
        parameters = {"purpose": purpose}
        return self.make.request(
            self.contact, "device.locate", *devices, parameters=parameters
        ).orders[0]

    def send(self, *devices):
        order = self.ask(*devices)
        plan_stages(self.agent, order.reference, [str(len(devices))], ["0"], "5")  # all at once
        execute_order(self.agent, order.reference)
        for command_id in rows(select(DeviceCommand.id)):
            dispatch.send_command(command_id)
        return order

    def hear(self, position, state=ObservedState.ACKNOWLEDGED, event="", number=-1, **words):
        engine = self.make.engine
        told = engine.observation(engine.submitted[number], state, event)
        evidence = json.dumps({"result": position and vars(position), "at": "2026-11-24T08:00"})
        with unit_of_work(SYSTEM, "test.hear") as work:
            return record_answer(
                work, replace(told, result=position, evidence=evidence, **words), "notification"
            )

    def locate(self, at=None):
        device = self.make.device(self.client, "android")
        order = self.send(device)
        self.hear(said(at))
        return device, order


@pytest.fixture
def story(make) -> Story:
    return Story(make)


def rows(statement) -> list:
    """Return what the database says now, readable for ever."""
    session = database.session()
    session.expunge_all()
    session.rollback()
    found = list(session.scalars(statement))
    session.expunge_all()
    session.rollback()
    return found


def kept() -> list[DevicePosition]:
    return rows(select(DevicePosition).order_by(DevicePosition.id))


def looks_kept() -> list[PositionLook]:
    return rows(select(PositionLook))


def entries(act: str) -> list[audit.AuditEntry]:
    return rows(
        select(audit.AuditEntry).where(audit.AuditEntry.act == act).order_by(audit.AuditEntry.id)
    )


def states() -> list[CommandState]:
    return rows(select(DeviceCommand.state))


def everything_but(*left_out: str) -> str:
    """Return every row of every other table as text, the jobs too."""
    session = database.session()
    session.rollback()
    session.connection().execute(text("RESET ROLE"))
    names = [t.name for t in schema.METADATA.sorted_tables if t.name not in left_out]
    rows = [
        str(row[0])
        for name in [*names, "procrastinate_jobs"]
        for row in session.execute(text(f'SELECT t::text FROM "{name}" t'))
    ]
    session.rollback()
    return "\n".join(rows)


# asking


@pytest.mark.parametrize("purpose", ["", "   ", "because", None, "x" * 201])
def test_nobody_asks_without_saying_why(story, purpose):
    with pytest.raises(BadParameters) as refused:
        story.ask(story.make.device(story.client, "ios"), purpose=purpose)
    assert refused.value.field == "action.parameters.purpose"


def test_a_request_without_the_parameter_is_refused_too(story):
    with pytest.raises(BadParameters):
        story.make.request(story.contact, "device.locate", story.make.device(story.client, "ios"))


@pytest.mark.parametrize(
    ("blocks", "kind", "reason"),
    [
        ([FunctionalBlock.MESSAGING], "ios", "does not contain the block"),
        ([], "personal", "A personal device is never located."),
    ],
)
def test_what_contract_or_ownership_forbid_is_refused_and_never_sent(make, blocks, kind, reason):
    story = Story(make, *blocks)
    order = story.ask(make.device(story.client, kind))
    (target,) = rows(select(OrderTarget).where(OrderTarget.order_id == order.id))
    assert not target.possible
    assert reason in target.reason
    with pytest.raises(NoDeviceAble):
        execute_order(story.agent, order.reference)
    assert make.engine.submitted == []


# keeping


def test_a_position_is_kept_with_its_purpose_and_until_the_contract_says(story):
    device, order = story.locate()
    (position,) = kept()
    assert (position.device_id, position.order_id) == (device.id, order.id)
    assert (position.purpose, position.asked_by_name) == (PURPOSE, story.contact.name)
    assert position.expires_at - position.taken_at == timedelta(days=30)


def test_where_it_was_stands_in_no_other_row_and_no_look_tells_it_on(story):
    device, order = story.locate()
    look_at_device(story.agent, device.reference)
    look_at_order(story.contact, order.reference)
    rest = everything_but("device_position")
    assert PURPOSE in rest
    for canary in CANARIES:
        assert canary not in rest, canary
    assert CANARIES[0] in everything_but()


def test_what_an_engine_says_beside_it_is_kept_without_a_digit(story):
    device = story.make.device(story.client, "android")
    story.send(device)
    words = f"found at {LATITUDE} N, 41°23'14.7\", E7 {LATITUDE * 1e7:.0f}, ٤١"
    story.hear(said(), detail=words, code=f"at_{LATITUDE}")
    (command,) = rows(select(DeviceCommand))
    observation = rows(select(CommandObservation).order_by(CommandObservation.id))[-1]
    for told in (command.detail, command.outcome, observation.evidence):
        assert not any(letter.isdigit() for letter in told)
    assert "latitude" in observation.evidence
    assert command.detail.startswith("found at ")


@pytest.mark.parametrize("outcome", [SubmissionOutcome.ALREADY_ACCEPTED, SubmissionOutcome.REFUSED])
def test_nor_is_what_an_engine_says_to_the_call_itself(story, monkeypatch, outcome):
    submit = story.make.engine.submit
    monkeypatch.setattr(
        story.make.engine,
        "submit",
        lambda order: replace(submit(order), evidence=f"200 {LATITUDE}", outcome=outcome),
    )
    story.send(story.make.device(story.client, "android"))
    rest = everything_but()
    assert "•• ••.••••••"[3:] in rest
    for canary in CANARIES:
        assert canary not in rest


def test_a_lock_keeps_the_engines_words_as_they_came(make):
    story = Story(make)
    order = make.request(story.contact, "device.lock", make.device(story.client, "ios")).orders[0]
    execute_order(story.agent, order.reference)
    dispatch.send_command(*rows(select(DeviceCommand.id)))
    story.hear(None)
    assert "2026-11-24T08:00" in everything_but()


@pytest.mark.parametrize("first", ["with", "without"])
def test_an_answer_in_two_pieces_and_twice_keeps_one_position(story, first):
    device = story.make.device(story.client, "android")
    story.send(device)
    pieces = {"with": (said(), "event-1"), "without": (None, "event-2")}
    order = [first, "without" if first == "with" else "with"]
    for name in (*order, *order):
        story.hear(*pieces[name][:1], event=pieces[name][1])
    story.hear(said(latitude=1.0), event="event-3")  # and what is said later is not kept
    assert len(kept()) == 1
    assert look_at_device(story.agent, device.reference).latitude == LATITUDE
    assert states() == [CommandState.ACKNOWLEDGED]


@pytest.mark.parametrize("state", [ObservedState.FAILED, ObservedState.NOT_NOW])
def test_only_a_device_that_obeyed_tells_a_position(story, state):
    story.send(story.make.device(story.client, "android"))
    story.hear(said(), state)
    assert kept() == []


@pytest.mark.parametrize(
    "nonsense",
    [
        {"latitude": 90.01},
        {"longitude": -180.5},
        {"latitude": math.nan},
        {"longitude": math.inf},
        {"accuracy": -1.0},
        {"accuracy": 1e9},
        {"latitude": "41.387431"},
        {"latitude": None},
        {"longitude": True},
    ],
    ids=str,
)
def test_numbers_that_are_no_place_are_not_kept_and_break_nothing(story, nonsense):
    story.send(story.make.device(story.client, "android"))
    story.hear(said(**nonsense))
    assert kept() == []
    assert states() == [CommandState.ACKNOWLEDGED]


@pytest.mark.parametrize("taken_at", ["yesterday", "", "2999-01-01T00:00:00+00:00", None])
def test_a_time_that_cannot_be_is_now(story, taken_at):
    story.send(story.make.device(story.client, "android"))
    story.hear(said(taken_at=taken_at))
    (position,) = kept()
    assert abs(position.taken_at - clock.now()) < timedelta(minutes=1)


def test_a_time_without_zone_is_read_as_utc(story):
    story.send(story.make.device(story.client, "android"))
    moment = (clock.now() - timedelta(hours=1)).replace(microsecond=0)
    story.hear(said(taken_at=moment.replace(tzinfo=None).isoformat()))
    assert kept()[0].taken_at == moment.astimezone(UTC)


def test_what_was_taken_too_long_ago_is_not_even_kept(story):
    story.send(story.make.device(story.client, "android"))
    story.hear(said(clock.now() - timedelta(days=30)))
    assert kept() == []


@pytest.mark.parametrize("now", ["personal", "without the block", "over"])
def test_an_answer_that_may_not_be_had_any_more_is_not_kept(story, now):
    device = story.make.device(story.client, "android")
    story.send(device)
    session = database.session()
    change = {
        "personal": f"UPDATE device SET ownership = '{Ownership.PERSONAL.value}'",
        "without the block": "UPDATE contract SET blocks = '{messaging}'",
        "over": "UPDATE contract SET ends_on = starts_on + 1",
    }[now]
    session.execute(text(change))
    session.commit()
    story.hear(said())
    assert kept() == []


def test_printing_what_a_device_said_says_nothing():
    assert "41" not in repr(said(taken_at=""))


# expiry


def terms(days: int) -> ContractTerms:
    today = clock.now().date()
    return ContractTerms(
        modality=Modality.ADVANCED_MANAGED,
        starts_on=today - timedelta(days=800),
        ends_on=today + timedelta(days=800),
        blocks=frozenset(FunctionalBlock),
        location_days=days,
    )


def contract_of(client) -> str:
    return rows(select(Contract.reference).where(Contract.client_id == client.id))[0]


def test_what_has_expired_is_not_shown_although_it_is_not_deleted_yet(story):
    supervisor = story.make.supervisor()
    edit_contract(supervisor, contract_of(story.client), terms(7))
    device, order = story.locate()
    with time_machine.travel(clock.now() + timedelta(days=6, hours=23), tick=True):
        assert look_at_device(story.agent, device.reference).latitude == LATITUDE
    with time_machine.travel(clock.now() + timedelta(days=7, minutes=1), tick=True):
        assert len(kept()) == 1
        assert queries.known_position(story.agent, device.id) is None
        assert queries.known_positions(story.agent, order, None).items == []
        for look in (look_at_device, look_at_order):
            with pytest.raises(NoPosition):
                look(story.agent, (device if look is look_at_device else order).reference)


def test_the_job_deletes_what_has_expired_and_nothing_else_and_says_so(story):
    other = Story(story.make)
    story.locate(clock.now() - timedelta(days=29, hours=23))
    story.locate(clock.now() - timedelta(days=29, hours=22))
    _device, order = other.locate()
    assert forget_expired() == 0
    with time_machine.travel(clock.now() + timedelta(hours=3), tick=True):
        assert forget_expired() == 2
        assert forget_expired() == 0
    assert [position.order_id for position in kept()] == [order.id]
    (entry,) = entries("positions.forget")
    assert (entry.chain, entry.subject) == (story.client.id, story.client.reference)
    assert json.loads(entry.payload)["notes"] == {"positions": 2}


def test_a_shorter_contract_shortens_what_is_kept_and_a_longer_one_does_not_lengthen_it(story):
    device, _order = story.locate(clock.now() - timedelta(days=5))
    other = Story(story.make)
    other.locate(clock.now() - timedelta(days=5))
    supervisor = story.make.supervisor()
    edit_contract(supervisor, contract_of(story.client), terms(10))
    mine, theirs = kept()
    assert mine.expires_at - mine.taken_at == timedelta(days=10)
    assert theirs.expires_at - theirs.taken_at == timedelta(days=30)
    edit_contract(supervisor, contract_of(story.client), terms(30))
    assert kept()[0].expires_at - mine.taken_at == timedelta(days=10)
    edit_contract(supervisor, contract_of(story.client), terms(3))
    with pytest.raises(NoPosition):
        look_at_device(story.agent, device.reference)


# looking


def test_a_look_returns_the_position_and_writes_who_looked_and_why_it_was_asked(story):
    device, order = story.locate()
    seen = look_at_device(story.agent, device.reference)
    assert (seen.latitude, seen.longitude, seen.accuracy) == (LATITUDE, LONGITUDE, 25.0)
    look_at_device(story.contact, device.reference)  # a reload is a look too
    agents, contacts = entries("positions.look")
    told = json.loads(agents.payload)
    assert (agents.subject, agents.chain, told["actor"]) == (
        device.reference,
        story.client.id,
        story.agent.name,
    )
    assert told["notes"] == {
        "devices": [device.reference],
        "orders": [order.reference],
        "purposes": [PURPOSE],
    }
    assert json.loads(contacts.payload)["actor"] == story.contact.name
    for reader in (story.contact, story.agent):
        with database.acting_as(reader):
            page = queries.looks(reader, device_id=device.id)
            database.session().rollback()
        assert [look.looked_by_name for look in page.items] == [
            story.contact.name,
            story.agent.name,
        ]
        assert {look.purpose for look in page.items} == {PURPOSE}
    database.become(SYSTEM)
    assert audit.verify(database.session()) == []
    database.session().rollback()


def test_a_look_at_an_order_shows_a_page_and_records_only_the_devices_on_it(story):
    devices = story.make.fleet(story.client, 27)
    order = story.send(*devices)
    for number in range(27):
        story.hear(said(latitude=40 + number / 100), number=number)
    first = look_at_order(story.contact, order.reference)
    assert len(first.items) == 25
    assert len(looks_kept()) == 25
    second = look_at_order(story.contact, order.reference, first.next)
    assert (len(second.items), second.next) == (2, None)
    both = [*first.items, *second.items]
    assert {sighting.device for sighting in both} == {device.reference for device in devices}
    assert len({sighting.latitude for sighting in both}) == 27
    assert len(entries("positions.look")) == 2


def test_the_newest_position_of_a_device_is_shown(story):
    device, _order = story.locate(clock.now() - timedelta(days=2))
    story.send(device)
    story.hear(said(latitude=28.1))
    assert look_at_device(story.agent, device.reference).latitude == 28.1


def test_another_clients_position_does_not_exist(story):
    device, order = story.locate()
    stranger = story.make.contact()
    manager = story.make.person(Role.ACCOUNT_MANAGER, story.make.client())
    for actor in (stranger, manager):
        with pytest.raises(NotFound):
            look_at_device(actor, device.reference)
        with pytest.raises(NotFound):
            look_at_order(actor, order.reference)
    assert (looks_kept(), entries("positions.look")) == ([], [])


def test_an_account_manager_knows_that_it_is_known_and_never_where(story):
    device, order = story.locate()
    manager = story.make.person(Role.ACCOUNT_MANAGER, story.client)
    for look, reference in ((look_at_device, device.reference), (look_at_order, order.reference)):
        with pytest.raises(Forbidden):
            look(manager, reference)
    with database.acting_as(manager):
        session = database.session()
        assert queries.known_position(manager, device.id) is not None
        with pytest.raises(Forbidden):
            queries.looks(manager, device_id=device.id)
        with pytest.raises(Forbidden):
            queries.known_positions(manager, order_named(manager, order.reference), None)
        for statement in ("SELECT latitude FROM device_position", "SELECT * FROM position_look"):
            with pytest.raises(ProgrammingError, match="permission denied"):
                session.execute(text(statement))
            session.rollback()
    assert (looks_kept(), entries("positions.look")) == ([], [])


def test_the_desk_itself_never_looks(story):
    device, _order = story.locate()
    with pytest.raises(Forbidden):
        look_at_device(SYSTEM, device.reference)


def test_without_a_look_the_columns_are_not_even_loaded(story):
    device, _order = story.locate()
    with database.acting_as(story.agent):
        position = queries.known_position(story.agent, device.id)
        with pytest.raises(InvalidRequestError):
            _ = position.latitude
        database.session().rollback()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE position_look SET looked_by_name = 'nobody'",
        "DELETE FROM position_look",
        "INSERT INTO device_position (client_id) VALUES (1)",
        "UPDATE device_position SET latitude = 0",
        "DELETE FROM device_position",
    ],
)
@pytest.mark.parametrize("who", ["contact", "agent"])
def test_nobody_rewrites_a_position_or_who_looked(story, statement, who):
    device, _order = story.locate()
    look_at_device(story.contact, device.reference)
    with database.acting_as(getattr(story, who)):
        with pytest.raises(ProgrammingError, match=r"permission denied|append-only"):
            database.session().execute(text(statement))
        database.session().rollback()


# what was kept before positions had a home of their own

BEFORE = """
ALTER TABLE command_batch DROP CONSTRAINT fk_command_batch_client_id_client;
ALTER TABLE device_command DROP CONSTRAINT fk_device_command_client_id_client,
  DROP CONSTRAINT fk_device_command_device_id_device;
ALTER TABLE command_observation DROP CONSTRAINT fk_command_observation_client_id_client;
INSERT INTO command_batch
  (id, client_id, created_at, instruction, parameters, simulated, is_destructive, is_wide)
  VALUES (1, 1, now(), 'locate_device', '{}', true, false, false),
         (2, 1, now(), 'lock_device', '{}', true, false, false);
INSERT INTO device_command
  (id, client_id, batch_id, device_id, key, state, not_after, created_at, sent_at, checked_at,
   attempts, detail, result)
  SELECT n, 1, n, n, gen_random_uuid(), 'acknowledged', now(), now(), now(), now(), 1,
         'at 41.387431', '{"latitude": 41.387431}' FROM generate_series(1, 2) n;
INSERT INTO command_observation
  (client_id, command_id, event_id, source, at, received_at, state, evidence)
  SELECT 1, n, 'x', 'poll', now(), now(), 'acknowledged', 'said 41.387431'
  FROM generate_series(1, 2) n;
"""


def test_the_upgrade_forgets_what_was_kept_elsewhere(instance, migrated):
    with copied_database(instance, migrated) as address:
        schema.downgrade(address, "0007")
        house = create_engine(address, poolclass=NullPool)
        with house.begin() as connection:
            connection.connection.cursor().execute(BEFORE)
        schema.upgrade(address)
        with house.connect() as connection:
            told = connection.execute(
                text(
                    "SELECT o.evidence, c.detail FROM command_observation o"
                    " JOIN device_command c ON c.id = o.command_id ORDER BY c.id"
                )
            ).all()
    assert [tuple(row) for row in told] == [
        ("said ••.••••••", "at ••.••••••"),
        ("said 41.387431", "at 41.387431"),
    ]
