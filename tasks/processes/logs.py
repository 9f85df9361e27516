"""Structured logs on standard error, with the ids that are bound to the request or job, and in a file where one is set.

A person at a terminal reads lines with colours, everybody else and the file get a JSON object a line.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from mlxq.settings import Settings
from tasks.processes.log_file import LogFile


class _Log:
    """Standard error for as long as somebody reads it: that a line cannot be written does not make a process fail."""

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.flush()


class _Kept:
    """Writes every record to a file, and passes it on."""

    def __init__(self, file: LogFile) -> None:
        self._file, self._json = file, structlog.processors.JSONRenderer()

    def __call__(self, logger: WrappedLogger, name: str, record: EventDict) -> EventDict:
        self._file.write(str(self._json(logger, name, record)) + "\n")
        return record


def configure(settings: Settings, level: str | None = None) -> None:
    """Send our own and the libraries' records where the settings say, at their level or another, and above."""
    level = level or settings.log_level
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[Processor] = [
        structlog.processors.format_exc_info,
        *([_Kept(LogFile(settings.log_to))] if settings.log_to else []),
        _renderer(settings.log_format, os.environ),
    ]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _Log())),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(_Log())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    logging.basicConfig(level=max(logging.getLevelName(level), logging.WARNING), handlers=[handler], force=True)


def _renderer(form: str, environ: Mapping[str, str]) -> Processor:
    """What makes a line of a record; `auto` asks whether a person reads it."""
    terminal = sys.stderr.isatty()
    if form == "json" or (form == "auto" and not terminal):
        return structlog.processors.JSONRenderer()
    # FORCE_COLOR is how a process manager says that it shows a terminal what its processes write.
    colours = "NO_COLOR" not in environ and (terminal or "FORCE_COLOR" in environ)
    renderer: Any = structlog.dev.ConsoleRenderer
    return cast(Processor, renderer(colors=colours, exception_formatter=structlog.dev.plain_traceback))
