"""People who all want the same days at once: threads that book and release, also as a process."""

from __future__ import annotations

import json
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import create_engine
from sqlalchemy.orm import scoped_session, sessionmaker

from servicedesk import registry
from servicedesk.core import database
from servicedesk.core.actors import Actor, Role
from servicedesk.engagement.budget import BudgetExhausted
from servicedesk.engagement.outcomes import cancel_visit, confirm_visit
from servicedesk.engagement.visits import book_visit
from tests.engagement_story import plan

if TYPE_CHECKING:
    from collections.abc import Iterator

DAYS_BACK = 40


@dataclass(frozen=True, kw_only=True)
class Wish:
    """Whose days, and how hard they are tried for."""

    address: str
    client: str
    client_id: int
    user_id: int
    attempts: int
    threads: int
    seed: int
    release: float  # the share of bookings that are settled again at once

    @property
    def manager(self) -> Actor:
        return Actor(
            role=Role.ACCOUNT_MANAGER,
            name="manager",
            user_id=self.user_id,
            client_ids=frozenset({self.client_id}),
        )


def try_all(wish: Wish) -> list[list[int]]:
    """Make the attempts; return of each what was asked, and what was left when it was refused, or -1."""
    engine = create_engine(wish.address, pool_size=wish.threads)
    source = scoped_session(sessionmaker(engine, expire_on_commit=False))
    database.use_sessions(source)
    registry.listen()
    with ThreadPoolExecutor(wish.threads) as pool:
        shares = [
            pool.submit(lambda number: list(_attempts(wish, number, source)), number)
            for number in range(wish.threads)
        ]
        found = [line for share in shares for line in share.result()]
    engine.dispose()
    return found


def _attempts(wish: Wish, number: int, source: scoped_session) -> Iterator[list[int]]:
    dice = random.Random(f"{wish.seed}/{number}")
    for _ in range(wish.attempts // wish.threads):
        asked = dice.randint(1, 8)
        day = date.today() - timedelta(days=dice.randint(1, DAYS_BACK))
        try:
            visit = book_visit(
                wish.manager, wish.client, plan(day, asked, is_on_site=False, attendees=())
            )
        except BudgetExhausted as refused:
            yield [asked, refused.left_quarters]
            continue
        yield [asked, -1]
        if dice.random() >= wish.release:
            continue
        if dice.random() < 0.5:
            cancel_visit(wish.manager, visit.reference, "released", version=visit.version)
        else:
            confirm_visit(
                wish.manager, visit.reference, dice.randint(1, asked), version=visit.version
            )
    source.remove()


if __name__ == "__main__":
    json.dump(try_all(Wish(**json.loads(sys.argv[1]))), sys.stdout)


def as_argument(wish: Wish) -> str:
    return json.dumps(asdict(wish))
