"""How the desk's processes write what happens: JSON in production, lines for people otherwise."""

from __future__ import annotations

import logging
import sys

import structlog


def configure_logs(*, as_json: bool) -> None:
    """Send our events and the libraries' warnings to standard error in one form."""
    shared: list[structlog.typing.Processor] = [
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
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            # the default shows local variables, which hold secrets
            exception_formatter=structlog.dev.plain_traceback,
        )
    )
    steps = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
    if as_json:
        steps.insert(1, structlog.processors.format_exc_info)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=steps)
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("servicedesk").setLevel(logging.INFO)
