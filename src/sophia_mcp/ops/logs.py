"""Where do log lines go, and what do they look like?

One JSON object per line, on the error stream and, if wanted, in a file: the output stream belongs
to the protocol. Importing this module costs tens of milliseconds, so it is imported where a line
is about to be written; modules that log rarely use the standard library's loggers, whose records
come out the same way.
"""

from __future__ import annotations

import logging
import logging.handlers
import os
import sys
from pathlib import Path
from typing import TextIO

import structlog

from sophia_mcp.errors import BadSetting

ROOT = "sophia_mcp"
FILE_BYTES = 5 << 20
"""A log file is turned over at this size; two old ones are kept."""

_BEFORE: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger below ``sophia_mcp``; takes an event and named values. Before ``configure`` it writes JSON
    lines, too, through whatever handlers the standard library has."""
    if not structlog.is_configured():
        # Left to itself, structlog draws a traceback with the values of all variables, secrets among them.
        _shape(structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str))
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(f"{ROOT}.{name}")
    return logger


def configure(level: str = "WARNING", file: Path | None = None, *, stream: TextIO | None = None) -> None:
    """Send lines of this level and above to ``stream`` (default: the error stream) and ``file``.

    Called again, it replaces what was configured. A file is made readable to its owner alone.
    Raises OSError when the file cannot be opened, ValueError on an unknown level.
    """
    _shape(structlog.stdlib.ProcessorFormatter.wrap_for_formatter)
    lines = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_BEFORE,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(default=str),
        ],
    )
    handlers: list[logging.Handler] = [logging.StreamHandler(stream or sys.stderr)]
    if file is not None:
        handlers.append(_file(file))
    root = logging.getLogger(ROOT)
    for old in list(root.handlers):
        root.removeHandler(old)
        old.close()
    for each in handlers:
        each.setFormatter(lines)
        root.addHandler(each)
    root.setLevel(level.upper())
    root.propagate = False


def follow(level: str, file: str) -> None:
    """`configure` as a person set it; without a ``file`` only the error stream is written to. Raises
    BadSetting."""
    place = Path(file) if file else None
    try:
        configure(level, place)
    except OSError as error:
        raise BadSetting(
            f"cannot write the log file {place}", why=error.strerror or "", next="mend log.file"
        ) from error


def _shape(*last: structlog.typing.Processor) -> None:
    """Hand every line to the standard library's logger of its name, as the last processors make it."""
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *_BEFORE, *last],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _file(path: Path) -> logging.Handler:
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600))
    return logging.handlers.RotatingFileHandler(
        path, maxBytes=FILE_BYTES, backupCount=2, encoding="utf-8"
    )
