"""Put a document of the client's library on a group's devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.core.text import msgid
from servicedesk.devices.catalogue.desired_state import SectionAction
from servicedesk.devices.policies.documents import document_named
from servicedesk.devices.policies.sections import BY_CODE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session


class DistributeDocument(SectionAction):
    """A document, until a day or until it is taken back."""

    section = BY_CODE["documents"]
    code = "documents.distribute"
    label = msgid("Document")
    description = msgid("Puts a document of the library on the devices of a group.")
    consequence = msgid("The devices fetch the document; who fetched it is recorded.")
    icon = section.icon
    block = section.block
    parameters = section.parameters

    def faults_here(
        self, session: Session, client_id: int, parameters: Mapping[str, str]
    ) -> dict[str, str]:
        """Refuse a document that is not in the client's library."""
        if document_named(session, client_id, parameters["document"]) is None:
            return {"document": msgid("There is no such document in the library.")}
        return {}
