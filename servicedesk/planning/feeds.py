"""Addresses at which calendar programs read what is planned: made, revoked, and answered.

Whoever knows an address sees what its owner sees at that moment, and no more: an owner who left, or
who lost the client it is about, is answered like a stranger.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain, islice
from typing import TYPE_CHECKING

from sqlalchemy import func, select, update
from sqlalchemy.orm import joinedload

from servicedesk.accounts.models import User
from servicedesk.clients.actors import actor_for
from servicedesk.clients.models import Client
from servicedesk.clients.visibility import visible_to
from servicedesk.core import clock, database
from servicedesk.core.errors import Forbidden, InvalidInput, NotFound
from servicedesk.core.permissions import Permission, may, require
from servicedesk.core.text import msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.planning.calendar import found_between
from servicedesk.planning.calendar_rows import Narrowed
from servicedesk.planning.models import CalendarFeed
from servicedesk.planning.occasions import local_day

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work
    from servicedesk.planning.occasions import Occasion

NAME_LENGTH = 80
FEEDS_PER_PERSON = 20
USE_IS_NOTED_EVERY = timedelta(minutes=1)
BACK, AHEAD = timedelta(days=90), timedelta(days=180)
MOST_EVENTS = 1500  # the nearest ones to come; what is past is never left out for them


def make_feed(actor: Actor, name: str, client: str = "") -> str:
    """Return the secret word of a new address of the actor's own; it cannot be shown again.

    `client` is a reference; empty: all the actor sees. Raises Forbidden, InvalidInput.
    """
    require(actor, Permission.PLANNING_READ)
    if actor.user_id is None:
        raise Forbidden
    label = " ".join(name.split())
    if not label or len(label) > NAME_LENGTH or not label.isprintable():
        raise InvalidInput(
            msgid("Write what it is for, in at most %(length)s characters."),
            field="name",
            length=NAME_LENGTH,
        )
    plain = secrets.token_urlsafe(32)
    with unit_of_work(actor, "planning.make_feed") as work:
        if _count(work, actor.user_id) >= FEEDS_PER_PERSON:
            raise InvalidInput(msgid("Revoke an address you no longer need first."), field="name")
        feed = CalendarFeed(
            user_id=actor.user_id,
            client_id=_client_id(work, client) if client else None,
            name=label,
            token_hash=_hash(plain),
            created_at=work.at,
        )
        work.session.add(feed)
        work.concerns(None, actor.email)
    return plain


def _count(work: Work, user_id: int) -> int:
    living = select(func.count()).where(
        CalendarFeed.user_id == user_id, CalendarFeed.revoked_at.is_(None)
    )
    return work.session.scalar(living) or 0


def _client_id(work: Work, reference: str) -> int:
    found = work.session.scalar(
        select(Client.id).where(Client.reference == reference, visible_to(work.actor, Client.id))
    )
    if found is None:
        raise InvalidInput(msgid("Choose one of the list."), field="client")
    return found


def revoke_feed(actor: Actor, feed_id: int) -> None:
    """End one of the actor's own addresses. Idempotent. Raises NotFound, also for another's."""
    with unit_of_work(actor, "planning.revoke_feed") as work:
        feed = work.session.scalar(
            select(CalendarFeed).where(
                CalendarFeed.id == feed_id, CalendarFeed.user_id == actor.user_id
            )
        )
        if feed is None:
            raise NotFound
        feed.revoked_at = feed.revoked_at or work.at
        work.concerns(None, actor.email)


def feeds_of(actor: Actor) -> Sequence[CalendarFeed]:
    """Return the actor's own addresses that are not revoked, newest first."""
    return (
        database.session()
        .scalars(
            select(CalendarFeed)
            .where(CalendarFeed.user_id == actor.user_id, CalendarFeed.revoked_at.is_(None))
            .options(joinedload(CalendarFeed.client))
            .order_by(CalendarFeed.id.desc())
        )
        .all()
    )


@dataclass(frozen=True, kw_only=True)
class Subscriber:
    """Whose address it is, as they may act at this moment."""

    user: User
    actor: Actor
    feed: CalendarFeed


def subscriber_of(plain: str, address: str) -> Subscriber:
    """Return who an address acts for; to be asked under the role of sign-in.

    That it was used is noted once a minute, in a transaction of its own. Raises NotFound.
    """
    at, session = clock.now(), database.session()
    found = session.execute(
        select(User, CalendarFeed)
        .join(CalendarFeed, CalendarFeed.user_id == User.id)
        .where(
            CalendarFeed.token_hash == _hash(plain),
            CalendarFeed.revoked_at.is_(None),
            User.is_active,
        )
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise NotFound
    user, feed = found
    # what is known of the caller must not change with a later rollback
    session.expunge(user)
    session.expunge(feed)
    actor = actor_for(user, address)
    is_lost = feed.client_id is not None and not actor.sees_client(feed.client_id)
    if is_lost or not may(actor, Permission.PLANNING_READ):
        raise NotFound
    if feed.last_used_at is None or feed.last_used_at <= at - USE_IS_NOTED_EVERY:
        session.execute(
            update(CalendarFeed).where(CalendarFeed.id == feed.id).values(last_used_at=at)
        )
        session.commit()
    return Subscriber(user=user, actor=actor, feed=feed)


def subscribed(subscriber: Subscriber) -> list[Occasion]:
    """Return what an address shows: ninety days back and half a year ahead, by time."""
    zone = subscriber.user.time_zone
    today = local_day(clock.now(), zone)
    narrowed = Narrowed(client_id=subscriber.feed.client_id)
    found = found_between(subscriber.actor, narrowed, today - BACK, today + AHEAD, zone)
    with_rows = list(chain.from_iterable(found.told.values()))
    coming = found.every_coming()
    shown = [*with_rows, *islice(coming, max(0, MOST_EVENTS - len(with_rows)))]
    return sorted(shown, key=lambda one: (one.starts_at, one.reference))


def _hash(plain: str) -> str:
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()
