"""Where tasks and their runs have their pages, from whatever leads there."""

from __future__ import annotations

from servicedesk.shell.navigation import to


def task_page(reference: str) -> str:
    """Return the address of a task's page."""
    return f"{to('planned.index')}tasks/{reference}"


def run_page(reference: str, run_id: int) -> str:
    """Return the address of a run's page."""
    return f"{task_page(reference)}/runs/{run_id}"
