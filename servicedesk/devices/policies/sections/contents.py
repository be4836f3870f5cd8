"""Apps, documents and certificates: what is put on a device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509

from servicedesk.clients.models import FunctionalBlock
from servicedesk.core.text import Text, msgid
from servicedesk.devices.parameters import Kind, Parameter
from servicedesk.devices.policies.sections.network import NEEDED_HERE
from servicedesk.devices.policies.sections.section import Section

if TYPE_CHECKING:
    from datetime import date

    from servicedesk.devices.policies.sections.section import Values

APP_PLATFORMS = {"apple": "iOS, iPadOS", "android": "Android"}
FAMILY = {"ios": "apple", "ipados": "apple", "android": "android"}


class Apps(Section):
    """An app of the group's catalogue."""

    code = "apps"
    label = msgid("Apps")
    icon = "apps"
    block = FunctionalBlock.APPLICATIONS
    keyed_by = ("platform", "identifier")
    parameters = (
        Parameter(
            name="platform",
            label=msgid("Platform"),
            kind=Kind.CHOICE,
            required=True,
            choices=APP_PLATFORMS,
        ),
        Parameter(
            name="identifier",
            label=msgid("Identifier"),
            help=msgid("Bundle identifier or package name. Example: com.example.crm"),
            required=True,
            max_length=155,
            pattern=r"[A-Za-z0-9_\-]+(\.[A-Za-z0-9_\-]+)+",
            pattern_says=msgid("Write an identifier such as com.example.crm."),
        ),
        Parameter(name="name", label=msgid("Name"), required=True, max_length=60),
        Parameter(
            name="availability",
            label=msgid("What is done with it"),
            kind=Kind.CHOICE,
            required=True,
            choices={
                "required": msgid("Required: it is installed by itself"),
                "available": msgid("Available: the holder may install it"),
                "forbidden": msgid("Forbidden: it is removed or blocked"),
            },
        ),
        Parameter(
            name="min_version",
            label=msgid("Minimum version"),
            max_length=40,
            pattern=r"[0-9]+(\.[0-9]+)*([.\-+][0-9A-Za-z.\-]+)?",
            pattern_says=msgid("Write a version such as 10.2 or 15.7.1-beta."),
        ),
    )

    def applies_to(self, values: Values, platform: str) -> bool:
        """Apps are of one platform."""
        return FAMILY.get(platform) == values["platform"]

    def across(self, values: Values) -> dict[str, str]:
        """Refuse a minimum version of what must not be there."""
        if values["availability"] == "forbidden" and values["min_version"]:
            return {"min_version": msgid("A forbidden app has no minimum version.")}
        return {}

    def summary(self, values: Values) -> Text:
        """Name the app and its fate."""
        words = {
            "required": msgid("Installs the app %(name)s"),
            "available": msgid("Offers the app %(name)s"),
            "forbidden": msgid("Forbids the app %(name)s"),
        }
        return Text(words[values["availability"]], {"name": values["name"]})


class Documents(Section):
    """A document of the client's library, as it was when it was chosen."""

    code = "documents"
    label = msgid("Documents")
    icon = "file"
    block = FunctionalBlock.DOCUMENTS
    keyed_by = ("document",)
    parameters = (
        Parameter(
            name="document",
            label=msgid("Document"),
            help=msgid("Of the client's library of documents."),
            required=True,
            max_length=40,
            offers="documents",
        ),
        Parameter(
            name="expires_on",
            label=msgid("Until"),
            help=msgid("After that day it is taken back. Write 2027-03-31, or nothing."),
            max_length=10,
            pattern=r"20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])",
            pattern_says=msgid("Write a day such as 2027-03-31."),
        ),
    )

    def summary(self, values: Values) -> Text:
        """Name the document."""
        if until := values.get("expires_on"):
            return Text(
                msgid("Puts the document %(name)s on the device until %(until)s"),
                {"name": values["document"], "until": until},
            )
        return Text(msgid("Puts the document %(name)s on the device"), {"name": values["document"]})

    def is_over(self, values: Values, day: date) -> bool:
        """Take a document back after its last day."""
        until = values.get("expires_on")
        return bool(until) and day.isoformat() > str(until)


class Certificates(Section):
    """A certificate: one the device trusts, or one it asks for as its own."""

    code = "certificates"
    label = msgid("Certificates")
    icon = "certificate"
    block = FunctionalBlock.CONFIGURATION
    keyed_by = ("name",)
    parameters = (
        Parameter(
            name="name",
            label=msgid("Name"),
            help=msgid("Wifi and VPN refer to it by this name."),
            required=True,
            max_length=60,
        ),
        Parameter(
            name="type",
            label=msgid("Kind"),
            kind=Kind.CHOICE,
            required=True,
            choices={
                "authority": msgid("Authority the device trusts"),
                "scep": msgid("Own certificate, asked for by SCEP"),
            },
        ),
        Parameter(
            name="pem",
            label=msgid("Certificate in PEM"),
            help=msgid("Begins with -----BEGIN CERTIFICATE-----."),
            max_length=10_000,
            multiline=True,
        ),
        Parameter(
            name="url",
            label=msgid("Address of the SCEP service"),
            max_length=250,
            pattern=r"https?://\S+",
            pattern_says=msgid("Write an address that begins with https://."),
        ),
        Parameter(
            name="challenge",
            label=msgid("SCEP challenge"),
            help=msgid("It is sealed and never shown again."),
            kind=Kind.SECRET,
            max_length=200,
        ),
    )

    def across(self, values: Values) -> dict[str, str]:
        """Read the certificate, or ask for where to get one."""
        if values["type"] == "scep":
            return {} if values["url"] else {"url": NEEDED_HERE}
        if not values["pem"]:
            return {"pem": NEEDED_HERE}
        try:
            x509.load_pem_x509_certificate(values["pem"].encode())
        except ValueError:
            return {"pem": msgid("This is no certificate in PEM.")}
        return {}

    def summary(self, values: Values) -> Text:
        """Name the certificate."""
        words = {
            "authority": msgid("Trusts the authority %(name)s"),
            "scep": msgid("Asks for its own certificate %(name)s"),
        }
        return Text(words[values["type"]], {"name": values["name"]})
