"""What the database makes of whole fleets is what the pure rule says of each device alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import joinedload

from servicedesk.core import clock, database
from servicedesk.core.actors import SYSTEM
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.conformity.editing import RuleDraft, create_rule
from servicedesk.devices.conformity.models import ConformityFinding, ConformityRule
from servicedesk.devices.models import Device, DeviceGroup, DeviceGroupMember, DeviceState
from servicedesk.devices.policies.changes import create_profile
from servicedesk.devices.policies.desired import refresh_desired
from servicedesk.devices.policies.effective import (
    TO_DEVICE,
    TO_GROUP,
    Assigned,
    Effective,
    Rank,
    effective_policy,
)
from servicedesk.devices.policies.models import (
    DevicePolicy,
    PolicyAssignment,
    PolicyVersion,
    VersionState,
)
from servicedesk.devices.policies.queries import profile_named
from tests.policy_samples import contents

TODAY = datetime.now(UTC).date()

KINDS = ("ios", "android", "android", "personal")
GROUPS, PROFILES = 3, 4
WITHHOLDS = {"withhold_wifi": "wifi", "withhold_mail": "mail"}

indices = st.integers(0, len(KINDS) - 1)
some_rank = st.sampled_from([None, 10, 100])


def grid(values, rows, columns):
    """Return what is drawn for each row and column, without the Nones: most of it is there."""
    keys = [(row, column) for row in range(rows) for column in range(columns)]
    return st.lists(values, min_size=len(keys), max_size=len(keys)).map(
        lambda drawn: {key: one for key, one in zip(keys, drawn, strict=True) if one is not None}
    )


fleets = st.fixed_dictionaries(
    {
        "is_enrolled": st.lists(
            st.sampled_from([True, True, True, False]), min_size=len(KINDS), max_size=len(KINDS)
        ),
        "members": grid(st.sampled_from([None, True]), GROUPS, len(KINDS)),
        "contents": st.lists(contents | st.none(), min_size=PROFILES, max_size=PROFILES),
        "to_groups": grid(some_rank, PROFILES, GROUPS),
        "to_devices": grid(some_rank, PROFILES, len(KINDS)),
        "findings": st.sets(st.tuples(st.sampled_from(sorted(WITHHOLDS)), indices)),
        "is_active": st.booleans(),
    }
)


@dataclass
class Ground:
    """A client with devices, groups, profiles and a rule for each consequence."""

    client: object
    devices: list
    groups: list[int]
    profiles: list
    rules: dict[str, int]


@pytest.fixture
def ground(make):
    client, agent = make.client(), make.agent()
    devices = [make.device(client, kind) for kind in KINDS]
    make.device(make.client(), "ios")  # somebody else's
    with unit_of_work(SYSTEM, "test.ground") as work:
        groups = [DeviceGroup(client_id=client.id, name=f"G{number}") for number in range(GROUPS)]
        work.session.add_all(groups)
        profiles = [create_profile(work, client.id, f"P{number}") for number in range(PROFILES)]
    rules = {
        consequence: create_rule(
            agent,
            client.reference,
            RuleDraft(name=consequence, kind="compromised", consequences=["mark"]),
        ).id
        for consequence in WITHHOLDS
    }
    return Ground(client, devices, [group.id for group in groups], profiles, rules)


def lay(ground, fleet) -> None:
    """Make the client's rows just what was drawn."""
    session, own = database.session(), {"client_id": ground.client.id}
    for model in (DeviceGroupMember, PolicyAssignment, PolicyVersion, ConformityFinding):
        session.execute(delete(model))
    for device, is_enrolled in zip(ground.devices, fleet["is_enrolled"], strict=True):
        state = DeviceState.ENROLLED if is_enrolled else DeviceState.RETIRED
        session.execute(update(Device).where(Device.id == device.id).values(state=state))
    put(
        DeviceGroupMember,
        [
            {**own, "group_id": ground.groups[g], "device_id": ground.devices[d].id}
            for g, d in fleet["members"]
        ],
    )
    times = dict.fromkeys(("created_at", "updated_at", "published_at"), clock.now())
    version = {**own, **times, "number": 1, "state": VersionState.PUBLISHED, "note": ""}
    put(
        PolicyVersion,
        [
            {
                **version,
                "profile_id": profile.id,
                "content": content,
                "revision": 1,
                "author_name": "x",
                "published_by_name": "x",
            }
            for profile, content in zip(ground.profiles, fleet["contents"], strict=True)
            if content is not None
        ],
    )
    for column, ids, drawn in (
        ("group_id", ground.groups, fleet["to_groups"]),
        ("device_id", [device.id for device in ground.devices], fleet["to_devices"]),
    ):
        put(
            PolicyAssignment,
            [
                {**own, "profile_id": ground.profiles[p].id, column: ids[to], "precedence": rank}
                for (p, to), rank in drawn.items()
            ],
        )
    for consequence, rule_id in ground.rules.items():
        session.execute(
            update(ConformityRule)
            .where(ConformityRule.id == rule_id)
            .values(consequences=[consequence], is_active=fleet["is_active"])
        )
    put(
        ConformityFinding,
        [
            {
                **own,
                "rule_id": ground.rules[consequence],
                "device_id": ground.devices[d].id,
                "since": clock.now(),
            }
            for consequence, d in fleet["findings"]
        ],
    )
    session.commit()


def put(model, rows) -> None:
    if rows:
        database.session().execute(insert(model), rows)


def come_to(found, platform, withheld) -> Effective:
    return effective_policy(found, platform, TODAY, withheld)


def expected(ground, fleet, number) -> Effective | None:
    """Return what the pure rule says of one device; None: it should have nothing."""
    if not fleet["is_enrolled"][number]:
        return None
    ways = [(p, TO_DEVICE, rank) for (p, d), rank in fleet["to_devices"].items() if d == number]
    ways += [
        (p, TO_GROUP, rank)
        for (p, g), rank in fleet["to_groups"].items()
        if (g, number) in fleet["members"]
    ]
    found = [
        Assigned(
            Rank(scope, rank, ground.profiles[p].id),
            ground.profiles[p].reference,
            fleet["contents"][p],
        )
        for p, scope, rank in ways
        if fleet["contents"][p] is not None
    ]
    withheld = [
        WITHHOLDS[consequence]
        for consequence, d in fleet["findings"]
        if d == number and fleet["is_active"]
    ]
    return come_to(found, ground.devices[number].platform, withheld)


def told(ground) -> list:
    """Return what the database says each device should have, by its digest."""
    session = database.session()
    rows = session.scalars(
        select(DevicePolicy)
        .options(joinedload(DevicePolicy.effective))
        .execution_options(populate_existing=True)
    )
    by_device = {row.device_id: row.effective for row in rows}
    found = [by_device.get(device.id) for device in ground.devices]
    session.expunge_all()
    session.rollback()
    assert len(by_device) == sum(one is not None for one in found)
    return found


def refreshed(ground, device_ids=None) -> list[int]:
    with unit_of_work(SYSTEM, "test.refresh") as work:
        return refresh_desired(work, ground.client.id, device_ids)


def test_what_the_database_gives_a_fleet_is_what_the_pure_rule_gives_each_device(ground):
    @settings(
        max_examples=100,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(fleets, st.sets(indices, min_size=1))
    def agree(fleet, some):
        before = told(ground)
        lay(ground, fleet)
        wanted = [expected(ground, fleet, number) for number in range(len(KINDS))]
        # some of the devices first, then all: the same as all at once
        refreshed(ground, [ground.devices[number].id for number in some])
        half = told(ground)
        refreshed(ground)
        assert refreshed(ground) == []
        found = told(ground)
        for number, policy in enumerate(wanted):
            kept = found[number] if number in some else before[number]
            assert (half[number] and half[number].digest) == (kept and kept.digest)
            if policy is None:
                assert found[number] is None
                continue
            assert found[number].digest == policy.digest
            assert found[number].content == policy.content
            assert found[number].sources == policy.sources
            assert found[number].conflicts == [one.to_json() for one in policy.conflicts]
            assert found[number].withheld == list(policy.withheld)
            assert found[number].fingerprints == policy.fingerprints
        check_reach(ground, wanted)

    agree()


def check_reach(ground, wanted) -> None:
    """A profile is desired by the devices on which it decides a setting."""
    for profile in ground.profiles:
        deciding = sum(
            any(
                profile.reference in settings.values()
                for keyed in policy.sources.values()
                for settings in keyed.values()
            )
            for policy in wanted
            if policy is not None
        )
        assert profile_named(SYSTEM, profile.reference).reach.desired == deciding
    database.session().rollback()
