"""One transaction, visible in each operation: `with unit_of_work(actor, "orders.approve") as work:`."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from servicedesk.core import audit, clock, database, jobs, trace
from servicedesk.core.events import reactions_to

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from servicedesk.core.actors import Actor
    from servicedesk.core.events import Event

_open: ContextVar[Work | None] = ContextVar("open_work", default=None)


@dataclass(eq=False)
class Work:
    """What steps inside an operation share: the session, and what must happen with its commit."""

    actor: Actor
    act: str
    session: Session
    at: datetime
    _events: list[Event] = field(default_factory=list)
    _changes: list[audit.Change] = field(default_factory=list)
    _notes: dict[str, Any] = field(default_factory=dict)
    _subject: tuple[int, str] | None = None

    def publish(self, happened: Event) -> None:
        """Have the reactions to `happened` run before the commit."""
        self._events.append(happened)

    def publish_now(self, happened: Event) -> None:
        """Run the reactions to `happened` at once: what follows here stands on what they write."""
        for reaction in reactions_to(happened):
            reaction(self, happened)

    def enqueue(
        self,
        job: jobs.Job[Any] | jobs.JobName,
        *,
        at: datetime | None = None,
        lock: str | None = None,
        once_as: str | None = None,
        **arguments: Any,
    ) -> None:
        """Have a worker do `job` after the commit; see `core.jobs.enqueue`."""
        jobs.enqueue(self.session, job, arguments, at=at, lock=lock, once_as=once_as)

    def enqueue_all(
        self,
        job: jobs.Job[Any] | jobs.JobName,
        wanted: Sequence[tuple[datetime | None, dict[str, Any]]],
    ) -> None:
        """Have a worker do `job` once for each time and arguments; see `core.jobs.enqueue_all`."""
        jobs.enqueue_all(self.session, job, wanted)

    def concerns(self, client_id: int | None, reference: str) -> None:
        """Name what this is about: the subject of the audit entry and the chain it goes to."""
        self._subject = (client_id or audit.HOUSE, reference)

    def note(self, **facts: Any) -> None:
        """Add facts to the audit entry that no row's change tells."""
        self._notes |= {key: audit.plain(value) for key, value in facts.items()}

    def _settle(self) -> None:
        """Run reactions until no new event comes, then write the audit entries."""
        while self._events:
            self.publish_now(self._events.pop(0))
        self.session.flush()
        self._write_audit()

    def _write_audit(self) -> None:
        chains: dict[int, list[audit.Change]] = {}
        if self._subject and (self._notes or not self._changes):
            chains[self._subject[0]] = []
        for change in self._changes:
            chains.setdefault(change.chain, []).append(change)
        # heads are locked in one order, so two units of work cannot wait for each other
        for chain in sorted(chains):
            changes = chains[chain]
            audit.append_entry(
                self.session, chain, self._subject_of(chain, changes), self._payload(changes)
            )

    def _subject_of(self, chain: int, changes: list[audit.Change]) -> str:
        if self._subject and (self._subject[0] == chain or not changes):
            return self._subject[1]
        return changes[0].reference

    def _payload(self, changes: list[audit.Change]) -> dict[str, Any]:
        return {
            "act": self.act,
            "at": self.at.isoformat(),
            "actor": self.actor.name,
            "actor_id": self.actor.user_id,
            "role": self.actor.role.value,
            "address": self.actor.address,
            "trace": trace.current(),
            "notes": self._notes,
            "changes": [
                {
                    "kind": c.kind,
                    "reference": c.reference,
                    "fields": {k: list(v) for k, v in c.fields.items()},
                }
                for c in changes
            ],
        }


@contextmanager
def unit_of_work(actor: Actor, act: str) -> Iterator[Work]:
    """Open the one transaction of an operation; commit at the end, undo all if anything raises.

    What was read before is forgotten, so that the operation decides on fresh rows. Raises
    RuntimeError inside another unit of work: steps that are shared take `work` instead.
    """
    if _open.get() is not None:
        raise RuntimeError(f"{act} was called inside another operation")
    session = database.session()
    if session.new or session.dirty or session.deleted:
        raise RuntimeError(f"{act} would commit changes made outside of it")
    # what was read before stays readable as it was, and is no longer what the session knows: a
    # rollback alone would forget nothing where no transaction is open
    session.expunge_all()
    session.rollback()
    # what an operation finds out about its origin, see `trace.follow`, ends with it
    with trace.following(trace.current()), database.acting_as(actor):
        work = Work(actor=actor, act=act, session=session, at=clock.now())
        token = _open.set(work)
        try:
            yield work
            work._settle()  # noqa: SLF001
            session.commit()
        except BaseException:
            session.rollback()
            raise
        finally:
            _open.reset(token)


@event.listens_for(Session, "before_flush")
def _collect_changes(session: Session, context: object, instances: object) -> None:
    del context, instances
    work = _open.get()
    if work is not None and work.session is session:
        work._changes.extend(audit.changes_in(session))  # noqa: SLF001
