"""The operator's own client: whose the work on the service as a whole is. See decision 0027."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy import select, text

from servicedesk.clients.administration import ClientFacts, add_client
from servicedesk.clients.models import Client, Modality
from servicedesk.clients.terms import ContractTerms

if TYPE_CHECKING:
    from servicedesk.core.unit_of_work import Work

NAME = "Operación del servicio"
CREATION_LOCK = 0x0005E1F  # one creates it: a second one waits and finds it


def operator_house(work: Work) -> Client:
    """Return the operator's own client; at first need it is created with a contract without end.

    To be asked for under a role that sees every client.
    """
    if house := _house(work):
        return house
    work.session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": CREATION_LOCK})
    return _house(work) or add_client(
        work,
        ClientFacts(name=NAME),
        ContractTerms(
            modality=Modality.ADVANCED_MANAGED,
            starts_on=work.at.date(),
            ends_on=date.max,
            blocks=frozenset(),  # there are no devices to do anything to
            engagement_days=Decimal(0),
        ),
        is_internal=True,
    )


def _house(work: Work) -> Client | None:
    return work.session.scalar(select(Client).where(Client.is_internal))
