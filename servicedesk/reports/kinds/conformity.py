"""Conformity: who fails which rule now, and who began or stopped failing in the period."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import case, column, literal, select, table, union_all

from servicedesk.clients.visibility import visible_to
from servicedesk.core.permissions import Permission
from servicedesk.core.text import msgid
from servicedesk.devices.conformity.models import (
    ConformityChange,
    ConformityFinding,
    ConformityRule,
)
from servicedesk.devices.models import PLATFORM_LABELS, Device, DeviceUser
from servicedesk.reports.columns import choice, instant, narrow, words
from servicedesk.reports.kinds.kind import CLIENT, Lines, ReportKind, client_column, join_client

if TYPE_CHECKING:
    from sqlalchemy import Select

    from servicedesk.reports.columns import Asked


class What(StrEnum):
    """What a line tells."""

    FAILS = "fails"
    BEGAN = "began"
    ENDED = "ended"


WHAT_LABELS = {
    What.FAILS: msgid("Does not conform now"),
    What.BEGAN: msgid("Stopped conforming"),
    What.ENDED: msgid("Conforms again"),
}
DEVICE, RULE = ("device",), ("rule",)
LINE = table("line", *map(column, ("client_id", "device_id", "rule_id", "at", "what", "sequence")))


class ConformityLines(ReportKind):
    """Findings of now, and changes of a period."""

    code = "conformity"
    label = msgid("Conformity")
    description = msgid(
        "Who does not conform to which rule now, and every change within the period."
    )
    permission = Permission.DEVICE_READ
    period = msgid("Changes within the period; what does not conform now is always in it")
    lines = Lines(
        source=LINE,
        client_id=LINE.c.client_id,
        order=(LINE.c.at, LINE.c.what, LINE.c.sequence, LINE.c.device_id),
    )
    joins = {  # noqa: RUF012
        CLIENT: join_client(LINE.c.client_id),
        "device": lambda query: query.join(Device, Device.id == LINE.c.device_id),
        "holder": lambda query: query.outerjoin(DeviceUser, DeviceUser.id == Device.device_user_id),
        "rule": lambda query: query.join(ConformityRule, ConformityRule.id == LINE.c.rule_id),
    }
    columns = (
        client_column(),
        choice("what", msgid("What happened"), LINE.c.what, WHAT_LABELS),
        instant("at", msgid("Since, or at"), LINE.c.at),
        words("device", msgid("Device"), Device.reference, joins=DEVICE),
        words("device_name", msgid("Name"), Device.name, joins=DEVICE),
        words(
            "holder",
            msgid("Holder"),
            DeviceUser.name,
            joins=("device", "holder"),
            is_personal=True,
        ),
        choice(
            "platform",
            msgid("Platform"),
            Device.platform,
            PLATFORM_LABELS,
            joins=DEVICE,
            in_default=False,
        ),
        words("rule", msgid("Rule"), ConformityRule.reference, joins=RULE),
        words("rule_name", msgid("Name of the rule"), ConformityRule.name, joins=RULE),
    )
    filters = (
        narrow("what", msgid("What happened"), LINE.c.what, WHAT_LABELS),
        narrow("platform", msgid("Platform"), Device.platform, PLATFORM_LABELS, joins=DEVICE),
    )

    def rows(self, asked: Asked) -> Select[Any]:
        """Return both kinds of line as one table."""
        change, finding = ConformityChange, ConformityFinding
        now = select(
            finding.client_id.label("client_id"),
            finding.device_id.label("device_id"),
            finding.rule_id.label("rule_id"),
            finding.since.label("at"),
            literal(What.FAILS.value).label("what"),
            literal(0).label("sequence"),
        ).where(visible_to(asked.actor, finding.client_id))
        began = case((change.failed, What.BEGAN.value), else_=What.ENDED.value)
        past = select(
            change.client_id, change.device_id, change.rule_id, change.at, began, change.id
        ).where(visible_to(asked.actor, change.client_id))
        if asked.since is not None and asked.until is not None:
            past = past.where(change.at >= asked.since, change.at < asked.until)
        lines = union_all(now, past).cte(LINE.name)
        return select().select_from(LINE).add_cte(lines)
