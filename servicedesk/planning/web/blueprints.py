"""The pages of planning as a blueprint, once for each audience; a permission decides who changes."""

from __future__ import annotations

from flask import Blueprint

from servicedesk.planning.web import calendar, editing, feeds, punctuality, runs, tasks


def planned() -> Blueprint:
    """Return `/planned`."""
    blueprint = Blueprint("planned", __name__, url_prefix="/planned")
    calendar.add(blueprint)
    feeds.add(blueprint)
    punctuality.add(blueprint)
    _add_tasks(blueprint)
    _add_runs(blueprint)
    return blueprint


def _add_tasks(blueprint: Blueprint) -> None:
    one, both = "/tasks/<reference>", ["GET", "POST"]
    blueprint.add_url_rule("/tasks", view_func=tasks.tasks)
    blueprint.add_url_rule("/tasks/new", view_func=editing.create, methods=both)
    blueprint.add_url_rule("/tasks/reading", view_func=editing.reading)
    blueprint.add_url_rule(one, view_func=tasks.task)
    blueprint.add_url_rule(f"{one}/edit", view_func=editing.edit, methods=both)
    blueprint.add_url_rule(f"{one}/adjust", view_func=editing.adjust, methods=both)
    blueprint.add_url_rule(f"{one}/dry-run", view_func=tasks.dry_run)
    acts = (tasks.approve, tasks.switch_on, tasks.switch_off, tasks.end, tasks.run_now)
    for act in acts:
        name = act.__name__.replace("_", "-")
        blueprint.add_url_rule(f"{one}/{name}", view_func=act, methods=["POST"])


def _add_runs(blueprint: Blueprint) -> None:
    one = "/tasks/<reference>/runs/<int:run_id>"
    blueprint.add_url_rule(one, view_func=runs.run)
    blueprint.add_url_rule(f"{one}/progress", view_func=runs.run_progress)
    blueprint.add_url_rule(f"{one}/cancel", view_func=runs.run_cancel, methods=["POST"])
    blueprint.add_url_rule(f"{one}/again", view_func=runs.run_again, methods=["POST"])
