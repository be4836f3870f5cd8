"""From what a device should have to what its engine is told: secrets open, addresses filled in.

Nothing of this is stored: it is made when the command leaves, so a device gets what it should have
then, and no secret lies in a command, a job or a log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from sqlalchemy import select

from servicedesk.devices.instructions import ApplyPolicy
from servicedesk.devices.models import Device, DeviceUser
from servicedesk.devices.policies.content import entries, fingerprint
from servicedesk.devices.policies.documents import ClientDocument
from servicedesk.devices.policies.models import DevicePolicy, EffectivePolicy
from servicedesk.devices.policies.sections import BY_CODE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

_address: list[str] = [""]


def use_address(public_url: str) -> None:
    """Tell where devices reach the desk; the composition root calls this."""
    _address[:] = [public_url.rstrip("/")]


def policy_for(session: Session, device: Device) -> ApplyPolicy:
    """Return what a device should have now, as its engine is told. Raises NotOurs."""
    content = session.scalar(
        select(EffectivePolicy.content)
        .join(DevicePolicy, DevicePolicy.effective_id == EffectivePolicy.id)
        .where(DevicePolicy.device_id == device.id)
    )
    email = session.scalar(select(DeviceUser.email).where(DeviceUser.id == device.device_user_id))
    documents = _documents(session, device, content or {})
    return ApplyPolicy(
        entries=[
            {
                "section": section,
                "key": key,
                "fingerprint": fingerprint(values),
                "settings": {
                    name: value.replace("{email}", email or "")
                    for name, value in BY_CODE[section].opened(values).items()
                }
                | documents.get(key if section == "documents" else "", {}),
            }
            for section, key, values in entries(content or {})
        ]
    )


def _documents(
    session: Session, device: Device, content: Mapping[str, Any]
) -> dict[str, dict[str, str]]:
    """Return where the documents of a policy are fetched, and what has to come, by reference."""
    wanted = list(content.get("documents", {}))
    if not wanted:
        return {}
    rows = session.scalars(
        select(ClientDocument).where(
            ClientDocument.client_id == device.client_id, ClientDocument.reference.in_(wanted)
        )
    )
    query = urlencode({"device": device.external_id})
    return {
        one.reference: {
            "name": one.name,
            "url": f"{_address[0]}/d/{one.secret}?{query}",
            "sha256": one.sha256,
            "size": str(one.size),
        }
        for one in rows
    }
