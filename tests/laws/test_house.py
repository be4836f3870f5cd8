"""Laws of the house that no linter knows."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from servicedesk.core.database import Model
from servicedesk.devices import catalogue
from servicedesk.devices.catalogue.action import ManagedAction
from servicedesk.devices.instructions import INSTRUCTIONS
from servicedesk.planning.checks import CHECKS
from servicedesk.planning.checks.check import Check
from servicedesk.reports.kinds import KINDS
from servicedesk.reports.kinds.kind import ReportKind
from servicedesk.schema import METADATA

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "servicedesk").rglob("*.py"))
FLOORS = [
    *("core", "accounts", "clients", "devices", "sla", "orders", "tickets"),
    *("backups", "monitoring", "planning", "engagement", "reports", "reviews"),
]
REFUSED = {"utils", "helpers", "common", "manager", "handler", "base", "misc"}


def test_a_foreign_key_points_down_or_stays():
    floor_of = {
        mapper.local_table.name: FLOORS.index(mapper.class_.__module__.split(".")[1])
        for mapper in Model.registry.mappers
    }
    for table in METADATA.sorted_tables:
        for key in table.foreign_keys:
            assert floor_of[key.column.table.name] <= floor_of[table.name], key


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_named_for_what_lives_there_short_and_without_hidden_imports(path):
    assert path.stem not in REFUSED
    source = path.read_text(encoding="utf-8")
    assert source.count("\n") <= 410
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            hidden = [n for n in ast.walk(node) if isinstance(n, (ast.Import, ast.ImportFrom))]
            assert not hidden, f"{node.name} imports inside"


def test_every_action_is_in_the_list_and_whole():
    folder = ROOT / "servicedesk" / "devices" / "catalogue"
    files = {path.stem for path in folder.glob("*.py")} - {"__init__", "action", "desired_state"}
    assert {type(action).__module__.split(".")[-1] for action in catalogue.ACTIONS} == files
    assert len({action.code for action in catalogue.ACTIONS}) == len(catalogue.ACTIONS)
    for action in catalogue.ACTIONS:
        assert isinstance(action, ManagedAction)
        assert action.sends in {instruction.kind for instruction in INSTRUCTIONS}
        words = (action.label, action.description, action.consequence, action.way_refusal)
        assert all(words)
        for parameter in action.parameters:
            assert re.compile(parameter.pattern or "")


def test_every_check_is_in_the_list_and_whole():
    folder = ROOT / "servicedesk" / "planning" / "checks"
    files = {path.stem for path in folder.glob("*.py")}
    files -= {"__init__", "check", "looking", "forgetting"}
    assert {type(check).__module__.split(".")[-1] for check in CHECKS} == files
    assert len({check.code for check in CHECKS}) == len(CHECKS)
    for check in CHECKS:
        assert isinstance(check, Check)
        assert check.label
        assert check.description
        assert check.for_client or check.for_service
        # what a form leaves empty can be run with
        assert check.faults({}) == {}
        assert check.faults(check.cleaned({})) == {}


def test_every_kind_of_report_is_in_the_list_and_whole():
    folder = ROOT / "servicedesk" / "reports" / "kinds"
    files = {path.stem for path in folder.glob("*.py")} - {"__init__", "kind"}
    assert {type(kind).__module__.split(".")[-1] for kind in KINDS} == files
    assert len({kind.code for kind in KINDS}) == len(KINDS)
    for kind in KINDS:
        assert isinstance(kind, ReportKind)
        assert kind.label
        assert kind.description
        codes = [column.code for column in kind.columns]
        assert len(set(codes)) == len(codes)
        assert any(column.in_default for column in kind.columns)
        parts = [*kind.columns, *kind.filters]
        assert {name for part in parts for name in part.joins} <= set(kind.joins), kind.code
        for part in parts:
            assert part.label


def test_every_test_is_collected():
    """A sentence without its `test_` would never run."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        used = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("test_"):
                decorated = any("fixture" in ast.dump(d) for d in node.decorator_list)
                assert decorated or node.name in used, f"{path.name}: {node.name} never runs"


def test_templates_are_short_and_without_inline_style_or_script():
    for path in sorted((ROOT / "templates").rglob("*.html")):
        source = path.read_text(encoding="utf-8")
        assert source.count("\n") <= 140, path
        if "mail" not in path.name and path.parent.name != "mail":
            assert not re.search(r"\sstyle=|\son[a-z]+=\"|<style|<script>", source), path


def test_the_newest_migration_is_named_in_head():
    newest = max(path.name.split("_")[0] for path in (ROOT / "migrations/versions").glob("*.py"))
    assert (ROOT / "migrations" / "HEAD").read_text(encoding="ascii").strip() == newest
