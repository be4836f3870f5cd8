"""What workers do for tickets."""

from __future__ import annotations

from datetime import timedelta

from servicedesk.core.jobs import job
from servicedesk.sla.watch import TELL_WARNING
from servicedesk.tickets.agreed_dates import resume_planned
from servicedesk.tickets.closing import TELL_UNHAPPY
from servicedesk.tickets.device_waits import note_device_waits
from servicedesk.tickets.lock_after_grace import LOCK_FAILING
from servicedesk.tickets.lock_after_grace import lock_failing as lock_devices_of
from servicedesk.tickets.unhappy import tell_unhappy as tell_managers_of
from servicedesk.tickets.warnings import tell_warning as tell_people_of


@job("tickets.agreed_dates", every=timedelta(minutes=1))
def agreed_dates() -> None:
    """Go on with what was planned for a date that has come."""
    while resume_planned():
        pass


@job("tickets.device_waits", every=timedelta(minutes=1))
def device_waits() -> None:
    """Begin and end the waits for devices out of reach."""
    note_device_waits()


@job(LOCK_FAILING)
def lock_failing(rule_id: int) -> None:
    """Lock whose grace of a rule is over, with a ticket."""
    lock_devices_of(rule_id)


@job(TELL_WARNING)
def tell_warning(warning_id: int) -> None:
    """Tell people that a clock runs out, if it still does."""
    tell_people_of(warning_id)


@job(TELL_UNHAPPY)
def tell_unhappy(ticket_id: int) -> None:
    """Tell the account manager that a client was not content, once a ticket."""
    tell_managers_of(ticket_id)
