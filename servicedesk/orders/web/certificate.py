"""The erasure certificate as a PDF in the reader's language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from flask_babel import format_datetime, get_locale
from flask_babel import gettext as _

from servicedesk.core.text import msgid
from servicedesk.devices.catalogue import action_named
from servicedesk.devices.models import OWNERSHIP_LABELS, Ownership
from servicedesk.orders.certificate import ErasureCertificate, erasure_certificate
from servicedesk.shell.language import translate
from servicedesk.shell.pdf import pdf_of, pdf_response
from servicedesk.shell.session import current_actor

if TYPE_CHECKING:
    from datetime import datetime

    from flask.typing import ResponseReturnValue

SOURCES = {
    "submit": msgid("the engine, when it was told"),
    "notification": msgid("the engine's signed notification"),
    "lookup": msgid("the engine, when asked"),
    "poll": msgid("the engine, when asked"),
    "person": msgid("a person who checked it"),
}


def certificate(reference: str, command_id: int) -> ResponseReturnValue:
    """Give the certificate of one wiped device."""
    found = erasure_certificate(current_actor(), reference, command_id)
    name = f"{found.order}-{found.device_reference}"
    return pdf_response(pdf_of("certificate", printed(found)), name)


def printed(found: ErasureCertificate) -> dict[str, Any]:
    """Return what the paper says, in the reader's language and the contract's time."""
    zone = ZoneInfo(found.time_zone)

    def instant(value: datetime | None) -> str:
        if value is None:
            return "—"
        local = value.astimezone(zone)
        told = format_datetime(local, "d MMMM y, HH:mm:ss", rebase=False)
        return f"{told} ({found.time_zone}, UTC{local:%z})"

    action = action_named(found.action_code)
    title = _("Erasure certificate")
    return {
        "language": str(get_locale() or "es")[:2],
        "title": title,
        "author": "Móvil Gestionado",
        "footer": f"{title} · {found.order} · {found.device_reference}",
        "lead": _(
            "%(client)s asked for this device to be erased, and the device has confirmed it.",
            client=found.client,
        ),
        "notice": _("Simulated: this device belongs to a sandbox engine. Nothing real was erased.")
        if found.is_simulated
        else "",
        "sections": [
            {
                "title": _("Device"),
                "rows": [
                    (_("Name"), found.device),
                    (_("Model"), f"{found.manufacturer} {found.model}"),
                    (_("Serial"), found.serial),
                    (_("IMEI"), found.imei or "—"),
                    (_("Reference"), found.device_reference),
                    (_("Ownership"), translate(OWNERSHIP_LABELS[Ownership(found.ownership)])),
                    (_("Client"), f"{found.client} ({found.client_reference})"),
                ],
            },
            {
                "title": _("What was done, and on whose word"),
                "rows": [
                    (_("Action"), f"{translate(action.label)}. {translate(action.consequence)}"),
                    (_("Work order"), found.order),
                    (_("Asked for by"), f"{found.asked_by}, {instant(found.asked_at)}"),
                    (_("Approved by"), f"{found.approved_by}, {instant(found.approved_at)}"),
                    (_("Executed by"), f"{found.executed_by}, {instant(found.executed_at)}"),
                    (_("Content that was approved"), found.approved_hash),
                ],
            },
            {
                "title": _("Command and answer"),
                "rows": [
                    (_("Engine"), found.engine),
                    (_("Command"), found.command_key),
                    (_("Number at the engine"), found.engine_ref or "—"),
                    (_("Sent"), instant(found.sent_at)),
                    (_("Confirmed"), instant(found.acknowledged_at)),
                    (
                        _("Told by"),
                        (
                            f"{translate(SOURCES.get(found.evidence_source, found.evidence_source))},"
                            f" {instant(found.evidence_at)}"
                        ),
                    ),
                    (_("SHA-256 of the answer"), found.evidence_hash),
                ],
            },
        ],
        "verify": _(
            "Fingerprint of everything above. Print the certificate again from the work order: it"
            " carries the same fingerprint as long as nothing on record was changed."
        ),
        "fingerprint": found.fingerprint,
    }
