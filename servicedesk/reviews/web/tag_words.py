"""What a review breaks its figures down by, and codes in its chapters, in the reader's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask_babel import gettext as _

from servicedesk.core.text import Verbatim, msgid
from servicedesk.devices.catalogue import ACTIONS
from servicedesk.devices.conformity.models import CONFORMITY_LABELS
from servicedesk.devices.models import OWNERSHIP_LABELS, PLATFORM_LABELS
from servicedesk.engagement.models import ENTRY_LABELS
from servicedesk.engagement.models import KIND_LABELS as VISIT_LABELS
from servicedesk.planning.models import CATEGORY_LABELS as PLANNED_LABELS
from servicedesk.planning.punctual import FIGURE_LABELS as PUNCTUALITY_LABELS
from servicedesk.reviews.metrics import engagement
from servicedesk.reviews.metrics.backlog import AGES
from servicedesk.reviews.metrics.conformity import STANDINGS
from servicedesk.reviews.metrics.volume import Flow
from servicedesk.reviews.stories import Holder
from servicedesk.shell.language import translate
from servicedesk.sla.cycles import METRIC_LABELS
from servicedesk.tickets.breaches import CAUSE_LABELS
from servicedesk.tickets.categories import CATEGORY_LABELS
from servicedesk.tickets.models import KIND_LABELS, PRIORITY_LABELS

if TYPE_CHECKING:
    from collections.abc import Mapping

HEADS = {
    "metric": msgid("By target"),
    "kind": msgid("By kind"),
    "priority": msgid("By priority"),
    "age": msgid("By age in working days"),
    "flow": msgid("Where they came from and went"),
    "holder": msgid("Whose time it was"),
    "category": msgid("By category"),
    "score": msgid("By score"),
    "action": msgid("By action"),
    "platform": msgid("By platform"),
    "punctuality": msgid("How they began"),
    "standing": msgid("How devices stand"),
    "days": msgid("What the days went to"),
}
FLOW_LABELS = {
    Flow.OPENING: msgid("Open at the beginning"),
    Flow.CREATED: msgid("Created in the month"),
    Flow.CAME_BACK: msgid("Come back"),
    Flow.RESOLVED: msgid("Finally resolved"),
    Flow.LEFT: msgid("Withdrawn or set aside"),
    Flow.CLOSING: msgid("Open at the end"),
    Flow.SET_ASIDE: msgid("Merged, spam or tests: not counted"),
}
HOLDER_LABELS = {
    Holder.OPERATOR: msgid("The operator's"),
    Holder.CLIENT: msgid("The client's"),
    Holder.PLANNED: msgid("Until an agreed date"),
    Holder.THIRD_PARTY: msgid("A third party's"),
    Holder.DEVICE: msgid("Device out of reach"),
}
DAYS_LABELS = {
    engagement.OPENING: msgid("Days at the beginning"),
    engagement.ADDED: msgid("Days added"),
    engagement.CONSUMED: msgid("Consumed days"),
    engagement.RESERVED: msgid("Reserved days"),
    engagement.LEFT: msgid("Days left"),
}


def _all(*labels: Mapping[Any, str]) -> dict[str, str]:
    """Return words by code; two kinds of things may share a tag."""
    return {str(code): label for some in labels for code, label in some.items()}


LABELS: Mapping[str, Mapping[str, str]] = {
    "metric": _all(METRIC_LABELS),
    "kind": _all(KIND_LABELS, ENTRY_LABELS),
    "priority": _all(PRIORITY_LABELS),
    "flow": _all(FLOW_LABELS),
    "holder": _all(HOLDER_LABELS),
    "category": _all(CATEGORY_LABELS, PLANNED_LABELS),
    "action": {action.code: action.label for action in ACTIONS},
    "platform": _all(PLATFORM_LABELS),
    "punctuality": _all(PUNCTUALITY_LABELS),
    "standing": _all(CONFORMITY_LABELS, {STANDINGS[-1]: msgid("No rule concerns them")}),
    "days": DAYS_LABELS,
    # of chapters only
    "cause": _all(CAUSE_LABELS),
    "ownership": _all(OWNERSHIP_LABELS),
    "visit_kind": _all(VISIT_LABELS),
}


def tag_head(by: str) -> str:
    """Return what a table by a tag is called."""
    return translate(HEADS.get(by, Verbatim(by)))


def tag_words(by: str, of: str) -> str:
    """Return a tag in words; one that this version does not know stays as it is."""
    if by == "age":
        return _age_words(of)
    if by == "score":
        return str(_("%(score)s of 5", score=of))
    return translate(LABELS.get(by, {}).get(of, Verbatim(of)))


def _age_words(of: str) -> str:
    if of == AGES[-1]:
        return str(_("Over %(days)s days", days=int(of) - 1))
    first, _dash, last = of.partition("-")
    if not (first.isdigit() and last.isdigit()):
        return of
    return str(_("%(first)s to %(last)s days", first=int(first), last=int(last)))
