"""Where the pages of tasks and their runs stand; a permission decides who changes something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.planning.web import editing, runs, tasks

if TYPE_CHECKING:
    from flask import Blueprint


def add(pages: Blueprint) -> None:
    """Put `/tasks` and `/tasks/…/runs` below."""
    _add_tasks(pages)
    _add_runs(pages)


def _add_tasks(pages: Blueprint) -> None:
    one, both = "/tasks/<reference>", ["GET", "POST"]
    pages.add_url_rule("/tasks", view_func=tasks.tasks)
    pages.add_url_rule("/tasks/new", view_func=editing.create, methods=both)
    pages.add_url_rule("/tasks/reading", view_func=editing.reading)
    pages.add_url_rule(one, view_func=tasks.task)
    pages.add_url_rule(f"{one}/edit", view_func=editing.edit, methods=both)
    pages.add_url_rule(f"{one}/adjust", view_func=editing.adjust, methods=both)
    pages.add_url_rule(f"{one}/dry-run", view_func=tasks.dry_run)
    acts = (tasks.approve, tasks.switch_on, tasks.switch_off, tasks.end, tasks.run_now)
    for act in acts:
        name = act.__name__.replace("_", "-")
        pages.add_url_rule(f"{one}/{name}", view_func=act, methods=["POST"])


def _add_runs(pages: Blueprint) -> None:
    one = "/tasks/<reference>/runs/<int:run_id>"
    pages.add_url_rule(one, view_func=runs.run)
    pages.add_url_rule(f"{one}/progress", view_func=runs.run_progress)
    pages.add_url_rule(f"{one}/cancel", view_func=runs.run_cancel, methods=["POST"])
    pages.add_url_rule(f"{one}/again", view_func=runs.run_again, methods=["POST"])
