"""The stop button: one person stops everything destructive of a client, two release it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from servicedesk.clients.models import Client
from servicedesk.clients.visibility import visible_to
from servicedesk.core import database
from servicedesk.core.actors import SYSTEM
from servicedesk.core.errors import Forbidden, InvalidInput, NotAllowedNow, NotFound
from servicedesk.core.jobs import JobName
from servicedesk.core.permissions import Permission, require
from servicedesk.core.text import msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.brakes import DestructiveStop, lock_brakes, standing_stop
from servicedesk.devices.catalogue import action_named
from servicedesk.orders.models import OrderState, PauseReason, WorkOrder
from servicedesk.orders.progress import pause

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work

PAUSE_STOPPED = JobName("orders.pause_stopped", "devices")
REASON_LENGTH = 500


class OwnRelease(Forbidden):
    """The same person again."""

    code = "own-release"
    sentence = msgid("You asked for the release yourself: somebody else has to confirm it.")


def stop_destruction(actor: Actor, client_reference: str, reason: str) -> DestructiveStop:
    """Let no destructive command of a client leave from the commit on; a repeat changes nothing.

    Raises NotFound, Forbidden, InvalidInput at `reason`.
    """
    with unit_of_work(actor, "orders.stop_destruction") as work:
        client = _client(work, client_reference)
        require(actor, Permission.DESTRUCTION_STOP)
        reason = _reason(reason)
        lock_brakes(work, client.id)
        if standing := standing_stop(work.session, client.id):
            return standing
        stop = DestructiveStop(
            client_id=client.id,
            reason=reason,
            stopped_at=work.at,
            stopped_by_name=actor.name,
        )
        work.session.add(stop)
        # the door is shut already; the orders are told so that nobody waits for them
        work.enqueue(PAUSE_STOPPED, client_id=client.id)
    return stop


def ask_release(actor: Actor, client_reference: str) -> DestructiveStop:
    """Ask as the first of two people for the stop to end. Raises NotFound, Forbidden, NotAllowedNow."""
    with unit_of_work(actor, "orders.ask_release") as work:
        stop = _locked_stop(work, client_reference)
        stop.release_asked_by_id, stop.release_asked_by_name = actor.user_id, actor.name
        stop.release_asked_at = work.at
    return stop


def release(actor: Actor, client_reference: str) -> DestructiveStop:
    """End the stop as the second person. Its orders stay paused until somebody resumes them.

    Raises NotFound, Forbidden, OwnRelease, NotAllowedNow.
    """
    with unit_of_work(actor, "orders.release") as work:
        stop = _locked_stop(work, client_reference)
        if stop.release_asked_by_id is None:
            raise NotAllowedNow
        if stop.release_asked_by_id == actor.user_id:
            raise OwnRelease
        stop.released_by_id, stop.released_by_name = actor.user_id, actor.name
        stop.released_at = work.at
    return stop


def _client(work: Work, reference: str) -> Client:
    client = work.session.scalars(
        select(Client).where(Client.reference == reference, visible_to(work.actor, Client.id))
    ).one_or_none()
    if client is None:
        raise NotFound
    work.concerns(client.id, client.reference)
    return client


def _reason(text: str) -> str:
    text = text.strip()
    if not text:
        raise InvalidInput(msgid("This is needed."), field="reason")
    if len(text) > REASON_LENGTH:
        raise InvalidInput(msgid("This is too long."), field="reason")
    if "\x00" in text:
        raise InvalidInput(msgid("This contains characters that cannot be stored."), field="reason")
    return text


def _locked_stop(work: Work, client_reference: str) -> DestructiveStop:
    client = _client(work, client_reference)
    require(work.actor, Permission.DESTRUCTION_RELEASE)
    lock_brakes(work, client.id)
    stop = standing_stop(work.session, client.id)
    if stop is None:
        raise NotAllowedNow
    return stop


def pause_stopped(client_id: int) -> int:
    """Pause the client's destructive orders that are under way or about to begin; return how many."""
    with unit_of_work(SYSTEM, "orders.pause_stopped") as work:
        if standing_stop(work.session, client_id) is None:
            return 0
        orders = work.session.scalars(
            select(WorkOrder)
            .where(
                WorkOrder.client_id == client_id,
                WorkOrder.needs_approval,
                WorkOrder.state.in_((OrderState.EXECUTING, OrderState.SCHEDULED)),
            )
            .order_by(WorkOrder.id)
            .with_for_update()
        ).all()
        stopped = [order for order in orders if action_named(order.action_code).is_destructive]
        for order in stopped:
            pause(work, order, PauseReason.STOP)
        return len(stopped)


@dataclass(frozen=True, kw_only=True)
class StopView:
    """A client's stop: whether it stands, and those of before."""

    client: Client
    standing: DestructiveStop | None
    past: Sequence[DestructiveStop]


def stops_of(actor: Actor, client_reference: str, size: int = 20) -> StopView:
    """Return the client's stops, newest first. Raises NotFound."""
    session = database.session()
    client = session.scalars(
        select(Client).where(Client.reference == client_reference, visible_to(actor, Client.id))
    ).one_or_none()
    if client is None:
        raise NotFound
    stops = session.scalars(
        select(DestructiveStop)
        .where(DestructiveStop.client_id == client.id)
        .order_by(DestructiveStop.id.desc())
        .limit(size)
    ).all()
    return StopView(
        client=client,
        standing=next((stop for stop in stops if stop.released_at is None), None),
        past=[stop for stop in stops if stop.released_at is not None],
    )


def standing_stops(actor: Actor) -> set[str]:
    """Return the references of the actor's clients whose stop is on."""
    return set(
        database.session().scalars(
            select(Client.reference)
            .join(DestructiveStop, DestructiveStop.client_id == Client.id)
            .where(DestructiveStop.released_at.is_(None), visible_to(actor, Client.id))
        )
    )
