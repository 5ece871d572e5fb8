"""The log of a service: one JSON object a line on stderr, its own and that of everything it runs on.

A line has ``time`` (UTC), ``level``, ``logger`` and ``event``; what else belongs to the event stands beside them. A
request's line has no address of its client, no query and no path, only the route: paths name documents. What was asked
is there only where the options say so, otherwise its length.
"""

from __future__ import annotations

import datetime
import json
import logging
import sys
from typing import IO, Any

from rag.serve.work import StoppedError

_FIELDS = "fields"  # under which a record carries what belongs to its event
_TALKATIVE = ("rag", "uvicorn")  # whose ordinary doings are of interest; of everybody else warnings are


class JsonFormatter(logging.Formatter):
    """Makes a line of a record."""

    def format(self, record: logging.LogRecord) -> str:
        """One JSON object, whatever the message holds."""
        time = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        line: dict[str, Any] = {
            "time": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **getattr(record, _FIELDS, {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        # Half surrogates, which a message may hold, cannot be written as UTF-8; in JSON they can be spelt out.
        return json.dumps(line, ensure_ascii=False, default=str).encode("utf-8", "backslashreplace").decode()


def _is_news(record: logging.LogRecord) -> bool:
    # LangChain warns of whatever a callback raises, and a job whose client has left is stopped by raising in one.
    return not (record.name.startswith("langchain_core.callbacks") and StoppedError.__name__ in record.getMessage())


def write_json_logs(stream: IO[str] | None = None) -> None:
    """Send everything that is logged in this process to ``stream`` (stderr) as JSON lines."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(_is_news)
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.INFO)
    logging.captureWarnings(True)


def with_fields(**fields: Any) -> dict[str, Any]:
    """What a logging call takes as ``extra`` so that the line has these fields."""
    return {_FIELDS: fields}
