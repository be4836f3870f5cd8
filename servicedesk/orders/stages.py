"""How a wide order is cut: one canary, then a share, then the rest; sizes and waits can be edited."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from servicedesk.core.errors import InvalidInput
from servicedesk.core.text import msgid

if TYPE_CHECKING:
    from collections.abc import Sequence

STAGED_FROM = 20  # with more devices an order goes in stages unless somebody plans otherwise
MOST_STAGES = 8
MOST_MINUTES = 10_080  # a week
CANARY_WAIT = 10
SHARE_WAIT = 30
_SIZE = re.compile(r"([0-9]{1,6})\s*(%?)")


@dataclass(frozen=True, kw_only=True)
class PlannedStage:
    """So many devices, and the minutes to wait after it begins before the next may begin."""

    size: int
    wait_minutes: int


def default_plan(devices: int) -> tuple[PlannedStage, ...]:
    """Return all at once for few devices; for many one, a tenth and the rest."""
    if devices <= STAGED_FROM:
        return (PlannedStage(size=devices, wait_minutes=0),)
    tenth = ceil(devices / 10)
    return (
        PlannedStage(size=1, wait_minutes=CANARY_WAIT),
        PlannedStage(size=tenth, wait_minutes=SHARE_WAIT),
        PlannedStage(size=devices - 1 - tenth, wait_minutes=0),
    )


def plan_of(sizes: Sequence[str], waits: Sequence[str], devices: int) -> tuple[PlannedStage, ...]:
    """Return the plan that was typed: sizes as a number or a share (10 %), waits in minutes.

    What is not covered becomes a last stage; what is too much is cut off. Raises InvalidInput at
    `sizes` or `waits`.
    """
    left, stages = devices, []
    for size_text, wait_text in zip(sizes, waits, strict=False):
        if not size_text.strip():
            continue
        size = min(left, _size(size_text, devices))
        if size:
            stages.append(PlannedStage(size=size, wait_minutes=_minutes(wait_text)))
            left -= size
    if len(stages) > MOST_STAGES:
        raise InvalidInput(msgid("Plan at most eight stages."), field="sizes")
    if left:
        stages.append(PlannedStage(size=left, wait_minutes=0))
    return tuple(stages)


def _size(text: str, devices: int) -> int:
    match = _SIZE.fullmatch(text.strip())
    if match is None or int(match[1]) == 0 or (match[2] and int(match[1]) > 100):  # noqa: PLR2004
        raise InvalidInput(
            msgid("Write a number of devices, or a share such as 10 %%."), field="sizes"
        )
    return ceil(devices * int(match[1]) / 100) if match[2] else int(match[1])


def _minutes(text: str) -> int:
    text = text.strip() or "0"
    if not text.isascii() or not text.isdigit() or int(text) > MOST_MINUTES:
        raise InvalidInput(
            msgid("Write the minutes to wait, from 0 to %(most)s."),
            field="waits",
            most=MOST_MINUTES,
        )
    return int(text)


def allowed_failures(failure_percent: int, commanded: int) -> int:
    """Return how many of the devices commanded so far may fail; one more stops the order."""
    return failure_percent * commanded // 100


def is_proven(acknowledged: int, failed: int, commanded: int, failure_percent: int) -> bool:
    """Whether an order may go on: half of the devices commanded so far did it, at least one.

    And of those that have answered, no more failed than may: what is still to come is no excuse.
    """
    return acknowledged * 2 >= max(commanded, 1) and failed <= allowed_failures(
        failure_percent, acknowledged + failed
    )
