"""The monthly reviews of the story: published, acknowledged, talked about, corrected, and one in work.

They go through the operations of the desk on the days they would have. What the account manager writes
follows from the figures, so that it never says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from servicedesk.clients.contracts import contract_in_force
from servicedesk.core import clock
from servicedesk.core.actors import SYSTEM
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.demonstration.review_words import mark_of, words_of
from servicedesk.reviews.drafting import draft_review, recount_review
from servicedesk.reviews.models import Place
from servicedesk.reviews.period import month_before, next_month
from servicedesk.reviews.publishing import (
    acknowledge_review,
    add_addendum,
    comment_review,
    publish_review,
)
from servicedesk.reviews.queries import counted_since, review_view
from servicedesk.reviews.writing import ask_recount, give_mark, write_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from servicedesk.clients.models import Client, Contract
    from servicedesk.core.actors import Actor

SATURDAY = 5
PUBLISHED = (3, 2, 1)  # months of each client, before the one whose review is still a draft


@dataclass(frozen=True, kw_only=True)
class Reviewed:
    """A client of the story with those who speak about its reviews."""

    client: Client
    contact: Actor
    manager: Actor
    months: int  # published


def review_months(manager: Actor, clients: Sequence[tuple[Client, Actor]], now: datetime) -> int:
    """Draft and publish the reviews of the last months, the oldest first; return how many."""
    told = 0
    for number, ((client, contact), months) in enumerate(zip(clients, PUBLISHED, strict=True)):
        story = Reviewed(client=client, contact=contact, manager=manager, months=months)
        told += _review(story, now, is_first=number == 0)
    return told


def _review(story: Reviewed, now: datetime, *, is_first: bool) -> int:
    contract = _contract(story, now)
    zone = ZoneInfo(contract.time_zone)
    newest = month_before(now.astimezone(zone).date())
    if _first_working_morning(newest, zone) > now:
        newest = month_before(newest)
    months = [newest]
    for _ in range(story.months):
        months.insert(0, month_before(months[0]))
    for month in months:
        at = _first_working_morning(month, zone)
        with clock.told_as(at):
            reference = draft_review(contract.id, month)
        if reference is None:
            continue
        if month == newest:
            if is_first:
                _write(story, reference, at + timedelta(hours=2), (Place.SERVICE_LEVELS,))
            continue
        _publish(story, reference, at + timedelta(days=2))
        _talk(story, reference, at, is_newest=month == months[-2], is_first=is_first)
    return len(months)


def _contract(story: Reviewed, now: datetime) -> Contract:
    with unit_of_work(SYSTEM, "demonstration.look") as work:
        found = contract_in_force(work.session, story.client.id, now.date())
    if found is None:
        raise LookupError(story.client.reference)
    return found


def _first_working_morning(month: date, zone: ZoneInfo) -> datetime:
    """Return the morning on which the review of a month is drafted."""
    day = next_month(month)
    while day.weekday() >= SATURDAY:
        day += timedelta(days=1)
    return datetime.combine(day, time(9, 10), zone).astimezone(UTC)


def _write(story: Reviewed, reference: str, at: datetime, places: Sequence[Place]) -> None:
    """Write what follows from the figures at some places."""
    with clock.told_as(at):
        words = words_of(review_view(story.manager, reference).values)
        for place in places:
            if place in words:
                write_text(story.manager, reference, place, words[place], version=0)


def _publish(story: Reviewed, reference: str, at: datetime) -> None:
    _write(story, reference, at, tuple(Place))
    with clock.told_as(at + timedelta(hours=1)):
        give_mark(story.manager, reference, mark_of(review_view(story.manager, reference).values))
        fingerprint = review_view(story.manager, reference).fingerprint
        publish_review(story.manager, reference, fingerprint=fingerprint)


def _talk(
    story: Reviewed, reference: str, drafted: datetime, *, is_newest: bool, is_first: bool
) -> None:
    """Have the contact acknowledge a review and the two talk about it; the last word may wait."""
    with clock.told_as(drafted + timedelta(days=4, hours=2)):
        if is_newest and is_first:
            comment_review(
                story.contact,
                reference,
                "¿Podemos ver en la próxima reunión los avisos que se salieron de plazo? Quiero"
                " entender las causas antes de dar la conformidad.",
            )
            return
        if is_newest:
            return
        acknowledge_review(
            story.contact, reference, "Revisado con el responsable de sistemas. Conforme."
        )
    with clock.told_as(drafted + timedelta(days=5)):
        comment_review(
            story.manager,
            reference,
            "Gracias. Lo pendiente lo repasamos en la próxima visita y queda en el acta.",
        )
    if is_first:
        _correct(story, reference, drafted + timedelta(days=24))


def _correct(story: Reviewed, reference: str, at: datetime) -> None:
    """Count a published month anew beside what was published, and say what became of it."""
    with clock.told_as(at):
        review = ask_recount(story.manager, reference)
        recount_review(review.id)
    with clock.told_as(at + timedelta(minutes=20)):
        counted = counted_since(story.manager, reference)
        changes = len(counted[1]) if counted else 0
        words = "Hemos vuelto a contar el mes con lo que llegó después de publicarlo. "
        words += (
            "Ningún indicador cambia: lo publicado es definitivo."
            if not changes
            else "Cambia un indicador: figura aquí con su valor anterior y el nuevo."
            if changes == 1
            else f"Cambian {changes} indicadores: figuran aquí con su valor anterior y el nuevo."
        )
        add_addendum(story.manager, reference, words, recounted=True)
