"""What is broken: the category of an incident, as whoever reports it would say it."""

from __future__ import annotations

from enum import StrEnum

from servicedesk.core.text import msgid


class IncidentCategory(StrEnum):
    """What an incident is about; only incidents have one."""

    CONNECTIVITY = "connectivity"
    MAIL = "mail"
    APPLICATION = "application"
    ACCESS = "access"
    ENROLMENT = "enrolment"
    HARDWARE = "hardware"
    CONFORMITY = "conformity"
    SERVICE = "service"  # of ours: engines, portal, planned work
    OTHER = "other"


CATEGORY_LABELS = {
    IncidentCategory.CONNECTIVITY: msgid("Connection: mobile data, Wi-Fi, VPN"),
    IncidentCategory.MAIL: msgid("Mail, calendar and contacts"),
    IncidentCategory.APPLICATION: msgid("An app does not work"),
    IncidentCategory.ACCESS: msgid("Access: passcode, password, locked out"),
    IncidentCategory.ENROLMENT: msgid("Setting a device up"),
    IncidentCategory.HARDWARE: msgid("The device itself: battery, screen, damage"),
    IncidentCategory.CONFORMITY: msgid("The device is said not to be in order"),
    IncidentCategory.SERVICE: msgid("This service: portal, console, planned work"),
    IncidentCategory.OTHER: msgid("Something else"),
}
