"""The checks the desk knows, written down: a file in this folder and a line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.core.errors import InvalidInput
from servicedesk.core.text import msgid
from servicedesk.planning.checks.audit_trail import AuditTrail
from servicedesk.planning.checks.backup import Backup
from servicedesk.planning.checks.conformity import ConformityOfAll
from servicedesk.planning.checks.drift import Drift
from servicedesk.planning.checks.engine_reachable import EngineReachable
from servicedesk.planning.checks.expiries import Expiries
from servicedesk.planning.checks.expiring import Expiring
from servicedesk.planning.checks.inventory import EngineInventory
from servicedesk.planning.checks.mail_retries import MailRetries
from servicedesk.planning.checks.queue import JobQueue
from servicedesk.planning.checks.quiet_tickets import QuietTickets
from servicedesk.planning.checks.reconciliation import Reconciliation
from servicedesk.planning.checks.retention import Retention
from servicedesk.planning.checks.silent_devices import SilentDevices
from servicedesk.planning.checks.sla_rebuild import SlaRebuild

if TYPE_CHECKING:
    from servicedesk.planning.checks.check import Check

CHECKS: tuple[Check, ...] = (
    EngineReachable(),
    Expiring(),
    SilentDevices(),
    Drift(),
    ConformityOfAll(),
    SlaRebuild(),
    AuditTrail(),
    # what the desk does for its own house
    MailRetries(),
    JobQueue(),
    Expiries(),
    Retention(),
    Backup(),
    QuietTickets(),
    EngineInventory(),
    Reconciliation(),
)
_from_above: list[Check] = []


def use_checks(*checks: Check) -> None:
    """Tell which checks floors above know; the composition root calls this."""
    _from_above[:] = checks


def every_check() -> tuple[Check, ...]:
    """Return the checks of this folder, and those of the floors above."""
    return (*CHECKS, *_from_above)


def check_named(code: str) -> Check:
    """Return the check. Raises InvalidInput."""
    found = next((check for check in every_check() if check.code == code), None)
    if found is None:
        raise InvalidInput(msgid("There is no such check."), field="code")
    return found
