"""The planned tasks of the demonstration, as people of a believable desk would plan them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from servicedesk.planning.drafting import TaskDraft
from servicedesk.planning.models import Category, RunState, WorkKind
from servicedesk.planning.schedule import Cron, Interval, Once, Unit
from servicedesk.sla.standard import HOME

if TYPE_CHECKING:
    from datetime import date

    from servicedesk.clients.models import Client

BEGINNING = datetime(2025, 1, 6)  # noqa: DTZ001  a Monday on the wall clock
YEAR = 396  # days: thirteen months
HOUR = 60


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A task, how many days ago it was planned, and what became of its last run."""

    draft: TaskDraft
    days: int = YEAR
    last: RunState = RunState.DONE
    is_approved: bool = True


def _every(unit: Unit, at: time, day: int = 0) -> Interval:
    starts_at = datetime.combine(BEGINNING.date() + timedelta(days=day), at)
    return Interval(count=1, unit=unit, starts_at=starts_at, zone=HOME)


def _cron(expression: str) -> Cron:
    return Cron(expression=expression, zone=HOME)


def plans_of_service(tuesday: datetime) -> list[Plan]:
    """Return what is planned for the whole service; `tuesday` is a night of next week."""
    check = TaskDraft(
        title="Comprobación diaria de los motores MDM",
        description="Conexión, credenciales y cola de cada motor, antes de que empiece el día.",
        category=Category.PREVENTIVE_MAINTENANCE,
        work_kind=WorkKind.CHECK,
        code="engines.reachable",
        schedule=_every(Unit.DAY, time(6, 15)),
        window_minutes=HOUR,
        shown_to_client=False,
    )
    maintenance = TaskDraft(
        title="Mantenimiento preventivo mensual de la plataforma",
        description="Parches del sistema, espacio, registros y prueba de restauración.",
        category=Category.PREVENTIVE_MAINTENANCE,
        work_kind=WorkKind.CHECKLIST,
        steps=(
            "Comprobar la copia de seguridad de la noche",
            "Aplicar los parches del sistema operativo",
            "Reiniciar los servicios y revisar los registros",
            "Restaurar una copia en el entorno de pruebas",
        ),
        schedule=_cron("0 22 10 * *"),
        window_minutes=4 * HOUR,
        notice_days=3,
    )
    change = TaskDraft(
        title="Cambio del servidor MDM a la versión 8.4",
        description="Durante la ventana no se envían órdenes a los terminales.",
        category=Category.INFRASTRUCTURE_CHANGE,
        work_kind=WorkKind.CHECKLIST,
        steps=(
            "Avisar a guardia y congelar las órdenes",
            "Copia de seguridad de la base de datos",
            "Instalar la versión 8.4",
            "Pruebas de humo con un terminal de cada plataforma",
            "Levantar la congelación",
        ),
        schedule=Once(at=tuesday, zone=HOME),
        window_minutes=4 * HOUR,
        notice_days=7,
    )
    before = replace(
        change,
        title="Cambio del servidor MDM a la versión 8.3",
        schedule=Once(at=tuesday - timedelta(weeks=14), zone=HOME),
    )
    certificates = TaskDraft(
        title="Revisión de certificados APNs y tokens",
        description="Lo que caduca en los próximos 60 días se renueva ahora.",
        category=Category.PREVENTIVE_MAINTENANCE,
        work_kind=WorkKind.CHECKLIST,
        steps=(
            "Anotar lo que caduca en 60 días",
            "Renovarlo",
            "Comprobar un envío a cada plataforma",
        ),
        schedule=_cron("30 9 * * 1"),
        window_minutes=104 * HOUR,  # until Friday evening
        shown_to_client=False,
    )
    return [
        Plan(draft=check),
        Plan(draft=maintenance),
        Plan(draft=before, days=120),
        Plan(draft=change, days=21),
        Plan(draft=certificates, last=RunState.QUEUED),
    ]


def plans_of_norte(client: Client, tuesday: datetime, incident: str) -> list[Plan]:
    """Return what is planned for the client with the largest fleet."""
    message = TaskDraft(
        title="Recordatorio mensual de actualización",
        description="Pide a los usuarios que instalen las actualizaciones pendientes.",
        client=client.reference,
        category=Category.SECURITY_POLICIES,
        work_kind=WorkKind.ACTION,
        code="device.push_message",
        parameters={
            "title": "Actualización pendiente",
            "text": "Instale hoy las actualizaciones del sistema: tarda unos minutos.",
        },
        groups=("Comercial", "Logística"),
        schedule=_cron("0 10 3 * *"),
        window_minutes=2 * HOUR,
        notice_days=2,
    )
    closing = replace(
        message,
        title="Aviso de cierre del almacén",
        description="Recuerda cada tarde dejar las tabletas en su cargador.",
        category=Category.PREVENTIVE_MAINTENANCE,
        parameters={"title": "Cierre", "text": "Deje la tableta en su cargador antes de salir."},
        groups=("Almacén",),
        schedule=_cron("30 19 * * 1-5"),
        window_minutes=HOUR,
        notice_days=0,
    )
    lock = replace(
        message,
        title="Bloqueo semanal de las tabletas del almacén",
        description="Fuera de turno no se usan: se bloquean los viernes por la noche.",
        code="device.lock",
        parameters={"message": "Tableta del almacén, fuera de turno.", "phone_number": ""},
        groups=("Almacén",),
        schedule=_cron("45 19 * * 5"),
        window_minutes=3 * HOUR,
        notice_days=0,
    )
    night = replace(
        message,
        title="Recordatorio del cambio de versión",
        description="Avisa a quien trabaja de noche.",
        groups=("Mantenimiento",),
        schedule=Once(at=tuesday + timedelta(minutes=30), zone=HOME),
        notice_days=0,
    )
    plans = [
        Plan(draft=message, last=RunState.FAILED),
        Plan(draft=closing),
        Plan(draft=lock, days=90),
        Plan(draft=night, days=4),
    ]
    return [*plans, _workaround(client, incident)] if incident else plans


def _workaround(client: Client, incident: str) -> Plan:
    draft = TaskDraft(
        title="Reinicio del conector de correo cada noche",
        description="Hasta que el fabricante entregue la corrección: sin ello deja de sincronizar.",
        client=client.reference,
        category=Category.WORKAROUND,
        work_kind=WorkKind.CHECKLIST,
        steps=("Reiniciar el conector", "Comprobar que sincroniza un buzón de prueba"),
        schedule=_cron("0 23 * * 0,3"),
        window_minutes=2 * HOUR,
        incident=incident,
    )
    return Plan(draft=draft, days=1)


def plans_of_others(health: Client, installers: Client, loans: list[str], soon: date) -> list[Plan]:
    """Return what is planned for the two smaller fleets; `loans` are devices that are lent out."""
    conformity = TaskDraft(
        title="Revisión mensual de conformidad",
        description="Terminales sin código, sin cifrado o con aplicaciones prohibidas.",
        client=health.reference,
        category=Category.SECURITY_POLICIES,
        work_kind=WorkKind.CHECKLIST,
        steps=("Sacar la lista de terminales no conformes", "Hablar con sus responsables"),
        schedule=_cron("0 9 15 * *"),
        window_minutes=8 * HOUR,
        notice_days=1,
    )
    guard = TaskDraft(
        title="Mensaje de guardia de fin de semana",
        description="Teléfono de guardia para los terminales de planta.",
        client=health.reference,
        category=Category.PREVENTIVE_MAINTENANCE,
        work_kind=WorkKind.ACTION,
        code="device.push_message",
        parameters={"title": "Guardia", "text": "Este fin de semana la guardia es el 900 101 010."},
        groups=("Mantenimiento",),
        schedule=_cron("0 14 * * 5"),
        window_minutes=2 * HOUR,
    )
    return_of_loans = TaskDraft(
        title="Borrado de los terminales de préstamo",
        description="Los que vuelven de préstamo quedan como de fábrica.",
        client=health.reference,
        category=Category.SECURITY_POLICIES,
        work_kind=WorkKind.ACTION,
        code="device.full_wipe",
        devices=tuple(loans),
        schedule=Once(at=datetime.combine(soon, time(20), ZoneInfo(HOME)), zone=HOME),
        window_minutes=3 * HOUR,
        notice_days=1,
    )
    leavers = replace(
        return_of_loans,
        title="Bloqueo de los terminales sin devolver",
        description="Bajas de este mes cuyo terminal no ha vuelto.",
        client=installers.reference,
        code="device.lock",
        parameters={"message": "Devuelva este terminal a su empresa.", "phone_number": ""},
        devices=(),
        groups=("Almacén",),
        schedule=_cron("0 18 28 * *"),
    )
    inventory = TaskDraft(
        title="Inventario trimestral de terminales",
        description="Se contrasta la lista del servicio con la del cliente.",
        client=installers.reference,
        category=Category.PREVENTIVE_MAINTENANCE,
        work_kind=WorkKind.CHECKLIST,
        steps=("Enviar la lista al cliente", "Anotar las diferencias", "Corregir el parque"),
        schedule=_cron("0 10 2 1,4,7,10 *"),
        window_minutes=8 * HOUR,
    )
    return [
        Plan(draft=conformity, last=RunState.MISSED),
        Plan(draft=guard),
        Plan(draft=return_of_loans, days=3),
        Plan(draft=leavers, days=2, is_approved=False),
        Plan(draft=inventory),
    ]
