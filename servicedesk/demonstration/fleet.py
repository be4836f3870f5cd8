"""Devices of real models for the demonstration, with users and groups; the same from one seed."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from faker import Faker
from sqlalchemy import insert, select

from servicedesk.core.references import next_reference
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
from servicedesk.devices.policies.models import DevicePolicy

if TYPE_CHECKING:
    from datetime import datetime
    from random import Random

    from sqlalchemy.orm import Session

    from servicedesk.clients.models import Client
    from servicedesk.core.actors import Actor

NAMESPACE = uuid.UUID("6f0c1f3e-1c53-4a53-9d7a-2b8f1f6f8f00")


@dataclass(frozen=True)
class Model:
    """A model on the market with the versions seen in the field and how common it is."""

    manufacturer: str
    name: str
    platform: Platform
    versions: tuple[str, ...]
    weight: int
    rugged: bool = False


MODELS = (
    Model("Apple", "iPhone 15", Platform.IOS, ("26.1", "26.0.1", "18.7"), 14),
    Model("Apple", "iPhone 13", Platform.IOS, ("26.1", "18.7", "17.7.2"), 12),
    Model("Apple", "iPhone SE (2022)", Platform.IOS, ("26.0", "18.6", "16.7.10"), 8),
    Model("Apple", "iPhone 8", Platform.IOS, ("16.7.12", "15.8.3", "13.7"), 3),
    Model("Apple", "iPad (10.ª generación)", Platform.IPADOS, ("26.1", "18.7"), 9),
    Model("Apple", "iPad Air (5.ª generación)", Platform.IPADOS, ("26.1", "17.7"), 4),
    Model("Samsung", "Galaxy A54", Platform.ANDROID, ("16", "15", "14"), 14),
    Model("Samsung", "Galaxy XCover7", Platform.ANDROID, ("16", "15"), 9, rugged=True),
    Model("Samsung", "Galaxy S24", Platform.ANDROID, ("16", "15"), 7),
    Model("Samsung", "Galaxy Tab Active5", Platform.ANDROID, ("15", "14"), 5, rugged=True),
    Model("Xiaomi", "Redmi Note 13", Platform.ANDROID, ("15", "14", "13"), 7),
    Model("Google", "Pixel 8", Platform.ANDROID, ("16", "15"), 6),
    Model("Google", "Pixel 6a", Platform.ANDROID, ("16", "14", "13"), 4),
    Model("Zebra", "TC58", Platform.ANDROID, ("14", "13"), 8, rugged=True),
    Model("Zebra", "TC51", Platform.ANDROID, ("8.1", "7.1"), 3, rugged=True),
)
DEPARTMENTS = ("Comercial", "Logística", "Dirección", "Mantenimiento", "Administración", "Almacén")


def make_fleet(
    actor: Actor, client: Client, count: int, dice: Random, now: datetime
) -> list[Device]:
    """Enrol `count` devices of a client with their users and groups."""
    names = Faker("es_ES")
    names.seed_instance(dice.randrange(2**31))
    with unit_of_work(actor, "demonstration.fleet") as work:
        work.concerns(client.id, client.reference)
        engine_id = work.session.scalar(
            select(EngineAccount.id).where(EngineAccount.key == "sandbox")
        )
        groups = [DeviceGroup(client_id=client.id, name=name) for name in DEPARTMENTS]
        users = [_user(client, names, number, dice) for number in range(int(count * 0.85))]
        work.session.add_all([*groups, *users])
        work.session.flush()
        devices = [
            _device(client, number, users, engine_id or 0, dice, now) for number in range(count)
        ]
        for device in devices:
            device.reference = next_reference(work, "DEV", with_year=False)
        work.session.add_all(devices)
        work.session.flush()
        departments = {user.id: user.department for user in users}
        by_name = {group.name: group for group in groups}
        members = [
            {
                "group_id": by_name[departments.get(device.device_user_id or 0, "Almacén")].id,
                "device_id": device.id,
                "client_id": client.id,
            }
            for device in devices
        ]
        work.session.execute(insert(DeviceGroupMember), members)
        work.note(devices=len(devices))
    return devices


def _user(client: Client, names: Faker, number: int, dice: Random) -> DeviceUser:
    name = f"{names.first_name()} {names.last_name()}"
    domain = client.name.lower().split()[0].encode("ascii", "ignore").decode()
    return DeviceUser(
        client_id=client.id,
        name=name,
        email=f"usuario{number:04d}@{domain}.example",
        department=dice.choice(DEPARTMENTS),
    )


def _device(
    client: Client,
    number: int,
    users: list[DeviceUser],
    engine_id: int,
    dice: Random,
    now: datetime,
) -> Device:
    model = dice.choices(MODELS, [m.weight for m in MODELS])[0]
    holder = None if model.rugged and dice.random() < 0.6 else dice.choice(users)
    ownership, management = _management(model, dice)
    state = dice.choices(
        (DeviceState.ENROLLED, DeviceState.PENDING, DeviceState.RETIRED), (94, 4, 2)
    )[0]
    external = uuid.uuid5(NAMESPACE, f"{client.reference}/{number}")
    return Device(
        client_id=client.id,
        reference="",
        name=f"{model.name} {holder.name.split()[0]}" if holder else f"{model.name} {number:04d}",
        serial=_serial(model, dice),
        imei=f"35{dice.randrange(10**13):013d}",
        phone_number=f"+346{dice.randrange(10**8):08d}" if model.platform != "ipados" else "",
        platform=model.platform,
        os_version=dice.choice(model.versions),
        manufacturer=model.manufacturer,
        model=model.name,
        ownership=ownership,
        management=management,
        state=state,
        device_user_id=holder.id if holder else None,
        engine_id=engine_id,
        external_id=str(external),
        enrolled_at=None
        if state is DeviceState.PENDING
        else now - timedelta(days=dice.randrange(30, 700)),
        last_contact_at=None if state is DeviceState.PENDING else now - _silence(dice),
    )


def _management(model: Model, dice: Random) -> tuple[Ownership, Management]:
    if model.platform is Platform.ANDROID:
        if model.rugged:
            return Ownership.CORPORATE, Management.FULLY_MANAGED
        return dice.choices(
            (
                (Ownership.CORPORATE, Management.FULLY_MANAGED),
                (Ownership.CORPORATE, Management.WORK_PROFILE_COMPANY),
                (Ownership.PERSONAL, Management.WORK_PROFILE_PERSONAL),
            ),
            (45, 35, 20),
        )[0]
    return dice.choices(
        (
            (Ownership.CORPORATE, Management.SUPERVISED),
            (Ownership.CORPORATE, Management.MANAGED),
            (Ownership.PERSONAL, Management.USER_ENROLMENT),
        ),
        (65, 22, 13),
    )[0]


def _silence(dice: Random) -> timedelta:
    """Return how long ago it was last seen: mostly minutes, some for weeks."""
    if dice.random() < 0.05:
        return timedelta(days=dice.randrange(8, 95))
    return timedelta(minutes=dice.expovariate(1 / 240))


def _serial(model: Model, dice: Random) -> str:
    alphabet = "CDFGHJKLMNPQRTVWXY0123456789"
    start = {"Apple": "F", "Samsung": "R", "Zebra": "2"}.get(model.manufacturer, "X")
    return start + "".join(dice.choices(alphabet, k=11))


def facts_of_all(session: Session) -> list[dict[str, object]]:
    """Return what the sandbox needs to bring every enrolled device to life."""
    enrolled = (
        select(Device, DevicePolicy.reported)
        .outerjoin(DevicePolicy, DevicePolicy.device_id == Device.id)
        .where(Device.state == DeviceState.ENROLLED)
        .order_by(Device.id)
    )
    return [_facts(device, policy or {}) for device, policy in session.execute(enrolled)]


def _facts(device: Device, policy: dict[str, object]) -> dict[str, object]:
    seen = device.last_contact_at
    return {
        "id": device.external_id,
        "platform": device.platform.value,
        "os_version": device.os_version,
        "manufacturer": device.manufacturer,
        "model": device.model,
        "ownership": device.ownership.value,
        "management": device.management.value,
        "last_contact": seen.isoformat() if seen else None,
        "policy": policy,
    }
