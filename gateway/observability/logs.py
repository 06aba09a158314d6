"""Structured logs: events and ids, never what a citizen wrote and never people's data."""

import logging
import sys
from typing import Literal

import orjson
import structlog

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def configure_logs(level: str, form: Literal["json", "console"]) -> None:
    """Send our own lines, and warnings of libraries, to standard error."""
    renderer: structlog.typing.Processor
    if form == "json":
        renderer = structlog.processors.JSONRenderer(
            serializer=lambda event, **_: orjson.dumps(event, default=str).decode()
        )
    else:
        renderer = structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _without_values,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_Forward()], level=logging.WARNING, force=True)


class _Forward(logging.Handler):
    """Libraries' warnings as our lines: where and what kind, not the text, which may quote data."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record's origin."""
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        structlog.get_logger("library").warning(
            "library warning",
            logger=record.name,
            at=f"{record.module}:{record.lineno}",
            level_name=record.levelname,
            error=kind,
        )


def _without_values(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Replace a traceback by its frames: an exception's text may quote what a citizen wrote."""
    if event.pop("exc_info", None):
        kind, error, trace = sys.exc_info()
        frames = []
        while trace is not None:
            code = trace.tb_frame.f_code
            frames.append(f"{code.co_filename}:{trace.tb_lineno} {code.co_name}")
            trace = trace.tb_next
        event["exception"] = kind.__name__ if kind else type(error).__name__
        event["frames"] = frames[-12:]
    return event
