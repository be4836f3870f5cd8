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
PLACES = tuple(Place)


@dataclass(frozen=True, kw_only=True)
class Course:
    """How the reviews of a client go: months published before the draft, and what is done of the rest."""

    published: int
    drafted: tuple[Place, ...] = ()  # what is written of the draft
    has_mark: bool = False
    is_settled: bool = True  # whether the newest published one is acknowledged
    is_corrected: bool = False  # whether the older ones were counted anew


COURSES = (
    Course(
        published=3,
        drafted=(Place.SERVICE_LEVELS, Place.VOLUME, Place.QUALITY),
        is_settled=False,
        is_corrected=True,
    ),
    Course(published=2, drafted=PLACES, has_mark=True),
    Course(published=1),
)


@dataclass(frozen=True, kw_only=True)
class Reviewed:
    """A client of the story with those who speak about its reviews."""

    client: Client
    contact: Actor
    manager: Actor
    course: Course


def review_months(manager: Actor, clients: Sequence[tuple[Client, Actor]], now: datetime) -> int:
    """Draft and publish the reviews of the last months, the oldest first; return how many."""
    stories = [
        Reviewed(client=client, contact=contact, manager=manager, course=course)
        for (client, contact), course in zip(clients, COURSES, strict=True)
    ]
    return sum(_review(story, now) for story in stories)


def _review(story: Reviewed, now: datetime) -> int:
    contract = _contract(story, now)
    zone = ZoneInfo(contract.time_zone)
    months = [month_before(now.astimezone(zone).date())]
    if _working_morning(months[0], zone) > now:
        months = [month_before(months[0])]
    for _ in range(story.course.published):
        months.insert(0, month_before(months[0]))
    for month in months:
        with clock.told_as(_working_morning(month, zone)):
            reference = draft_review(contract.id, month)
        mornings = [_working_morning(month, zone, later) for later in (1, 3, 4, 17)]
        if reference is not None and month == months[-1]:
            _begin(story, reference, min(mornings[0], now))
        elif reference is not None:
            _publish(story, reference, mornings[0])
            is_newest = month == months[-2]
            _talk(story, reference, mornings[1:], is_newest=is_newest)
    return len(months)


def _begin(story: Reviewed, reference: str, at: datetime) -> None:
    """Write what is written of the draft so far."""
    _write(story, reference, at, story.course.drafted)
    if story.course.has_mark:
        _mark(story, reference, at)


def _talk(
    story: Reviewed, reference: str, mornings: Sequence[datetime], *, is_newest: bool
) -> None:
    """Tell what both sides say of a published review."""
    if is_newest and not story.course.is_settled:
        _ask(story, reference, mornings[0])
        return
    _settle(story, reference, mornings)
    if story.course.is_corrected:
        _correct(story, reference, mornings[2])


def _contract(story: Reviewed, now: datetime) -> Contract:
    with unit_of_work(SYSTEM, "demonstration.look") as work:
        found = contract_in_force(work.session, story.client.id, now.date())
    if found is None:
        raise LookupError(story.client.reference)
    return found


def _working_morning(month: date, zone: ZoneInfo, later: int = 0) -> datetime:
    """Return the morning on which the review of a month is drafted, or that of some working days later."""
    day = next_month(month) - timedelta(days=1)
    for _ in range(later + 1):
        day += timedelta(days=1)
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


def _mark(story: Reviewed, reference: str, at: datetime) -> None:
    with clock.told_as(at):
        give_mark(story.manager, reference, mark_of(review_view(story.manager, reference).values))


def _publish(story: Reviewed, reference: str, at: datetime) -> None:
    _write(story, reference, at, PLACES)
    _mark(story, reference, at)
    with clock.told_as(at + timedelta(hours=1)):
        fingerprint = review_view(story.manager, reference).fingerprint
        publish_review(story.manager, reference, fingerprint=fingerprint)


def _ask(story: Reviewed, reference: str, at: datetime) -> None:
    """Have the contact ask before it agrees; nobody has answered yet."""
    with clock.told_as(at):
        comment_review(
            story.contact,
            reference,
            "¿Podemos repasar estos indicadores en la próxima reunión, antes de dar la conformidad?",
        )


def _settle(story: Reviewed, reference: str, mornings: Sequence[datetime]) -> None:
    """Have the contact acknowledge a review with a word, and the account manager answer."""
    with clock.told_as(mornings[0]):
        acknowledge_review(
            story.contact, reference, "Revisado con el responsable de sistemas. Conforme."
        )
    with clock.told_as(mornings[1]):
        comment_review(
            story.manager, reference, "Gracias. Lo repasamos juntos en la próxima visita."
        )


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
            "Ningún indicador cambia."
            if not changes
            else "Cambia un indicador: figura aquí con su valor anterior y el nuevo."
            if changes == 1
            else f"Cambian {changes} indicadores: figuran aquí con su valor anterior y el nuevo."
        )
        add_addendum(story.manager, reference, words, recounted=True)
