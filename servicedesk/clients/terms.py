"""What a contract may say: checked before it is written."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import available_timezones

from servicedesk.clients.models import BLOCK_LABELS, COMPATIBLE_BLOCKS, FunctionalBlock, Modality
from servicedesk.core.errors import InvalidInput
from servicedesk.core.text import msgid

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

ENGAGEMENT_DAYS = Decimal(16)
QUARTER = Decimal("0.25")
MAX_ENGAGEMENT_DAYS = 366
MAX_LOCATION_DAYS = 30


class BlockNotInModality(InvalidInput):
    """The modality cannot be sold with one of the blocks; `block` is the first of them."""

    code = "block-not-in-modality"
    sentence = msgid("The chosen modality cannot contain the block “%(block)s”.")

    def __init__(self, block: FunctionalBlock) -> None:
        """Refuse `block`."""
        self.block = block
        super().__init__(field="blocks", block=BLOCK_LABELS[block])


@dataclass(frozen=True, kw_only=True)
class ContractTerms:
    """The terms of one contract; both dates belong to it."""

    modality: Modality
    starts_on: date
    ends_on: date
    blocks: frozenset[FunctionalBlock]
    time_zone: str = "Europe/Madrid"
    engagement_days: Decimal = ENGAGEMENT_DAYS
    location_days: int = MAX_LOCATION_DAYS  # after which the position of a device is deleted


def check_terms(terms: ContractTerms) -> None:
    """Raise InvalidInput with the field at fault unless a contract may say this."""
    if terms.ends_on <= terms.starts_on:
        raise InvalidInput(msgid("The contract must end after it starts."), field="ends_on")
    if terms.time_zone not in available_timezones():
        raise InvalidInput(msgid("This is not a time zone."), field="time_zone")
    days = terms.engagement_days
    if not days.is_finite() or not 0 <= days <= MAX_ENGAGEMENT_DAYS or days % QUARTER:
        raise InvalidInput(
            msgid("Days are counted in quarters: 0.25, 0.5, 0.75, 1."), field="engagement_days"
        )
    if not 1 <= terms.location_days <= MAX_LOCATION_DAYS:
        raise InvalidInput(msgid("Positions are kept from 1 to 30 days."), field="location_days")
    if not terms.blocks:
        raise InvalidInput(msgid("Choose at least one functional block."), field="blocks")
    for block in incompatible_blocks(terms.modality, terms.blocks):
        raise BlockNotInModality(block)


def incompatible_blocks(
    modality: Modality, blocks: Iterable[FunctionalBlock]
) -> list[FunctionalBlock]:
    """Return the blocks that `modality` cannot be sold with, in the order of the catalogue."""
    refused = set(blocks) - COMPATIBLE_BLOCKS[modality]
    return [block for block in FunctionalBlock if block in refused]


def in_order(blocks: Iterable[FunctionalBlock]) -> list[str]:
    """Return blocks as a contract keeps them."""
    chosen = set(blocks)
    return [block.value for block in FunctionalBlock if block in chosen]
