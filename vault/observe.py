"""What the operator sees: structured log lines on standard error, one JSON object each.

A line is an event with fields, never a sentence with data. Only the fields in `FIELDS` exist; their texts are searched
for tokens, addresses and URLs, and an exception is told by its type and its place in the code, never by its message,
which may quote what somebody sent. There are no names, no WebIDs and no paths: a pod stands under a keyed hash, an
address without its last part (ATK-34).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import os
import re
import secrets
import sys
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any, Final, TextIO

import structlog

FIELDS: Final = frozenset(
    [
        "event",
        "level",
        "at",
        "request",
        "method",
        "route",
        "status",
        "ms",
        "pod",
        "address",
        "reason",
        "error",
        "frames",
    ]
    + ["setting", "base_url", "host", "port", "workers", "worker", "version", "data", "seconds", "count", "logger"]
    + ["message", "signal", "code", "kind"]
)
_OURS: Final = frozenset(["event", "level", "at", "base_url", "host", "data", "frames"])  # never text of a stranger
_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_SECRETS: Final = re.compile(
    r"[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}[A-Za-z0-9_.-]*"  # a JSON Web Token
    r"|[A-Za-z0-9_+/=-]{40,}"  # any other long secret
    r"|[a-z][a-z0-9+.-]{1,20}://\S+"  # a URL or WebID
    r"|[^\s@<>]{1,64}@[^\s@<>]{1,255}"  # an e-mail address
    r"|\b\d{2}\.?\d{2}\.?\d{2}[- ]?\d{3}[.]?\d{2}\b"  # a national number
)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True, default=str).encode

_ID_BYTES: Final = 8
_chance = bytearray()  # random bytes that no request has been named by yet
os.register_at_fork(after_in_child=_chance.clear)  # two workers never name requests alike

_log: Any = structlog.get_logger()
_lines: Callable[[str], object] | None = None  # where request lines go; None when structlog has to show them
_listening = True  # whether anybody wants them


def configure(*, level: str, form: str, stream: TextIO | None = None) -> None:
    """Sets up this process's log: `level` debug, info, warning or error; `form` json or console.

    Libraries that log by the standard `logging` module end up in the same lines, redacted.
    """
    out = stream or sys.stderr
    render: Any = structlog.dev.ConsoleRenderer(colors=False, event_key="event", timestamp_key="at")
    structlog.configure(
        processors=[structlog.processors.add_log_level, _stamp, redact, render if form == "console" else _to_json],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(file=out),
        cache_logger_on_first_use=False,
    )
    global _log, _lines, _listening  # noqa: PLW0603 - the one log of this process, bound once at start
    _log = structlog.get_logger().bind()
    _listening = _LEVELS[level] <= logging.INFO
    _lines = out.write if form == "json" else None
    root = logging.getLogger()
    root.handlers[:] = [*(handler for handler in root.handlers if not isinstance(handler, _Bridge)), _Bridge()]
    root.setLevel(max(_LEVELS[level], logging.INFO))


def event(name: str, /, **fields: object) -> None:
    """Something happened that an operator may want to know."""
    _log.info(name, **fields)


def warning(name: str, /, **fields: object) -> None:
    """Something an operator should look at."""
    _log.warning(name, **fields)


def failure(name: str, cause: BaseException, /, **fields: object) -> None:
    """Something of ours broke: the type of the exception and where, not what it said."""
    _log.error(name, error=_types(cause), frames=_frames(cause), **fields)


def wants_requests() -> bool:
    """Whether `request_line` would write anything."""
    return _listening


def request_line(
    *, request: str, method: str, route: str, status: int, ms: float, pod: str, address: str, reason: str
) -> None:
    """One line for each request; `pod` and `address` as `hashed_pod` and `truncated_address` give them.

    Every field is of our own making and needs no escaping (a method is an HTTP token): the line is put together here,
    because it is written for each request and structlog would take as long as the request itself.
    """
    if not _listening:
        return
    if _lines is None:
        fields = {"request": request, "method": method, "route": route, "status": status, "ms": ms}
        _log.info("request", **fields, pod=pod, address=address, reason=reason)
        return
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    _lines(
        f'{{"event":"request","level":"info","at":"{at}","request":"{request}","method":"{method}","route":"{route}",'
        f'"status":{status},"ms":{ms:.3f},"pod":"{pod}","address":"{address}","reason":"{reason}"}}\n'
    )


def new_request_id() -> str:
    """16 hex digits, unguessable, so that an id in an error page tells nothing about other requests."""
    if len(_chance) < _ID_BYTES:
        _chance.extend(secrets.token_bytes(256 * _ID_BYTES))  # asking the system each time costs more than the id
    found = _chance[-_ID_BYTES:].hex()
    del _chance[-_ID_BYTES:]
    return found


@lru_cache(maxsize=4096)
def hashed_pod(pod: str, key: bytes) -> str:
    """The same pod gives the same 12 digits under one server's key, and nobody without the key can go back."""
    return hmac.new(key, b"log:" + pod.encode(), hashlib.sha256).hexdigest()[:12] if pod else ""


@lru_cache(maxsize=4096)
def truncated_address(address: str | None) -> str:
    """The network of an address: /24 of IPv4, /48 of IPv6; empty when it is not an address."""
    try:
        ip = ip_address(address or "")
    except ValueError:
        return ""
    return str(ip_network((ip, 24 if ip.version == 4 else 48), strict=False).network_address)


def redact(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Drops fields that are not in the list and blackens what looks like a secret or a person in the others."""
    for name in [name for name in line if name not in FIELDS]:
        del line[name]
    for name, value in line.items():
        if name not in _OURS and isinstance(value, str) and len(value) > 10:
            line[name] = clean_text(value)
    return line


def clean_text(text: str) -> str:
    """One line of at most 200 characters without tokens, URLs, e-mail addresses or national numbers."""
    return _CONTROL.sub(" ", _SECRETS.sub("***", text[:4096]))[:200]


class _Bridge(logging.Handler):
    """Lines of libraries: the logger, the message template without its values, the exception's type and place."""

    def emit(self, record: logging.LogRecord) -> None:
        fields: dict[str, object] = {"logger": record.name, "message": str(record.msg).partition("\n")[0]}
        if record.exc_info and record.exc_info[1] is not None:
            fields |= {"error": _types(record.exc_info[1]), "frames": _frames(record.exc_info[1])}
        speak = _log.error if record.levelno >= logging.ERROR else _log.warning
        (speak if record.levelno >= logging.WARNING else _log.info)("library", **fields)


def _types(cause: BaseException) -> str:
    """The type of an exception and of those it came from."""
    names: list[str] = []
    current: BaseException | None = cause
    while current is not None and len(names) < 5:
        names.append(type(current).__name__)
        current = current.__cause__ or current.__context__
    return " < ".join(names)


def _frames(cause: BaseException) -> list[str]:
    """The innermost calls, `module:line function`, outermost first."""
    frames: list[str] = []
    step = cause.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        frames.append(f"{step.tb_frame.f_globals.get('__name__', '?')}:{step.tb_lineno} {code.co_name}")
        step = step.tb_next
    return frames[-8:]


def _stamp(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    line["at"] = datetime.now(UTC).isoformat(timespec="milliseconds")
    return line


def _to_json(_logger: object, _method: str, line: MutableMapping[str, Any]) -> str:
    return _encode(line)
