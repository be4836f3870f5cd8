"""What somebody wishes for, checked against what there is; from a form, the API or a saved report."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from servicedesk.accounts.models import User
from servicedesk.clients.choices import client_named
from servicedesk.clients.contracts import contract_in_force
from servicedesk.core import clock
from servicedesk.core.errors import InvalidInput
from servicedesk.core.text import msgid
from servicedesk.reports.columns import Asked
from servicedesk.reports.kinds import kind_named
from servicedesk.reports.models import Format
from servicedesk.reports.periods import LONGEST_DAYS, Period, days_of, instants_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from servicedesk.core.actors import Actor
    from servicedesk.reports.columns import Column
    from servicedesk.reports.kinds.kind import ReportKind
    from servicedesk.reports.models import Report

MOST_COLUMNS = 25
COLUMNS_ON_PAPER = 12
LONGEST_TITLE = 120
LONGEST_TYPED = 120
HOME_ZONE = "Europe/Madrid"


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A report as it was typed; `client` is a reference, empty for all that one sees."""

    kind: str
    columns: Sequence[str] = ()
    filters: Mapping[str, str] = field(default_factory=dict)
    period: str = ""
    first_on: date | None = None
    last_on: date | None = None
    format: str = Format.XLSX.value
    client: str = ""
    title: str = ""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A wish that can be fulfilled."""

    kind: ReportKind
    columns: Sequence[Column]
    filters: Mapping[str, str]
    period: Period | None
    first_on: date | None
    last_on: date | None
    format: Format
    client_id: int | None
    time_zone: str
    title: str  # empty: that of the kind

    def days(self, today: date) -> tuple[date | None, date | None]:
        """Return the first and last day of the period, as of a day."""
        if self.period is None or self.period is Period.OWN:
            return self.first_on, self.last_on
        return days_of(self.period, today)

    @property
    def is_personal(self) -> bool:
        """Whether a column tells of people."""
        return any(column.is_personal for column in self.columns)

    def asked(self, actor: Actor, now: datetime) -> Asked:
        """Return what is asked of the kind, as of an instant."""
        first, last = self.days(now.astimezone(ZoneInfo(self.time_zone)).date())
        since, until = instants_of(first, last, self.time_zone) if first and last else (None, None)
        return Asked(
            actor=actor,
            columns=self.columns,
            filters=self.filters,
            client_id=self.client_id,
            since=since,
            until=until,
        )


def checked(session: Session, actor: Actor, wish: Wish) -> Checked:
    """Return a wish as it can be fulfilled for the actor. Raises InvalidInput at what is wrong."""
    kind = kind_named(wish.kind, actor)
    if wish.format not in set(Format):
        raise InvalidInput(msgid("Choose a format."), field="format")
    title = wish.title.strip().replace("\x00", "")
    if len(title) > LONGEST_TITLE:
        raise InvalidInput(msgid("This is too long."), field="title")
    client_id = _client_of(session, actor, wish.client)
    period, first, last = _period(kind, wish)
    return Checked(
        kind=kind,
        columns=_columns(kind, actor, wish),
        filters=_filters(kind, actor, wish.filters),
        period=period,
        first_on=first,
        last_on=last,
        format=Format(wish.format),
        client_id=client_id,
        time_zone=_zone(session, actor, client_id),
        title=title,
    )


def wish_of(report: Report, client: str = "") -> Wish:
    """Return what a report was asked for with; `client` is the reference of its client."""
    return Wish(
        kind=report.kind,
        columns=report.columns,
        filters=report.filters,
        period=report.period or "",
        first_on=report.first_on,
        last_on=report.last_on,
        format=report.format,
        client=client,
        title=report.title,
    )


def _client_of(session: Session, actor: Actor, reference: str) -> int | None:
    if reference:
        return client_named(session, actor, reference).id
    if not actor.is_contact:
        return None
    if not actor.client_ids:
        raise InvalidInput(msgid("Choose a client."), field="client")
    return min(actor.client_ids)


def _columns(kind: ReportKind, actor: Actor, wish: Wish) -> Sequence[Column]:
    wanted = set(wish.columns)
    columns = [column for column in kind.columns_for(actor) if column.code in wanted]
    if unknown := wanted - {column.code for column in columns}:
        raise InvalidInput(
            msgid("There is no column “%(name)s” here."), field="columns", name=min(unknown)[:40]
        )
    if not columns:
        raise InvalidInput(msgid("Choose at least one column."), field="columns")
    if len(columns) > MOST_COLUMNS:
        raise InvalidInput(msgid("At most %(count)s columns."), field="columns", count=MOST_COLUMNS)
    if wish.format == Format.PDF and len(columns) > COLUMNS_ON_PAPER:
        raise InvalidInput(
            msgid("At most %(count)s columns fit on paper: choose fewer, or Excel or CSV."),
            field="columns",
            count=COLUMNS_ON_PAPER,
        )
    return columns


def _filters(kind: ReportKind, actor: Actor, given: Mapping[str, Any]) -> Mapping[str, str]:
    offered = {one.code: one for one in kind.filters_for(actor)}
    kept: dict[str, str] = {}
    for code, value in given.items():
        typed = str(value).strip().replace("\x00", "") if value is not None else ""
        if not typed:
            continue
        one = offered.get(code)
        if one is None or len(typed) > LONGEST_TYPED:
            raise InvalidInput(msgid("This cannot be narrowed by."), field=f"filter_{code}"[:60])
        if one.labels is not None and typed not in set(map(str, one.labels)):
            raise InvalidInput(msgid("Choose one of the list."), field=f"filter_{code}")
        kept[code] = typed
    return kept


def _period(kind: ReportKind, wish: Wish) -> tuple[Period | None, date | None, date | None]:
    if kind.period is None:
        return None, None, None
    if wish.period not in set(Period):
        raise InvalidInput(msgid("Choose a period."), field="period")
    period = Period(wish.period)
    if period is not Period.OWN:
        return period, None, None
    first, last = wish.first_on, wish.last_on
    if first is None:
        raise InvalidInput(msgid("Give the first day."), field="first_on")
    if last is None:
        raise InvalidInput(msgid("Give the last day."), field="last_on")
    if last < first:
        raise InvalidInput(msgid("The last day is before the first."), field="last_on")
    if (last - first).days >= LONGEST_DAYS or last.year > date.max.year - 1:
        raise InvalidInput(msgid("A report covers three years at most."), field="last_on")
    return period, first, last


def _zone(session: Session, actor: Actor, client_id: int | None) -> str:
    """Return the zone of the client's contract, of several clients the reader's own."""
    if client_id is not None:
        contract = contract_in_force(session, client_id, clock.now().date())
        if contract is not None:
            return contract.time_zone
    own = session.scalar(select(User.time_zone).where(User.id == actor.user_id))
    return own or HOME_ZONE
