"""What the devices of the demonstration report, and the rules one client holds them to."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from servicedesk.core import clock
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.conformity.editing import RuleDraft, create_rule, deactivate_rule
from servicedesk.devices.conformity.inventory import App, Inventory, take_inventories
from servicedesk.devices.conformity.models import InstalledApp
from servicedesk.devices.models import Device, DeviceState, Ownership, Platform

if TYPE_CHECKING:
    from datetime import datetime
    from random import Random

    from sqlalchemy.orm import Session

    from servicedesk.clients.models import Client
    from servicedesk.core.actors import Actor

# identifier on Android, identifier on iOS, name, versions in use, share of the devices
CATALOGUE = (
    (
        "com.microsoft.office.outlook",
        "com.microsoft.Office.Outlook",
        "Microsoft Outlook",
        ("4.2540.1", "4.2538.0", "4.2421.1"),
        0.95,
    ),
    (
        "com.microsoft.teams",
        "com.microsoft.skype.teams",
        "Microsoft Teams",
        ("7.20.1", "7.18.0", "6.9.2"),
        0.9,
    ),
    (
        "com.microsoft.scmx",
        "com.microsoft.scmx",
        "Microsoft Defender",
        ("1.0.8120", "1.0.8012-rc1"),
        0.93,
    ),
    (
        "com.azure.authenticator",
        "com.microsoft.azureauthenticator",
        "Microsoft Authenticator",
        ("6.2511.7780", "6.2509.6319"),
        0.85,
    ),
    ("com.google.android.apps.maps", "com.google.Maps", "Google Maps", ("25.44", "25.40"), 0.8),
    (
        "example.norte.partes",
        "example.norte.partes",
        "Partes de trabajo",
        ("3.4.0", "3.3.2", "3.4.0-beta.2"),
        0.7,
    ),
    ("com.whatsapp", "net.whatsapp.WhatsApp", "WhatsApp", ("2.25.31", "2.25.28"), 0.55),
    (
        "com.anydesk.anydeskandroid",
        "com.philandro.anydesk",
        "AnyDesk",
        ("7.3.0", "6.8.2"),
        0.04,
    ),
    ("com.zhiliaoapp.musically", "com.zhiliaoapp.musically", "TikTok", ("42.5.3", "42.1.0"), 0.03),
    ("com.spotify.music", "com.spotify.client", "Spotify", ("9.0.90", "9.0.84"), 0.2),
    ("com.adobe.reader", "com.adobe.Adobe-Reader", "Adobe Acrobat", ("25.10.1", "25.8.0"), 0.5),
    ("com.zebra.datawedgeconfiguration", "", "DataWedge", ("15.0.20", "13.0.121"), 0.0),
)
RULES = (
    RuleDraft(
        name="Pantalla con código",
        kind="passcode_missing",
        consequences=["tell"],
    ),
    RuleDraft(
        name="Defender en Android",
        kind="app_missing",
        parameters={"app": "com.microsoft.scmx", "title": "Microsoft Defender"},
        platform="android",
        consequences=["mark"],
    ),
    RuleDraft(
        name="iOS con parches",
        kind="os_outdated",
        parameters={"version": "17.7"},
        platform="ios",
        consequences=["tell", "mark"],
    ),
    RuleDraft(
        name="Sin escritorio remoto ajeno",
        kind="app_forbidden",
        parameters={"app": "com.anydesk.anydeskandroid", "title": "AnyDesk"},
        platform="android",
        consequences=["mark"],
    ),
    RuleDraft(
        name="Ni root ni jailbreak",
        kind="compromised",
        consequences=["mark", "tell"],
    ),
    RuleDraft(
        name="Partes de trabajo al día",
        kind="app_outdated",
        parameters={"app": "example.norte.partes", "title": "Partes de trabajo", "version": "3.4"},
        group="Mantenimiento",
        consequences=["mark"],
    ),
    RuleDraft(
        name="En contacto cada mes",
        kind="not_seen",
        parameters={"days": "30"},
        consequences=["mark"],
    ),
)


def report_fleet(actor: Actor, client: Client, dice: Random, now: datetime) -> None:
    """Have the enrolled devices report when they were last in touch; a few never did."""
    with unit_of_work(actor, "demonstration.look") as work:
        devices = work.session.scalars(
            select(Device)
            .where(Device.client_id == client.id, Device.state == DeviceState.ENROLLED)
            .order_by(Device.id)
            .execution_options(populate_existing=True)
        ).all()
        reports = {device.id: _inventory(device, dice) for device in devices}
    reporting = {number: report for number, report in reports.items() if dice.random() > 0.02}
    with clock.told_as(now):
        take_inventories(actor, reporting)


def make_rules(agent: Actor, client: Client, now: datetime) -> None:
    """Hold a fleet to some rules, one of them given up again."""
    with clock.told_as(now - timedelta(hours=30)):
        for draft in RULES:
            create_rule(agent, client.reference, draft)
        given_up = RuleDraft(
            name="Cifrado en Android",
            kind="encryption_off",
            platform="android",
            consequences=["mark"],
        )
        rule = create_rule(agent, client.reference, given_up)
    with clock.told_as(now - timedelta(hours=20)):
        deactivate_rule(agent, rule.reference)


def _inventory(device: Device, dice: Random) -> Inventory:
    is_android = device.platform is Platform.ANDROID
    is_own = device.ownership is Ownership.PERSONAL
    return Inventory(
        os_version=device.os_version,
        has_passcode=dice.random() > 0.03,
        is_encrypted=not is_android or dice.random() > 0.02,
        # the work profile of a personal device does not see beneath it
        is_compromised=None if is_own and not is_android else dice.random() < 0.004,
        apps=[
            App(
                identifier=android if is_android else apple,
                name=name,
                version=dice.choices(versions, [6, 2, 1][: len(versions)])[0],
            )
            for android, apple, name, versions, share in CATALOGUE
            if dice.random() < (share if device.manufacturer != "Zebra" else _rugged(name, share))
        ],
        taken_at=device.last_contact_at,
    )


def _rugged(name: str, share: float) -> float:
    """Return how likely an app is on a rugged handheld: few are, but its scanner's always is."""
    if name in {"DataWedge", "Partes de trabajo"}:
        return 1.0
    return share if name == "Microsoft Defender" else share / 5


def with_inventories(session: Session, facts: list[dict[str, object]]) -> list[dict[str, object]]:
    """Return facts of devices for the sandbox with what each has reported; a few never did."""
    apps: dict[str, list[dict[str, str]]] = defaultdict(list)
    rows = session.execute(
        select(Device.external_id, InstalledApp)
        .join(InstalledApp, InstalledApp.device_id == Device.id)
        .order_by(InstalledApp.device_id, InstalledApp.identifier)
    )
    for external_id, app in rows:
        apps[external_id].append(
            {"identifier": app.identifier, "name": app.name, "version": app.version}
        )
    reported = {
        device.external_id: {
            "os_version": device.os_version,
            "has_passcode": device.has_passcode,
            "is_encrypted": device.is_encrypted,
            "is_compromised": device.is_compromised,
            "apps": apps[device.external_id],
        }
        for device in session.scalars(select(Device).where(Device.inventory_at.is_not(None)))
    }
    return [{**device, "inventory": reported.get(str(device["id"]))} for device in facts]
