"""Every permission of the desk, who holds it, and the one function that asks.

Named subject:act. Reach (whose rows) is not here: `visible_to` narrows reads, and what an actor
cannot see does not exist for them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from servicedesk.core.actors import Actor, Role
from servicedesk.core.errors import Forbidden

if TYPE_CHECKING:
    from collections.abc import Mapping


class Permission(StrEnum):
    """What may be asked for; keep the list sorted."""

    ACCOUNT_ADMINISTER = "account:administer"
    AUDIT_READ = "audit:read"
    BACKUP_ADMINISTER = "backup:administer"
    BREACH_EXPLAIN = "breach:explain"
    CLIENT_ADMINISTER = "client:administer"
    CLIENT_READ = "client:read"
    DESTRUCTION_RELEASE = "destruction:release"
    DESTRUCTION_STOP = "destruction:stop"
    DEVICE_ACT = "device:act"
    DEVICE_READ = "device:read"
    DEVICE_REGISTER = "device:register"
    ENGAGEMENT_ACCEPT = "engagement:accept"  # in the client's name
    ENGAGEMENT_EDIT = "engagement:edit"
    ENGAGEMENT_READ = "engagement:read"
    LOCATION_READ = "location:read"
    ORDER_APPROVE = "order:approve"
    ORDER_EXECUTE = "order:execute"
    ORDER_READ = "order:read"
    PLANNING_EDIT = "planning:edit"
    PLANNING_READ = "planning:read"
    PLANNING_SERVICE = "planning:service"  # what concerns the whole service, and the desk itself
    POLICY_EDIT = "policy:edit"
    PORTFOLIO_READ = "portfolio:read"  # the clients one looks after, by their health
    QUESTION_EDIT = "question:edit"
    REPORT_MAKE = "report:make"
    REVIEW_ACKNOWLEDGE = "review:acknowledge"  # in the client's name
    REVIEW_COMMENT = "review:comment"
    REVIEW_DRAFTS = "review:drafts"  # to see what is not published yet
    REVIEW_READ = "review:read"
    REVIEW_WRITE = "review:write"
    SERVICE_WATCH = "service:watch"
    SLA_ADMINISTER = "sla:administer"
    SLA_SIMULATE = "sla:simulate"
    TICKET_ANSWER = "ticket:answer"
    TICKET_COMMENT = "ticket:comment"
    TICKET_CONFIRM = "ticket:confirm"
    TICKET_HANDLE = "ticket:handle"
    TICKET_NOTE = "ticket:note"
    TICKET_OPEN = "ticket:open"
    TICKET_READ = "ticket:read"


_READ = {
    Permission.CLIENT_READ,
    Permission.DEVICE_READ,
    Permission.ENGAGEMENT_READ,
    Permission.ORDER_READ,
    Permission.PLANNING_READ,
    Permission.REVIEW_READ,
    Permission.TICKET_READ,
}
# to stop is always right: everybody who sees a fleet may
_TALK = {
    Permission.DESTRUCTION_STOP,
    Permission.QUESTION_EDIT,
    Permission.REPORT_MAKE,
    Permission.TICKET_OPEN,
    Permission.TICKET_COMMENT,
    Permission.TICKET_CONFIRM,
}
_WORK = {
    Permission.BREACH_EXPLAIN,
    Permission.DESTRUCTION_RELEASE,
    Permission.DEVICE_ACT,
    Permission.DEVICE_REGISTER,
    Permission.LOCATION_READ,
    Permission.ORDER_APPROVE,
    Permission.ORDER_EXECUTE,
    Permission.PLANNING_EDIT,
    Permission.POLICY_EDIT,
    Permission.SERVICE_WATCH,
    Permission.TICKET_ANSWER,
    Permission.TICKET_HANDLE,
    Permission.TICKET_NOTE,
}

GRANTS: Mapping[Role, frozenset[Permission]] = {
    Role.CONTACT: frozenset(
        _READ
        | _TALK
        | {
            Permission.DEVICE_ACT,
            Permission.ENGAGEMENT_ACCEPT,
            Permission.LOCATION_READ,
            Permission.REVIEW_ACKNOWLEDGE,
            Permission.REVIEW_COMMENT,
        }
    ),
    Role.AGENT: frozenset(_READ | _TALK | _WORK | {Permission.REVIEW_DRAFTS}),
    Role.ACCOUNT_MANAGER: frozenset(
        _READ
        | _TALK
        | {
            Permission.BREACH_EXPLAIN,
            Permission.ENGAGEMENT_EDIT,
            Permission.PORTFOLIO_READ,
            Permission.REVIEW_COMMENT,
            Permission.REVIEW_DRAFTS,
            Permission.REVIEW_WRITE,
            Permission.SLA_SIMULATE,
            Permission.TICKET_ANSWER,
            Permission.TICKET_NOTE,
        }
    ),
    Role.SUPERVISOR: frozenset(Permission)
    - {Permission.ENGAGEMENT_ACCEPT, Permission.REVIEW_ACKNOWLEDGE},
    # each of these takes a person
    Role.SYSTEM: frozenset(Permission)
    - {
        Permission.BREACH_EXPLAIN,
        Permission.ENGAGEMENT_ACCEPT,
        Permission.ENGAGEMENT_EDIT,
        Permission.LOCATION_READ,
        Permission.ORDER_APPROVE,
        Permission.REVIEW_ACKNOWLEDGE,
        Permission.REVIEW_COMMENT,
        Permission.REVIEW_WRITE,
    },
    Role.GATE: frozenset(),
}


def may(actor: Actor, permission: Permission) -> bool:
    """Whether the actor's role grants `permission`."""
    return permission in GRANTS[actor.role]


def require(actor: Actor, permission: Permission) -> None:
    """Raise Forbidden unless the actor's role grants `permission`."""
    if not may(actor, permission):
        raise Forbidden
