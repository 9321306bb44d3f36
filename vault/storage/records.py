"""Values as the tables hold them: whole domain values as JSON text, times as whole microseconds since 1970 in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DECODERS: dict[Any, msgspec.json.Decoder[Any]] = {}  # one for each type that is stored, made on first use
_ENCODER = msgspec.json.Encoder(order="deterministic")


def to_json(value: object) -> str:
    """A frozen dataclass, mapping or list as JSON; the same value always gives the same text."""
    return _ENCODER.encode(value).decode()


def from_json(kind: type[T], text: str) -> T:
    """The value of this type that `to_json` wrote. A field added later needs a default, and nothing else."""
    decoder = _DECODERS.get(kind)
    if decoder is None:
        decoder = _DECODERS[kind] = msgspec.json.Decoder(kind)
    value: T = decoder.decode(text)
    return value


def to_micros(at: datetime) -> int:
    """Exact, unlike a float of seconds. `at` must be aware: a naive time raises TypeError."""
    return (at - _EPOCH) // _MICROSECOND


@lru_cache(maxsize=4096)
def from_micros(count: int) -> datetime:
    return _EPOCH + timedelta(microseconds=count)
