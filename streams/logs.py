"""Structured lines: an event's name and its keys, as JSON or for a console, from structlog and the libraries alike."""

import logging
import sys
from typing import Any, Literal

import structlog

# What Faust and its service library say, with a traceback, before a crash which stop_worker tells in one line.
_TOLD_BY_US = ("Crashed reason=", "Got exception: %r\nCurrent assignment", "Committing raised exception: ")


def configure_logs(form: Literal["console", "json"], level: str, **always: str) -> None:
    """Send all log lines to standard error in *form*, each with the keys of *always*."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: Any = structlog.processors.JSONRenderer()
    if form == "console":
        # Plain tracebacks: the rich ones print local variables, and with them what nobody may read.
        plain = structlog.dev.plain_traceback
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )  # fmt: skip
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    handler.addFilter(_tried_again)
    handler.addFilter(_worth_telling)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # The libraries speak of every connection and assignment; what matters of it, we say ourselves.
    for name in ("aiokafka", "faust", "mode", "aiohttp", "httpx", "httpx2", "httpcore"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))
    structlog.contextvars.bind_contextvars(**always)


def _tried_again(record: logging.LogRecord) -> bool:
    """Make a warning of what the consumer calls an error: it tries again, and what ends a worker, we say ourselves."""
    if record.name.startswith("aiokafka") and record.levelno == logging.ERROR:
        record.levelno, record.levelname = logging.WARNING, "WARNING"
    return True


def _worth_telling(record: logging.LogRecord) -> bool:
    """Leave out what the service library says of each of our classes that starts, stops or crashes."""
    said = str(record.msg)
    told = any(words in said for words in _TOLD_BY_US)
    return not (told or (record.levelno < logging.WARNING and said.startswith("[^")))
