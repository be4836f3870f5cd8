"""Builders that read as sentences: `make.device("ios")`, `make.request(contact, "device.lock", …)`."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import uuid4

from sqlalchemy import select

from servicedesk.accounts.models import Credential, User
from servicedesk.accounts.sign_in import Presence
from servicedesk.clients.models import (
    AccountManagement,
    AuthorisedContact,
    Client,
    Contract,
    FunctionalBlock,
    Modality,
)
from servicedesk.core import database
from servicedesk.core.actors import SYSTEM, Actor, Role
from servicedesk.devices import fleet_engines
from servicedesk.devices.models import (
    Device,
    DeviceState,
    EngineAccount,
    Management,
    Ownership,
    Platform,
)
from servicedesk.orders.approval import approve_order, confirmation_of
from servicedesk.orders.models import WorkOrder
from servicedesk.sla.models import CalendarVersion, PlanVersion, ServiceLevel
from servicedesk.tickets.intake import NewTicket, WantedAction, open_ticket
from servicedesk.tickets.models import Impact, Ticket, TicketKind, Urgency
from tests.engine_double import EngineDouble

if TYPE_CHECKING:
    from sqlalchemy.orm import scoped_session

NINE_TO_FIVE = [[[540, 1020]]] * 5 + [[], []]
PLAN = {
    "targets": {
        kind: {
            priority: {
                "first_response": {"seconds": 3600 * hours},
                "resolution": {"seconds": 3600 * hours * 4},
            }
            for priority, hours in (("critical", 1), ("high", 2), ("medium", 4), ("low", 8))
        }
        for kind in ("request", "query", "incident")
    },
    "thresholds": [],
    "notice_calendar": "",
    "round_the_clock": [],
}
KINDS = {
    "ios": (Platform.IOS, "17.5", "Apple", "iPhone 15", Ownership.CORPORATE, Management.SUPERVISED),
    "android": (
        Platform.ANDROID,
        "14",
        "Samsung",
        "Galaxy A54",
        Ownership.CORPORATE,
        Management.FULLY_MANAGED,
    ),
    "personal": (
        Platform.ANDROID,
        "14",
        "Google",
        "Pixel 8",
        Ownership.PERSONAL,
        Management.WORK_PROFILE_PERSONAL,
    ),
    "old": (
        Platform.ANDROID,
        "7.1",
        "Zebra",
        "TC51",
        Ownership.CORPORATE,
        Management.FULLY_MANAGED,
    ),
}


class Make:
    """Writes rows as the desk's worker, and keeps the actors it made."""

    def __init__(self, sessions: scoped_session) -> None:
        self.sessions = sessions
        self.numbers = itertools.count(1)
        self.engine = EngineDouble()
        fleet_engines.use_engines({"sandbox": self.engine})
        with database.acting_as(SYSTEM):
            session = sessions()
            session.add(EngineAccount(key="sandbox", name="Sandbox", is_simulated=True))
            session.add(
                CalendarVersion(
                    code="office",
                    version=1,
                    name="Office hours",
                    effective_on=date(2020, 1, 1),
                    definition={
                        "time_zone": "Europe/Madrid",
                        "weekly": NINE_TO_FIVE,
                        "holidays": [],
                    },
                    created_at=datetime.now(UTC),
                    author_name=SYSTEM.name,
                )
            )
            session.add(
                PlanVersion(
                    code="standard",
                    version=1,
                    name="Standard",
                    effective_on=date(2020, 1, 1),
                    definition=PLAN,
                    created_at=datetime.now(UTC),
                    author_name=SYSTEM.name,
                )
            )
            session.commit()

    def client(self, *blocks: FunctionalBlock, name: str = "") -> Client:
        number = next(self.numbers)
        with database.acting_as(SYSTEM):
            session = self.sessions()
            client = Client(
                reference=f"CLI-{number:04d}",
                name=name or f"Client {number}",
                tax_id=f"B{number:08d}",
                sector="Logistics",
                city="Bilbao",
                created_at=datetime.now(UTC),
            )
            session.add(client)
            session.flush()
            contract = Contract(
                client_id=client.id,
                reference=f"CTR-{number:04d}",
                modality=Modality.ADVANCED_MANAGED,
                starts_on=date.today() - timedelta(days=800),
                ends_on=date.today() + timedelta(days=800),
                time_zone="Europe/Madrid",
                blocks=[block.value for block in blocks or FunctionalBlock],
                engagement_days=Decimal(16),
            )
            session.add(contract)
            session.flush()
            session.add(
                ServiceLevel(
                    contract_id=contract.id,
                    client_id=client.id,
                    effective_on=date(2020, 1, 1),
                    plan_code="standard",
                    calendar_code="office",
                )
            )
            session.commit()
        return client

    def person(self, role: Role, *clients: Client, name: str = "") -> Actor:
        number = next(self.numbers)
        name = name or f"{role.value} {number}"
        with database.acting_as(SYSTEM):
            session = self.sessions()
            user = User(
                email=f"{role.value}{number}@example.test",
                name=name,
                role=role,
                created_at=datetime.now(UTC),
                role_since=datetime.now(UTC) - timedelta(days=30),
            )
            session.add(user)
            session.flush()
            session.add(Credential(user_id=user.id))
            for client in clients:
                link = AuthorisedContact if role is Role.CONTACT else AccountManagement
                session.add(link(user_id=user.id, client_id=client.id))
            session.commit()
        narrowed = role in {Role.CONTACT, Role.ACCOUNT_MANAGER}
        return Actor(
            role=role,
            name=name,
            user_id=user.id,
            email=user.email,
            client_ids=frozenset(client.id for client in clients) if narrowed else None,
        )

    def contact(self, client: Client | None = None) -> Actor:
        return self.person(Role.CONTACT, client or self.client())

    def agent(self) -> Actor:
        return self.person(Role.AGENT)

    def device(
        self, client: Client, kind: str = "ios", *, state: DeviceState = DeviceState.ENROLLED
    ) -> Device:
        (device,) = self.fleet(client, 1, kind, state=state)
        return device

    def supervisor(self) -> Actor:
        return self.person(Role.SUPERVISOR)

    def fleet(
        self,
        client: Client,
        count: int,
        kind: str = "android",
        *,
        state: DeviceState = DeviceState.ENROLLED,
    ) -> list[Device]:
        platform, version, manufacturer, model, ownership, management = KINDS[kind]
        with database.acting_as(SYSTEM):
            session = self.sessions()
            engine_id = session.scalar(select(EngineAccount.id))
            devices = [
                Device(
                    client_id=client.id,
                    reference=f"DEV-9{number:05d}",
                    name=f"{model} {number}",
                    serial=f"SER{number:07d}",
                    imei=f"35{number:013d}",
                    platform=platform,
                    os_version=version,
                    manufacturer=manufacturer,
                    model=model,
                    ownership=ownership,
                    management=management,
                    state=state,
                    engine_id=engine_id,
                    external_id=str(uuid4()),
                    enrolled_at=datetime.now(UTC),
                    last_contact_at=datetime.now(UTC),
                )
                for number in itertools.islice(self.numbers, count)
            ]
            session.add_all(devices)
            session.commit()
        return devices

    def approve(self, actor: Actor, order: WorkOrder) -> WorkOrder:
        """Approve as somebody who has just proved to be there, and types what is asked for."""
        with database.acting_as(actor):
            session = database.session()
            present = session.get_one(WorkOrder, order.id)
            wanted = confirmation_of(session, present)
            session.expunge_all()
            session.rollback()
        presence = Presence(
            user_id=actor.user_id or 0, purpose=order.content_hash, at=datetime.now(UTC)
        )
        return approve_order(actor, order.reference, presence, str(wanted or ""))

    def request(
        self, actor: Actor, code: str, *devices: Device, client: Client | None = None, **new: object
    ) -> Ticket:
        parameters, groups = new.pop("parameters", {}), new.pop("groups", ())
        return open_ticket(
            actor,
            replace(
                NewTicket(
                    kind=TicketKind.REQUEST,
                    subject="Please do it",
                    description="As agreed on the telephone.",
                    impact=Impact.LOW,
                    urgency=Urgency.MEDIUM,
                    client=client.reference if client else "",
                    action=WantedAction(
                        code=code,
                        devices=[device.reference for device in devices],
                        groups=groups,
                        parameters=parameters,
                    ),
                ),
                **new,
            ),
        )
