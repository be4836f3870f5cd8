"""How the desk's processes write what happens: JSON in production, lines for people otherwise.

Whatever is written passes `withhold`: what a database or a mail server says about an error may
quote the row or the address it was about, and a log is read by more people than either.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

WITHHELD = "[withheld]"
# PostgreSQL's detail of an error quotes the row; it ends where something else is said
DETAIL = re.compile(
    r"DETAIL:.*?(?=\n(?:HINT|CONTEXT|\[SQL|\(Background|Traceback|The above|During)|\n\n|\Z)",
    re.DOTALL,
)
# and the message itself quotes a value that is not what its column takes
VALUE = re.compile(r"((?:invalid input|value)[^\"\n]*)\"[^\"\n]*\"")
ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
PASSWORD = re.compile(r"(?<=://)[^\s/@]+@")
BEARER = re.compile(r"(?i)(?<=bearer )[\w.~+/=-]{8,}")


def withhold(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Take out of a line what quotes people's data or opens something."""
    return {
        name: _told(value) if isinstance(value, str) else value for name, value in event.items()
    }


def _told(words: str) -> str:
    words = DETAIL.sub(f"DETAIL: {WITHHELD}", words)
    words = VALUE.sub(rf'\1"{WITHHELD}"', words)
    words = PASSWORD.sub(f"{WITHHELD}@", words)
    return BEARER.sub(WITHHELD, ADDRESS.sub(WITHHELD, words))


def configure_logs(*, as_json: bool) -> None:
    """Send our events and the libraries' warnings to standard error in one form."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            # the default shows local variables, which hold secrets
            exception_formatter=structlog.dev.plain_traceback,
        )
    )
    steps: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        withhold,
        renderer,
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=steps)
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("servicedesk").setLevel(logging.INFO)


def quieten() -> None:
    """Leave a line for each request and job out: on a developer's terminal they hide everything else."""
    for name in ("servicedesk.access", "servicedesk.worker"):
        logging.getLogger(name).setLevel(logging.WARNING)
