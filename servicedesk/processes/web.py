"""Settings of gunicorn: `gunicorn --config python:servicedesk.processes.web wsgi:app`."""

from __future__ import annotations

import sys
from pathlib import Path
from threading import Thread
from typing import Any

import gunicorn.http.wsgi  # type: ignore[import-untyped]
from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from config import Mode, Settings, SettingsError
from servicedesk.core.embedded_postgres import database_url
from servicedesk.processes import measuring
from servicedesk.processes.logs import configure_logs, quieten
from servicedesk.processes.preparation import serve_or_refuse

try:
    _settings = Settings.from_environment()
except SettingsError as error:
    sys.exit(str(error))
configure_logs(as_json=_settings.is_production)
if _settings.mode is Mode.DEVELOPMENT:
    quieten()
measuring.share(_settings.metrics_folder)

# what measures is imported when its folder is known
from prometheus_client.multiprocess import mark_process_dead  # noqa: E402

from servicedesk.shell.charts.drawing import warm_up  # noqa: E402

# no setting takes the name of the server out of every answer
gunicorn.http.wsgi.SERVER = "desk"


class OneForm(Logger):
    """Have gunicorn's messages written as all others are."""

    def setup(self, cfg: Any) -> None:
        """Set the levels, then leave writing to the root logger."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


bind = f"{_settings.host}:{_settings.port}"
worker_class = "gthread"
workers = 2
threads = 8
timeout = 60  # seconds without a sign of life
graceful_timeout = 5  # seconds for open requests when stopping
keepalive = 5
control_socket_disable = True  # it would lie in the user's home
accesslog = None
loglevel = "warning"
logger_class = OneForm
# its sign of life is a file: on a disk, a slow flush would look like a dead worker
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108


def on_starting(server: Any) -> None:
    """Open no port on a database or a host that is not fit for it."""
    del server
    serve_or_refuse(database_url(_settings))


def post_worker_init(worker: Any) -> None:
    """Have a new process draw something before anybody waits for its first chart."""
    del worker
    Thread(target=warm_up, name="charts", daemon=True).start()


def child_exit(server: Any, worker: Any) -> None:
    """Take what a dead process had open or under way out of the sums."""
    del server
    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
