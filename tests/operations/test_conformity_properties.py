"""Predicate and SQL agree on every kind, and conformity follows from inventory and rules alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select

from servicedesk.core import database
from servicedesk.core.actors import SYSTEM
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.conformity.editing import RuleDraft, create_rule, edit_rule
from servicedesk.devices.conformity.evaluation import evaluate
from servicedesk.devices.conformity.inventory import App, Inventory, take_inventories
from servicedesk.devices.conformity.models import Conformity, ConformityFinding, InstalledApp
from servicedesk.devices.conformity.queries import counts_of, standings_of
from servicedesk.devices.conformity.rules import KINDS, Facts, kind_named
from servicedesk.devices.conformity.standing import stands
from servicedesk.devices.conformity.versions import version_key
from servicedesk.devices.models import Device

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
VERSIONS = ("", "junk", "1.0-rc.2", "1.0-rc.10", "1.0", "1.0.0", "1.9", "1.10", "15.7.1-beta", "16")
THRESHOLDS = tuple(version for version in VERSIONS if version[:1].isdigit() and "rc" not in version)
APPS = ("org.example.mail", "org.example.chat", "a")

maybe = st.none() | st.booleans()
instants = st.none() | st.integers(0, 20).map(lambda days: NOW - timedelta(days=days))
facts = st.builds(
    Facts,
    inventory_at=instants,
    os_version_key=st.none() | st.sampled_from(VERSIONS).map(version_key),
    has_passcode=maybe,
    is_encrypted=maybe,
    is_compromised=maybe,
    last_contact_at=instants,
    apps=st.dictionaries(st.sampled_from(APPS), st.sampled_from(VERSIONS)),
)
values = {
    "app": st.sampled_from(APPS),
    "title": st.just(""),
    "version": st.sampled_from(THRESHOLDS),
    "days": st.integers(2, 20).map(str),
}
kinds = st.sampled_from(KINDS).flatmap(
    lambda kind: st.tuples(
        st.just(kind), st.fixed_dictionaries({p.name: values[p.name] for p in kind.parameters})
    )
)
inventories = st.builds(
    Inventory,
    os_version=st.sampled_from(VERSIONS),
    has_passcode=maybe,
    is_encrypted=maybe,
    is_compromised=maybe,
    apps=st.dictionaries(st.sampled_from(APPS), st.sampled_from(VERSIONS)).map(
        lambda found: [App(identifier=name, version=version) for name, version in found.items()]
    ),
)


@pytest.fixture
def fleet(make):
    client = make.client()
    return make.agent(), client, [make.device(client, "android") for _ in range(4)]


def quietly(examples):
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


def test_predicate_and_sql_agree_on_fails_conforms_and_unknown(fleet):
    _agent, client, devices = fleet

    @quietly(250)
    @given(kinds, st.lists(facts, min_size=4, max_size=4))
    def agree(wanted, told):
        kind, parameters = wanted
        assert kind.faults(parameters) == {}
        session = database.session()
        for device, known in zip(devices, told, strict=True):
            row = session.get_one(Device, device.id, populate_existing=True)
            for name in Facts.__dataclass_fields__.keys() - {"apps"}:
                setattr(row, name, getattr(known, name))
        session.flush()
        session.execute(delete(InstalledApp))
        rows = [
            {
                "device_id": device.id,
                "client_id": client.id,
                "identifier": identifier,
                "name": identifier,
                "version": version,
                "version_key": version_key(version),
            }
            for device, known in zip(devices, told, strict=True)
            for identifier, version in known.apps.items()
        ]
        if rows:
            session.execute(insert(InstalledApp), rows)
        found = session.execute(
            select(kind.condition(parameters, NOW)).order_by(Device.id)
        ).scalars()
        answers = list(found)
        session.expunge_all()
        session.rollback()
        assert answers == [kind.fails(parameters, known, NOW) for known in told]

    agree()


DRAFTS = (
    ("passcode_missing", {}),
    ("compromised", {}),
    ("encryption_off", {}),
    ("os_outdated", {"version": "1.10"}),
    ("app_missing", {"app": APPS[0]}),
    ("app_forbidden", {"app": APPS[1]}),
    ("app_outdated", {"app": APPS[0], "version": "1.0"}),
)


class Story:
    """Rules, devices, and what each device said last."""

    def __init__(self, agent, client, devices):
        self.agent, self.client, self.devices = agent, client, devices
        self.last: dict[int, Inventory] = {}
        self.versions: dict[int, str] = {}
        self.drafts = [
            RuleDraft(name=code, kind=code, parameters=parameters, consequences=["mark"])
            for code, parameters in DRAFTS
        ]
        self.rules = [create_rule(agent, client.reference, draft) for draft in self.drafts]

    def report(self, which, inventory):
        device_id = self.devices[which].id
        take_inventories(SYSTEM, {device_id: inventory})
        self.last[device_id] = inventory
        self.versions[device_id] = inventory.os_version or self.versions.get(device_id, "")

    def judge(self, which):
        ids = None if which is None else [self.devices[number].id for number in which]
        with unit_of_work(SYSTEM, "test.evaluate") as work:
            evaluate(work, self.client.id, ids)

    def save(self, which):
        edit_rule(self.agent, self.rules[which].reference, self.drafts[which])

    def facts(self, device) -> Facts:
        report = self.last.get(device.id)
        if report is None:
            return Facts()
        version = self.versions[device.id]
        return Facts(
            inventory_at=NOW,
            os_version_key=version_key(version) if version else None,
            has_passcode=report.has_passcode,
            is_encrypted=report.is_encrypted,
            is_compromised=report.is_compromised,
            apps={app.identifier: app.version for app in report.apps},
        )

    def expected(self) -> dict[tuple[int, int], bool | None]:
        """Return what the predicates say of every rule and device."""
        return {
            (rule.id, device.id): kind_named(rule.kind).fails(
                rule.parameters, self.facts(device), NOW
            )
            for rule in self.rules
            for device in self.devices
        }

    def check(self):
        expected, session = self.expected(), database.session()
        rows = session.execute(select(ConformityFinding.rule_id, ConformityFinding.device_id))
        assert {tuple(row) for row in rows} == {key for key, fails in expected.items() if fails}
        for device in self.devices:
            mine = [fails for (_, device_id), fails in expected.items() if device_id == device.id]
            shown = [
                state
                for state in Conformity
                if session.scalar(select(Device.id).where(Device.id == device.id, stands(state)))
            ]
            assert shown == [overall(mine)]
            each = [standing.conformity for standing in standings_of(SYSTEM, device.id)]
            assert each == [WORDS[fails] for fails in mine]
        counts = counts_of(self.rules)
        for rule in self.rules:
            mine = [fails for (rule_id, _), fails in expected.items() if rule_id == rule.id]
            told = counts[rule.id]
            assert (told.failing, told.unknown) == (mine.count(True), mine.count(None))
            assert told.total == len(mine)
        session.expunge_all()
        session.rollback()


WORDS = {True: Conformity.FAILING, False: Conformity.CONFORMING, None: Conformity.UNKNOWN}


def overall(mine) -> Conformity:
    if any(mine):
        return Conformity.FAILING
    return Conformity.UNKNOWN if None in mine else Conformity.CONFORMING


steps = st.one_of(
    st.tuples(st.just("report"), st.integers(0, 3), inventories),
    st.tuples(st.just("judge"), st.lists(st.integers(0, 3)) | st.none()),
    st.tuples(st.just("save"), st.integers(0, len(DRAFTS) - 1)),
)


def test_conformity_follows_from_the_last_inventories_and_rules_whatever_happened_before(fleet):
    story = Story(*fleet)

    @quietly(40)
    @given(st.lists(steps, min_size=1, max_size=8))
    def follow(history):
        for step, *arguments in history:
            getattr(story, step)(*arguments)
        story.judge(None)
        story.check()

    follow()
