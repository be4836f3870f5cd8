"""Laws of policies: what profiles come to, how contents differ, and that no secret is ever told."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from servicedesk.devices.policies.content import (
    Change,
    differences,
    fingerprints,
    with_entry,
    without_entry,
)
from servicedesk.devices.policies.effective import (
    TO_DEVICE,
    TO_GROUP,
    Assigned,
    DriftKind,
    Effective,
    Rank,
    drift,
    effective_policy,
)
from servicedesk.devices.policies.telling import changes_told, told
from tests.policy_samples import HIDDEN, SEALED, contents

TODAY = datetime.now(UTC).date()

PLATFORMS = st.sampled_from(["ios", "ipados", "android"])
WITHHELD = st.sets(st.sampled_from(["wifi", "mail"]))
PROFILES = st.integers(1, 4)
ranks = st.builds(
    Rank, st.sampled_from([TO_DEVICE, TO_GROUP]), st.sampled_from([10, 100]), PROFILES
)
# a profile has one published content, however often it reaches the device
assigned = st.tuples(
    st.lists(ranks, max_size=8), st.fixed_dictionaries(dict.fromkeys(range(1, 5), contents))
).map(
    lambda drawn: [
        Assigned(rank, f"POL-{rank.profile_id}", drawn[1][rank.profile_id]) for rank in drawn[0]
    ]
)


def come_to(found, platform, withheld) -> Effective:
    return effective_policy(found, platform, TODAY, withheld)


@given(assigned.flatmap(lambda a: st.tuples(st.just(a), st.permutations(a))), PLATFORMS, WITHHELD)
def test_what_profiles_come_to_does_not_depend_on_the_order_of_assignment(orders, platform, held):
    one, other = (come_to(found, platform, held) for found in orders)
    assert one == other
    assert one.digest == other.digest


@given(assigned, PLATFORMS, WITHHELD)
def test_a_second_way_to_a_device_that_is_weaker_changes_nothing(found, platform, held):
    weaker = [
        Assigned(Rank(TO_GROUP, 999, one.rank.profile_id), one.profile, one.content)
        for one in found
    ]
    assert come_to([*weaker, *found], platform, held) == come_to(found, platform, held)


@given(assigned, PLATFORMS, WITHHELD)
def test_every_setting_is_from_the_strongest_profile_that_has_it(found, platform, held):
    policy = come_to(found, platform, held)
    strongest = sorted(found, key=lambda one: one.rank)
    assert set(policy.content).isdisjoint(held)
    for section, keyed in policy.content.items():
        for key, values in keyed.items():
            assert policy.sources[section][key].keys() == values.keys()
            for setting, value in values.items():
                having = (
                    one for one in strongest if setting in one.content.get(section, {}).get(key, {})
                )
                decides = next(having)
                if section in {"passcode", "restrictions"}:
                    assert policy.sources[section][key][setting] == decides.profile
                else:  # taken whole
                    whole = next(one for one in strongest if key in one.content.get(section, {}))
                    assert policy.sources[section][key][setting] == whole.profile
                    assert values == whole.content[section][key]
                    continue
                assert value == decides.content[section][key][setting]


@given(assigned, PLATFORMS)
def test_a_conflict_names_who_decided_and_who_wanted_something_else(found, platform):
    policy = come_to(found, platform, ())
    said = {one.profile: one.content for one in found}
    for conflict in policy.conflicts:
        wanted = said[conflict.lost][conflict.section][conflict.key]
        kept = policy.content[conflict.section][conflict.key]
        if conflict.setting:
            assert policy.sources[conflict.section][conflict.key][conflict.setting] == conflict.kept
            assert wanted[conflict.setting] != kept[conflict.setting]
        else:
            assert wanted != kept


@given(assigned, PLATFORMS, WITHHELD)
def test_withholding_takes_sections_away_and_touches_no_other(found, platform, held):
    free, kept_back = come_to(found, platform, ()), come_to(found, platform, held)
    assert set(kept_back.withheld) == held & set(free.content)
    rest = {section: keyed for section, keyed in free.content.items() if section not in held}
    assert kept_back.content == rest


def applied(content, found):
    """Return a content after these differences."""
    for one in found:
        if one.change is Change.REMOVED:
            content = without_entry(content, one.section, one.key)
        else:
            content = with_entry(content, one.section, one.key, one.after)
    return content


@given(contents, contents)
def test_the_differences_of_two_contents_lead_from_one_to_the_other_and_back(one, other):
    before = json.dumps([one, other])
    assert applied(one, differences(one, other)) == other
    assert applied(other, differences(other, one)) == one
    assert json.dumps([one, other]) == before  # nothing was changed on the way
    assert differences(one, one) == []
    assert len(differences(one, other)) == len(differences(other, one))


@given(contents, contents)
def test_a_difference_names_just_the_settings_that_differ(one, other):
    for found in differences(one, other):
        assert found.settings
        for name in {*found.before, *found.after}:
            assert (name in found.settings) is (found.before.get(name) != found.after.get(name))


@given(contents, st.sampled_from(["wifi", "passcode", "mail"]), st.text(max_size=3))
def test_what_is_put_in_is_there_and_taken_out_again_is_not(content, section, key):
    values = {"name": "x"}
    put = with_entry(content, section, key, values)
    assert put[section][key] == values
    taken = without_entry(put, section, key)
    assert key not in taken.get(section, {})
    assert taken == without_entry(content, section, key)
    assert without_entry(taken, section, key) == taken


@given(contents, contents)
def test_a_device_drifts_just_where_its_entries_differ(desired, present):
    found = drift(fingerprints(desired), fingerprints(present))
    by_kind = {
        Change.ADDED: DriftKind.UNEXPECTED,
        Change.REMOVED: DriftKind.MISSING,
        Change.CHANGED: DriftKind.DIFFERENT,
    }
    expected = {(d.section, d.key, by_kind[d.change]) for d in differences(desired, present)}
    assert {(one.section, one.key, one.kind) for one in found} == expected
    assert drift(fingerprints(desired), fingerprints(desired)) == []


@given(contents, contents)
def test_no_secret_is_told_and_every_other_value_is(one, other):
    everything = repr([told(one), told(other), changes_told(one, other)])
    assert HIDDEN not in everything
    assert SEALED not in everything
    for entry in told(one):
        values = one[entry.section.code][entry.key]
        assert {setting.name for setting in entry.settings} == values.keys()
        for setting in entry.settings:
            assert setting.is_secret is (setting.name == "password")
            assert setting.value == ("" if setting.is_secret else values[setting.name])
    for change in changes_told(one, other):
        assert all(setting.before or setting.after for setting in change.settings)
