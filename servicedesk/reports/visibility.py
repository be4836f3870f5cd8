"""Whose reports exist for an actor: one's own, of a client those of its contacts; see decision 0036."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import ARRAY, BigInteger, ColumnElement, and_, any_, cast, or_, true

from servicedesk.clients.visibility import visible_to
from servicedesk.core.actors import Role, Side
from servicedesk.reports.models import Report, ReportRun

if TYPE_CHECKING:
    from servicedesk.core.actors import Actor


def reports_visible_to(actor: Actor) -> ColumnElement[bool]:
    """Return the condition on `Report`."""
    if actor.is_contact:
        return and_(Report.author_side == Side.CLIENT, visible_to(actor, Report.client_id))
    if actor.role is Role.SYSTEM:
        return true()
    if actor.role is Role.SUPERVISOR:
        return Report.author_side == Side.OPERATOR
    reached = or_(Report.client_id.is_(None), visible_to(actor, Report.client_id))
    return and_(Report.author_id == actor.user_id, reached)


def runs_visible_to(actor: Actor) -> ColumnElement[bool]:
    """Return the condition on `ReportRun`.

    A file exists only for who sees every client in it today, whoever asked for it.
    """
    if actor.role is Role.SYSTEM:
        return true()
    is_reader = any_(ReportRun.reader_ids) == actor.user_id
    return and_(or_(_made_by(actor), is_reader), _within(actor))


def _made_by(actor: Actor) -> ColumnElement[bool]:
    if actor.is_contact:
        return and_(ReportRun.author_side == Side.CLIENT, visible_to(actor, ReportRun.client_id))
    if actor.role is Role.SUPERVISOR:
        return ReportRun.author_side == Side.OPERATOR
    return ReportRun.author_id == actor.user_id


def _within(actor: Actor) -> ColumnElement[bool]:
    if actor.client_ids is None:
        return true()
    reached = cast(sorted(actor.client_ids), ARRAY(BigInteger))
    return ReportRun.reach.bool_op("<@")(reached)
