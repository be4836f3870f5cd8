from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from servicedesk.clients import queries, terms
from servicedesk.clients.models import COMPATIBLE_BLOCKS, Contract, FunctionalBlock, Modality
from servicedesk.clients.terms import BlockNotInModality, ContractTerms
from servicedesk.core.errors import InvalidInput

TODAY = date(2026, 3, 2)
TERMS = ContractTerms(
    modality=Modality.ADVANCED_MANAGED,
    starts_on=date(2025, 9, 15),
    ends_on=date(2028, 9, 14),
    blocks=frozenset(FunctionalBlock),
)


@pytest.mark.parametrize(
    ("modality", "block"),
    [
        (modality, block)
        for modality in Modality
        for block in FunctionalBlock
        if block not in COMPATIBLE_BLOCKS[modality]
    ],
)
def test_a_modality_refuses_blocks_it_is_not_sold_with(modality, block):
    wanted = replace(TERMS, modality=modality, blocks=COMPATIBLE_BLOCKS[modality] | {block})

    with pytest.raises(BlockNotInModality) as refusal:
        terms.check_terms(wanted)

    assert (refusal.value.field, refusal.value.block) == ("blocks", block)


@pytest.mark.parametrize("modality", Modality)
def test_a_modality_takes_all_blocks_it_is_sold_with(modality):
    terms.check_terms(replace(TERMS, modality=modality, blocks=COMPATIBLE_BLOCKS[modality]))


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("ends_on", {"ends_on": date(2025, 9, 15)}),
        ("time_zone", {"time_zone": "Mars/Olympus"}),
        ("time_zone", {"time_zone": ""}),
        ("engagement_days", {"engagement_days": Decimal("0.1")}),
        ("engagement_days", {"engagement_days": Decimal(-1)}),
        ("engagement_days", {"engagement_days": Decimal(367)}),
        ("engagement_days", {"engagement_days": Decimal("NaN")}),
        ("location_days", {"location_days": 0}),
        ("location_days", {"location_days": 31}),
        ("blocks", {"blocks": frozenset()}),
    ],
)
def test_impossible_terms_name_their_field(field, changed):
    with pytest.raises(InvalidInput) as refusal:
        terms.check_terms(replace(TERMS, **changed))

    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("starts", "ends", "in_force"),
    [
        (date(2026, 3, 2), date(2027, 3, 1), True),
        (date(2025, 3, 3), date(2026, 3, 2), True),
        (date(2026, 3, 3), date(2027, 3, 2), False),
        (date(2025, 3, 2), date(2026, 3, 1), False),
    ],
)
def test_both_days_of_a_contract_belong_to_it(starts, ends, in_force):
    contract = Contract(starts_on=starts, ends_on=ends)

    statement = queries.statement_on(contract, TODAY)

    assert (statement.is_in_force, statement.year is not None) == (in_force, in_force)
