"""Drafts of policies: written by one person at a time, and nobody has anything else for it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, text

from servicedesk.clients.models import FunctionalBlock
from servicedesk.core import database
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.core.audit import AuditEntry, verify
from servicedesk.core.errors import Conflict, Forbidden, InvalidInput, NotAllowedNow, NotFound
from servicedesk.core.files import Upload
from servicedesk.core.sealing import unseal
from servicedesk.devices.policies import editing, queries
from servicedesk.devices.policies.documents import add_document
from servicedesk.devices.policies.editing import (
    BadSettings,
    DraftChanged,
    HasDraft,
    NoDraft,
    OwnSettings,
    begin_draft,
    create_profile_draft,
    discard_draft,
    drop_setting,
    put_setting,
    rename_profile,
)
from servicedesk.devices.policies.models import (
    DevicePolicy,
    PolicyProfile,
    PolicyVersion,
    VersionState,
)
from servicedesk.devices.policies.standing import policy_standing
from servicedesk.devices.queries import FleetFilter, devices
from tests.policy_story import (
    PASSCODE,
    PASSWORD,
    WIFI,
    bring,
    group_of,
    own_setting,
    refresh,
    report,
    report_all,
)


@pytest.fixture
def house(make):
    """An agent, a client with three devices, and a policy with an empty draft."""
    client = make.client()
    agent = make.agent()
    profile = create_profile_draft(agent, client.reference, "Field", "For who drives")
    return agent, client, [make.device(client, "android") for _ in range(3)], profile


def read(statement):
    session = database.session()
    rows = session.execute(statement).all()
    session.expunge_all()
    session.rollback()
    return rows


def draft_of(profile) -> PolicyVersion:
    query = select(PolicyVersion).where(
        PolicyVersion.profile_id == profile.id, PolicyVersion.state == VersionState.DRAFT
    )
    return read(query)[0][0]


def desired(device) -> dict:
    standing = policy_standing(SYSTEM, device.id)
    return {(one.section.code, one.key) for one in standing.entries} if standing else set()


def test_a_draft_is_written_setting_by_setting_and_changes_no_device(house):
    agent, client, (device, *_), profile = house
    refresh(client)
    draft = put_setting(agent, profile.reference, "wifi", WIFI, 1)
    draft = put_setting(agent, profile.reference, "passcode", PASSCODE, draft.revision)
    assert (draft.number, draft.revision, draft.state) == (1, 3, VersionState.DRAFT)
    kept = draft_of(profile).content
    assert kept["passcode"] == {"": PASSCODE}
    assert unseal(kept["wifi"]["Office"]["password"]) == PASSWORD
    assert kept["wifi"]["Office"]["hidden"] == "yes"
    assert desired(device) == set()
    bring(profile.reference, 1, devices=(device,))
    assert desired(device) == {("passcode", ""), ("wifi", "Office")}


def test_only_who_may_edit_policies_does_and_a_foreign_policy_does_not_exist(make, house):
    _agent, client, _devices, profile = house
    for person in (make.contact(client), make.person(Role.ACCOUNT_MANAGER, client)):
        with pytest.raises(Forbidden):
            create_profile_draft(person, client.reference, "x")
        for act in acts(profile.reference):
            with pytest.raises(Forbidden):
                act(person)
    for stranger in (make.contact(), make.person(Role.ACCOUNT_MANAGER, make.client())):
        for act in acts(profile.reference):
            with pytest.raises(NotFound):
                act(stranger)
        with pytest.raises(NotFound):
            queries.profile_named(stranger, profile.reference)
        assert queries.profiles(stranger).items == []
    supervisor = make.supervisor()
    assert put_setting(supervisor, profile.reference, "wifi", WIFI, 1).revision == 2


def acts(reference):
    return (
        lambda who: put_setting(who, reference, "wifi", WIFI, 1),
        lambda who: drop_setting(who, reference, "wifi", "Office", 1),
        lambda who: begin_draft(who, reference),
        lambda who: discard_draft(who, reference, 1),
        lambda who: rename_profile(who, reference, "x", ""),
    )


@pytest.mark.parametrize(
    ("name", "description", "field"),
    [
        ("", "", "name"),
        ("   ", "", "name"),
        ("x" * 81, "", "name"),
        ("a\x00b", "", "name"),
        ("\ud800", "", "name"),
        ("Field", "", "name"),
        ("New", "\x07", "description"),
        ("New", "x" * 501, "description"),
    ],
)
def test_a_name_is_checked_and_belongs_to_one_policy_of_a_client(house, name, description, field):
    agent, client, _devices, _profile = house
    other = create_profile_draft(agent, client.reference, "Other")
    for act in (
        lambda: create_profile_draft(agent, client.reference, name, description),
        lambda: rename_profile(agent, other.reference, name, description),
    ):
        with pytest.raises(InvalidInput) as refused:
            act()
        assert refused.value.field == field


def test_a_policy_is_renamed_and_another_client_may_have_one_of_the_same_name(make, house):
    agent, _client, _devices, profile = house
    renamed = rename_profile(agent, profile.reference, "  Field \n work ", "New words")
    assert (renamed.name, renamed.description) == ("Field work", "New words")
    rename_profile(agent, profile.reference, "Field work", "Only the words")
    create_profile_draft(agent, make.client().reference, "Field work")
    with pytest.raises(InvalidInput) as refused:
        create_profile_draft(agent, "CLI-9999", "x")
    assert refused.value.field == "client"


def test_there_is_one_draft_at_a_time_copied_from_what_is_published_or_a_version(house):
    agent, _client, (device, *_), profile = house
    with pytest.raises(HasDraft):
        begin_draft(agent, profile.reference)
    put_setting(agent, profile.reference, "wifi", WIFI, 1)
    bring(profile.reference, 1, devices=(device,))
    second = begin_draft(agent, profile.reference)
    assert (second.number, set(second.content)) == (2, {"wifi"})
    put_setting(agent, profile.reference, "passcode", PASSCODE, 1)
    bring(profile.reference, 2, devices=(device,))
    third = begin_draft(agent, profile.reference, 1)
    assert (third.number, set(third.content)) == (3, {"wifi"})
    discard_draft(agent, profile.reference, 1)
    with pytest.raises(NoDraft):
        put_setting(agent, profile.reference, "wifi", WIFI, 1)
    for number in (3, 99):
        with pytest.raises(InvalidInput) as refused:
            begin_draft(agent, profile.reference, number)
        assert refused.value.field == "version"


def test_two_who_begin_at_once_begin_one_draft(house):
    agent, _client, (device, *_), profile = house
    put_setting(agent, profile.reference, "wifi", WIFI, 1)
    bring(profile.reference, 1, devices=(device,))

    def begin(_number):
        try:
            return begin_draft(agent, profile.reference).number
        except NotAllowedNow:
            return None
        finally:
            database.session().close()

    with ThreadPoolExecutor(4) as pool:
        begun = [number for number in pool.map(begin, range(4)) if number]
    assert begun == [2]


def test_two_editors_never_overwrite_one_another(house):
    agent, _client, _devices, profile = house
    put_setting(agent, profile.reference, "wifi", WIFI, 1)
    for late in (
        lambda: put_setting(agent, profile.reference, "passcode", PASSCODE, 1),
        lambda: drop_setting(agent, profile.reference, "wifi", "Office", 1),
        lambda: discard_draft(agent, profile.reference, 1),
    ):
        with pytest.raises(DraftChanged) as refused:
            late()
        assert isinstance(refused.value, Conflict)
    assert set(draft_of(profile).content) == {"wifi"}

    def write(number):
        values = {"ssid": f"Net {number}", "security": "open"}
        try:
            put_setting(agent, profile.reference, "wifi", values, 2)
        except DraftChanged:
            return 0
        finally:
            database.session().close()
        return 1

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(write, range(4))) == 1
    draft = draft_of(profile)
    assert (draft.revision, len(draft.content["wifi"])) == (3, 2)


def test_an_entry_is_edited_may_get_another_key_and_keeps_its_secret(house):
    agent, _client, _devices, profile = house
    put_setting(agent, profile.reference, "wifi", WIFI, 1)
    moved = {**WIFI, "ssid": "Office 2", "password": "", "hidden": ""}
    draft = put_setting(agent, profile.reference, "wifi", moved, 2, "Office")
    assert list(draft.content["wifi"]) == ["Office 2"]
    entry = draft.content["wifi"]["Office 2"]
    assert unseal(entry["password"]) == PASSWORD
    assert "hidden" not in entry
    anew = {**moved, "password": "another password"}
    draft = put_setting(agent, profile.reference, "wifi", anew, 3, "Office 2")
    assert unseal(draft.content["wifi"]["Office 2"]["password"]) == "another password"
    with pytest.raises(BadSettings) as refused:  # a new one has no secret to keep
        put_setting(agent, profile.reference, "wifi", {**moved, "ssid": "Third"}, 4)
    assert refused.value.faults.keys() == {"password"}


def test_of_one_name_there_is_one_entry(house):
    agent, _client, _devices, profile = house
    put_setting(agent, profile.reference, "wifi", WIFI, 1)
    put_setting(agent, profile.reference, "wifi", {**WIFI, "ssid": "Guests"}, 2)
    for key in (None, "Guests"):
        with pytest.raises(BadSettings) as refused:
            put_setting(agent, profile.reference, "wifi", WIFI, 3, key)
        assert refused.value.faults.keys() == {"ssid"}
    with pytest.raises(InvalidInput) as unknown:
        put_setting(agent, profile.reference, "wifi", WIFI, 3, "Nowhere")
    assert unknown.value.field == "key"
    # of a passcode there is one anyway
    put_setting(agent, profile.reference, "passcode", PASSCODE, 3)
    draft = put_setting(agent, profile.reference, "passcode", {"min_length": "8"}, 4)
    assert draft.content["passcode"] == {"": {"min_length": "8"}}


@pytest.mark.parametrize(
    ("section", "values", "faults"),
    [
        ("wifi", {}, {"ssid", "security"}),
        ("wifi", {**WIFI, "ssid": "x" * 33, "security": "none"}, {"ssid", "security"}),
        ("wifi", {**WIFI, "password": ""}, {"password"}),
        ("wifi", {**WIFI, "ssid": "\ud800"}, {"ssid"}),
        ("wifi", {**WIFI, "ssid": "\x00"}, {"ssid"}),
        ("wifi", {**WIFI, "password": "\ud800" * 9}, {"password"}),
        ("wifi", {**WIFI, "surprise": "x"}, {"surprise"}),
        ("wifi", {**WIFI, "ssid": ["x"]}, {"ssid"}),
        ("passcode", {}, {"min_length"}),
        ("passcode", {"min_length": "9" * 40}, {"min_length"}),
        ("documents", {"document": "DOC-2026-999999"}, {"document"}),
        ("certificates", {"name": "x", "type": "authority", "pem": "x"}, {"pem"}),
    ],
)
def test_bad_values_are_refused_each_by_its_name_and_change_nothing(house, section, values, faults):
    agent, _client, _devices, profile = house
    with pytest.raises(BadSettings) as refused:
        put_setting(agent, profile.reference, section, values, 1)
    assert refused.value.faults.keys() == faults
    assert (draft_of(profile).content, draft_of(profile).revision) == ({}, 1)


def test_a_section_the_contract_does_not_contain_is_refused_but_taken_out(make, house):
    agent = house[0]
    client = make.client(FunctionalBlock.CONFIGURATION)
    profile = create_profile_draft(agent, client.reference, "Small contract")
    put_setting(agent, profile.reference, "wifi", WIFI, 1)
    with pytest.raises(InvalidInput) as refused:
        put_setting(agent, profile.reference, "passcode", PASSCODE, 2)
    assert "Device security" in str(refused.value)
    assert queries.contracted_blocks(client.id) == {"configuration"}
    assert drop_setting(agent, profile.reference, "wifi", "Office", 2).content == {}
    with pytest.raises(InvalidInput):
        put_setting(agent, profile.reference, "poetry", {}, 3)


def test_a_policy_does_not_grow_without_end(house, monkeypatch):
    agent, _client, _devices, profile = house
    monkeypatch.setattr(editing, "MOST_ENTRIES", 2)
    for number in (1, 2):
        values = {"ssid": f"Net {number}", "security": "open"}
        put_setting(agent, profile.reference, "wifi", values, number)
    with pytest.raises(InvalidInput):
        put_setting(agent, profile.reference, "passcode", PASSCODE, 3)


def test_dropping_what_is_not_there_is_refused(house):
    agent, _client, _devices, profile = house
    with pytest.raises(InvalidInput) as refused:
        drop_setting(agent, profile.reference, "wifi", "Nowhere", 1)
    assert refused.value.field == "key"


def test_a_policy_that_is_only_a_draft_goes_with_it_but_not_once_it_was_more(house):
    agent, client, (device, *_), profile = house
    assert discard_draft(agent, profile.reference, 1)
    assert read(select(PolicyProfile.id)) == []
    other = create_profile_draft(agent, client.reference, "Field")
    put_setting(agent, other.reference, "wifi", WIFI, 1)
    bring(other.reference, 1, devices=(device,))
    begin_draft(agent, other.reference)
    assert not discard_draft(agent, other.reference, 1)
    assert [row[0] for row in read(select(PolicyVersion.number))] == [1]
    assert desired(device) == {("wifi", "Office")}


def test_own_settings_of_a_group_have_no_drafts(house):
    agent, client, (device, *_), _profile = house
    group = group_of(client, "Sales", device)
    reference = own_setting(client, "passcode", PASSCODE, group_id=group.id)
    for act in acts(reference):
        with pytest.raises(OwnSettings):
            act(agent)
    line = queries.profile_named(agent, reference)
    assert (line.profile.group.name, line.published, line.reach.desired) == ("Sales", 1, 1)


def test_everything_is_audited_and_no_secret_is_in_the_trail(house):
    agent, client, _devices, profile = house
    put_setting(agent, profile.reference, "wifi", WIFI, 1)
    rename_profile(agent, profile.reference, "New name", "")
    drop_setting(agent, profile.reference, "wifi", "Office", 2)
    discard_draft(agent, profile.reference, 3)
    document = add_document(agent, client.reference, Upload(name="a.txt", content=b"words"))
    rows = read(
        select(AuditEntry.act, AuditEntry.subject, AuditEntry.payload).order_by(AuditEntry.id)
    )
    acts_done = [row.act for row in rows if row.subject == profile.reference]
    assert acts_done == [
        "policies.create_profile",
        "policies.put_setting",
        "policies.rename_profile",
        "policies.drop_setting",
        "policies.discard_draft",
    ]
    everything = " ".join(row.payload for row in rows)
    assert PASSWORD not in everything
    assert document.secret not in everything
    with database.acting_as(SYSTEM):
        assert verify(database.session()) == []


def test_lists_say_how_many_should_have_a_policy_and_how_many_differ(house):
    agent, client, (first, second, third), profile = house
    put_setting(agent, profile.reference, "wifi", WIFI, 1)
    group = group_of(client, "Drivers", first, second)
    bring(profile.reference, 1, groups=(group,), devices=(third,))
    line = queries.profiles(agent).items[0]
    assert (line.assigned.groups, line.assigned.devices) == (1, 1)
    assert (line.reach.desired, line.reach.drifting) == (3, 3)  # nobody has reported yet
    report_all(first)
    report(second, wifi={"Office": "something else"})
    line = queries.profile_named(agent, profile.reference)
    assert (line.reach.desired, line.reach.drifting) == (3, 2)
    whom = queries.assignments_of(agent, line.profile)
    assert [(one.name, one.devices, one.precedence) for one in whom.groups] == [("Drivers", 2, 100)]
    assert [one.reference for one in whom.devices] == [third.reference]
    drifting = devices(agent, FleetFilter(drift="yes")).items
    assert {one.id for one in drifting} == {second.id, third.id}
    having = devices(agent, FleetFilter(policy=profile.reference)).items
    assert {one.id: one.drifts for one in having} == {
        first.id: False,
        second.id: True,
        third.id: True,
    }
    assert devices(agent, FleetFilter(policy="POL-000099")).items == []


def test_a_policy_overruled_everywhere_is_on_no_device(house):
    agent, client, found, profile = house
    put_setting(agent, profile.reference, "passcode", {"min_length": "4"}, 1)
    stronger = create_profile_draft(agent, client.reference, "Stronger")
    put_setting(agent, stronger.reference, "passcode", {"min_length": "8"}, 1)
    group = group_of(client, "All", *found)
    bring(profile.reference, 1, groups=(group,), precedence=200)
    bring(stronger.reference, 1, groups=(group,), precedence=50)
    assert queries.profile_named(agent, profile.reference).reach.desired == 0
    assert queries.profile_named(agent, stronger.reference).reach.desired == 3
    standing = policy_standing(agent, found[0].id)
    (conflict,) = standing.conflicts
    assert (conflict.kept, conflict.lost) == (stronger.reference, profile.reference)
    assert str(standing.titles[profile.reference]) == "Field"


def test_pages_of_profiles_and_versions_go_on_by_key(house):
    agent, client, (device, *_), profile = house
    for number in range(4):
        create_profile_draft(agent, client.reference, f"More {number}")
    names, cursor = [], None
    while True:
        page = queries.profiles(agent, client.reference, cursor, 2)
        names += [line.profile.name for line in page.items]
        cursor = page.next
        if cursor is None:
            break
    assert names == ["More 3", "More 2", "More 1", "More 0", "Field"]
    for number in range(1, 6):
        group_name = {"min_length": str(3 + number)}
        own_setting(client, "passcode", group_name, device_id=device.id)
    own = queries.profiles(agent, client.reference, size=1).items[0].profile
    first = queries.versions(agent, own, size=3)
    rest = queries.versions(agent, own, first.next, 3)
    assert [one.number for one in [*first.items, *rest.items]] == [5, 4, 3, 2, 1]
    assert profile.id != own.id


def test_versions_are_compared_the_draft_with_what_is_published_if_nothing_is_said(house):
    agent, _client, (device, *_), profile = house
    put_setting(agent, profile.reference, "wifi", WIFI, 1)
    line = queries.profile_named(agent, profile.reference)
    alone = queries.comparison(agent, line)
    assert (alone.before, alone.after, alone.contents[0]) == (0, 1, {})
    bring(profile.reference, 1, devices=(device,))
    begin_draft(agent, profile.reference)
    drop_setting(agent, profile.reference, "wifi", "Office", 1)
    line = queries.profile_named(agent, profile.reference)
    usual = queries.comparison(agent, line)
    assert (usual.before, usual.after, set(usual.contents[0])) == (1, 2, {"wifi"})
    back = queries.comparison(agent, line, 2, 1)
    assert back.contents == tuple(reversed(usual.contents))
    with pytest.raises(NotFound):
        queries.comparison(agent, line, 1, 9)


def test_a_contact_writes_no_policy_even_in_the_database(make, house):
    _agent, client, _devices, _profile = house
    contact = make.contact(client)
    for statement in (
        "UPDATE policy_version SET revision = 9",
        "DELETE FROM policy_profile",
        "INSERT INTO document_fetch (client_id) VALUES (1)",
        "UPDATE client_document SET name = 'x'",
    ):
        with database.acting_as(contact):
            with pytest.raises(Exception, match="permission denied"):
                database.session().execute(text(statement))
            database.session().rollback()


def test_a_device_without_a_policy_stands_nowhere(make, house):
    agent, client, (device, *_), _profile = house
    assert policy_standing(agent, device.id) is None
    refresh(client)
    standing = policy_standing(agent, device.id)
    assert (standing.entries, standing.has_drift, standing.reported_at) == ([], False, None)
    assert policy_standing(make.contact(), device.id) is None
    assert read(select(DevicePolicy.has_drift)) == [(False,)] * 3


def test_what_a_device_lacks_has_too_much_of_or_has_wrong_is_told(house):
    agent, _client, (device, *_), profile = house
    put_setting(agent, profile.reference, "wifi", WIFI, 1)
    put_setting(agent, profile.reference, "passcode", PASSCODE, 2)
    bring(profile.reference, 1, devices=(device,))
    report(device, wifi={"Office": "wrong", "Café <b>": "x"}, rootkit={"": "y"})
    lines = policy_standing(agent, device.id).drift
    assert {(one.code, one.key, one.kind.value) for one in lines} == {
        ("passcode", "", "missing"),
        ("rootkit", "", "unexpected"),
        ("wifi", "Café <b>", "unexpected"),
        ("wifi", "Office", "different"),
    }
