"""Wifi and VPN: how a device reaches the company."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.clients.models import FunctionalBlock
from servicedesk.core.text import Text, msgid
from servicedesk.devices.parameters import Kind, Parameter
from servicedesk.devices.policies.sections.section import Section

if TYPE_CHECKING:
    from servicedesk.devices.policies.sections.section import Values

HOST = r"[A-Za-z0-9]([A-Za-z0-9.\-]{0,251}[A-Za-z0-9])?"
HOST_SAYS = msgid("Write the name of a server, such as vpn.example.com.")
NEEDED_HERE = msgid("This is needed with the choice above.")
PERSONAL = frozenset({"wpa2_personal", "wpa3_personal"})
ENTERPRISE = frozenset({"wpa2_enterprise", "wpa3_enterprise"})
SECURITIES = {
    "wpa3_enterprise": "WPA3 Enterprise",
    "wpa2_enterprise": "WPA2 Enterprise",
    "wpa3_personal": "WPA3 Personal",
    "wpa2_personal": "WPA2 Personal",
    "open": msgid("Open, without encryption"),
}


class Wifi(Section):
    """A wireless network the device joins."""

    code = "wifi"
    label = msgid("Wifi")
    icon = "wifi"
    block = FunctionalBlock.CONFIGURATION
    keyed_by = ("ssid",)
    parameters = (
        Parameter(name="ssid", label=msgid("Network name (SSID)"), required=True, max_length=32),
        Parameter(
            name="security",
            label=msgid("Security"),
            kind=Kind.CHOICE,
            required=True,
            choices=SECURITIES,
        ),
        Parameter(
            name="password",
            label=msgid("Password"),
            help=msgid("For WPA Personal, or PEAP and TTLS. It is sealed and never shown again."),
            kind=Kind.SECRET,
            min_length=8,
            max_length=63,
        ),
        Parameter(
            name="eap",
            label=msgid("Sign-in method (EAP)"),
            help=msgid("For WPA Enterprise."),
            kind=Kind.CHOICE,
            choices={"tls": "EAP-TLS", "peap": "PEAP", "ttls": "EAP-TTLS"},
        ),
        Parameter(
            name="identity",
            label=msgid("User name"),
            help=msgid("{email} stands for the address of whoever holds the device."),
            max_length=200,
        ),
        Parameter(
            name="certificate",
            label=msgid("Certificate of the device"),
            help=msgid("The name of a certificate in the policy; for EAP-TLS."),
            max_length=100,
        ),
        Parameter(
            name="server_names",
            label=msgid("Trusted servers"),
            help=msgid("Domain of the RADIUS servers. Without it, any server could listen."),
            max_length=250,
            pattern=HOST,
            pattern_says=HOST_SAYS,
        ),
        Parameter(name="hidden", label=msgid("The network is hidden"), kind=Kind.FLAG),
        Parameter(
            name="proxy",
            label=msgid("Proxy"),
            help=msgid("A server and port, or the address of a PAC file."),
            max_length=250,
            pattern=rf"{HOST}:[0-9]{{1,5}}|https?://\S+",
            pattern_says=msgid("Write server:port, or an address that begins with https://."),
        ),
    )

    def across(self, values: Values) -> dict[str, str]:
        """Ask for what each kind of security needs."""
        faults = {}
        security, eap = values["security"], values["eap"]
        if security in PERSONAL and not values["password"]:
            faults["password"] = NEEDED_HERE
        if security in ENTERPRISE:
            faults |= {n: NEEDED_HERE for n in ("eap", "server_names") if not values[n]}
            if eap == "tls" and not values["certificate"]:
                faults["certificate"] = NEEDED_HERE
        return faults

    def summary(self, values: Values) -> Text:
        """Name the network."""
        if values.get("security") == "open":
            return Text(msgid("Joins the open wifi %(ssid)s"), {"ssid": values["ssid"]})
        return Text(
            msgid("Joins the wifi %(ssid)s with %(security)s"),
            {"ssid": values["ssid"], "security": SECURITIES[values["security"]]},
        )


class Vpn(Section):
    """A tunnel into the company's network."""

    code = "vpn"
    label = msgid("VPN")
    icon = "key"
    block = FunctionalBlock.CONFIGURATION
    keyed_by = ("name",)
    parameters = (
        Parameter(name="name", label=msgid("Name of the connection"), required=True, max_length=60),
        Parameter(
            name="server",
            label=msgid("Server"),
            required=True,
            max_length=250,
            pattern=HOST,
            pattern_says=HOST_SAYS,
        ),
        Parameter(
            name="remote_id",
            label=msgid("Remote identifier (IKEv2)"),
            help=msgid("Usually the name in the server's certificate."),
            required=True,
            max_length=250,
        ),
        Parameter(
            name="authentication",
            label=msgid("Authentication"),
            kind=Kind.CHOICE,
            required=True,
            choices={
                "certificate": msgid("Certificate of the device"),
                "eap": msgid("User name and password"),
                "secret": msgid("Shared secret"),
            },
        ),
        Parameter(
            name="certificate",
            label=msgid("Certificate of the device"),
            help=msgid("The name of a certificate in the policy."),
            max_length=100,
        ),
        Parameter(
            name="shared_secret",
            label=msgid("Shared secret"),
            help=msgid("It is sealed and never shown again."),
            kind=Kind.SECRET,
            min_length=8,
            max_length=128,
        ),
        Parameter(
            name="mode",
            label=msgid("When it is used"),
            kind=Kind.CHOICE,
            required=True,
            choices={
                "on_demand": msgid("When the person switches it on"),
                "always_on": msgid("Always: without it nothing leaves the device"),
                "per_app": msgid("Only for certain apps"),
            },
        ),
        Parameter(
            name="apps",
            label=msgid("Apps that use it"),
            help=msgid("Identifiers, separated by spaces. Example: com.example.crm"),
            max_length=1000,
            pattern=r"[A-Za-z0-9._\-]+(\s+[A-Za-z0-9._\-]+)*",
            pattern_says=msgid("Write identifiers such as com.example.crm, separated by spaces."),
        ),
    )

    def across(self, values: Values) -> dict[str, str]:
        """Ask for what the authentication and the mode need."""
        faults = {}
        if values["authentication"] == "certificate" and not values["certificate"]:
            faults["certificate"] = NEEDED_HERE
        if values["authentication"] == "secret" and not values["shared_secret"]:
            faults["shared_secret"] = NEEDED_HERE
        if values["mode"] == "per_app" and not values["apps"]:
            faults["apps"] = NEEDED_HERE
        return faults

    def summary(self, values: Values) -> Text:
        """Say where it leads and when."""
        words = {
            "always_on": msgid("Everything goes through the VPN %(name)s (%(server)s)"),
            "per_app": msgid("Certain apps use the VPN %(name)s (%(server)s)"),
        }
        said = words.get(values.get("mode", ""), msgid("Offers the VPN %(name)s (%(server)s)"))
        return Text(said, {"name": values["name"], "server": values["server"]})
