"""Show a message to whoever holds a device."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from servicedesk.clients.models import FunctionalBlock
from servicedesk.core.text import msgid
from servicedesk.devices.catalogue.action import ManagedAction, Risk, Way
from servicedesk.devices.instructions import Instruction, ShowMessage
from servicedesk.devices.models import Management, Ownership, Platform
from servicedesk.devices.parameters import Parameter

if TYPE_CHECKING:
    from collections.abc import Mapping


class PushMessage(ManagedAction):
    """A notification in the service's client software."""

    code = "device.push_message"
    label = msgid("Push message")
    description = msgid("Shows a notification on the device.")
    consequence = msgid("The person sees the message; nothing else changes.")
    icon = "message"
    risk = Risk.HARMLESS
    is_point_action = True
    block = FunctionalBlock.MESSAGING
    sends = ShowMessage.kind
    parameters = (
        Parameter(name="title", label=msgid("Title"), max_length=60),
        Parameter(
            name="text",
            label=msgid("Text"),
            required=True,
            max_length=400,
            multiline=True,
        ),
    )
    ownerships = frozenset(Ownership)
    ways = (
        Way(
            platforms=frozenset({Platform.IOS, Platform.IPADOS}),
            managements=frozenset(Management),
            from_version=(14,),
        ),
        Way(
            platforms=frozenset({Platform.ANDROID}),
            managements=frozenset(Management),
            from_version=(9,),
        ),
    )
    way_refusal = msgid("The service's client software does not run on it.")
    not_after = timedelta(days=3)

    def instruction(self, parameters: Mapping[str, str]) -> Instruction:
        """Show the text."""
        return ShowMessage(title=parameters["title"], text=parameters["text"])
