"""The people one can sign in as in the demonstration; in production they cannot exist."""

from __future__ import annotations

from dataclasses import dataclass

from servicedesk.core.actors import Role


@dataclass(frozen=True, kw_only=True)
class DemonstrationAccount:
    """Somebody of the story, with a password that everybody is told."""

    email: str
    name: str
    role: Role


PASSWORD = "demo-Movil-2026"  # noqa: S105 - printed at every start
ACCOUNTS = (
    DemonstrationAccount(email="contacto@norte.example", name="Lucía Ferrer", role=Role.CONTACT),
    DemonstrationAccount(email="contacto@levante.example", name="Pau Climent", role=Role.CONTACT),
    DemonstrationAccount(email="agente@desk.example", name="Marta Quiroga", role=Role.AGENT),
    DemonstrationAccount(email="agente2@desk.example", name="Iván Sarmiento", role=Role.AGENT),
    DemonstrationAccount(
        email="gestor@desk.example", name="Elena Rubio", role=Role.ACCOUNT_MANAGER
    ),
    DemonstrationAccount(
        email="supervisor@desk.example", name="Tomás Aguirre", role=Role.SUPERVISOR
    ),
)
