"""The walk through an engine's inventory: what is told is taken in, and lies harm nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from servicedesk.core import database
from servicedesk.core.actors import SYSTEM
from servicedesk.devices import fleet_engines, jobs
from servicedesk.devices.conformity.editing import RuleDraft, create_rule
from servicedesk.devices.conformity.inventory import App, Inventory, take_inventories
from servicedesk.devices.conformity.jobs import evaluate_conformity
from servicedesk.devices.conformity.models import ConformityFinding, InstalledApp
from servicedesk.devices.engines.contract import DeviceReport, ReportedApp
from servicedesk.devices.inventory_walk import (
    MOST_APPS,
    TOGETHER,
    WALK_INVENTORY,
    ask_engines,
    batches,
    walk_inventory,
)
from servicedesk.devices.models import Device, DeviceState, EngineAccount

FORBIDDEN = ReportedApp("com.anydesk.anydeskandroid", "AnyDesk", "7.3")
WORK = ReportedApp("org.example.work", "Work", "1.2")
RULE = RuleDraft(
    name="No remote desktop",
    kind="app_forbidden",
    parameters={"app": FORBIDDEN.identifier},
    consequences=["mark"],
)


def report(device, **facts) -> DeviceReport:
    name = device if isinstance(device, str) else device.external_id
    values = {"last_contact_at": datetime.now(UTC), "is_enrolled": True} | facts
    return DeviceReport(external_id=name, **values)


def present(device) -> Device:
    session = database.session()
    session.expunge_all()
    session.rollback()
    found = session.get_one(Device, device.id)
    session.expunge_all()
    session.rollback()
    return found


def apps_of(device) -> dict[str, str]:
    session = database.session()
    session.rollback()
    query = select(InstalledApp.identifier, InstalledApp.version)
    rows = session.execute(query.where(InstalledApp.device_id == device.id))
    found = {row[0]: row[1] for row in rows}
    session.rollback()
    return found


def waiting(name: str) -> list[dict]:
    with Session(database.session().get_bind(), info={"as_owner": True}) as owner:
        query = text("SELECT args FROM procrastinate_jobs WHERE task_name = :name")
        return [row[0] for row in owner.execute(query, {"name": name})]


def failing() -> set[int]:
    session = database.session()
    session.rollback()
    found = set(session.scalars(select(ConformityFinding.device_id)))
    session.rollback()
    return found


@pytest.fixture
def house(make):
    client = make.client()
    return client, make.device(client, "android"), make.device(client, "android")


def test_what_devices_tell_is_taken_in_and_judged(make, house):
    client, device, other = house
    create_rule(make.agent(), client.reference, RULE)
    make.engine.reports = [
        report(device, os_version="15", has_passcode=False, apps=(WORK, FORBIDDEN)),
        report(other, os_version="14", has_passcode=True, apps=(WORK,)),
    ]
    assert walk_inventory("sandbox") == 2
    seen = present(device)
    assert (seen.os_version, seen.has_passcode, seen.is_encrypted) == ("15", False, None)
    assert apps_of(device) == {WORK.identifier: "1.2", FORBIDDEN.identifier: "7.3"}
    (job,) = waiting("devices.evaluate_conformity")
    evaluate_conformity(**job)
    assert failing() == {device.id}

    make.engine.reports = [report(device, os_version="15", apps=(WORK,))]
    walk_inventory("sandbox")
    evaluate_conformity(client_id=client.id)
    assert failing() == set()
    # the same once more changes nothing, and asks nobody to judge
    before = len(waiting("devices.evaluate_conformity"))
    walk_inventory("sandbox")
    assert len(waiting("devices.evaluate_conformity")) == before


def test_who_tells_nothing_of_itself_was_in_touch_and_keeps_what_it_had(make, house):
    _client, device, other = house
    had = Inventory(
        has_passcode=True,
        apps=[App(identifier="org.example.work", version="1.2")],
        taken_at=datetime.now(UTC) - timedelta(hours=3),
    )
    take_inventories(SYSTEM, {device.id: had, other.id: had})
    moment = datetime.now(UTC) - timedelta(minutes=5)
    session = database.session()
    session.execute(text("UPDATE device SET last_contact_at = now() - interval '9 days'"))
    session.commit()
    make.engine.reports = [
        report(device, last_contact_at=moment),
        report(other, last_contact_at=moment, os_version="15"),  # but not of its apps
    ]
    walk_inventory("sandbox")
    assert present(device).last_contact_at == moment
    assert present(device).has_passcode is True
    assert apps_of(device) == apps_of(other) == {"org.example.work": "1.2"}
    assert present(other).os_version == "15"


def test_lies_harm_nothing(make, house):
    client, device, _other = house
    gone = make.device(client, "android", state=DeviceState.RETIRED)
    pending = make.device(client, "android", state=DeviceState.PENDING)
    neighbour = make.device(make.client(), "android")
    session = database.session()
    other_engine = EngineAccount(key="another", name="Another", is_simulated=True)
    session.add(other_engine)
    session.flush()
    session.get_one(Device, neighbour.id).engine_id = other_engine.id
    session.commit()
    facts = {"os_version": "99", "has_passcode": False, "apps": (FORBIDDEN,)}
    ahead = datetime(9999, 12, 31, tzinfo=UTC)
    names = ("nobody", "", "a\x00b", "\ud800", "x" * 100_000, str(uuid4()), str(device.id))
    make.engine.reports = [
        *(report(name, **facts) for name in names),
        report(gone, **facts),
        report(pending, **facts),
        report(neighbour, **facts),  # a device of another engine
        report(device, **facts, is_enrolled=False),
        report(device, **facts, last_contact_at=None),
    ]
    before = {d.id: vars(present(d)) for d in (device, gone, pending, neighbour)}
    assert walk_inventory("sandbox") == 0
    for one in (device, gone, pending, neighbour):
        kept = {k: v for k, v in vars(present(one)).items() if not k.startswith("_")}
        assert kept == {k: v for k, v in before[one.id].items() if not k.startswith("_")}
        assert apps_of(one) == {}

    odd = tuple(ReportedApp(f"app{n}", "\x00\ud800", "9" * 5000) for n in range(3000))
    make.engine.reports = [
        report(device, os_version="\x00\ud800" + "9" * 5000, apps=odd, last_contact_at=ahead),
        report(device, os_version="16", apps=(WORK, WORK), last_contact_at=ahead),
    ]
    assert walk_inventory("sandbox") == 1
    assert present(device).os_version == "16", "told twice, the last counts"
    assert present(device).last_contact_at <= datetime.now(UTC), "no clock is ahead of ours"
    make.engine.reports = make.engine.reports[:1]
    walk_inventory("sandbox")
    assert len(apps_of(device)) == 2000
    assert len(present(device).os_version) == 200


def test_an_old_word_does_not_replace_a_newer_one(make, house):
    _client, device, _other = house
    make.engine.reports = [report(device, os_version="16", apps=(WORK,))]
    walk_inventory("sandbox")
    long_ago = datetime.now(UTC) - timedelta(hours=2)
    make.engine.reports = [report(device, os_version="13", apps=(), last_contact_at=long_ago)]
    walk_inventory("sandbox")
    assert present(device).os_version == "16"
    assert apps_of(device) == {WORK.identifier: "1.2"}


def test_an_engine_that_is_silent_changes_nothing_and_one_without_a_name_is_not_asked(make, house):
    _client, device, _other = house
    assert walk_inventory("sandbox") == 0
    fleet_engines.use_engines({})
    jobs.walk_inventory(engine_key="sandbox")
    assert present(device).inventory_at is None


def test_a_walk_that_breaks_off_keeps_what_came_before(make, house):
    _client, device, _other = house

    def broken():
        yield from (report(f"unknown {number}") for number in range(TOGETHER - 1))
        yield report(device, os_version="15")
        yield report("one more")
        raise ConnectionError

    make.engine.inventory = broken
    with pytest.raises(ConnectionError):
        walk_inventory("sandbox")
    assert present(device).os_version == "15"


def test_batches_are_of_a_thousand_devices_or_of_what_a_transaction_bears():
    plain = [report(f"d{n}") for n in range(2 * TOGETHER + 5)]
    assert [len(batch) for batch in batches(plain)] == [TOGETHER, TOGETHER, 5]
    apps = tuple(ReportedApp(f"a{n}") for n in range(2000))
    heavy = [report(f"d{n}", apps=apps) for n in range(60)]
    sizes = [len(batch) for batch in batches(heavy)]
    assert max(sizes) * 2000 <= MOST_APPS
    assert sum(sizes) == 60
    assert list(batches([])) == []


def test_every_engine_with_devices_is_asked_once(make, house):
    session = database.session()
    session.add(EngineAccount(key="without devices", name="Empty", is_simulated=True))
    session.commit()
    assert ask_engines() == ["sandbox"]
    assert ask_engines() == ["sandbox"]
    assert waiting(WALK_INVENTORY.name) == [{"engine_key": "sandbox"}]
    make.engine.reports = [report(house[1], os_version="15")]
    jobs.walk_inventory(engine_key="sandbox")
    assert present(house[1]).os_version == "15"
