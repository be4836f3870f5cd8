"""Policies on their pages: drafts that keep what was typed, plain words, and never a secret."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from servicedesk.core import database
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.core.files import Upload
from servicedesk.devices.policies.documents import ClientDocument, add_document
from servicedesk.devices.policies.editing import begin_draft, create_profile_draft, put_setting
from tests.pages.test_statements import app, counting, entered
from tests.policy_story import (
    PASSCODE,
    PASSWORD,
    WIFI,
    bring,
    group_of,
    own_setting,
    report,
    report_all,
)
from tests.visitor import visiting

HUGE = "9" * 30
__all__ = ["app"]  # a fixture


@pytest.fixture
def house(desk):
    """A client with two devices in a group, and a published policy for it."""
    make = desk.make
    client = make.client()
    agent, contact = make.agent(), make.contact(client)
    devices = [make.device(client, "android") for _ in range(2)]
    group = group_of(client, "Drivers", *devices)
    profile = create_profile_draft(agent, client.reference, "Field work", "For who drives")
    put_setting(agent, profile.reference, "wifi", WIFI, 1)
    bring(profile.reference, 1, groups=(group,))
    return client, agent, contact, devices, profile.reference


def in_english(visitor) -> None:
    visitor.post("/language", language="en", next="/")


def words(page: str) -> str:
    """Return what somebody reads: no tags, single spaces."""
    text = re.sub(r"<[^>]+>", " ", page.split("<main", 1)[-1])
    return re.sub(r"\s+", " ", text).replace("&amp;", "&")


def revision_in(page: str) -> str:
    return re.search(r'name="revision" value="(\d+)"', page)[1]


def test_a_policy_is_made_written_edited_and_discarded_on_its_pages(desk, house):
    client, agent, _contact, _devices, _reference = house
    with visiting(desk, agent) as visitor:
        in_english(visitor)
        assert client.name in visitor.get(f"/desk/policies/new?client={client.reference}").text
        made = visitor.post("/desk/policies/new", client=client.reference, name="Sales")
        assert made.status_code == 302
        draft = made.headers["Location"]
        page = visitor.get(draft).text
        assert "Nobody has the draft until an order publishes it." in page
        visitor.get(f"{draft}/wifi")
        saved = visitor.post(
            f"{draft}/wifi", revision="1", ssid="Fleet", security="wpa3_personal", password=PASSWORD
        )
        assert saved.status_code == 302
        page = words(visitor.get(draft).text)
        assert "Joins the wifi Fleet with WPA3 Personal" in page
        assert "••• sealed" in page
        visitor.post(f"{draft}/passcode", revision="2", min_length="8")
        assert "at least 8 characters" in visitor.get(draft).text
        form = visitor.get(f"{draft}/wifi?key=Fleet").text
        assert 'value="Fleet"' in form
        assert "Sealed. Leave it empty to keep it as it is." in form
        renamed = visitor.post(
            f"{draft}/wifi?key=Fleet",
            revision="3",
            ssid="Other",
            security="wpa2_personal",
            password="",
            hidden="yes",
        )
        assert renamed.status_code == 302
        page = words(visitor.get(draft).text)
        assert "Joins the wifi Other with WPA2 Personal" in page
        assert "The network is hidden Yes" in page
        visitor.post(f"{draft}/wifi/drop", revision="4", key="Other")
        assert "Joins the wifi" not in visitor.get(draft).text
        discarded = visitor.post(f"{draft}/discard", revision="5")
        assert discarded.headers["Location"].endswith("/desk/policies/")
        assert "The draft is gone, and the policy with it" in visitor.get("/desk/policies/").text


def test_a_refused_setting_keeps_what_was_typed_but_never_a_secret(desk, house):
    _client, agent, _contact, _devices, reference = house
    begin_draft(agent, reference)
    address = f"/desk/policies/{reference}/draft/wifi"
    with visiting(desk, agent) as visitor:
        in_english(visitor)
        visitor.get(address)
        refused = visitor.post(
            address,
            revision="1",
            ssid="Keep this name",
            security="wpa2_enterprise",
            password=PASSWORD,
            server_names="no server!",
            hidden="yes",
        )
        assert refused.status_code == 422
        for kept in ('value="Keep this name"', 'value="no server!"', "checked"):
            assert kept in refused.text
        assert PASSWORD not in refused.text
        read = words(refused.text)
        assert "Write the name of a server" in read
        assert "Type it again: it is not kept in the page." in read
        # each rule alone is right here, together they are not
        across = visitor.post(address, revision="1", ssid="x", security="wpa2_enterprise")
        assert across.status_code == 422
        assert across.text.count("This is needed with the choice above.") == 2
        taken = visitor.post(address, revision="1", ssid="Office", security="open")
        assert "The draft has one of this name already." in taken.text


def test_two_editors_are_told_of_one_another_and_nothing_is_lost(desk, house):
    _client, agent, _contact, _devices, reference = house
    begin_draft(agent, reference)
    address = f"/desk/policies/{reference}/draft/wifi?key=Office"
    with visiting(desk, agent) as visitor:
        in_english(visitor)
        read = revision_in(visitor.get(address).text)
        put_setting(
            desk.make.agent(),
            reference,
            "wifi",
            {"ssid": "Office", "security": "open"},
            1,
            "Office",
        )
        typed = {"ssid": "Office", "security": "wpa3_personal", "password": PASSWORD}
        refused = visitor.post(address, revision=read, **typed, proxy="proxy.example:8080")
        assert refused.status_code == 409
        page = words(refused.text)
        assert "Somebody else changed the draft meanwhile, so nothing was saved." in page
        assert "The draft says now: Joins the open wifi Office" in page
        assert 'value="proxy.example:8080"' in refused.text
        assert revision_in(refused.text) == "2"
        again = visitor.post(address, revision=revision_in(refused.text), **typed)
        assert again.status_code == 302
        assert "with WPA3 Personal" in visitor.get(f"/desk/policies/{reference}/draft").text
        # what the other one took out meanwhile is put in as a new one
        late = visitor.post(
            f"/desk/policies/{reference}/draft/wifi/drop", revision="2", key="Office"
        )
        assert late.status_code == 302
        assert "Somebody else changed" in visitor.get(late.headers["Location"]).text


def test_a_policy_says_what_devices_get_who_has_it_and_offers_orders(desk, house):
    client, agent, _contact, devices, reference = house
    report_all(devices[0])
    with visiting(desk, agent) as visitor:
        in_english(visitor)
        page = visitor.get(f"/desk/policies/{reference}").text
        read = words(page)
        for said in (
            "Joins the wifi Office with WPA2 Personal",
            "Password ••• sealed",
            "Should have it 2 devices",
            "Differ 1 device Something is missing or different",
            "Group Drivers 2 devices · precedence 100",
            "OT-2026-000001",
        ):
            assert said in read, said
        assert PASSWORD not in page
        assert "sealed:" not in page
        assert f"policy.assign?client={client.reference}&amp;profile={reference}" in page
        visitor.post(f"/desk/policies/{reference}/draft")
        page = visitor.get(f"/desk/policies/{reference}").text
        wanted = f"policy.publish?client={client.reference}&amp;profile={reference}&amp;version=2"
        assert wanted in page
        fleet = visitor.get(f"/desk/devices/?policy={reference}&drift=yes").text
        assert devices[1].reference in fleet
        assert devices[0].reference not in fleet
        assert "Policy differs" in fleet


def test_versions_are_compared_and_a_secret_only_changed(desk, house):
    client, agent, _contact, _devices, reference = house
    begin_draft(agent, reference)
    other = {**WIFI, "password": "quite another one", "hidden": "", "security": "wpa3_personal"}
    put_setting(agent, reference, "wifi", other, 1, "Office")
    put_setting(agent, reference, "passcode", PASSCODE, 2)
    with visiting(desk, agent) as visitor:
        in_english(visitor)
        compared = visitor.get(f"/desk/policies/{reference}/compare").text
        read = words(compared)
        for said in (
            "Passcode New",
            "Wifi · Office Changed",
            "Security WPA2 Personal WPA3 Personal",
            "Password ••• sealed changed",
            "The network is hidden Yes —",
        ):
            assert said in read, said
        for secret in (PASSWORD, "quite another one", "sealed:"):
            assert secret not in compared
        same = visitor.get(f"/desk/policies/{reference}/compare?before=1&after=1").text
        assert "They say the same" in same
        assert visitor.get(f"/desk/policies/{reference}/compare?before=77").status_code == 404
        bring(reference, 2)
        old = visitor.get(f"/desk/policies/{reference}/versions/1").text
        assert f"policy.publish?client={client.reference}&amp;profile={reference}" in old
        listed = words(visitor.get(f"/desk/policies/{reference}/versions").text)
        assert "Version 2 Published by Service desk" in listed
        from_old = visitor.post(f"/desk/policies/{reference}/draft", **{"from": "1"})
        assert from_old.status_code == 302
        again = visitor.post(f"/desk/policies/{reference}/draft")
        assert "has a draft already" in visitor.get(again.headers["Location"]).text


def test_the_contact_reads_policies_in_plain_words_and_cannot_change_them(desk, house):
    client, agent, contact, devices, reference = house
    begin_draft(agent, reference)
    own = own_setting(client, "passcode", PASSCODE, device_id=devices[0].id)
    with visiting(desk, contact) as visitor:
        in_english(visitor)
        listed = words(visitor.get("/portal/policies/").text)
        assert "Field work Draft 2" in listed
        assert f"Own settings of device {devices[0].name}" in listed
        page = visitor.get(f"/portal/policies/{reference}").text
        assert "Joins the wifi Office with WPA2 Personal" in words(page)
        assert PASSWORD not in page
        for forbidden in ("/draft", "/rename", "ask/action/policy"):
            assert forbidden not in page
        for path in (
            "versions",
            "versions/1",
            "compare",
        ):
            assert visitor.get(f"/portal/policies/{reference}/{path}").status_code == 200
        for path in ("new", f"{reference}/draft", f"{reference}/rename", f"{reference}/draft/wifi"):
            assert visitor.get(f"/portal/policies/{path}").status_code == 404
        assert "Own settings of device" in visitor.get(f"/portal/policies/{own}").text


def test_a_policy_or_document_of_another_client_does_not_exist(desk, house):
    client, agent, _contact, _devices, reference = house
    begin_draft(agent, reference)
    upload = Upload(name="Secret plan.txt", content=b"words")
    document = add_document(agent, client.reference, upload).reference
    for stranger in (desk.make.contact(), desk.make.person(Role.ACCOUNT_MANAGER)):
        room = "portal" if stranger.is_contact else "desk"
        with visiting(desk, stranger) as visitor:
            for path in ("", "/versions", "/versions/1", "/compare", "/draft", "/draft/wifi"):
                answer = visitor.get(f"/{room}/policies/{reference}{path}")
                assert answer.status_code == 404, path
            for path in ("", "/file"):
                assert visitor.get(f"/{room}/documents/{document}{path}").status_code == 404
            lists = [visitor.get(f"/{room}/{name}/").text for name in ("policies", "documents")]
            assert "Field work" not in lists[0]
            assert "Secret plan" not in lists[1]


def test_an_account_manager_reads_but_does_not_write(desk, house):
    client, agent, _contact, _devices, reference = house
    begin_draft(agent, reference)
    manager = desk.make.person(Role.ACCOUNT_MANAGER, client)
    with visiting(desk, manager) as visitor:
        shown = visitor.get(f"/desk/policies/{reference}")
        assert shown.status_code == 200
        assert "/rename" not in shown.text
        for path in ("new", f"{reference}/draft", f"{reference}/rename", f"{reference}/draft/wifi"):
            assert visitor.get(f"/desk/policies/{path}").status_code == 403
        for path in ("draft", "draft/discard", "draft/wifi/drop", "draft/wifi", "rename"):
            assert visitor.post(f"/desk/policies/{reference}/{path}").status_code == 403
        assert visitor.get("/desk/documents/").status_code == 200
        assert visitor.post("/desk/documents/").status_code == 403


def test_a_device_shows_its_policy_with_sources_conflicts_what_is_withheld_and_drift(desk, house):
    client, agent, contact, devices, reference = house
    begin_draft(agent, reference)
    put_setting(agent, reference, "passcode", PASSCODE, 1)
    bring(reference, 2)
    own_setting(client, "passcode", {"min_length": "10"}, device_id=devices[0].id)
    address = f"devices/{devices[0].reference}"
    with visiting(desk, contact) as visitor:
        in_english(visitor)
        card = words(visitor.get(f"/portal/{address}").text)
        assert "Policy Has not reported yet" in card
        assert "Requires a passcode of at least 10 characters" in card
        assert f"At least so many characters 10 · Own settings of device {devices[0].name}" in card
        assert "Complexity Letters and digits · Field work" in card
        assert f"Own settings of device {devices[0].name} decides over Field work" in card
        report(devices[0], wifi={"Office": "wrong", "Strange": "x"})
        card = words(visitor.get(f"/portal/{address}").text)
        assert "Policy Differs from it" in card
        assert "Joins the wifi Office with WPA2 Personal It is different" in card
        assert "Wifi: Strange It should not be there" in card
        assert "It is missing" in card
        report_all(devices[0])
        assert "Policy As it should be" in words(visitor.get(f"/portal/{address}").text)


def test_what_somebody_typed_is_never_translated(desk, house):
    client, agent, contact, devices, _reference = house
    values = {"ssid": "Wifi", "security": "open"}
    own = own_setting(client, "wifi", values, device_id=devices[0].id)
    named = create_profile_draft(agent, client.reference, "Conformity")
    with visiting(desk, contact) as visitor:
        page = words(visitor.get(f"/portal/policies/{own}").text)
        assert "wifi abierta Wifi" in page
        assert "Conformity" in words(visitor.get(f"/portal/policies/{named.reference}").text)


def test_a_library_is_kept_and_says_who_fetched_what(desk, house):
    client, _agent, contact, devices, reference = house
    with visiting(desk, contact) as visitor:
        in_english(visitor)
        visitor.get("/portal/documents/")
        token = {"csrf_token": visitor.token}
        nothing = visitor.http.post("/portal/documents/", data=token)
        assert nothing.status_code == 422
        assert "Choose a file." in nothing.text
        odd = {"file": ("tool.exe", b"MZ\x90\x00" + bytes(200))}
        refused = visitor.http.post(
            "/portal/documents/", data={**token, "client": client.reference}, files=odd
        )
        assert refused.status_code == 422
        assert "is not a picture" in refused.text
        kept = visitor.http.post(
            "/portal/documents/",
            data={**token, "client": client.reference},
            files={"file": ("Guide.txt", b"Welcome")},
        )
        assert kept.status_code == 302
        address = kept.headers["Location"]
        assert "No device has fetched it yet" in visitor.get(address).text
        file = visitor.get(f"{address}/file")
        assert file.content == b"Welcome"
        assert file.headers["Content-Disposition"].startswith("attachment")
        assert file.headers["Cache-Control"] == "no-store"
        number = address.rsplit("/", 1)[1]
        put_on(desk, reference, number)
        secret = secret_of(number)
        door = f"/d/{secret}?device={devices[0].external_id}"
        with_no_session = desk.api(contact).get(
            f"{desk.address}{door}", headers={"Authorization": ""}
        )
        assert with_no_session.content == b"Welcome"
        page = words(visitor.get(address).text)
        assert devices[0].name in page
        assert devices[1].name not in page
        assert secret not in visitor.get(address).text


def put_on(desk, reference, document) -> None:
    agent = desk.make.agent()
    begin_draft(agent, reference)
    put_setting(agent, reference, "documents", {"document": document}, 1)
    bring(reference, 2)


def secret_of(document) -> str:
    session = database.session()
    query = select(ClientDocument.secret).where(ClientDocument.reference == document)
    secret = session.scalars(query).one()
    session.rollback()
    return secret


ODD_ADDRESSES = (
    "/desk/policies/?client=%00&cursor=zzz",
    "/desk/policies/?cursor=WzFd",
    "/desk/policies/%00",
    "/desk/policies/%F0%9F%98%80/draft",
    "/desk/policies/new?client=%00",
    "/desk/policies/{}/versions/" + HUGE,
    "/desk/policies/{}/versions?cursor=x",
    "/desk/policies/{}/compare?before=" + HUGE + "&after=%00",
    "/desk/policies/{}/compare?before=-1&after=x",
    "/desk/policies/{}/draft/poem",
    "/desk/policies/{}/draft/wifi?key=%00%F0",
    "/desk/documents/?client=%00&cursor=zzz",
    "/desk/documents/%00/file",
    "/desk/devices/?policy=%00&drift=%00",
    "/d/%00?device=%00",
    "/d/" + "x" * 3000,
)


def test_odd_addresses_are_answered(desk, house):
    begin_draft(house[1], house[4])
    with visiting(desk, house[1]) as visitor:
        for path in ODD_ADDRESSES:
            assert visitor.get(path.format(house[4])).status_code < 500, path


def test_odd_posts_are_answered(desk, house):
    reference = house[4]
    begin_draft(house[1], reference)
    with visiting(desk, house[1]) as visitor:
        for path, data in (
            ("draft", {"from": HUGE}),
            ("draft", {"from": "\x00"}),
            ("draft/discard", {"revision": HUGE}),
            ("draft/discard", {"revision": "soon"}),
            ("draft/wifi/drop", {"revision": "1", "key": "\x00"}),
            ("draft/poem/drop", {"revision": "1", "key": "x"}),
            ("draft/poem", {"revision": "1"}),
            ("draft/wifi", {"revision": HUGE, "ssid": "x", "security": "open"}),
            ("draft/wifi", {"revision": "x", "ssid": "\x00", "security": "\x00"}),
            ("draft/wifi", {"ssid": "x", "security": "windows"}),
            ("draft/wifi?key=Nowhere", {"revision": "1", "ssid": "x", "security": "open"}),
            ("draft/certificates", {"revision": "1", "name": "x", "type": "authority", "pem": "x"}),
            ("draft/documents", {"revision": "1", "document": "\x00"}),
            ("rename", {"name": "\x00" * 5}),
            ("rename", {"name": "x" * 5000}),
        ):
            answer = visitor.post(f"/desk/policies/{reference}/{path}", **data)
            assert answer.status_code < 500, (path, data)
        odd = visitor.post("/desk/policies/new", client="\x00", name="x", description="\x07")
        assert odd.status_code == 422
        assert visitor.post("/desk/documents/", client="\x00").status_code == 422
        assert "Field work" in visitor.get(f"/desk/policies/{reference}").text


@pytest.mark.parametrize(
    "path", ["/desk/policies/", "/desk/documents/", "/desk/devices/?drift=yes", "{}", "{}/versions"]
)
def test_more_policies_versions_and_documents_cost_no_more_statements(app, sessions, make, path):
    database.use_sessions(sessions)
    client, agent = make.client(), make.agent()
    counts = []
    for rows in (1, 4):
        database.use_sessions(sessions)
        database.become(SYSTEM)
        for _ in range(rows):
            reference = grow(make, agent, client)
        visitor = entered(app, sessions, agent)
        address = path.format(f"/desk/policies/{reference}")
        visitor.get(address)
        with counting(app) as statements:
            assert visitor.get(address).status_code == 200
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 14


def grow(make, agent, client) -> str:
    """Add a policy with more versions, groups, devices and documents than the one before."""
    number = next(make.numbers)
    profile = create_profile_draft(agent, client.reference, f"Policy {number}")
    put_setting(agent, profile.reference, "wifi", {**WIFI, "ssid": f"Net {number}"}, 1)
    for version in range(1, 2 + number % 5):
        group = group_of(client, f"Group {number} {version}", make.device(client, "ios"))
        bring(profile.reference, version, groups=(group,), devices=(make.device(client, "ios"),))
        begin_draft(agent, profile.reference)
    add_document(agent, client.reference, Upload(name="a.txt", content=str(number).encode()))
    return profile.reference
