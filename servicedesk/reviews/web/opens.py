"""Where what a review names leads: for this reader, and only to what they can open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.reviews.metrics.figure import Subject
from servicedesk.shell.navigation import to

if TYPE_CHECKING:
    from collections.abc import Collection

PAGES = {
    Subject.TICKET: "tickets.show",
    Subject.ORDER: "orders.show",
    Subject.DEVICE: "devices.show",
    Subject.VISIT: "engagement.visit",
}


def path_to(subject: Subject, reference: str, known: Collection[str]) -> str:
    """Return the path of a ticket, order, device, visit or run; nothing if it is not among `known`."""
    name, _slash, run_id = reference.partition("/")
    if name not in known:
        return ""
    if subject is not Subject.RUN:
        return to(PAGES[subject], reference=name)
    if not (run_id.isascii() and run_id.isdigit()):
        return to("planned.task", reference=name)
    return to("planned.run", reference=name, run_id=int(run_id))


def has_evidence(code: str, by: str) -> bool:
    """Whether what has a tag is exactly what a row of a figure counts.

    Days are sums of the ledger, and kinds and priorities of the volume are of what came only.
    """
    return by != "days" and not (code == "volume" and by in {"kind", "priority"})


class EvidencePaths:
    """Paths of the evidence behind the figures of one review."""

    def __init__(self, reference: str) -> None:
        """Keep which review it is."""
        self._reference = reference

    def __call__(self, code: str, by: str = "", of: str = "") -> str:
        """Return the path of what stands behind a figure, or behind a part of it."""
        part = {"by": by, "of": of} if by else {}
        return to("reviews.evidence", reference=self._reference, figure=code, **part)
