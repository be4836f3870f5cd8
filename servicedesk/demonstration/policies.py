"""The policies of the demonstration's largest client, and what its devices say they have."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import select

from servicedesk.core import clock
from servicedesk.core.files import Upload
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.models import DeviceGroup
from servicedesk.devices.policies import changes
from servicedesk.devices.policies.content import with_entry
from servicedesk.devices.policies.desired import refresh_desired
from servicedesk.devices.policies.documents import add_document
from servicedesk.devices.policies.models import (
    DevicePolicy,
    EffectivePolicy,
    PolicyProfile,
    VersionState,
)
from servicedesk.devices.policies.reported import record_reports
from servicedesk.devices.policies.sections import BY_CODE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from random import Random

    from servicedesk.clients.models import Client
    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work

Content = dict[str, dict[str, dict[str, str]]]

RULES_OF_USE = """Normas de uso del terminal

1. El código de acceso es personal y no se comparte.
2. Avise de una pérdida en cuanto la note: el terminal se bloquea en minutos.
3. Las aplicaciones de trabajo se instalan solas; no las quite.
4. Antes de devolver el terminal, pida su borrado.
"""
BASE = (
    ("passcode", {"min_length": "6", "complexity": "numeric", "history": "5", "lock_minutes": "5"}),
    ("restrictions", {"no_unknown_apps": "yes", "no_cloud_backup": "yes"}),
    (
        "wifi",
        {
            "ssid": "NORTE-Corp",
            "security": "wpa2_enterprise",
            "eap": "peap",
            "identity": "{email}",
            "server_names": "radius.norte.example",
        },
    ),
    (
        "mail",
        {
            "name": "Correo de empresa",
            "type": "exchange",
            "server": "outlook.norte.example",
            "address": "{email}",
            "oauth": "yes",
            "stays": "yes",
        },
    ),
    (
        "apps",
        {
            "platform": "android",
            "identifier": "com.microsoft.office.outlook",
            "name": "Microsoft Outlook",
            "availability": "required",
            "min_version": "4.2538",
        },
    ),
    (
        "apps",
        {
            "platform": "android",
            "identifier": "com.anydesk.anydeskandroid",
            "name": "AnyDesk",
            "availability": "forbidden",
        },
    ),
)
WAREHOUSE = (
    ("restrictions", {"no_camera": "yes", "no_screenshots": "yes", "no_unknown_apps": "yes"}),
    ("passcode", {"min_length": "4", "lock_minutes": "15"}),
    (
        "wifi",
        {
            "ssid": "NORTE-Almacen",
            "security": "wpa2_personal",
            "password": "carretillas-y-palets",
            "hidden": "yes",
        },
    ),
    (
        "apps",
        {
            "platform": "android",
            "identifier": "example.norte.partes",
            "name": "Partes de trabajo",
            "availability": "required",
            "min_version": "3.4",
        },
    ),
)
SALES_VPN = {
    "name": "VPN comercial",
    "server": "vpn.norte.example",
    "remote_id": "vpn.norte.example",
    "authentication": "eap",
    "mode": "per_app",
    "apps": "com.example.crm com.microsoft.office.outlook",
}


def make_policies(
    agent: Actor, contact: Actor, client: Client, dice: Random, now: datetime
) -> None:
    """Give a client a base for everybody, one for its warehouse, and a document; devices report."""
    with clock.told_as(now - timedelta(days=120)):
        base = _published(agent, client, "Base corporativa", _content(BASE))
        with unit_of_work(agent, "demonstration.assign") as work:
            changes.assign(work, base, _groups(work, client), [], 200)
    with clock.told_as(now - timedelta(days=60)):
        warehouse = _published(agent, client, "Almacén", _content(WAREHOUSE))
        document = add_document(
            contact,
            client.reference,
            Upload(name="Normas de uso.txt", content=RULES_OF_USE.encode()),
        )
        with unit_of_work(agent, "demonstration.assign") as work:
            changes.assign(work, warehouse, _groups(work, client, "Almacén"), [], 100)
            (sales,) = _groups(work, client, "Comercial")
            own = changes.own_profile(work, client.id, group_id=sales)
            vpn = BY_CODE["vpn"]
            changes.set_entry(work, own, "vpn", vpn.key(SALES_VPN), vpn.taken(SALES_VPN), "")
    with clock.told_as(now - timedelta(days=40)):
        _revise(agent, base.id, document.reference, publish=True)
    with clock.told_as(now - timedelta(days=1)):
        _revise(agent, base.id, document.reference, publish=False)
    with clock.told_as(now), unit_of_work(agent, "demonstration.policies") as work:
        work.concerns(client.id, client.reference)
        refresh_desired(work, client.id)
        _report(work, client, dice)


def _content(entries: tuple[tuple[str, Mapping[str, str]], ...]) -> Content:
    content: Content = {}
    for code, values in entries:
        section = BY_CODE[code]
        content = with_entry(content, code, section.key(values), section.taken(values))
    return content


def _published(agent: Actor, client: Client, name: str, content: Content) -> PolicyProfile:
    with unit_of_work(agent, "demonstration.policy") as work:
        profile = changes.create_profile(work, client.id, name)
        changes.write_draft(work, profile, content)
        changes.publish(work, profile, 1)
    return profile


def _revise(agent: Actor, profile_id: int, document: str, *, publish: bool) -> None:
    """Write the base's next version: a certificate and a document; or a draft that is longer."""
    with unit_of_work(agent, "demonstration.revise") as work:
        profile = work.session.get_one(PolicyProfile, profile_id)
        present = changes.version_in(work.session, profile, VersionState.PUBLISHED)
        content = present.content if present else {}
        if publish:
            content = with_entry(content, "documents", document, {"document": document})
            authority = {"name": "Autoridad NORTE", "type": "authority", "pem": _certificate()}
            content = with_entry(content, "certificates", authority["name"], authority)
        else:
            stronger = {**content["passcode"][""], "min_length": "8", "complexity": "alphanumeric"}
            content = with_entry(content, "passcode", "", stronger)
        version = changes.write_draft(work, profile, content)
        if publish:
            changes.publish(work, profile, version.number)


def _groups(work: Work, client: Client, *names: str) -> list[int]:
    query = select(DeviceGroup.id).where(DeviceGroup.client_id == client.id)
    if names:
        query = query.where(DeviceGroup.name.in_(names))
    return list(work.session.scalars(query.order_by(DeviceGroup.id)))


def _report(work: Work, client: Client, dice: Random) -> None:
    """Have nearly all devices say that they have what they should; some lack a piece."""
    rows = work.session.execute(
        select(DevicePolicy.device_id, EffectivePolicy.fingerprints)
        .join(EffectivePolicy, EffectivePolicy.id == DevicePolicy.effective_id)
        .where(DevicePolicy.client_id == client.id)
        .order_by(DevicePolicy.device_id)
    ).all()
    reports: dict[int, tuple[object, datetime]] = {}
    for device_id, wanted in rows:
        has = {section: dict(keyed) for section, keyed in wanted.items()}
        if has and dice.random() < 0.04:
            has.pop(dice.choice(sorted(has)))
        reports[device_id] = (has, work.at)
    record_reports(work, reports)


def _certificate() -> str:
    """Return a fresh certificate of an authority, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Norte Distribución CA")])
    now = clock.now()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()
