"""Two clocks over 10,000 thresholds, one killed and one held up: each fires once, each is told once."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest
from sqlalchemy import create_engine, text

from config import ROOT
from tests.conftest import copied_database
from tests.desk_on_loopback import until

LEDGERS = 5_000
THRESHOLDS = 2 * LEDGERS  # of the first answer and of the resolution
PLAN = {
    "targets": {
        "incident": {
            "medium": {"first_response": {"seconds": 36_000}, "resolution": {"seconds": 36_000}}
        }
    },
    "thresholds": [
        {
            "percent": 50,
            "reaches": ["queue"],
            "metrics": ["first_response", "resolution"],
            "priorities": ["medium"],
            "raises": False,
            "queue": "",
        }
    ],
    "notice_calendar": "",
    "round_the_clock": [],
}
ALWAYS = {"time_zone": "Europe/Madrid", "weekly": [[[0, 1440]]] * 7, "holidays": []}
# every ticket began six of its ten hours ago, so that half the time is used, and not three quarters
DUE = (
    """INSERT INTO client (reference, name, tax_id, sector, city, created_at)
       VALUES ('CLI-1', 'Client', 'B1', 'Logistics', 'Bilbao', now())""",
    """INSERT INTO contract (client_id, reference, modality, starts_on, ends_on, time_zone, blocks,
                             engagement_days, wipes_per_order, wipes_per_hour,
                             wipe_share_per_day, cancel_window_minutes, location_days)
       SELECT id, 'CTR-1', 'managed', current_date - 5, current_date + 5, 'Europe/Madrid', '{}',
              16, 1, 5, 0.02, 30, 30 FROM client""",
    """INSERT INTO plan_version (code, version, name, effective_on, definition, created_at,
                                 author_name)
       VALUES ('standard', 1, 'Standard', '2020-01-01', CAST(:plan AS jsonb), now(), 'test')""",
    """INSERT INTO calendar_version (code, version, name, effective_on, definition, created_at,
                                     author_name)
       VALUES ('always', 1, 'Always', '2020-01-01', CAST(:always AS jsonb), now(), 'test')""",
    """INSERT INTO sla_ledger (client_id, contract_id, subject, started_at, started_on, started_slot,
           kind, priority, queue, plan_id, calendar_id, next_due_at, due_at, standing,
           response_due_at, response_verdict, resolution_due_at, resolution_verdict)
       SELECT c.client_id, c.id, 'INC-1-' || n, at, at::date, 0, 'incident', 'medium', 'support',
           p.id, k.id, at + interval '5 hours', at + interval '10 hours', 'on_track',
           at + interval '10 hours', 'running', at + interval '10 hours', 'running'
       FROM contract c, plan_version p, calendar_version k, generate_series(1, :ledgers) n,
            LATERAL (SELECT now() - interval '6 hours' - n * interval '1 millisecond' AS at)""",
    """INSERT INTO sla_event (client_id, ledger_id, sequence, at, kind, plan_id, calendar_id,
           target_kind, target_priority, queue, actor, evidence)
       SELECT client_id, id, 1, started_at, 'started', plan_id, calendar_id, kind, priority, queue,
           'test', '{}' FROM sla_ledger""",
    """INSERT INTO sla_cycle (client_id, ledger_id, metric, ordinal, plan_id, kind, priority, queue,
           started_at, target_seconds, due_at, verdict, is_near_miss, warned_percent)
       SELECT client_id, id, metric, 1, plan_id, kind, priority, queue, started_at, 36000, due_at,
           'running', false, 0
       FROM sla_ledger, unnest(ARRAY['first_response', 'resolution']) metric""",
)


@pytest.fixture
def house(instance, migrated):
    """A database where 10,000 thresholds are due."""
    with copied_database(instance, migrated) as address:
        owner = create_engine(address)
        facts = {"plan": json.dumps(PLAN), "always": json.dumps(ALWAYS), "ledgers": LEDGERS}
        with owner.begin() as connection:
            for statement in DUE:
                named = {name: value for name, value in facts.items() if f":{name}" in statement}
                connection.execute(text(statement), named)
        yield address, owner
        owner.dispose()


@pytest.fixture
def clock_on(house):
    """Start clocks; whatever is left of them ends with the test."""
    address, _ = house
    started = []

    def start() -> subprocess.Popen:
        command = [sys.executable, "-m", "tests.clock_process", address]
        started.append(subprocess.Popen(command, cwd=ROOT))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_each_threshold_fires_once_though_one_clock_dies_and_one_is_held_up(house, clock_on):
    _, owner = house

    def ask(question: str) -> int:
        with owner.connect() as connection:
            return connection.execute(text(question)).scalar_one()

    def fired() -> int:
        return ask("SELECT count(*) FROM sla_warning")

    def looks() -> int:
        return ask("SELECT count(DISTINCT fired_at) FROM sla_warning")

    dying, held_up = clock_on(), clock_on()
    until(lambda: fired() > THRESHOLDS * 0.1, seconds=60, what="the clocks run")
    held_up.send_signal(signal.SIGSTOP)
    until(lambda: fired() > THRESHOLDS * 0.4, seconds=60, what="one goes on")
    dying.send_signal(signal.SIGKILL)
    assert dying.wait(10) == -signal.SIGKILL
    at_its_death = fired()
    assert at_its_death < THRESHOLDS, "it died too late to prove anything"
    held_up.send_signal(signal.SIGCONT)
    until(lambda: not ask("SELECT count(*) FROM sla_ledger WHERE next_due_at < now()"), seconds=40)
    assert held_up.poll() is None

    assert fired() == THRESHOLDS
    assert looks() > 10
    assert (
        ask(
            "SELECT count(*) FROM (SELECT DISTINCT ledger_id, metric, ordinal, percent"
            " FROM sla_warning WHERE ordinal = 1 AND percent = 50 AND outcome IS NULL) each"
        )
        == THRESHOLDS
    )
    jobs = "procrastinate_jobs WHERE task_name = 'tickets.tell_warning'"
    assert ask(f"SELECT count(*) FROM {jobs}") == THRESHOLDS
    assert (
        ask(
            f"SELECT count(DISTINCT w.id) FROM sla_warning w JOIN (SELECT * FROM {jobs}) j"
            " ON (j.args->>'warning_id')::bigint = w.id AND j.scheduled_at = w.tell_at"
        )
        == THRESHOLDS
    )
    assert ask("SELECT count(*) FROM sla_cycle WHERE warned_percent <> 50") == 0
