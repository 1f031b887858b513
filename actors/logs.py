"""Logs of every process: one JSON object a line on its own standard output, with UTC times."""

import logging
import sys

import structlog


def configure_logs(level: int = logging.INFO) -> None:
    """Set up structured logs for this process; doing it again changes nothing."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # `sys.stdout` may be another's for a while: a logger kept from then would write where nobody reads, or to nothing.
        logger_factory=structlog.WriteLoggerFactory(file=sys.__stdout__),
        cache_logger_on_first_use=True,
    )
