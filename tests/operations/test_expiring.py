"""Certificates, documents and tokens that run out are told in time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import text

from servicedesk.accounts.tokens import create_token
from servicedesk.core.actors import SYSTEM
from servicedesk.core.clock import told_as
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.planning.checks import CHECKS
from tests.check_round import Given, check_now
from tests.policy_story import group_of, own_setting

DAY = timedelta(days=1)


def now() -> datetime:
    return datetime.now(UTC)


# what runs out


def certificate(days: float) -> str:
    """A certificate that ends so many days from now."""
    key, at = ec.generate_private_key(ec.SECP256R1()), now()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(at - 100 * DAY)
        .not_valid_after(at + days * DAY)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


def with_certificate(make, days, name="Root"):
    client = make.client()
    group = group_of(client, "All", make.device(client))
    values = {"name": name, "type": "authority", "pem": certificate(days)}
    return client, own_setting(client, "certificates", values, group_id=group.id)


@pytest.mark.parametrize(
    ("days", "kind"), [(31, None), (20, "finding"), (5, "problem"), (-3, "problem")]
)
def test_a_certificate_that_runs_out_is_told_in_time(make, days, kind):
    _client, policy = with_certificate(make, days)
    given, told = check_now("credentials.expiring")
    assert [one for one, _, _ in given.lines] == ([kind] if kind else [])
    assert given.subjects == ({policy} if kind else set())
    assert told.values["things"] == len(given.lines)


def test_a_client_hears_of_its_own_certificates_alone_and_not_of_tokens(make):
    client, policy = with_certificate(make, 5)
    with_certificate(make, 5)
    create_token(make.agent(), "reports", days=3)
    assert len(check_now("credentials.expiring")[0].lines) == 3
    given, _told = check_now("credentials.expiring", Given(client_id=client.id))
    assert given.subjects == {policy}


def test_a_document_that_is_taken_back_as_planned_is_no_problem(make):
    client = make.client()
    group = group_of(client, "All", make.device(client))
    until = (now() + 2 * DAY).date().isoformat()
    values = {"document": "DOC-000001", "expires_on": until}
    own_setting(client, "documents", values, group_id=group.id)
    given, _told = check_now("credentials.expiring")
    assert [one for one, _, _ in given.lines] == ["finding"]


def test_a_token_that_is_used_is_missed_and_none_shows_its_secret(make):
    agent = make.agent()
    plain = create_token(agent, "reports", days=3)
    given, _told = check_now("credentials.expiring")
    assert [one for one, _, _ in given.lines] == ["finding"]
    with unit_of_work(SYSTEM, "test.used") as work:
        work.session.execute(text("UPDATE api_token SET last_used_at = now()"))
    given, _told = check_now("credentials.expiring")
    (line,) = given.of("problem")
    assert plain not in str(line)
    with told_as(now() + 4 * DAY):  # it does not work any more: nobody relies on it
        assert check_now("credentials.expiring")[0].lines == []


def test_a_problem_does_not_come_before_it_is_told():
    (check,) = [one for one in CHECKS if one.code == "credentials.expiring"]
    assert set(check.faults({"days": "5", "problem_days": "6"})) == {"problem_days"}
