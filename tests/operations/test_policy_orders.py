"""Orders that change what devices should have: held until told, told once, and taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, text

from servicedesk.core import database
from servicedesk.core.actors import SYSTEM
from servicedesk.core.errors import InvalidInput
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.commands import CommandState, DeviceCommand
from servicedesk.devices.conformity.editing import RuleDraft, create_rule
from servicedesk.devices.conformity.inventory import App, Inventory, take_inventories
from servicedesk.devices.conformity.jobs import evaluate_conformity
from servicedesk.devices.dispatch import send_command
from servicedesk.devices.engines.contract import ObservedState
from servicedesk.devices.models import DeviceGroup, DeviceGroupMember
from servicedesk.devices.policies import changes
from servicedesk.devices.policies.models import DevicePolicy, PolicyProfile, PolicyVersion
from servicedesk.devices.settlement import record_answer
from servicedesk.orders.approval import approve_order
from servicedesk.orders.checking import BadParameters
from servicedesk.orders.configuration import ChangeUnderWay, PolicyChanged, policy_digest
from servicedesk.orders.execution import execute_order
from servicedesk.orders.models import OrderState, WorkOrder
from servicedesk.orders.reconciling import reconcile_policies
from servicedesk.orders.steering import cancel_order
from tests.journeys.test_every_action import MAIL, WIFI

if TYPE_CHECKING:
    from servicedesk.devices.instructions import ApplyPolicy

SECRET = WIFI["password"]


class Fleet:
    """A client with a group of devices that do what they are told."""

    def __init__(self, make, size: int = 3) -> None:
        self.make = make
        self.client = make.client()
        self.contact, self.agent, self.other = make.contact(self.client), make.agent(), make.agent()
        self.devices = make.fleet(self.client, size)
        with unit_of_work(SYSTEM, "test.group") as work:
            group = DeviceGroup(client_id=self.client.id, name="Ventas")
            work.session.add(group)
            work.session.flush()
            work.session.add_all(
                DeviceGroupMember(group_id=group.id, device_id=device.id, client_id=self.client.id)
                for device in self.devices
            )
        self.group = group

    def order(self, code: str, parameters: dict, *, groups=("Ventas",)) -> WorkOrder:
        self.make.request(
            self.agent, code, client=self.client, groups=list(groups), parameters=parameters
        )
        return self.newest(WorkOrder)

    def execute(self, code: str, parameters: dict) -> WorkOrder:
        order = self.order(code, parameters)
        execute_order(self.agent, order.reference)
        return order

    def newest(self, model):
        session = database.session()
        session.rollback()
        return session.scalars(select(model).order_by(model.id.desc())).first()

    def obey(self, *, without: str = "") -> list[ApplyPolicy]:
        """Have every command leave and be done; return what devices were told."""
        told = []
        for command in rows(DeviceCommand):
            if command.state is not CommandState.QUEUED:
                continue
            send_command(command.id)
            engine_order = self.make.engine.submitted[-1]
            told.append(engine_order.instruction)
            observation = self.make.engine.observation(engine_order, ObservedState.ACKNOWLEDGED)
            with unit_of_work(SYSTEM, "test.answer") as work:
                record_answer(
                    work, with_report(observation, engine_order.instruction, without), "test"
                )
        return told

    def policies(self) -> list[DevicePolicy]:
        return rows(DevicePolicy)


def with_report(observation, instruction: ApplyPolicy, without: str = ""):
    reported: dict[str, dict[str, str]] = {}
    for entry in instruction.entries:
        if entry["section"] != without:
            reported.setdefault(entry["section"], {})[entry["key"]] = entry["fingerprint"]
    return type(observation)(**{**vars(observation), "reported": reported})


def rows(model) -> list:
    session = database.session()
    session.rollback()
    session.expire_all()
    key = model.device_id if model is DevicePolicy else model.id
    return list(session.scalars(select(model).order_by(key)))


@pytest.fixture
def fleet(make):
    return Fleet(make)


def test_a_device_is_told_all_it_should_have_with_its_secrets_and_reports_it(fleet):
    fleet.execute("config.wifi", WIFI)
    assert [p.has_drift for p in fleet.policies()] == [True] * 3
    told = fleet.obey()
    fleet.execute("config.mail", MAIL)
    told = fleet.obey()

    assert {entry["section"] for entry in told[0].entries} == {"wifi", "mail"}
    (wifi,) = [entry for entry in told[0].entries if entry["section"] == "wifi"]
    assert wifi["settings"]["password"] == SECRET
    assert [(p.has_drift, p.is_held) for p in fleet.policies()] == [(False, False)] * 3


def test_no_secret_is_anywhere_but_sealed_and_towards_the_engine(fleet):
    fleet.execute("config.wifi", WIFI)
    fleet.obey()
    session = database.session()
    for table in ("work_order", "policy_version", "effective_policy", "device_policy"):
        assert not session.scalar(
            text(f"SELECT count(*) FROM {table} t WHERE t::text LIKE :secret"),
            {"secret": f"%{SECRET}%"},
        )
    for table in ("audit_entry", "command_batch", "device_command", "command_observation"):
        found = session.scalar(
            text(f"SELECT count(*) FROM {table} t WHERE t::text LIKE :secret"),
            {"secret": f"%{SECRET}%"},
        )
        assert found == 0, table
    assert session.scalar(
        text("SELECT count(*) FROM policy_version WHERE content::text LIKE '%sealed:%'")
    )


def test_what_the_device_lacks_is_drift_and_is_told_again_but_not_at_once(fleet):
    order = fleet.execute("config.wifi", WIFI)
    fleet.obey(without="wifi")
    assert [p.has_drift for p in fleet.policies()] == [True] * 3
    assert fleet.newest(WorkOrder).id == order.id
    # it was told a moment ago: the round does not nag
    assert reconcile_policies(fleet.client.id) is None
    session = database.session()
    session.execute(text("UPDATE device_command SET created_at = created_at - interval '2 days'"))
    session.execute(text("UPDATE device_policy SET desired_at = desired_at - interval '2 days'"))
    session.commit()
    reference = reconcile_policies(fleet.client.id)
    assert reference
    fleet.obey()
    assert [p.has_drift for p in fleet.policies()] == [False] * 3
    assert fleet.newest(WorkOrder).state is OrderState.DONE
    assert reconcile_policies(fleet.client.id) is None


def test_devices_wait_held_for_their_stage_and_stay_held_when_the_order_is_cancelled(make):
    fleet = Fleet(make, 30)
    order = fleet.execute("config.wifi", WIFI)
    commanded = {command.device_id for command in rows(DeviceCommand)}
    assert len(commanded) == 1  # the canary
    assert {p.device_id for p in fleet.policies() if not p.is_held} == commanded
    # nothing else tells the others meanwhile, nor after the order was cancelled
    assert reconcile_policies(fleet.client.id) is None
    fleet.obey()
    cancel_order(fleet.agent, order.reference)
    assert reconcile_policies(fleet.client.id) is None
    assert sum(p.is_held for p in fleet.policies()) == 29
    assert len(rows(DeviceCommand)) == 1
    # the order knows what takes it back, and taking it back reaches everybody
    present = fleet.newest(WorkOrder)
    assert present.undo == {
        "code": "config.remove",
        "parameters": {"section": "wifi", "key": "Oficina"},
    }
    fleet.execute(present.undo["code"], present.undo["parameters"])
    fleet.obey()
    told = [o.instruction.entries for o in make.engine.submitted]
    assert told[0]
    assert told[-1] == []


def test_two_orders_never_change_the_policy_of_the_same_device_at_once(make):
    fleet = Fleet(make, 30)
    first = fleet.execute("config.wifi", WIFI)
    second = fleet.order("config.mail", MAIL)
    with pytest.raises(ChangeUnderWay) as refused:
        execute_order(fleet.agent, second.reference)
    assert first.reference in str(refused.value.text)
    # refused whole: no version of the mail was written
    assert not [v for v in _versions() if "mail" in v.content]
    cancel_order(fleet.agent, first.reference)
    execute_order(fleet.agent, second.reference)


def test_what_a_device_should_have_is_known_also_while_it_cannot_be_told(fleet):
    with unit_of_work(SYSTEM, "test.change") as work:
        own = changes.own_profile(work, fleet.client.id, group_id=fleet.group.id)
        changes.set_entry(work, own, "mail", "Correo", {"name": "Correo"}, "test")
        work.session.execute(text("UPDATE device SET os_version = '7.1'"))
    assert reconcile_policies(fleet.client.id) is None
    assert [policy.has_drift for policy in fleet.policies()] == [True] * 3
    assert not rows(DeviceCommand)


def test_an_order_of_the_desk_itself_makes_way_for_one_of_people(make):
    fleet = Fleet(make, 30)
    with unit_of_work(SYSTEM, "test.change") as work:
        own = changes.own_profile(work, fleet.client.id, group_id=fleet.group.id)
        changes.set_entry(work, own, "mail", "Correo", {"name": "Correo"}, "test")
    assert reconcile_policies(fleet.client.id)
    own_order = fleet.newest(WorkOrder)
    order = fleet.execute("config.wifi", WIFI)
    session = database.session()
    session.rollback()
    assert session.get_one(WorkOrder, own_order.id).state is OrderState.CANCELLED
    assert order.reference == fleet.newest(WorkOrder).reference
    # the one device that was told before is the only one let go; the others wait for their stage
    assert sum(not policy.is_held for policy in fleet.policies()) == 1


def test_what_was_approved_is_what_is_published_or_nothing_is(make):
    fleet = Fleet(make, 3)
    with unit_of_work(SYSTEM, "test.draft") as work:
        profile = changes.create_profile(work, fleet.client.id, "Tiendas")
        changes.write_draft(work, profile, {"mail": {"Correo": {"name": "Correo"}}})
    first = fleet.order("policy.assign", {"profile": profile.reference})
    make.approve(fleet.other, first)
    execute_order(fleet.agent, first.reference)
    fleet.obey()
    with unit_of_work(SYSTEM, "test.draft") as work:
        profile = changes.profile_named(work.session, fleet.client.id, profile.reference)
        changes.write_draft(work, profile, {"mail": {"Otro": {"name": "Otro"}}})
    make.request(
        fleet.agent,
        "policy.publish",
        client=fleet.client,
        parameters={"profile": profile.reference, "version": "2"},
    )
    order = fleet.newest(WorkOrder)
    seen = policy_digest(database.session(), order)
    with pytest.raises(PolicyChanged):
        approve_order(fleet.other, order.reference, seen_policy="of another draft")
    assert order.approved_policy == seen  # pinned as it was asked for
    approve_order(fleet.other, order.reference, seen_policy=seen)
    with unit_of_work(SYSTEM, "test.edit") as work:
        draft = changes.version_of(work.session, profile, 2)
        draft.content = {"mail": {"Otro": {"name": "Otro", "server": "evil.example"}}}
    with pytest.raises(PolicyChanged):
        execute_order(fleet.agent, order.reference)
    assert {v.number: v.state.value for v in _versions()} == {1: "published", 2: "draft"}


def _versions() -> list[PolicyVersion]:
    session = database.session()
    session.rollback()
    return list(session.scalars(select(PolicyVersion)))


def test_a_device_that_fails_a_rule_loses_its_wifi_and_gets_it_back(fleet):
    fleet.execute("config.wifi", WIFI)
    fleet.obey()
    create_rule(
        fleet.agent,
        fleet.client.reference,
        RuleDraft(
            name="Sin juegos",
            kind="app_forbidden",
            parameters={"app": "com.example.game"},
            consequences=["withhold_wifi"],
        ),
    )
    bad = fleet.devices[0]
    take_inventories(SYSTEM, {bad.id: Inventory(apps=[App(identifier="com.example.game")])})
    evaluate_conformity(fleet.client.id)
    assert reconcile_policies(fleet.client.id)
    (told,) = fleet.obey()
    assert told.entries == []
    assert {p.device_id: p.reported for p in fleet.policies()}[bad.id] == {}

    take_inventories(SYSTEM, {bad.id: Inventory(apps=[])})
    evaluate_conformity(fleet.client.id)
    assert reconcile_policies(fleet.client.id)
    (told,) = fleet.obey()
    assert [entry["section"] for entry in told.entries] == ["wifi"]
    assert not any(p.has_drift for p in fleet.policies())


def test_a_late_report_of_an_older_policy_does_not_hide_a_difference(fleet):
    fleet.execute("config.wifi", WIFI)
    command = rows(DeviceCommand)[0]
    send_command(command.id)
    old = fleet.make.engine.submitted[-1]
    fleet.obey()  # the other two
    with unit_of_work(SYSTEM, "test.change") as work:
        own = changes.own_profile(work, fleet.client.id, group_id=fleet.group.id)
        changes.set_entry(
            work, own, "wifi", "Oficina", {**own_content(work, own), "hidden": ""}, "x"
        )
    reconcile_policies(fleet.client.id)
    with unit_of_work(SYSTEM, "test.answer") as work:
        observation = fleet.make.engine.observation(old, ObservedState.ACKNOWLEDGED)
        record_answer(work, with_report(observation, old.instruction), "late")
    assert {p.device_id: p.has_drift for p in fleet.policies()}[command.device_id]


def own_content(work, profile: PolicyProfile) -> dict[str, str]:
    version = changes.version_in(work.session, profile, changes.VersionState.PUBLISHED)
    return version.content["wifi"]["Oficina"]


def test_a_replaced_setting_comes_back_as_it_was(fleet):
    fleet.execute("config.wifi", WIFI)
    (before, *_rest) = fleet.obey()
    order = fleet.execute("config.wifi", {**WIFI, "hidden": ""})
    (between, *_rest) = fleet.obey()
    assert before.entries != between.entries
    undo = fleet.newest(WorkOrder).undo
    assert undo["code"] == "policy.publish"
    assert order.reference == fleet.newest(WorkOrder).reference
    fleet.make.request(
        fleet.agent, undo["code"], client=fleet.client, parameters=undo["parameters"]
    )
    execute_order(fleet.agent, fleet.newest(WorkOrder).reference)
    (after, *_rest) = fleet.obey()
    assert after.entries == before.entries


def test_what_a_request_names_has_to_be_the_clients(fleet, make):
    other = Fleet(make)
    other.execute("config.wifi", WIFI)
    foreign = rows(PolicyProfile)[-1]
    for code, parameters, name in (
        ("policy.assign", {"profile": foreign.reference}, "profile"),
        ("policy.unassign", {"profile": foreign.reference}, "profile"),
        ("policy.publish", {"profile": foreign.reference, "version": "1"}, "profile"),
        ("policy.new_profile", {"name": "x", "copy_of": foreign.reference}, "copy_of"),
        ("documents.distribute", {"document": "DOC-2026-000001"}, "document"),
        ("conformity.switch", {"rule": "REG-2026-000001", "active": "no"}, "rule"),
        ("device.move", {"to_group": "Nadie"}, "to_group"),
    ):
        groups = () if code in {"policy.publish", "conformity.switch"} else ("Ventas",)
        with pytest.raises(BadParameters) as refused:
            fleet.order(code, parameters, groups=groups)
        assert name in refused.value.faults, code


def test_groups_and_single_devices_are_not_mixed(fleet):
    with pytest.raises(InvalidInput) as refused:
        fleet.make.request(
            fleet.agent,
            "config.wifi",
            fleet.devices[0],
            client=fleet.client,
            groups=["Ventas"],
            parameters=WIFI,
        )
    assert refused.value.field == "action.targets.groups"


def test_what_one_device_was_given_beats_its_group(fleet):
    fleet.execute("config.wifi", WIFI)
    fleet.obey()
    fleet.make.request(
        fleet.agent, "config.wifi", fleet.devices[0], parameters={**WIFI, "hidden": ""}
    )
    execute_order(fleet.agent, fleet.newest(WorkOrder).reference)
    (told,) = fleet.obey()
    assert "hidden" not in told.entries[0]["settings"]
    session = database.session()
    effective = session.get_one(DevicePolicy, fleet.devices[0].id)
    session.refresh(effective, ["effective"])
    (conflict,) = effective.effective.conflicts
    assert (conflict["section"], conflict["key"]) == ("wifi", "Oficina")
