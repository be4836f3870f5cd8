"""What holds for every figure of a review, in sentences."""

from __future__ import annotations

from servicedesk.core.text import msgid

COMMON_RULES = (
    msgid("The period is a closed month in the contract's time zone."),
    msgid(
        "A ticket belongs to the month of the event that a figure names, not to that of its creation."
    ),
    msgid("Tickets merged into another, spam and tests are left out and counted apart."),
    msgid("Business time is that of the calendar in force when it passed."),
    msgid("The median and the 90th percentile stand beside every mean."),
    msgid("A published month is frozen: a correction is an addendum."),
)
