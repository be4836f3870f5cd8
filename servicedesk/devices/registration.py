"""Making devices known to the desk from a list, before they are enrolled: all rows or none."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import uuid4

from sqlalchemy import select

from servicedesk.clients.models import Client
from servicedesk.clients.visibility import visible_to
from servicedesk.core.errors import InvalidInput
from servicedesk.core.permissions import Permission, require
from servicedesk.core.references import next_reference
from servicedesk.core.text import Text, msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.models import (
    Device,
    DeviceGroup,
    DeviceGroupMember,
    DeviceState,
    DeviceUser,
    EngineAccount,
    Management,
    Ownership,
    Platform,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work

MOST_ROWS = 2000
LONGEST = 100  # characters of a cell
# columns by name, in the order of a list without a heading; Spanish names are understood too
COLUMNS = (
    *("serial", "platform", "os_version", "manufacturer", "model", "ownership"),
    *("imei", "phone_number", "holder", "email", "group"),
)
NAMES = {
    "serie": "serial",
    "nº de serie": "serial",
    "plataforma": "platform",
    "sistema": "platform",
    "versión": "os_version",
    "version": "os_version",
    "fabricante": "manufacturer",
    "modelo": "model",
    "propiedad": "ownership",
    "teléfono": "phone_number",
    "telefono": "phone_number",
    "usuario": "holder",
    "nombre": "holder",
    "correo": "email",
    "grupo": "group",
}
NEEDED = ("serial", "platform", "model")
ADDRESS = re.compile(r"|[^@\s]+@[^@\s]+")
OWNERSHIPS = {
    "": Ownership.CORPORATE,
    "corporate": Ownership.CORPORATE,
    "empresa": Ownership.CORPORATE,
    "corporativo": Ownership.CORPORATE,
    "personal": Ownership.PERSONAL,
}
# how deep each kind of device is managed unless an engine says otherwise
MANAGEMENTS = {
    (False, Ownership.CORPORATE): Management.SUPERVISED,
    (False, Ownership.PERSONAL): Management.USER_ENROLMENT,
    (True, Ownership.CORPORATE): Management.FULLY_MANAGED,
    (True, Ownership.PERSONAL): Management.WORK_PROFILE_PERSONAL,
}


@dataclass(frozen=True)
class RowFault:
    """What is wrong in a row of the list; rows count from 1, the heading included."""

    row: int
    column: str
    says: Text


class BadRows(InvalidInput):
    """Rows that cannot be taken in; nothing was."""

    code = "bad-rows"
    sentence = msgid("%(rows)s rows cannot be taken in: nothing was registered.")

    def __init__(self, rows: Sequence[RowFault]) -> None:
        """Count the rows; the faults are in `rows`."""
        super().__init__(field="rows", rows=len({fault.row for fault in rows}))
        self.rows = tuple(rows)


@dataclass
class _Reading:
    """A list while it is read."""

    groups: Mapping[str, int]
    known: set[str]  # serials there are already, folded
    faults: list[RowFault] = field(default_factory=list)

    def fault(self, row: int, column: str, says: str, **values: object) -> None:
        self.faults.append(RowFault(row, column, Text(says, values)))


def register_devices(
    actor: Actor, client_reference: str, rows: str, group: str = ""
) -> list[Device]:
    """Register the devices of a list as pending, with their holders and groups.

    `rows`: CSV with commas, semicolons or tabs; `group`: for whoever names none. Raises Forbidden,
    InvalidInput at `client`, `group` or `rows`, BadRows with every fault; then nothing has changed.
    """
    with unit_of_work(actor, "devices.register") as work:
        require(actor, Permission.DEVICE_REGISTER)
        client = work.session.scalar(
            select(Client).where(Client.reference == client_reference, visible_to(actor, Client.id))
        )
        if client is None:
            raise InvalidInput(msgid("Choose a client."), field="client")
        cells = read_rows(rows)
        reading = _Reading(_groups(work.session, client.id), _serials(work.session, client.id))
        if group and group not in reading.groups:
            raise InvalidInput(msgid("The client has no such group."), field="group")
        for number, row in cells:
            _check(reading, number, row)
        if reading.faults:
            raise BadRows(reading.faults)
        work.concerns(client.id, client.reference)
        devices = [_device(work, client.id, row) for _number, row in cells]
        work.session.flush()
        for device, (_number, row) in zip(devices, cells, strict=True):
            if name := row["group"] or group:
                work.session.add(
                    DeviceGroupMember(
                        group_id=reading.groups[name], device_id=device.id, client_id=client.id
                    )
                )
        work.note(registered=len(devices))
    return devices


def read_rows(text: str) -> list[tuple[int, dict[str, str]]]:
    """Return the rows of a list with their numbers, every column there. Raises InvalidInput."""
    plain = text.replace("\x00", "").lstrip("\ufeff").strip()
    if not plain:
        raise InvalidInput(msgid("The list is empty."), field="rows")
    first = plain.splitlines()[0]
    delimiter = max(";\t,", key=first.count)
    lines = list(csv.reader(io.StringIO(plain), delimiter=delimiter))
    heading = [NAMES.get(cell.strip().lower(), cell.strip().lower()) for cell in lines[0]]
    has_heading = "serial" in heading
    columns = heading if has_heading else list(COLUMNS)
    found = [
        (number, dict(zip(columns, map(str.strip, line), strict=False)))
        for number, line in enumerate(lines, 1)
        if any(cell.strip() for cell in line) and not (has_heading and number == 1)
    ]
    if not found:
        raise InvalidInput(msgid("The list is empty."), field="rows")
    if len(found) > MOST_ROWS:
        raise InvalidInput(msgid("At most %(most)s devices at once."), field="rows", most=MOST_ROWS)
    return [(number, {name: row.get(name, "") for name in COLUMNS}) for number, row in found]


def _check(reading: _Reading, number: int, row: dict[str, str]) -> None:
    """Note every fault of a row, and write platform and ownership as we know them."""
    row["platform"], row["ownership"] = row["platform"].lower(), row["ownership"].lower()
    for name in NEEDED:
        if not row[name]:
            reading.fault(number, name, msgid("This is needed."))
    for name, value in row.items():
        if len(value) > LONGEST or not value.isprintable():
            reading.fault(
                number, name, msgid("Use at most %(most)s ordinary characters."), most=100
            )
    for name, is_right, says in (
        ("platform", row["platform"] in {"", *Platform}, msgid("Write ios, ipados or android.")),
        ("ownership", row["ownership"] in OWNERSHIPS, msgid("Write corporate or personal.")),
        ("email", ADDRESS.fullmatch(row["email"]), msgid("This is no address.")),
        ("email", row["email"] or not row["holder"], msgid("A holder needs an address.")),
        ("group", row["group"] in {"", *reading.groups}, msgid("The client has no such group.")),
    ):
        if not is_right:
            reading.fault(number, name, says)
    serial = row["serial"].casefold()
    if serial and serial in reading.known:
        reading.fault(number, "serial", msgid("This serial is registered already."))
    reading.known.add(serial)


def _device(work: Work, client_id: int, row: Mapping[str, str]) -> Device:
    platform, ownership = Platform(row["platform"]), OWNERSHIPS[row["ownership"]]
    holder = _holder(work, client_id, row) if row["email"] else None
    is_android = platform is Platform.ANDROID
    device = Device(
        client_id=client_id,
        reference=next_reference(work, "DEV", with_year=False),
        name=f"{row['model']} {row['holder'].split()[0] if row['holder'] else row['serial'][-4:]}",
        serial=row["serial"],
        imei=row["imei"],
        phone_number=row["phone_number"],
        platform=platform,
        os_version=row["os_version"] or "0",
        manufacturer=row["manufacturer"] or ("" if is_android else "Apple"),
        model=row["model"],
        ownership=ownership,
        management=MANAGEMENTS[is_android, ownership],
        state=DeviceState.PENDING,
        device_user_id=holder.id if holder else None,
        engine_id=work.session.scalars(
            select(EngineAccount.id).order_by(EngineAccount.id).limit(1)
        ).one(),
        external_id=str(uuid4()),
    )
    work.session.add(device)
    return device


def _holder(work: Work, client_id: int, row: Mapping[str, str]) -> DeviceUser:
    """Return whoever has that address at the client, made where there was nobody."""
    found = work.session.scalars(
        select(DeviceUser).where(
            DeviceUser.client_id == client_id, DeviceUser.email == row["email"]
        )
    ).one_or_none()
    if found is not None:
        return found
    made = DeviceUser(
        client_id=client_id, name=row["holder"] or row["email"], email=row["email"], department=""
    )
    work.session.add(made)
    work.session.flush()
    return made


def _groups(session: Session, client_id: int) -> dict[str, int]:
    rows = session.execute(
        select(DeviceGroup.name, DeviceGroup.id).where(DeviceGroup.client_id == client_id)
    )
    return {row.name: row.id for row in rows}


def _serials(session: Session, client_id: int) -> set[str]:
    return {
        serial.casefold()
        for serial in session.scalars(select(Device.serial).where(Device.client_id == client_id))
    }
