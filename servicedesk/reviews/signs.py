"""Reading the signs of many clients at once: a statement each, however many clients there are."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, literal, or_, select, union_all
from sqlalchemy.dialects.postgresql import distinct_on

from servicedesk.clients.visibility import visible_to
from servicedesk.core import clock, database
from servicedesk.devices.conformity.snapshots import FleetSnapshot
from servicedesk.planning.models import PlannedRun
from servicedesk.planning.punctual import Figure, is_figure, is_planned
from servicedesk.reviews.health import Part, Signs, Told
from servicedesk.reviews.models import ReviewContent, ReviewState, ServiceReview
from servicedesk.reviews.period import next_month
from servicedesk.sla.counting import Reach, Slice, counts
from servicedesk.sla.cycles import OPEN_STANDINGS, Metric, Standing
from servicedesk.sla.standard import HOME
from servicedesk.sla.tallies import figure_of, open_figure
from servicedesk.sla.view import months_up_to
from servicedesk.tickets.models import Ticket
from servicedesk.tickets.outcomes import SATISFIED_RATING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Select

    from servicedesk.core.actors import Actor
    from servicedesk.engagement.queries import DaysLine

SCORES_OF = timedelta(days=90)
MISSES_OF = timedelta(days=30)
A_MONTH_AGO = (28, 62)  # a count of a fleet so many days old stands for it
NEWEST_WITHIN = 7  # an older count of a fleet is none of today
REVIEWS_OF = timedelta(days=100)  # whose end of month still says something
OPEN = {open_figure(standing): standing for standing in OPEN_STANDINGS}


@dataclass(frozen=True, kw_only=True)
class Reviewed:
    """What the reviews of a client say of themselves."""

    draft: Told | None = None  # the oldest
    published: Told | None = None  # the newest
    is_acknowledged: bool = False
    backlog: int | None = None  # of the newest of both


@dataclass(kw_only=True)
class Found:
    """What was read, by client."""

    open: dict[int, Counter[Standing]] = field(default_factory=lambda: defaultdict(Counter))
    kept: dict[tuple[int, date], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    fleets: dict[int, list[Part]] = field(default_factory=dict)
    scores: dict[int, Part] = field(default_factory=dict)
    missed: dict[int, int] = field(default_factory=dict)
    reviews: dict[int, Reviewed] = field(default_factory=dict)


def months_now() -> tuple[date, date]:
    """Return the first days of the last month and the present one, on the operator's calendar."""
    months = months_up_to(clock.now().astimezone(ZoneInfo(HOME)).date())
    return months[-2], months[-1]


def read_signs(actor: Actor) -> Found:
    """Read the signs of all of the actor's clients; five statements."""
    found = Found(
        fleets=_fleets(actor),
        scores=_scores(actor),
        missed=_missed(actor),
        reviews=_reviews(actor),
    )
    _count_targets(actor, found)
    return found


def signs_of(line: DaysLine, found: Found) -> Signs:
    """Return the signs of one client."""
    client, contract = line.client.id, line.contract
    before, now = months_now()
    open_now, fleets = found.open[client], found.fleets.get(client, [Part(), Part()])
    reviewed = found.reviews.get(client, Reviewed())
    return Signs(
        today=clock.now().astimezone(ZoneInfo(contract.time_zone)).date(),
        contract_ends_on=None if contract.is_without_end else contract.ends_on,
        year_first_on=line.year.first_on,
        year_last_on=line.year.last_on,
        budget=line.budget,
        sla_now=_kept(found.kept[client, now]),
        sla_before=_kept(found.kept[client, before]),
        open=open_now.total(),
        breached=open_now[Standing.BREACHED],
        at_risk=open_now[Standing.AT_RISK],
        backlog_before=reviewed.backlog,
        satisfied=found.scores.get(client, Part()),
        conforming=fleets[0],
        conforming_before=fleets[1],
        missed=found.missed.get(client, 0),
        draft=reviewed.draft,
        unread=None if reviewed.is_acknowledged else reviewed.published,
    )


def _kept(amounts: Mapping[str, int]) -> Part:
    return Part(part=amounts["met"], of=amounts["met"] + amounts["breached"])


def _count_targets(actor: Actor, found: Found) -> None:
    """Read from the counters how open tickets stand, and which targets two months have kept."""
    before, now = months_now()
    ids = None if actor.client_ids is None else sorted(actor.client_ids)
    decided = tuple(figure_of(metric, what) for metric in Metric for what in ("met", "breached"))
    counted = counts(
        Reach(client_ids=ids),
        [
            Slice(name="open", figures=tuple(OPEN), by=("client_id",)),
            Slice(name="kept", figures=decided, by=("client_id", "on_day"), first=before, last=now),
        ],
    )
    for one in counted["open"]:
        found.open[one.client_id or 0][OPEN[one.figure]] += one.amount
    for one in counted["kept"]:
        month, what = one.on_day or now, one.figure.rpartition(".")[2]
        found.kept[one.client_id or 0, month][what] += one.amount


def _fleets(actor: Actor) -> dict[int, list[Part]]:
    """Return how the fleets stand by their newest counts, and how they did a month before."""
    today = clock.now().date()
    oldest, newest = (today - timedelta(days=days) for days in reversed(A_MONTH_AGO))
    rows = database.session().execute(
        union_all(
            _counted(actor, 0, today - timedelta(days=NEWEST_WITHIN), today),
            _counted(actor, 1, oldest, newest),
        )
    )
    found: dict[int, list[Part]] = {}
    for client_id, age, conforming, ruled, managed in rows:
        if ruled:  # where no rule is, nothing conforms or fails
            pair = found.setdefault(client_id, [Part(), Part()])
            pair[age] = Part(part=conforming, of=managed)
    return found


def _counted(actor: Actor, age: int, first: date, last: date) -> Select[Any]:
    """Return the query for the newest count of each fleet between two days."""
    ruled = FleetSnapshot.conforming + FleetSnapshot.failing + FleetSnapshot.unknown
    newest = (
        select(
            FleetSnapshot.client_id,
            literal(age).label("age"),
            FleetSnapshot.conforming,
            ruled.label("ruled"),
            FleetSnapshot.managed,
        )
        .ext(distinct_on(FleetSnapshot.client_id))
        .where(
            FleetSnapshot.on_day.between(first, last), visible_to(actor, FleetSnapshot.client_id)
        )
        .order_by(FleetSnapshot.client_id, FleetSnapshot.on_day.desc())
        .subquery()
    )
    return select(newest)


def _scores(actor: Actor) -> dict[int, Part]:
    """Return how many of the newest scores were good, by client."""
    rows = database.session().execute(
        select(
            Ticket.client_id,
            func.count().filter(Ticket.rating >= SATISFIED_RATING),
            func.count(Ticket.rating),
        )
        .where(
            visible_to(actor, Ticket.client_id),
            Ticket.rated_at.is_not(None),
            Ticket.rated_at >= clock.now() - SCORES_OF,
            Ticket.left_out_as.is_(None),
        )
        .group_by(Ticket.client_id)
    )
    return {client_id: Part(part=good, of=all_of_it) for client_id, good, all_of_it in rows}


def _missed(actor: Actor) -> dict[int, int]:
    """Return how many planned times passed without their run, by client."""
    now = clock.now()
    rows = database.session().execute(
        select(PlannedRun.client_id, func.count())
        .where(
            visible_to(actor, PlannedRun.client_id),
            PlannedRun.client_id.is_not(None),
            PlannedRun.due_at >= now - MISSES_OF,
            is_planned(now),
            is_figure(Figure.MISSED),
        )
        .group_by(PlannedRun.client_id)
    )
    return {client_id: count for client_id, count in rows if client_id is not None}


def _reviews(actor: Actor) -> dict[int, Reviewed]:
    """Return what waits of the reviews, and the backlog at the end of the newest's month."""
    is_new = ServiceReview.month >= clock.now().date() - REVIEWS_OF
    rows = database.session().execute(
        select(
            ServiceReview.client_id,
            ServiceReview.reference,
            ServiceReview.month,
            ServiceReview.state,
            ServiceReview.published_at,
            ReviewContent.backlog,
        )
        .join(ReviewContent, ReviewContent.review_id == ServiceReview.id)
        .where(
            visible_to(actor, ServiceReview.client_id),
            or_(ServiceReview.state == ReviewState.DRAFT, is_new),
        )
        .order_by(ServiceReview.client_id, ServiceReview.month.desc(), ServiceReview.id)
    )
    of_client: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        of_client[row.client_id].append(row)
    return {client_id: _reviewed(rows) for client_id, rows in of_client.items()}


def _reviewed(rows: Sequence[Any]) -> Reviewed:
    """Return what a client's reviews say, the newest first."""
    drafts = [row for row in rows if row.state is ReviewState.DRAFT]
    published = [row for row in rows if row.state is not ReviewState.DRAFT]
    return Reviewed(
        draft=_told(drafts[-1], next_month(drafts[-1].month)) if drafts else None,
        published=_told(published[0], published[0].published_at.date()) if published else None,
        is_acknowledged=bool(published) and published[0].state is ReviewState.ACKNOWLEDGED,
        backlog=rows[0].backlog,
    )


def _told(row: Any, since: date) -> Told:
    return Told(reference=row.reference, month=row.month, since=since)
