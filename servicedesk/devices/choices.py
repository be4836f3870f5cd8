"""What of a client's own things forms let choose from: groups, policies, documents, rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from servicedesk.clients.visibility import visible_to
from servicedesk.core import database
from servicedesk.devices.conformity.models import ConformityRule
from servicedesk.devices.models import DeviceGroup
from servicedesk.devices.policies.documents import ClientDocument
from servicedesk.devices.policies.models import PolicyProfile

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from servicedesk.core.actors import Actor

MOST = 500  # choices of a kind; a client with more names them by hand
# what `Parameter.offers` says → whose value is stored, and what people read
KINDS = {
    "groups": (DeviceGroup.name, DeviceGroup.name, DeviceGroup.client_id),
    "profiles": (PolicyProfile.reference, PolicyProfile.name, PolicyProfile.client_id),
    "documents": (ClientDocument.reference, ClientDocument.name, ClientDocument.client_id),
    "rules": (ConformityRule.reference, ConformityRule.name, ConformityRule.client_id),
}


def offers_for(
    actor: Actor, client_id: int, kinds: Iterable[str]
) -> dict[str, Sequence[tuple[str, str]]]:
    """Return (value, label) pairs of each kind, by label; a statement a kind."""
    found: dict[str, Sequence[tuple[str, str]]] = {}
    for kind in sorted(set(kinds) & KINDS.keys()):
        value, label, owner = KINDS[kind]
        rows = database.session().execute(
            select(value, label)
            .where(owner == client_id, visible_to(actor, owner))
            .order_by(label, value)
            .limit(MOST)
        )
        found[kind] = [
            (row[0], row[1] if row[0] == row[1] else f"{row[1]} · {row[0]}") for row in rows
        ]
    return found
