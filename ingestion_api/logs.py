"""The log: one JSON object a line, on standard output. What is logged is decided where it happens.

Never a key, a body, a query string or a worker's name (C40): callers pass facts, not requests.
"""

import logging
import sys
from typing import Any

import msgspec
import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor

log: FilteringBoundLogger = structlog.get_logger("ingestion_api")


def configure(level: str) -> None:
    """Send this package's log, and that of the libraries below it, to standard output."""
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        _add_component,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(serializer=_encode)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.BytesLoggerFactory(sys.stdout.buffer),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(serializer=_encode_text),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)


def _add_component(_: Any, __: str, event: EventDict) -> EventDict:
    """Name the part of the platform that speaks (S2-067)."""
    event["component"] = "ingestion_api"
    return event


def _encode(event: EventDict, **_: Any) -> bytes:
    return msgspec.json.encode(event, enc_hook=repr)


def _encode_text(event: EventDict, **_: Any) -> str:
    return _encode(event).decode()
