"""Hold nobody to a rule of conformity any more, or hold the fleet to it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from servicedesk.clients.models import FunctionalBlock
from servicedesk.core.errors import InvalidInput
from servicedesk.core.text import msgid
from servicedesk.devices.catalogue.desired_state import DesiredStateAction
from servicedesk.devices.conformity.editing import switch_rule
from servicedesk.devices.conformity.models import ConformityRule
from servicedesk.devices.models import Device, DeviceState
from servicedesk.devices.parameters import Kind, Parameter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

    from servicedesk.core.unit_of_work import Work
    from servicedesk.devices.catalogue.desired_state import Scope, Undo


class SwitchConformityRule(DesiredStateAction):
    """A rule that exists, on or off; the devices are those it concerns."""

    code = "conformity.switch"
    label = msgid("Switch a conformity rule on or off")
    description = msgid("Suspends a rule of conformity, or holds the fleet to it again.")
    consequence = msgid("Switched off, what the rule withheld comes back to every device.")
    icon = "shield-off"
    block = FunctionalBlock.CONFORMITY
    inverse = "conformity.switch"
    parameters = (
        Parameter(name="rule", label=msgid("Rule"), required=True, max_length=40, offers="rules"),
        Parameter(
            name="active",
            label=msgid("The rule is"),
            kind=Kind.CHOICE,
            required=True,
            choices={"yes": msgid("On"), "no": msgid("Off")},
        ),
    )

    @property
    def finds_its_targets(self) -> bool:
        """Whom the rule concerns is known."""
        return True

    def faults_here(
        self, session: Session, client_id: int, parameters: Mapping[str, str]
    ) -> dict[str, str]:
        """Refuse a rule that is not there, or is so already."""
        rule = _rule(session, client_id, parameters["rule"])
        if rule is None:
            return {"rule": msgid("There is no such rule.")}
        if rule.is_active is (parameters["active"] == "yes"):
            return {"active": msgid("The rule is so already.")}
        return {}

    def reach(
        self, session: Session, client_id: int, parameters: Mapping[str, str]
    ) -> tuple[Sequence[int], Sequence[int]]:
        """Return whom the rule concerns."""
        rule = _rule(session, client_id, parameters["rule"])
        if rule is not None and rule.group_id is not None:
            return [rule.group_id], []
        devices = session.scalars(
            select(Device.id)
            .where(Device.client_id == client_id, Device.state == DeviceState.ENROLLED)
            .order_by(Device.id)
        )
        return [], list(devices)

    def change(self, work: Work, scope: Scope, parameters: Mapping[str, str]) -> Undo | None:
        """Switch it, and judge."""
        rule = _rule(work.session, scope.client_id, parameters["rule"])
        if rule is None:
            raise InvalidInput(msgid("There is no such rule."), field="action.parameters.rule")
        active = parameters["active"] == "yes"
        switch_rule(work, rule, is_active=active)
        back = {"rule": rule.reference, "active": "no" if active else "yes"}
        return {"code": self.inverse, "parameters": back}


def _rule(session: Session, client_id: int, reference: str) -> ConformityRule | None:
    return session.scalars(
        select(ConformityRule).where(
            ConformityRule.client_id == client_id, ConformityRule.reference == reference
        )
    ).one_or_none()
