"""Words for roles and scopes, as the interface shows them."""

from __future__ import annotations

from servicedesk.accounts.tokens import Scope
from servicedesk.core.actors import Role
from servicedesk.core.text import msgid

ROLE_LABELS = {
    Role.CONTACT: msgid("Authorised contact"),
    Role.AGENT: msgid("Agent"),
    Role.ACCOUNT_MANAGER: msgid("Account manager"),
    Role.SUPERVISOR: msgid("Supervisor"),
}
SCOPE_LABELS = {Scope.READ: msgid("Read"), Scope.WRITE: msgid("Write")}
LANGUAGE_LABELS = {"es": "Español", "en": "English"}
