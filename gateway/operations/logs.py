"""Logs as JSON events with an allow-list of keys, so that patient data cannot slip in.

A key that is not on the list is dropped and only its name is told; values are cut. Nothing of a request body,
header, address or name of a person has a key here.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from collections.abc import MutableMapping

ALLOWED: Final = frozenset(
    {
        "accepted", "attempt", "code", "cause", "entries", "error", "establishment", "event", "exception_type", "file", "level",
        "line", "logger", "pending", "pid", "port", "replicas", "scope", "seconds", "state", "status", "suggestion", "system", "task",
        "timestamp", "url", "version", "webhook",
    }
)  # fmt: skip
_LONGEST: Final = 300


def configure(level: str = "info") -> None:
    """Set structlog and the standard library's logging to JSON lines on standard error."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            allowed_only,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_Forward()], level=logging.WARNING, force=True)


def allowed_only(_logger: object, _method: str, event: MutableMapping[str, object]) -> MutableMapping[str, object]:
    """Keep the keys of the list; an exception leaves its type and place, never its text."""
    error = event.pop("exc_info", None)
    if error:
        event.update(_place(error))
    dropped = sorted(key for key in event if key not in ALLOWED)
    kept: MutableMapping[str, object] = {key: _short(value) for key, value in event.items() if key in ALLOWED}
    if dropped:
        kept["code"] = f"keys_dropped:{','.join(dropped)[:100]}"
    return kept


def _place(error: object) -> dict[str, object]:
    found = error if isinstance(error, BaseException) else sys.exc_info()[1]
    if found is None:
        return {}
    trace = found.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = {} if trace is None else {"file": trace.tb_frame.f_code.co_filename.rpartition("/")[2], "line": trace.tb_lineno}
    return {"exception_type": type(found).__name__, **place}


def _short(value: object) -> object:
    return value[:_LONGEST] if isinstance(value, str) else value


class _Forward(logging.Handler):
    """Libraries' records, by logger name and level alone: their texts are not ours to vouch for."""

    def emit(self, record: logging.LogRecord) -> None:
        """Tell that a library said something."""
        place = {"file": record.filename if hasattr(record, "filename") else record.module, "line": record.lineno}
        structlog.get_logger().warning("library.record", logger=record.name, **place)
