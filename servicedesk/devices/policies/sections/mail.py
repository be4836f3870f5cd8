"""The company's mail on the device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.clients.models import FunctionalBlock
from servicedesk.core.text import Text, msgid
from servicedesk.devices.parameters import Kind, Parameter
from servicedesk.devices.policies.sections.network import HOST, HOST_SAYS, NEEDED_HERE
from servicedesk.devices.policies.sections.section import Section, is_on

if TYPE_CHECKING:
    from servicedesk.devices.policies.sections.section import Values

TYPES = {"exchange": "Exchange", "imap": "IMAP"}


class Mail(Section):
    """An account of Exchange or IMAP."""

    code = "mail"
    label = msgid("Mail")
    icon = "mail"
    block = FunctionalBlock.CONFIGURATION
    keyed_by = ("name",)
    parameters = (
        Parameter(name="name", label=msgid("Name of the account"), required=True, max_length=60),
        Parameter(name="type", label=msgid("Kind"), kind=Kind.CHOICE, required=True, choices=TYPES),
        Parameter(
            name="server",
            label=msgid("Incoming server"),
            required=True,
            max_length=250,
            pattern=HOST,
            pattern_says=HOST_SAYS,
        ),
        Parameter(
            name="outgoing_server",
            label=msgid("Outgoing server (SMTP)"),
            help=msgid("Only for IMAP."),
            max_length=250,
            pattern=HOST,
            pattern_says=HOST_SAYS,
        ),
        Parameter(
            name="address",
            label=msgid("Address"),
            help=msgid("{email} stands for the address of whoever holds the device."),
            required=True,
            max_length=200,
            pattern=r"\{email\}|[^@\s]+@[^@\s]+",
            pattern_says=msgid("Write an address, or {email}."),
        ),
        Parameter(
            name="oauth",
            label=msgid("Sign in on the company's page (OAuth)"),
            help=msgid("No password is kept on the device."),
            kind=Kind.FLAG,
        ),
        Parameter(
            name="days",
            label=msgid("Days of mail on the device"),
            help=msgid("Empty: everything."),
            kind=Kind.NUMBER,
            least=1,
            most=365,
        ),
        Parameter(
            name="stays",
            label=msgid("Messages cannot be moved to other accounts"),
            kind=Kind.FLAG,
        ),
    )

    def across(self, values: Values) -> dict[str, str]:
        """Ask IMAP for its outgoing server."""
        if values["type"] == "imap" and not values["outgoing_server"]:
            return {"outgoing_server": NEEDED_HERE}
        return {}

    def summary(self, values: Values) -> Text:
        """Name account and server."""
        said = msgid("Sets up the mail %(name)s (%(type)s, %(server)s)")
        if is_on(values, "oauth"):
            said = msgid("Sets up the mail %(name)s (%(type)s, %(server)s), sign-in with OAuth")
        return Text(
            said,
            {"name": values["name"], "type": TYPES[values["type"]], "server": values["server"]},
        )
