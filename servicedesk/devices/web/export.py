"""The fleet as CSV and XLSX: written row by row, and always text to a spreadsheet."""

from __future__ import annotations

import csv
import io
import tempfile
from typing import TYPE_CHECKING, Any

import xlsxwriter
from flask import Response, send_file, stream_with_context

from servicedesk.core import clock
from servicedesk.core.spreadsheets import as_text
from servicedesk.core.text import msgid
from servicedesk.devices.conformity.models import CONFORMITY_LABELS, Conformity
from servicedesk.devices.models import (
    DEVICE_STATE_LABELS,
    MANAGEMENT_LABELS,
    OWNERSHIP_LABELS,
    PLATFORM_LABELS,
)
from servicedesk.shell.language import translate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask.typing import ResponseReturnValue

    from servicedesk.devices.models import Device

HEADINGS = (
    msgid("Reference"),
    msgid("Name"),
    msgid("Holder"),
    msgid("Platform"),
    msgid("Version"),
    msgid("Manufacturer"),
    msgid("Model"),
    msgid("Ownership"),
    msgid("Management"),
    msgid("State"),
    msgid("Serial"),
    msgid("IMEI"),
    msgid("Number"),
    msgid("Last contact"),
    msgid("Conformity"),
    msgid("Policy"),
)


def _row(device: Device) -> list[str]:
    return [
        device.reference,
        device.name,
        device.holder.name if device.holder else "",
        PLATFORM_LABELS[device.platform],
        device.os_version,
        device.manufacturer,
        device.model,
        translate(OWNERSHIP_LABELS[device.ownership]),
        translate(MANAGEMENT_LABELS[device.management]),
        translate(DEVICE_STATE_LABELS[device.state]),
        device.serial,
        device.imei,
        device.phone_number,
        device.last_contact_at.isoformat(timespec="seconds") if device.last_contact_at else "",
        translate(CONFORMITY_LABELS[Conformity(device.conformity)]) if device.conformity else "",
        _policy_words(device.drifts),
    ]


def _policy_words(drifts: bool | None) -> str:  # noqa: FBT001  None: it has no policy
    if drifts is None:
        return ""
    return translate(msgid("Differs from it") if drifts else msgid("As it should be"))


def csv_of(devices: Iterator[Device]) -> ResponseReturnValue:
    """Return a response that writes as it reads, in constant memory."""

    def lines() -> Iterator[str]:
        buffer = io.StringIO()
        writer = csv.writer(buffer, delimiter=";")
        yield "\ufeff"  # tells a Spanish Excel that it is UTF-8
        writer.writerow([translate(heading) for heading in HEADINGS])
        for device in devices:
            writer.writerow([as_text(cell) for cell in _row(device)])
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
        yield buffer.getvalue()

    return Response(
        stream_with_context(lines()),
        mimetype="text/csv",
        headers={"Content-Disposition": f"attachment; filename={_name('csv')}"},
    )


def xlsx_of(devices: Iterator[Device]) -> ResponseReturnValue:
    """Return a workbook, written in constant memory to a file that vanishes when sent."""
    file = tempfile.TemporaryFile()  # noqa: SIM115  send_file closes it
    options: dict[str, Any] = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
    }
    with xlsxwriter.Workbook(file, options) as book:
        sheet = book.add_worksheet(translate(msgid("Fleet")))
        bold = book.add_format({"bold": True})
        sheet.freeze_panes(1, 0)
        for column, heading in enumerate(HEADINGS):
            sheet.set_column(column, column, 18)
            sheet.write_string(0, column, translate(heading), bold)
        for row, device in enumerate(devices, start=1):
            for column, cell in enumerate(_row(device)):
                sheet.write_string(row, column, cell)
    file.seek(0)
    return send_file(file, as_attachment=True, download_name=_name("xlsx"))


def _name(kind: str) -> str:
    return f"fleet-{clock.now():%Y-%m-%d}.{kind}"
