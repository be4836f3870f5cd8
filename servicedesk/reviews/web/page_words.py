"""Words that every page of reviews asks for by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from servicedesk.reviews.models import MARK_LABELS, PLACE_LABELS, STATE_LABELS
from servicedesk.reviews.web.tag_words import tag_words
from servicedesk.reviews.web.words import day_words, differences_words, month_words
from servicedesk.tickets.models import TicketState
from servicedesk.tickets.web.lists import state_label

if TYPE_CHECKING:
    from collections.abc import Mapping

WORDS: Mapping[str, Any] = {
    "mark_words": MARK_LABELS,
    "state_words": STATE_LABELS,
    "place_words": PLACE_LABELS,
    "month_of": month_words,
    "day_of": day_words,
    "tag_of": tag_words,
    "differences_words": differences_words,
    "ticket_state_of": lambda state: state_label(TicketState(state)),
}
