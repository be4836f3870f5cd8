"""What the sandbox remembers, in a file of its own: devices, commands, and steps still to come."""

from __future__ import annotations

import json
import sqlite3
import threading
import uuid
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from servicedesk.sandbox.behaviour import Step

SCHEMA = """
CREATE TABLE IF NOT EXISTS device (
  id TEXT PRIMARY KEY, facts TEXT NOT NULL, enrolled INTEGER NOT NULL DEFAULT 1,
  policy TEXT NOT NULL DEFAULT '{}');
CREATE TABLE IF NOT EXISTS command (
  id TEXT PRIMARY KEY, idempotency_key TEXT UNIQUE NOT NULL, device TEXT NOT NULL,
  type TEXT NOT NULL, parameters TEXT NOT NULL, not_after TEXT NOT NULL, state TEXT NOT NULL,
  at TEXT NOT NULL, code TEXT NOT NULL DEFAULT '', detail TEXT NOT NULL DEFAULT '',
  result TEXT, event INTEGER NOT NULL DEFAULT 0, submissions INTEGER NOT NULL DEFAULT 1,
  executions INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS command_device ON command (device);
CREATE TABLE IF NOT EXISTS step (
  id INTEGER PRIMARY KEY, due REAL NOT NULL, command TEXT NOT NULL, state TEXT NOT NULL,
  code TEXT NOT NULL, detail TEXT NOT NULL, told INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS step_due ON step (due);
CREATE TABLE IF NOT EXISTS notification (
  id INTEGER PRIMARY KEY, due REAL NOT NULL, tries INTEGER NOT NULL DEFAULT 0, body TEXT NOT NULL);
"""
# what ends a device's management: it keeps nothing of the company's
ENDS = frozenset({"Erase", "EnterpriseWipe", "Release"})
FINAL = frozenset({"acknowledged", "failed", "expired", "cancelled"})
SETTLED_SQL = "('acknowledged', 'failed', 'expired', 'cancelled')"


class Store:
    """One connection behind one lock: simple, and far quicker than the devices are."""

    def __init__(self, path: Path) -> None:
        """Open or make the file."""
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(SCHEMA)
        columns = {row["name"] for row in self._db.execute("PRAGMA table_info(device)")}
        if "policy" not in columns:  # a file of an earlier release
            self._db.execute("ALTER TABLE device ADD COLUMN policy TEXT NOT NULL DEFAULT '{}'")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def enrol(self, devices: Sequence[dict[str, Any]]) -> None:
        """Add devices or replace what is known of them; `enrolled: false`: they are only known."""
        with self._transaction() as db:
            db.executemany(
                "INSERT INTO device (id, facts, enrolled, policy) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET facts = excluded.facts,"
                " enrolled = excluded.enrolled, policy = excluded.policy",
                [
                    (
                        device["id"],
                        json.dumps({k: v for k, v in device.items() if k != "policy"}),
                        device.get("enrolled", True),
                        json.dumps(device.get("policy") or {}),
                    )
                    for device in devices
                ],
            )

    def device(self, device_id: str) -> dict[str, Any] | None:
        """Return a device that is enrolled."""
        with self._lock:
            row = self._db.execute(
                "SELECT facts FROM device WHERE id = ? AND enrolled", (device_id,)
            ).fetchone()
        return json.loads(row["facts"]) if row else None

    def awaited(self, device_id: str, facts: dict[str, Any]) -> dict[str, Any]:
        """Return a device that is asked to enrol, known before or not; it comes when it obeys."""
        seen = datetime.now(UTC).isoformat()
        with self._transaction() as db:
            row = db.execute("SELECT facts FROM device WHERE id = ?", (device_id,)).fetchone()
            known = json.loads(row["facts"]) if row else {"id": device_id}
            device: dict[str, Any] = {**known, **facts, "last_contact": seen}
            db.execute(
                "INSERT INTO device (id, facts, enrolled) VALUES (?, ?, 0)"
                " ON CONFLICT (id) DO UPDATE SET facts = excluded.facts",
                (device_id, json.dumps(device)),
            )
        return device

    def devices(self, after: str, limit: int) -> list[dict[str, Any]]:
        """Return a page of devices, also those that have left."""
        with self._lock:
            rows = self._db.execute(
                "SELECT facts, enrolled, policy FROM device WHERE id > ? ORDER BY id LIMIT ?",
                (after, limit),
            ).fetchall()
        return [
            {
                **json.loads(row["facts"]),
                "enrolled": bool(row["enrolled"]),
                "policy": json.loads(row["policy"]),
            }
            for row in rows
        ]

    def counts(self) -> dict[str, int]:
        """Return how much there is of everything."""
        with self._lock:
            rows = self._db.execute("SELECT state, count(*) FROM command GROUP BY state")
            found = {str(row[0]): int(row[1]) for row in rows}
            found["devices"] = self._db.execute("SELECT count(*) FROM device").fetchone()[0]
        return found

    def change(self, device_id: str, facts: dict[str, Any]) -> None:
        """Replace what is known of a device, and nothing else of it."""
        with self._transaction() as db:
            db.execute("UPDATE device SET facts = ? WHERE id = ?", (json.dumps(facts), device_id))

    def repeat(self, key: str) -> dict[str, Any] | None:
        """Return the command of that key, counting one more submission."""
        with self._transaction() as db:
            db.execute(
                "UPDATE command SET submissions = submissions + 1 WHERE idempotency_key = ?", (key,)
            )
            return self._one("idempotency_key", key)

    def add(self, command: dict[str, Any], steps: Sequence[Step], now: float) -> dict[str, Any]:
        """Store a command with the steps its device will take."""
        with self._transaction() as db:
            command_id = uuid.uuid4().hex
            db.execute(
                "INSERT INTO command (id, idempotency_key, device, type, parameters, not_after,"
                " state, at) VALUES (?, ?, ?, ?, ?, ?, 'pending', ?)",
                (
                    command_id,
                    command["idempotency_key"],
                    command["device"],
                    command["type"],
                    json.dumps(command["parameters"]),
                    command["not_after"],
                    _iso(now),
                ),
            )
            expiry = datetime.fromisoformat(command["not_after"]).timestamp()
            planned = [(now + s.delay, s.state, s.code, s.detail, s.told) for s in steps]
            db.executemany(
                "INSERT INTO step (due, command, state, code, detail, told)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (due, command_id, state, code, detail, told)
                    for due, state, code, detail, told in (
                        *planned,
                        (expiry, "expired", "expired", "Nobody answered in time.", True),
                    )
                ],
            )
            found = self._one("id", command_id)
        if found is None:
            raise RuntimeError(command_id)
        return found

    def due_steps(self, now: float, limit: int = 200) -> list[sqlite3.Row]:
        """Return steps whose time has come, oldest first."""
        with self._lock:
            return self._db.execute(
                "SELECT step.*, command.device, command.type, command.state AS present,"
                " command.parameters"
                " FROM step JOIN command ON command.id = step.command"
                " WHERE due <= ? ORDER BY due, step.id LIMIT ?",
                (now, limit),
            ).fetchall()

    def take(self, step: sqlite3.Row, now: float, result: dict[str, Any] | None) -> None:
        """Carry a step out, unless the command is over, and note who must be told."""
        with self._transaction() as db:
            db.execute("DELETE FROM step WHERE id = ?", (step["id"],))
            moved = db.execute(
                "UPDATE command SET state = ?, at = ?, code = ?, detail = ?, result = ?,"  # noqa: S608
                " event = event + 1, executions = executions + ?"
                f" WHERE id = ? AND state NOT IN {SETTLED_SQL}",
                (
                    step["state"],
                    _iso(now),
                    step["code"],
                    step["detail"],
                    json.dumps(result) if result else None,
                    step["state"] == "acknowledged",
                    step["command"],
                ),
            ).rowcount
            if not moved:
                return
            if step["state"] == "acknowledged":
                self._obeyed(db, step, result)
            if step["told"]:
                body = json.dumps({"events": [self._one("id", step["command"])]})
                db.execute("INSERT INTO notification (due, body) VALUES (?, ?)", (now, body))

    def _obeyed(
        self, db: sqlite3.Connection, step: sqlite3.Row, result: dict[str, Any] | None
    ) -> None:
        if step["type"] in ENDS:
            db.execute(
                "UPDATE device SET enrolled = 0, policy = '{}' WHERE id = ?", (step["device"],)
            )
        elif step["type"] == "Enrol":
            db.execute("UPDATE device SET enrolled = 1 WHERE id = ?", (step["device"],))
        elif step["type"] == "ApplyPolicy" and result:
            policy = json.dumps(result["policy"])
            db.execute("UPDATE device SET policy = ? WHERE id = ?", (policy, step["device"]))
            # what is applied is not kept a second time, with its secrets
            db.execute("UPDATE command SET parameters = '{}' WHERE id = ?", (step["command"],))

    def cancel(self, command_id: str, now: float) -> bool:
        """Withdraw a command that no device has taken; return whether it was in time."""
        with self._transaction() as db:
            return (
                db.execute(
                    "UPDATE command SET state = 'cancelled', at = ?, event = event + 1"
                    " WHERE id = ? AND state IN ('pending', 'not_now')",
                    (_iso(now), command_id),
                ).rowcount
                == 1
            )

    def commands(self, column: str, values: Sequence[str]) -> list[dict[str, Any]]:
        """Return commands by id, idempotency key or device."""
        with self._lock:
            return [found for value in values for found in self._many(column, value)]

    def due_notifications(self, now: float) -> list[sqlite3.Row]:
        """Return what must be told now."""
        with self._lock:
            return self._db.execute(
                "SELECT * FROM notification WHERE due <= ? ORDER BY id LIMIT 100", (now,)
            ).fetchall()

    def told(self, notification_id: int) -> None:
        """Forget a notification that was taken, or given up."""
        with self._transaction() as db:
            db.execute("DELETE FROM notification WHERE id = ?", (notification_id,))

    def tell_later(self, notification_id: int, due: float) -> None:
        """Try a notification again later."""
        with self._transaction() as db:
            db.execute(
                "UPDATE notification SET tries = tries + 1, due = ? WHERE id = ?",
                (due, notification_id),
            )

    def _one(self, column: str, value: str) -> dict[str, Any] | None:
        return next(iter(self._many(column, value)), None)

    def _many(self, column: str, value: str) -> list[dict[str, Any]]:
        if column not in {"id", "idempotency_key", "device"}:
            raise ValueError(column)
        rows = self._db.execute(
            f"SELECT * FROM command WHERE {column} = ? ORDER BY rowid",  # noqa: S608
            (value,),
        )
        return [_account(row) for row in rows]


def _account(row: sqlite3.Row) -> dict[str, Any]:
    """Return a command as the sandbox tells of it."""
    return {
        "id": row["id"],
        "event_id": f"{row['id']}-{row['event']}",
        "idempotency_key": row["idempotency_key"],
        "device": row["device"],
        "type": row["type"],
        "state": row["state"],
        "at": row["at"],
        "code": row["code"],
        "detail": row["detail"],
        "result": json.loads(row["result"]) if row["result"] else None,
        "submissions": row["submissions"],
        "executions": row["executions"],
        "simulated": True,
    }


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()
