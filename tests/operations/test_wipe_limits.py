"""One supervisor tightens the wipe limits of a contract; it takes two to loosen them."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text

from servicedesk.accounts.models import User
from servicedesk.accounts.second_person import ProofNeeded, TooNew
from servicedesk.accounts.sign_in import Presence
from servicedesk.clients.administration import edit_contract
from servicedesk.clients.models import Contract, FunctionalBlock, LimitChange, Modality
from servicedesk.clients.terms import ContractTerms
from servicedesk.clients.wipe_limits import (
    OwnAgreement,
    WipeLimits,
    agree_to_limits,
    check_limits,
    content_of,
    limits_of,
    tighter,
    withdraw_limits,
)
from servicedesk.core import audit, clock, database
from servicedesk.core.actors import SYSTEM
from servicedesk.core.errors import Forbidden, InvalidInput, NotAllowedNow, NotFound

STANDARD = WipeLimits(
    wipes_per_order=1,
    wipes_per_hour=5,
    wipe_share_per_day=Decimal("0.02"),
    cancel_window_minutes=30,
)
LOOSER = {
    "wipes_per_order": 10,
    "wipes_per_hour": 6,
    "wipe_share_per_day": Decimal("0.021"),
    "cancel_window_minutes": 29,
}
TIGHTER = {
    "wipes_per_hour": 4,
    "wipe_share_per_day": Decimal(0),
    "cancel_window_minutes": 31,
}

limits = st.builds(
    WipeLimits,
    wipes_per_order=st.integers(1, 100),
    wipes_per_hour=st.integers(1, 1000),
    wipe_share_per_day=st.integers(0, 250).map(lambda share: Decimal(share) / 1000),
    cancel_window_minutes=st.integers(5, 1440),
)


@pytest.fixture
def contract(make) -> Contract:
    client = make.client()
    session = database.session()
    found = session.scalars(select(Contract).where(Contract.client_id == client.id)).one()
    session.expunge_all()
    session.rollback()
    return found


def present(contract) -> WipeLimits:
    session = database.session()
    session.rollback()
    found = limits_of(session.get_one(Contract, contract.id, populate_existing=True))
    session.rollback()
    return found


def changes() -> list[LimitChange]:
    session = database.session()
    session.expunge_all()
    session.rollback()
    found = list(session.scalars(select(LimitChange).order_by(LimitChange.id)))
    session.expunge_all()
    session.rollback()
    return found


def wish(actor, contract, **wanted) -> None:
    terms = ContractTerms(
        modality=Modality.ADVANCED_MANAGED,
        starts_on=contract.starts_on,
        ends_on=contract.ends_on,
        blocks=frozenset(FunctionalBlock),
    )
    edit_contract(actor, contract.reference, terms, replace(present(contract), **wanted))


def proof(actor, change, **other) -> Presence:
    values = {"user_id": actor.user_id, "purpose": content_of(change), "at": datetime.now(UTC)}
    return Presence(**values | other)


@pytest.mark.parametrize(("name", "value"), TIGHTER.items())
def test_tightening_takes_effect_at_once_on_one_persons_word(make, contract, name, value):
    wish(make.supervisor(), contract, **{name: value})
    assert present(contract) == replace(STANDARD, **{name: value})
    assert changes() == []


@pytest.mark.parametrize(("name", "value"), LOOSER.items())
def test_loosening_waits_for_a_second_supervisor(make, contract, name, value):
    first, second = make.supervisor(), make.supervisor()
    wish(first, contract, **{name: value})
    assert present(contract) == STANDARD
    (change,) = changes()
    with pytest.raises(OwnAgreement):
        agree_to_limits(first, contract.reference, proof(first, change))
    assert present(contract) == STANDARD
    agree_to_limits(second, contract.reference, proof(second, change))
    assert present(contract) == replace(STANDARD, **{name: value})
    (change,) = changes()
    assert (change.asked_by_name, change.agreed_by_name) == (first.name, second.name)
    with pytest.raises(NotAllowedNow):
        agree_to_limits(second, contract.reference, proof(second, change))
    with database.acting_as(SYSTEM):
        assert not audit.verify(database.session())
        database.session().rollback()


def test_of_a_mixed_wish_the_tighter_part_holds_and_the_looser_waits(make, contract):
    wish(make.supervisor(), contract, wipes_per_hour=2, wipes_per_order=9)
    assert present(contract) == replace(STANDARD, wipes_per_hour=2)
    (change,) = changes()
    assert limits_of(change) == replace(STANDARD, wipes_per_hour=2, wipes_per_order=9)


def test_only_a_fresh_proof_for_just_this_change_counts(make, contract):
    first, second = make.supervisor(), make.supervisor()
    wish(first, contract, wipes_per_order=10)
    (change,) = changes()
    for presence in (
        None,
        proof(second, change, purpose="another"),
        proof(second, change, user_id=first.user_id),
        proof(second, change, at=datetime.now(UTC) - timedelta(minutes=6)),
        proof(second, change, at=datetime.now(UTC) + timedelta(minutes=1)),
    ):
        with pytest.raises(ProofNeeded):
            agree_to_limits(second, contract.reference, presence)
    # a proof for the wish of before does not serve for the one that took its place
    stale = proof(second, change)
    wish(first, contract, wipes_per_order=20)
    with pytest.raises(ProofNeeded):
        agree_to_limits(second, contract.reference, stale)
    assert present(contract) == STANDARD


def test_a_new_supervisor_agrees_to_nothing_for_a_day(make, contract):
    first, fresh = make.supervisor(), make.supervisor()
    with database.acting_as(SYSTEM):
        user = database.session().get_one(User, fresh.user_id)
        user.role_since = datetime.now(UTC) - timedelta(hours=23, minutes=59)
        database.session().commit()
    wish(first, contract, wipes_per_order=10)
    (change,) = changes()
    with pytest.raises(TooNew):
        agree_to_limits(fresh, contract.reference, proof(fresh, change))
    with time_machine.travel(clock.now() + timedelta(minutes=2), tick=True):
        agree_to_limits(fresh, contract.reference, proof(fresh, change))


def test_tightening_meanwhile_withdraws_what_waits(make, contract):
    first, second = make.supervisor(), make.supervisor()
    wish(first, contract, wipes_per_order=10)
    wish(second, contract)  # other terms, the same limits: it goes on waiting
    assert [change.withdrawn_at for change in changes()] == [None]
    wish(second, contract, wipes_per_hour=3)
    (change,) = changes()
    assert change.withdrawn_by_name == second.name
    with pytest.raises(NotAllowedNow):
        agree_to_limits(second, contract.reference, proof(second, change))
    assert present(contract) == replace(STANDARD, wipes_per_hour=3)


def test_any_supervisor_withdraws_and_nobody_else_steers(make, contract):
    first, second, agent = make.supervisor(), make.supervisor(), make.agent()
    stranger = make.contact(make.client())
    wish(first, contract, wipes_per_order=10)
    (change,) = changes()
    for person in (agent, stranger):
        with pytest.raises(Forbidden):
            wish(person, contract, wipes_per_hour=1)
        with pytest.raises(Forbidden):
            agree_to_limits(person, contract.reference, proof(person, change))
        with pytest.raises(Forbidden):
            withdraw_limits(person, contract.reference)
    with pytest.raises(NotFound):
        withdraw_limits(second, "CTR-9999")
    withdraw_limits(first, contract.reference)
    assert present(contract) == STANDARD
    with pytest.raises(NotAllowedNow):
        withdraw_limits(second, contract.reference)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("wipes_per_order", 0),
        ("wipes_per_order", 101),
        ("wipes_per_hour", 0),
        ("wipes_per_hour", 1001),
        ("cancel_window_minutes", 4),
        ("cancel_window_minutes", 1441),
        ("wipe_share_per_day", Decimal("0.251")),
        ("wipe_share_per_day", Decimal("-0.001")),
        ("wipe_share_per_day", Decimal("0.0205")),
        ("wipe_share_per_day", Decimal("NaN")),
        ("wipe_share_per_day", Decimal("Infinity")),
    ],
)
def test_what_a_contract_cannot_hold_is_refused_at_its_field(make, contract, name, value):
    with pytest.raises(InvalidInput) as refused:
        wish(make.supervisor(), contract, **{name: value})
    assert refused.value.field == name
    assert present(contract) == STANDARD


@given(limits, limits)
def test_the_tighter_of_two_is_never_looser_than_either(one, other):
    both = tighter(one, other)
    check_limits(both)
    assert tighter(both, one) == both == tighter(both, other)
    assert asdict(both).items() <= {*asdict(one).items(), *asdict(other).items()}


def test_the_database_refuses_one_person_or_an_agreement_without_its_proof(make, contract):
    first, second = make.supervisor(), make.supervisor()
    wish(first, contract, wipes_per_order=10)
    for values, name in (
        (f"agreed_by_id = {first.user_id}, proved_at = now()", "two_people_loosen"),
        (f"agreed_by_id = {second.user_id}", "who_agrees_has_proved_to_be_there"),
        (
            f"agreed_by_id = {second.user_id}, proved_at = now() - interval '6 minutes'",
            "who_agrees_has_proved_to_be_there",
        ),
        ("proved_at = now()", "an_agreement_has_person_and_time"),
    ):
        with database.acting_as(SYSTEM):
            with pytest.raises(Exception, match=name):
                database.session().execute(
                    text(f"UPDATE limit_change SET agreed_at = now(), {values}")
                )
            database.session().rollback()
