"""A moment that only this server can have written down, handed to a browser and read again when it comes back."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from datetime import UTC, datetime


def seal_moment(moment: datetime, *, about: Iterable[str], key: bytes) -> str:
    """The moment, to the second, with a seal (HMAC-SHA-256) over it and over what it is about."""
    seconds = str(int(moment.timestamp()))
    seal = hmac.new(key, "\0".join((seconds, *about)).encode(), "sha256").hexdigest()
    return f"{seconds}.{seal}"


def read_moment(sealed: str, *, about: Iterable[str], key: bytes) -> datetime | None:
    """The moment; None when we did not write it, or about something else."""
    seconds = sealed.partition(".")[0]
    if not seconds.isascii() or not seconds.isdigit() or len(seconds) > 12:
        return None
    moment = datetime.fromtimestamp(int(seconds), UTC)
    return moment if hmac.compare_digest(sealed.encode(), seal_moment(moment, about=about, key=key).encode()) else None
