"""What is over by its own rules: records of sign-in, links, notices that were read, keys of callers."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from servicedesk.accounts.models import Notice, OneTimeLink, SignInAttempt
from servicedesk.core import clock
from servicedesk.core.text import Text, msgid
from servicedesk.devices.parameters import Kind, Parameter
from servicedesk.orders.positions.keeping import forget_expired
from servicedesk.orders.positions.models import DevicePosition
from servicedesk.planning.checks.check import Check
from servicedesk.planning.checks.forgetting import Old, forget, told
from servicedesk.planning.checks.looking import looking
from servicedesk.tickets.models import IdempotencyKey

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

    from servicedesk.planning.checks.check import Round

BEAT = timedelta(
    minutes=10
)  # so late a position is gone at the latest: the clock's own beat does it

POSITIONS = msgid(
    "Positions were kept after their time was over: %(positions)s. They are gone now."
)


def _days(name: str, label: str, default: str) -> Parameter:
    return Parameter(name=name, label=label, kind=Kind.NUMBER, least=1, most=3650, default=default)


class Expiries(Check):
    """Delete what has expired, and see that positions are forgotten in time."""

    code = "house.expiries"
    label = msgid("What is over is forgotten")
    description = msgid(
        "Deletes tries to sign in, dead links, notices that were read and keys of API callers after"
        " some days, and sees that positions are forgotten in time."
    )
    is_housekeeping = True
    parameters = (
        _days("tries_days", msgid("Tries to sign in and dead links: days kept"), "30"),
        _days("notices_days", msgid("Notices that were read: days kept"), "90"),
        _days("keys_days", msgid("Keys of API callers: days kept"), "30"),
    )

    def run(self, given: Round, parameters: Mapping[str, str]) -> Text:
        """Look at positions first, then delete the rest."""
        given.seen(0, 0)
        late = DevicePosition.expires_at <= clock.now() - BEAT
        with looking() as session:
            positions = session.scalar(select(func.count()).where(late)) or 0
        if positions:
            forget_expired()
            given.problem(POSITIONS, positions=positions)
        rows = forget(given, self._kinds(parameters))
        return Text(msgid("%(rows)s rows were deleted."), {"rows": rows})

    def preview(
        self, session: Session, client_id: int | None, parameters: Mapping[str, str]
    ) -> Sequence[Text]:
        """Count them."""
        del client_id
        return list(told(session, self._kinds(parameters)))

    def _kinds(self, parameters: Mapping[str, str]) -> list[Old]:
        now = clock.now()
        tries, notices, keys = (
            now - timedelta(days=self.number(parameters, name))
            for name in ("tries_days", "notices_days", "keys_days")
        )
        return [
            Old(
                label=msgid("Tries to sign in"),
                model=SignInAttempt,
                condition=SignInAttempt.at < tries,
            ),
            Old(
                label=msgid("Dead links"),
                model=OneTimeLink,
                condition=OneTimeLink.expires_at < tries,
            ),
            Old(
                label=msgid("Notices that were read"),
                model=Notice,
                condition=Notice.read_at < notices,
            ),
            Old(
                label=msgid("Keys of API callers"),
                model=IdempotencyKey,
                condition=IdempotencyKey.created_at < keys,
            ),
        ]
