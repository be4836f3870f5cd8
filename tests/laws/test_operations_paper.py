"""What `docs/operations.md` and `deploy/` say is so: metrics exist, units can be read, fields are written."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from prometheus_client import generate_latest
from sqlalchemy import create_engine, text

from config import ROOT
from servicedesk.monitoring.gauges import registry_of

DEPLOY = ROOT / "deploy"
PAPER = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
SUFFIX = re.compile(r"_(?:bucket|count|sum|total|created)$")


def named(words: str) -> set[str]:
    return {SUFFIX.sub("", name) for name in re.findall(r"\bdesk_[a-z_]+", words)}


@pytest.fixture
def metrics(database_address, make) -> set[str]:
    """The names of everything that is told on a desk where something of each kind is there."""
    make.client()
    engine = create_engine(database_address)
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now())")
        )
    told = generate_latest(registry_of(engine)).decode()
    engine.dispose()
    names = {SUFFIX.sub("", name) for name in re.findall(r"^# TYPE (\S+)", told, re.MULTILINE)}
    # these are told once there is a clock
    return {name for name in names if name.startswith("desk_")} | {
        "desk_clock_lease_left_seconds",
        "desk_clock_leader_since_seconds",
        "desk_clock_term",
    }


def test_every_metric_in_an_alert_rule_exists(metrics):
    rules = (DEPLOY / "prometheus" / "rules.yml").read_text(encoding="utf-8")
    expressions = "\n".join(re.findall(r"^\s+expr: (.+)$", rules, re.MULTILINE))
    assert len(named(expressions)) > 10
    assert named(expressions) <= metrics
    alerts = re.findall(r"- alert: (\w+)", rules)
    assert len(alerts) == len(set(alerts)) == rules.count("expr:") == rules.count("severity:")
    assert set(re.findall(r"`(Desk\w+)`", PAPER)) <= set(alerts)


def test_the_paper_names_every_metric_and_no_other(metrics):
    table = re.search(r"\| metric \|.*?\n\n", PAPER, re.DOTALL)[0]
    told = set()
    for first, *others in (
        re.findall(r"`(\w+)`", row.split("|")[1]) for row in table.splitlines()[2:] if row
    ):
        told.add(first)
        told |= {o if o.startswith("desk_") else first.rpartition("_")[0] + o for o in others}
    assert told == metrics


def test_every_file_the_paper_leads_to_is_there():
    for link in re.findall(r"\]\(([^)#]+)\)", PAPER):
        # the paper about backups comes with them
        assert (ROOT / "docs" / link).resolve().exists() or link == "backup.md", link


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd on this machine")
def test_systemd_understands_the_units(tmp_path):
    for unit in (DEPLOY / "systemd").glob("servicedesk*"):
        # the programs are not there on this machine
        words = unit.read_text(encoding="utf-8").replace(
            "/srv/servicedesk/.venv/bin/", "/bin/true "
        )
        (tmp_path / unit.name.replace("@", "@1")).write_text(words, encoding="utf-8")
    shutil.copy(
        tmp_path / "servicedesk-worker@1.service", tmp_path / "servicedesk-worker@2.service"
    )
    units = sorted(str(path) for path in tmp_path.iterdir() if path.suffix != ".conf")
    said = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    about_ours = [line for line in said.stderr.splitlines() if "servicedesk" in line]
    assert about_ours == []
