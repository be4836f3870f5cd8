"""The second person: approves what cannot be undone, never what they asked for themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from servicedesk.accounts.second_person import check_seasoned, checked_proof
from servicedesk.clients.visibility import visible_to
from servicedesk.core.actors import Role
from servicedesk.core.errors import Forbidden, InvalidInput, NotAllowedNow, NotFound
from servicedesk.core.permissions import Permission, require
from servicedesk.core.text import Text, msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.catalogue import action_named
from servicedesk.devices.models import Device
from servicedesk.orders.configuration import PolicyChanged, policy_digest
from servicedesk.orders.events import OrderApproved
from servicedesk.orders.models import (
    ORDER_MOVES,
    OrderState,
    OrderTarget,
    WorkOrder,
    content_hash,
)

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from servicedesk.accounts.sign_in import Presence
    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work

WIPE_WORDS = (msgid("WIPE %(devices)s"), "BORRAR %(devices)s")  # typed in either language
SERIAL_END = 4  # characters of the serial that are typed by hand


class OwnApproval(Forbidden):
    """The author wants to approve."""

    code = "own-approval"
    sentence = msgid("You asked for this yourself: somebody else has to approve it.")


class NeedsSupervisor(Forbidden):
    """More than an agent may let go."""

    code = "needs-supervisor"
    sentence = msgid("It goes beyond the contract's limits: a supervisor has to approve it.")


class NotConfirmed(InvalidInput):
    """What had to be typed by hand was not."""

    code = "not-confirmed"
    sentence = msgid("Type exactly what is asked for.")


class ContentChanged(NotAllowedNow):
    """The order is not what it was when it was drafted."""

    code = "content-changed"
    sentence = msgid("The order was changed after it was drafted: it cannot be approved.")


def locked_order(work: Work, reference: str) -> WorkOrder:
    """Return the order under lock. Raises NotFound, also for another client's."""
    order = work.session.scalars(
        select(WorkOrder)
        .where(WorkOrder.reference == reference, visible_to(work.actor, WorkOrder.client_id))
        .with_for_update()
    ).one_or_none()
    if order is None:
        raise NotFound
    work.concerns(order.client_id, order.reference)
    return order


def present_hash(work: Work, order: WorkOrder) -> str:
    """Return the hash of what the order would do now, from its rows."""
    ids = work.session.scalars(
        select(OrderTarget.device_id).where(OrderTarget.order_id == order.id)
    ).all()
    return content_hash(
        order.client_id, order.action_code, order.parameters, list(ids), order.group_ids
    )


def confirmation_of(session: Session, order: WorkOrder) -> Text | None:
    """Return what an approver types by hand; None when nothing has to be.

    For one device the end of its serial, for more the number and the word for what is lost.
    """
    action = action_named(order.action_code)
    if not action.is_destructive:
        return None
    if order.target_count == 1:
        serial = session.scalar(
            select(Device.serial)
            .join(OrderTarget, OrderTarget.device_id == Device.id)
            .where(OrderTarget.order_id == order.id)
        )
        return Text((serial or order.reference)[-SERIAL_END:])
    return Text(WIPE_WORDS[0], {"devices": order.target_count})


def approve_order(
    actor: Actor,
    reference: str,
    presence: Presence | None = None,
    confirmation: str = "",
    *,
    seen_policy: str | None = None,
) -> WorkOrder:
    """Approve an order as it stands.

    `presence` was proved for its content hash within five minutes, `confirmation` is what
    `confirmation_of` asks for, in any language; `seen_policy` the digest of the written settings that
    were shown, where somebody was shown any. Raises NotFound, Forbidden and its kinds above,
    NotConfirmed, NotAllowedNow; then nothing has changed.
    """
    with unit_of_work(actor, "orders.approve") as work:
        order = locked_order(work, reference)
        require(actor, Permission.ORDER_APPROVE)
        _check_person(work, order)
        if order.state not in {OrderState.AWAITING_APPROVAL, OrderState.DRAFT}:
            raise NotAllowedNow
        if present_hash(work, order) != order.content_hash:
            raise ContentChanged
        order.approved_policy = policy_digest(work.session, order)
        if seen_policy is not None and seen_policy != order.approved_policy:
            raise PolicyChanged
        if order.needs_approval:
            order.proved_at = checked_proof(work, presence, order.content_hash)
            _check_confirmation(work, order, confirmation)
        order.state = ORDER_MOVES.check(order.state, OrderState.APPROVED)
        order.approved_by_id, order.approved_by_name = actor.user_id, actor.name
        order.approved_by_role = actor.role.value
        order.approved_at, order.approved_hash = work.at, order.content_hash
        work.publish(OrderApproved(order_id=order.id))
    return order


def _check_person(work: Work, order: WorkOrder) -> None:
    actor = work.actor
    if order.author_id == actor.user_id:
        raise OwnApproval
    check_seasoned(work)
    if order.needs_approval and order.is_wide and actor.role is not Role.SUPERVISOR:
        raise NeedsSupervisor


def _check_confirmation(work: Work, order: WorkOrder, typed: str) -> None:
    wanted = confirmation_of(work.session, order)
    if wanted is None:
        return
    accepted = (wanted.msgid, *WIPE_WORDS) if wanted.values else (wanted.msgid,)
    given = " ".join(typed.split()).casefold()
    if given not in {str(Text(words, wanted.values)).casefold() for words in accepted}:
        raise NotConfirmed(field="confirmation")
