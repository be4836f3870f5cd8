"""The account manager's days in the story: a year gone by, one near its wall, a visit to confirm, an offer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time, timedelta
from typing import TYPE_CHECKING

from servicedesk.core import clock
from servicedesk.engagement.amendments import offer_days
from servicedesk.engagement.budget import QUARTERS_A_DAY
from servicedesk.engagement.minutes import add_action_point, write_minutes
from servicedesk.engagement.models import VisitKind
from servicedesk.engagement.outcomes import cancel_visit, confirm_visit
from servicedesk.engagement.plans import VisitPlan
from servicedesk.engagement.visits import book_visit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date, datetime

    from servicedesk.clients.models import Client
    from servicedesk.core.actors import Actor
    from servicedesk.engagement.models import Visit

KIND, SATURDAY = VisitKind, 5
MINUTES = {
    KIND.SERVICE_REVIEW: "Repasados los indicadores del trimestre: el SLA se cumple y bajan las"
    " reaperturas. Preocupan los terminales sin contacto del almacén.\n\nSiguiente revisión en tres"
    " meses.",
    KIND.POLICY_ADVICE: "Acordado exigir código de seis cifras en los equipos compartidos y retirar"
    " la cámara en zona de producción.",
    KIND.PROJECT: "Plan de renovación por oleadas: piloto de veinte equipos, después por sedes.",
    KIND.TRAINING: "Formación al equipo de soporte interno: altas, bloqueos y borrados. Asisten"
    " nueve personas.",
    KIND.INCIDENT: "Análisis conjunto de la caída del correo. Causa: certificado caducado. Se añade"
    " una tarea de vigilancia.",
}


@dataclass(frozen=True, kw_only=True)
class Appointment:
    """A visit of the story: days from today, and quarters of a day; `took` None is not confirmed."""

    day: int
    kind: VisitKind
    title: str
    planned: int
    took: int | None = None
    is_called_off: bool = False
    is_on_site: bool = True


def _gone(day: int, kind: VisitKind, title: str, planned: int, took: int) -> Appointment:
    return Appointment(day=day, kind=kind, title=title, planned=planned, took=took)


def _coming(day: int, kind: VisitKind, title: str, planned: int) -> Appointment:
    return Appointment(day=day, kind=kind, title=title, planned=planned)


# the contract year of the story turns between 55 and 85 days ago
LOGISTICS = (
    _gone(-380, KIND.PROJECT, "Arranque del servicio", 8, 8),
    _gone(-310, KIND.SERVICE_REVIEW, "Revisión trimestral", 4, 4),
    _gone(-250, KIND.POLICY_ADVICE, "Políticas de los equipos de almacén", 4, 6),
    _gone(-190, KIND.TRAINING, "Formación de soporte interno", 4, 4),
    _gone(-130, KIND.SERVICE_REVIEW, "Revisión trimestral", 4, 3),
    _gone(-48, KIND.SERVICE_REVIEW, "Revisión trimestral", 4, 4),
    _gone(-33, KIND.INCIDENT, "Caída del correo en los iPhone", 2, 3),
    _gone(-12, KIND.POLICY_ADVICE, "Código de acceso en equipos compartidos", 4, 4),
    _coming(6, KIND.SERVICE_REVIEW, "Revisión del año con Dirección", 4),
    _coming(40, KIND.PROJECT, "Renovación de lectores del muelle", 20),
    _coming(75, KIND.PROJECT, "Renovación de lectores: segunda oleada", 20),
    _coming(110, KIND.TRAINING, "Formación de los nuevos lectores", 6),
)
HEALTH = (
    _gone(-40, KIND.SERVICE_REVIEW, "Revisión trimestral", 4, 4),
    Appointment(
        day=-20,
        kind=KIND.POLICY_ADVICE,
        title="Acceso a historias clínicas desde el móvil",
        planned=2,
        is_called_off=True,
    ),
    Appointment(
        day=-3,
        kind=KIND.POLICY_ADVICE,
        title="Acceso a historias clínicas desde el móvil",
        planned=2,
        is_on_site=False,
    ),
    _coming(15, KIND.TRAINING, "Formación de las guardias", 4),
    _coming(60, KIND.SERVICE_REVIEW, "Revisión trimestral", 4),
)
FITTERS = (
    _gone(-30, KIND.PROJECT, "Tabletas para las cuadrillas", 6, 5),
    _coming(20, KIND.SERVICE_REVIEW, "Revisión del servicio", 2),
)
PLACES = {
    "Bilbao": ("Polígono Ugaldeguren, Bilbao", "contacto@norte.example"),
    "València": ("Avenida del Puerto 12, València", "contacto@levante.example"),
    "Sevilla": ("Isla de la Cartuja, Sevilla", "contacto@sur.example"),
}


def spend_days(manager: Actor, supervisor: Actor, clients: Sequence[Client], now: datetime) -> None:
    """Tell how the days of three clients were and will be spent, in the order it happened."""
    booked: dict[Appointment, Visit] = {}
    for at, client, told in sorted(_steps(clients), key=lambda step: step[0]):
        with clock.told_as(now + timedelta(days=at)):
            if told in booked:
                _settle(manager, booked[told], told, now)
            else:
                booked[told] = _book(manager, client, told, now)
    with clock.told_as(now - timedelta(days=2)):
        offer_days(
            supervisor,
            clients[2].reference,
            now.date(),
            8,
            "Puesta en marcha de las tabletas en las tres delegaciones.",
        )


def _steps(clients: Sequence[Client]) -> Iterator[tuple[int, Client, Appointment]]:
    """Yield when visits are booked and when they are settled, in days from today."""
    for client, appointments in zip(clients, (LOGISTICS, HEALTH, FITTERS), strict=True):
        for told in appointments:
            yield min(told.day, 0) - 14, client, told
            if told.day < 0:
                yield min(told.day + 6, 0), client, told


def _book(manager: Actor, client: Client, told: Appointment, now: datetime) -> Visit:
    place, attendee = PLACES[client.city]
    return book_visit(
        manager,
        client.reference,
        VisitPlan(
            kind=told.kind,
            title=told.title,
            day=_working_day((now + timedelta(days=told.day)).date(), told.planned),
            at=time(9, 30),
            quarters=told.planned,
            is_on_site=told.is_on_site,
            place=place if told.is_on_site else "",
            attendees=(attendee,),
        ),
    )


def _settle(manager: Actor, visit: Visit, told: Appointment, now: datetime) -> None:
    if told.is_called_off:
        reason = "El cliente pide otra fecha por la auditoría."
        cancel_visit(manager, visit.reference, reason, version=visit.version)
    if told.took is None:
        return
    visit = confirm_visit(manager, visit.reference, told.took, version=visit.version)
    write_minutes(manager, visit.reference, MINUTES[told.kind], version=visit.version)
    if told.kind is KIND.INCIDENT:
        add_action_point(
            manager,
            visit.reference,
            "Vigilar la caducidad de certificados",
            "Operación del servicio",
            (now + timedelta(days=10)).date(),
        )


def _working_day(day: date, quarters: int) -> date:
    """Return the day, the Friday before a weekend, or the Monday for what takes a whole week."""
    back = day.weekday() if quarters > QUARTERS_A_DAY else max(day.weekday() - SATURDAY + 1, 0)
    return day - timedelta(days=back)
