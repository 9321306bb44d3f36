"""A moment that only this server can have written down, handed to a browser and read again when it comes back."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from datetime import UTC, datetime


def seal_moment(moment: datetime, *, about: Iterable[str], key: bytes) -> str:
    """The moment, to the second, with a seal (HMAC-SHA-256) over it and over what it is about."""
    seconds = str(int(moment.timestamp()))
    return f"{seconds}.{_seal(seconds, about, key)}"


def read_moment(sealed: str, *, about: Iterable[str], key: bytes) -> datetime | None:
    """The moment; None when we did not write it, or about something else. Nothing is read before the seal holds."""
    seconds, _, seal = sealed.partition(".")
    if not hmac.compare_digest(seal.encode(), _seal(seconds, about, key).encode()):
        return None
    return datetime.fromtimestamp(int(seconds), UTC)


def _seal(seconds: str, about: Iterable[str], key: bytes) -> str:
    return hmac.new(key, "\0".join((seconds, *about)).encode(), "sha256").hexdigest()
