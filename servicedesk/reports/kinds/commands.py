"""The activity of devices: every command that left for one, and what came of it."""

from __future__ import annotations

from sqlalchemy import BigInteger, cast, func

from servicedesk.core.permissions import Permission
from servicedesk.core.text import msgid
from servicedesk.devices.commands import COMMAND_STATE_LABELS, CommandBatch, DeviceCommand
from servicedesk.devices.instructions import INSTRUCTION_LABELS
from servicedesk.devices.models import PLATFORM_LABELS, Device, DeviceUser
from servicedesk.orders.models import WorkOrder
from servicedesk.reports.columns import choice, duration, instant, narrow, number, words
from servicedesk.reports.kinds.kind import CLIENT, Lines, ReportKind, client_column, join_client

DEVICE, BATCH, ORDER = ("device",), ("batch",), ("order",)
SECONDS = cast(func.extract("epoch", DeviceCommand.finished_at - DeviceCommand.sent_at), BigInteger)


class Commands(ReportKind):
    """Every command of a period."""

    code = "commands"
    label = msgid("Activity of devices")
    description = msgid(
        "Every command to a device: when it was sent, answered, and what came of it."
    )
    permission = Permission.ORDER_READ
    period = msgid("When the command was given")
    lines = Lines(
        source=DeviceCommand,
        client_id=DeviceCommand.client_id,
        at=DeviceCommand.created_at,
        order=(DeviceCommand.id,),
    )
    joins = {  # noqa: RUF012
        CLIENT: join_client(DeviceCommand.client_id),
        "device": lambda query: query.join(Device, Device.id == DeviceCommand.device_id),
        "holder": lambda query: query.outerjoin(DeviceUser, DeviceUser.id == Device.device_user_id),
        "batch": lambda query: query.join(CommandBatch, CommandBatch.id == DeviceCommand.batch_id),
        "order": lambda query: query.outerjoin(
            WorkOrder, WorkOrder.batch_id == DeviceCommand.batch_id
        ),
    }
    columns = (
        client_column(),
        words("order", msgid("Order"), WorkOrder.reference, joins=ORDER),
        choice(
            "action",
            msgid("Action"),
            CommandBatch.instruction,
            INSTRUCTION_LABELS,
            joins=BATCH,
        ),
        words("device", msgid("Device"), Device.reference, joins=DEVICE),
        words("device_name", msgid("Name"), Device.name, joins=DEVICE),
        words(
            "holder",
            msgid("Holder"),
            DeviceUser.name,
            joins=("device", "holder"),
            is_personal=True,
            in_default=False,
        ),
        choice(
            "platform",
            msgid("Platform"),
            Device.platform,
            PLATFORM_LABELS,
            joins=DEVICE,
            in_default=False,
        ),
        instant("created", msgid("Given at"), DeviceCommand.created_at, in_default=False),
        instant("sent", msgid("Sent at"), DeviceCommand.sent_at),
        instant("answered", msgid("Answered at"), DeviceCommand.finished_at),
        choice("outcome", msgid("Outcome"), DeviceCommand.state, COMMAND_STATE_LABELS),
        number("seconds", msgid("Seconds until the answer"), SECONDS),
        duration("took", msgid("Time until the answer"), SECONDS, in_default=False),
        number("attempts", msgid("Attempts"), DeviceCommand.attempts, in_default=False),
    )
    filters = (
        narrow("outcome", msgid("Outcome"), DeviceCommand.state, COMMAND_STATE_LABELS),
        narrow(
            "action", msgid("Action"), CommandBatch.instruction, INSTRUCTION_LABELS, joins=BATCH
        ),
        narrow("device", msgid("Reference of the device"), Device.reference, joins=DEVICE),
    )
