"""How much may be wiped: one supervisor tightens the limits, two loosen them."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy import select

from servicedesk.accounts.second_person import check_seasoned, checked_proof
from servicedesk.clients.models import Contract, LimitChange
from servicedesk.clients.visibility import visible_to
from servicedesk.core.errors import Forbidden, InvalidInput, NotAllowedNow, NotFound
from servicedesk.core.permissions import Permission, require
from servicedesk.core.text import msgid
from servicedesk.core.unit_of_work import unit_of_work

if TYPE_CHECKING:
    from servicedesk.accounts.sign_in import Presence
    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work

# what the table lets through
LEAST_AND_MOST: dict[str, tuple[int, int]] = {
    "wipes_per_order": (1, 100),
    "wipes_per_hour": (1, 1000),
    "cancel_window_minutes": (5, 1440),
}
MOST_PERCENT = 25  # of the fleet a day
SHARE_STEP = Decimal("0.001")


class OwnAgreement(Forbidden):
    """The same person again."""

    code = "own-agreement"
    sentence = msgid("You asked for this yourself: another supervisor has to agree.")


@dataclass(frozen=True, kw_only=True)
class WipeLimits:
    """What a contract lets through without the ceremony of a wide order."""

    wipes_per_order: int
    wipes_per_hour: int
    wipe_share_per_day: Decimal  # of the enrolled devices, from 0 to 1
    cancel_window_minutes: int  # before a wide wipe begins


def limits_of(row: Contract | LimitChange) -> WipeLimits:
    """Return the limits a contract has, or a change wants."""
    return WipeLimits(
        wipes_per_order=row.wipes_per_order,
        wipes_per_hour=row.wipes_per_hour,
        wipe_share_per_day=row.wipe_share_per_day,
        cancel_window_minutes=row.cancel_window_minutes,
    )


def tighter(one: WipeLimits, other: WipeLimits) -> WipeLimits:
    """Return of each limit the one that lets less through."""
    return WipeLimits(
        wipes_per_order=min(one.wipes_per_order, other.wipes_per_order),
        wipes_per_hour=min(one.wipes_per_hour, other.wipes_per_hour),
        wipe_share_per_day=min(one.wipe_share_per_day, other.wipe_share_per_day),
        cancel_window_minutes=max(one.cancel_window_minutes, other.cancel_window_minutes),
    )


def check_limits(limits: WipeLimits) -> None:
    """Raise InvalidInput with the field at fault unless a contract can hold these."""
    for name, (least, most) in LEAST_AND_MOST.items():
        if not least <= getattr(limits, name) <= most:
            raise InvalidInput(
                msgid("Write a whole number from %(least)s to %(most)s."),
                field=name,
                least=least,
                most=most,
            )
    share = limits.wipe_share_per_day
    if not share.is_finite() or not 0 <= share * 100 <= MOST_PERCENT or share % SHARE_STEP:
        raise InvalidInput(
            msgid("Write a percentage from 0 to %(most)s, with one decimal at most."),
            field="wipe_share_per_day",
            most=MOST_PERCENT,
        )


def set_limits(work: Work, contract: Contract, wanted: WipeLimits) -> None:
    """Tighten at once what is wanted tighter; have the rest wait for another supervisor.

    The contract is locked by the caller. What waited before is withdrawn by any other wish. Raises
    InvalidInput with the field at fault.
    """
    check_limits(wanted)
    present = limits_of(contract)
    if wanted == present:
        return
    waiting = waiting_change(work, contract)
    if waiting is not None:
        _withdraw(work, waiting)
        work.session.flush()  # the next one takes its place
    _write(contract, tighter(present, wanted))
    if limits_of(contract) == wanted:
        return
    if work.actor.user_id is None:
        raise Forbidden
    work.session.add(
        LimitChange(
            client_id=contract.client_id,
            contract_id=contract.id,
            **asdict(wanted),
            asked_by_id=work.actor.user_id,
            asked_by_name=work.actor.name,
            asked_at=work.at,
        )
    )


def agree_to_limits(actor: Actor, contract_reference: str, presence: Presence | None) -> None:
    """Loosen the limits as the second person, who proved to be there for `content_of` the change.

    Raises NotFound, Forbidden, OwnAgreement, TooNew, ProofNeeded, NotAllowedNow.
    """
    require(actor, Permission.CLIENT_ADMINISTER)
    with unit_of_work(actor, "clients.agree_to_limits") as work:
        contract, change = _locked(work, contract_reference)
        if change.asked_by_id == actor.user_id:
            raise OwnAgreement
        check_seasoned(work)
        change.proved_at = checked_proof(work, presence, content_of(change))
        change.agreed_by_id, change.agreed_by_name = actor.user_id, actor.name
        change.agreed_at = work.at
        _write(contract, limits_of(change))


def withdraw_limits(actor: Actor, contract_reference: str) -> None:
    """Drop looser limits that wait: any supervisor may. Raises NotFound, Forbidden, NotAllowedNow."""
    require(actor, Permission.CLIENT_ADMINISTER)
    with unit_of_work(actor, "clients.withdraw_limits") as work:
        _contract, change = _locked(work, contract_reference)
        _withdraw(work, change)


def waiting_change(work: Work, contract: Contract) -> LimitChange | None:
    """Return the looser limits that wait for somebody's agreement."""
    return work.session.scalar(
        select(LimitChange).where(
            LimitChange.contract_id == contract.id,
            LimitChange.agreed_at.is_(None),
            LimitChange.withdrawn_at.is_(None),
        )
    )


def content_of(change: LimitChange) -> str:
    """Return the hash of what a change would do: what a second person proves to be there for."""
    content = [change.id, change.contract_id, *asdict(limits_of(change)).values()]
    return hashlib.sha256("|".join(map(str, content)).encode()).hexdigest()


def _locked(work: Work, contract_reference: str) -> tuple[Contract, LimitChange]:
    contract = work.session.scalar(
        select(Contract)
        .where(
            Contract.reference == contract_reference,
            visible_to(work.actor, Contract.client_id),
        )
        .with_for_update()
    )
    if contract is None:
        raise NotFound
    work.concerns(contract.client_id, contract.reference)
    change = waiting_change(work, contract)
    if change is None:
        raise NotAllowedNow
    return contract, change


def _withdraw(work: Work, change: LimitChange) -> None:
    change.withdrawn_by_name, change.withdrawn_at = work.actor.name, work.at


def _write(contract: Contract, limits: WipeLimits) -> None:
    for name, value in asdict(limits).items():
        setattr(contract, name, value)
