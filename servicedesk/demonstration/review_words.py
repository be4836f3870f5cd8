"""What the account manager of the story writes in reviews: sentences that follow from the figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from babel.numbers import format_decimal, format_percent

from servicedesk.engagement.budget import QUARTERS_A_DAY
from servicedesk.reviews.health import KEPT
from servicedesk.reviews.models import Mark, Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from servicedesk.reviews.metrics.figure import Value


def mark_of(values: Mapping[str, Value]) -> Mark:
    """Return the verdict in one word: by the targets that were kept."""
    kept = values["service_levels"].amount
    if kept is None or kept >= KEPT[0]:
        return Mark.GOOD
    return Mark.WATCH if kept >= KEPT[1] else Mark.BAD


def words_of(values: Mapping[str, Value]) -> dict[Place, str]:
    """Return what stands at each place; nothing where the figures say nothing."""
    found = {
        Place.VERDICT: [*_opening(values), *_volume(values), *_closing(values)],
        Place.SERVICE_LEVELS: list(_levels(values)),
        Place.VOLUME: list(_whose(values)),
        Place.QUALITY: list(_quality(values)),
        Place.DEVICES: list(_devices(values)),
        Place.PLANNED: list(_planned(values)),
        Place.ENGAGEMENT: list(_days(values)),
        Place.RISKS: list(_risks(values)),
    }
    return {place: " ".join(sentences) for place, sentences in found.items() if sentences}


def _opening(values: Mapping[str, Value]) -> Iterator[str]:
    kept = values["service_levels"]
    if kept.amount is None:
        yield "Mes sin compromisos de nivel de servicio que medir."
        return
    words = {
        Mark.GOOD: "El servicio ha estado como debe",
        Mark.WATCH: "El servicio requiere atención",
        Mark.BAD: "El servicio no ha estado como debe",
    }
    yield f"{words[mark_of(values)]}: se ha cumplido el {_share(kept)} de los compromisos."


def _volume(values: Mapping[str, Value]) -> Iterator[str]:
    volume, backlog = values["volume"], values["backlog"]
    yield f"Tickets recibidos: {_number(volume.n)}; resueltos: {_number(volume.part or 0)};"
    yield f"abiertos al cierre del mes: {_number(backlog.amount or 0)}."


def _closing(values: Mapping[str, Value]) -> Iterator[str]:
    volume = values["volume"]
    if volume.amount is not None and volume.amount >= 1:
        yield "Se ha resuelto al menos tanto como ha entrado."
    elif volume.amount is not None:
        yield "Ha entrado más de lo que se ha resuelto, y lo seguimos de cerca."


def _levels(values: Mapping[str, Value]) -> Iterator[str]:
    kept, near = values["service_levels"], values["near_misses"]
    missed = kept.n - (kept.part or 0)
    if not kept.n:
        return
    if missed:
        yield f"Compromisos fuera de plazo: {_number(missed)} de {_number(kept.n)}."
        yield "Cada uno figura en la relación de incumplimientos."
    else:
        yield "Ningún compromiso se ha salido de plazo."
    if near.part:
        yield f"Cumplidos con el plazo casi agotado: {_number(near.part)}."


def _whose(values: Mapping[str, Value]) -> Iterator[str]:
    ours = values["whose_time"]
    if ours.amount is not None:
        yield f"Del tiempo total de lo resuelto, el {_share(ours)} ha estado en nuestras manos."


def _quality(values: Mapping[str, Value]) -> Iterator[str]:
    scores, answered = values["satisfaction"], values["satisfaction_response"]
    if not scores.n:
        yield "No se ha recibido ninguna valoración este mes."
        return
    yield f"Valoraciones de 4 o 5: {_number(scores.part or 0)} de {_number(scores.n)}."
    if answered.amount is not None and answered.amount < 1:
        yield f"Se ha valorado el {_share(answered)} de lo resuelto: agradecemos cada opinión."


def _devices(values: Mapping[str, Value]) -> Iterator[str]:
    conformity = values["conformity"]
    if conformity.amount is not None:
        yield f"Cumple todas sus reglas el {_share(conformity)} de los terminales gestionados."


def _planned(values: Mapping[str, Value]) -> Iterator[str]:
    punctual = values["punctuality"]
    if not punctual.n:
        return
    late = punctual.n - (punctual.part or 0)
    yield f"Tareas planificadas a su hora: {_number(punctual.part or 0)} de {_number(punctual.n)}."
    if late:
        yield "Las demás se relacionan con su motivo."


def _days(values: Mapping[str, Value]) -> Iterator[str]:
    days = values["engagement"]
    if days.amount is None or days.total is None:
        return
    left, total = (_number(q / QUARTERS_A_DAY) for q in (days.amount, days.total))
    yield f"Jornadas libres del año de contrato: {left} de {total}."


def _risks(values: Mapping[str, Value]) -> Iterator[str]:
    backlog, repeats = values["backlog"], values["repeats"]
    if backlog.amount:
        yield f"Tickets abiertos que pasan al mes siguiente: {_number(backlog.amount)}."
    if repeats.part:
        yield f"Incidencias repetidas en el mismo terminal: {_number(repeats.part)}."
    if not backlog.amount and not repeats.part and mark_of(values) is Mark.GOOD:
        yield "No vemos riesgos para el mes siguiente."


def _share(value: Value) -> str:
    return format_percent(value.amount or 0, "#,##0.# %", locale="es")


def _number(amount: float) -> str:
    return format_decimal(amount, locale="es")
