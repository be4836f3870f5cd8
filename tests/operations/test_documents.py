"""A client's library: who keeps it, and which device gets what of it."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from servicedesk.core import database
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.core.errors import Forbidden, InvalidInput, NotFound
from servicedesk.core.files import Upload
from servicedesk.devices.models import Device, DeviceState
from servicedesk.devices.policies.documents import (
    DocumentFetch,
    add_document,
    document_line,
    documents,
    fetch_document,
    fetches_of,
)
from servicedesk.devices.policies.editing import begin_draft, create_profile_draft, put_setting
from tests.policy_story import bring, refresh


@pytest.fixture
def library(make):
    """A client with three devices, and a policy whose draft puts a document on devices."""
    client, agent = make.client(), make.agent()
    found = [make.device(client, "android") for _ in range(3)]
    profile = create_profile_draft(agent, client.reference, "Field")
    document = add_document(agent, client.reference, Upload(name="a.txt", content=b"words"))
    values = {"document": document.reference}
    put_setting(agent, profile.reference, "documents", values, 1)
    return agent, client, found, profile, document


def test_a_device_fetches_what_its_policy_puts_on_it_and_is_noted(library):
    _agent, _client, (device, other, _), profile, document = library
    with pytest.raises(NotFound):  # a draft puts nothing on a device
        fetch_document(SYSTEM, document.secret, device.external_id)
    bring(profile.reference, 1, devices=(device,))
    for _ in range(2):
        got = fetch_document(SYSTEM, document.secret, device.external_id)
        assert got.reference == document.reference
    for secret, external_id in (
        (document.secret, other.external_id),
        (document.secret, ""),
        (document.secret[:-1], device.external_id),
        ("", device.external_id),
    ):
        with pytest.raises(NotFound):
            fetch_document(SYSTEM, secret, external_id)
    session = database.session()
    rows = session.execute(select(DocumentFetch.device_id, DocumentFetch.times)).all()
    assert [tuple(row) for row in rows] == [(device.id, 2)]


def test_a_device_that_left_or_a_document_that_is_over_gives_nothing(library):
    agent, client, (device, other, third), profile, document = library
    bring(profile.reference, 1, devices=(device, other, third))
    begin_draft(agent, profile.reference)
    past = {"document": document.reference, "expires_on": "2020-01-01"}
    put_setting(agent, profile.reference, "documents", past, 1, document.reference)
    session = database.session()
    session.get_one(Device, device.id).state = DeviceState.RETIRED
    session.commit()
    refresh(client)
    with pytest.raises(NotFound):
        fetch_document(SYSTEM, document.secret, device.external_id)
    fetch_document(SYSTEM, document.secret, other.external_id)
    bring(profile.reference, 2, devices=(other,))
    with pytest.raises(NotFound):
        fetch_document(SYSTEM, document.secret, other.external_id)


def test_a_contact_keeps_a_library_and_reads_only_their_own(make, library):
    _agent, client, (device, *_), profile, document = library
    bring(profile.reference, 1, devices=(device,))
    fetch_document(SYSTEM, document.secret, device.external_id)
    contact, stranger = make.contact(client), make.contact()
    mine = add_document(contact, client.reference, Upload(name="b.csv", content=b"a;b"))
    names = [line.document.reference for line in documents(contact).items]
    assert names == [mine.reference, document.reference]
    assert documents(contact, size=1).next
    line = document_line(contact, document.reference)
    assert line.fetched == 1
    rows = fetches_of(contact, line.document).items
    assert [(row.reference, row.times) for row in rows] == [(device.reference, 1)]
    assert documents(stranger).items == []
    with pytest.raises(NotFound):
        document_line(stranger, document.reference)
    assert fetches_of(stranger, line.document).items == []
    with pytest.raises(InvalidInput) as refused:
        add_document(stranger, client.reference, Upload(name="b.csv", content=b"a;b"))
    assert refused.value.field == "client"
    manager = make.person(Role.ACCOUNT_MANAGER, client)
    with pytest.raises(Forbidden):
        add_document(manager, client.reference, Upload(name="b.csv", content=b"a;b"))
    with pytest.raises(InvalidInput) as odd:
        add_document(contact, client.reference, Upload(name="a.exe", content=b"MZ\x90" + bytes(90)))
    assert odd.value.field == "file"
