"""Publish an app in a group's catalogue."""

from __future__ import annotations

from servicedesk.core.text import msgid
from servicedesk.devices.catalogue.desired_state import SectionAction
from servicedesk.devices.policies.sections import BY_CODE


class PublishApp(SectionAction):
    """An app: required, available or forbidden."""

    section = BY_CODE["apps"]
    code = "apps.publish"
    label = msgid("App in the catalogue")
    description = msgid("Publishes an app for a group: required, available or forbidden.")
    consequence = msgid("A required app installs itself; a forbidden one is removed with its data.")
    icon = section.icon
    block = section.block
    parameters = section.parameters
