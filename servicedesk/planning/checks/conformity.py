"""Every client's devices judged by every rule, and how many fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from servicedesk.core.actors import SYSTEM
from servicedesk.core.text import Text, msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.conformity.evaluation import evaluate
from servicedesk.devices.conformity.models import ConformityFinding, ConformityRule
from servicedesk.devices.conformity.standing import scope
from servicedesk.devices.models import Device
from servicedesk.planning.checks.check import Check
from servicedesk.planning.checks.looking import (
    clients_in,
    is_too_much,
    looking,
    share_parameter,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from servicedesk.planning.checks.check import Round

FAILS = msgid(
    "%(client)s, %(rule)s: %(failing)s of %(devices)s devices fail it, %(new)s of them new."
)


class ConformityOfAll(Check):
    """Judge everybody anew: silence comes by itself, groups and states of devices change."""

    code = "devices.conformity"
    label = msgid("Devices conform to the rules")
    description = msgid(
        "Judges every device by every rule of its client, and counts who fails which and is new."
    )
    for_client = True
    parameters = (share_parameter("50"),)

    def run(self, given: Round, parameters: Mapping[str, str]) -> Text:
        """Judge one client after another."""
        percent = self.number(parameters, "percent")
        clients = clients_in(given.client_id)
        failing = new = 0
        for number, client in enumerate(clients):
            given.seen(number, len(clients))
            for rule in _judged(client, given.previous_at):
                failing, new = failing + rule["failing"], new + rule["new"]
                is_problem = is_too_much(rule["failing"], rule["devices"], percent)
                tell = given.problem if is_problem else given.finding
                tell(FAILS, client=client.name, **rule)
        given.seen(len(clients), len(clients))
        return Text(
            msgid("Rules are failed %(failing)s times, %(new)s of them new."),
            {"failing": failing, "new": new},
        )

    def preview(
        self, session: Session, client_id: int | None, parameters: Mapping[str, str]
    ) -> Sequence[Text]:
        """Count rules and clients, and what fails already."""
        del parameters
        rules = select(
            func.count(), func.count(ConformityRule.client_id.distinct()).label("clients")
        ).where(ConformityRule.is_active)
        failing = select(func.count()).select_from(ConformityFinding)
        if client_id is not None:
            rules = rules.where(ConformityRule.client_id == client_id)
            failing = failing.where(ConformityFinding.client_id == client_id)
        count, clients = session.execute(rules).one()
        return [
            Text(
                msgid(
                    "Judges by %(rules)s rules of %(clients)s clients; they are failed %(failing)s"
                    " times now."
                ),
                {"rules": count, "clients": clients, "failing": session.scalar(failing)},
            )
        ]


def _judged(client: Any, previous_at: datetime | None) -> list[dict[str, Any]]:
    """Judge a client's devices; return the rules that are failed, with their counts."""
    with unit_of_work(SYSTEM, "conformity.evaluate") as work:
        if evaluate(work, client.id):
            work.concerns(client.id, client.reference)
        begun = work.at
    since = ConformityFinding.since
    is_new = since >= begun if previous_at is None else since > previous_at
    with looking() as session:
        rows = session.execute(
            select(ConformityRule, func.count(), func.count().filter(is_new))
            .join(ConformityFinding, ConformityFinding.rule_id == ConformityRule.id)
            .where(ConformityRule.client_id == client.id, ConformityRule.is_active)
            .group_by(ConformityRule.id)
            .order_by(ConformityRule.id)
        ).all()
        return [
            {
                "subject": rule.reference,
                "rule": rule.name,
                "failing": failing,
                "new": new,
                "devices": session.scalar(
                    select(func.count()).select_from(Device).where(scope(rule))
                ),
            }
            for rule, failing, new in rows
        ]
