"""Access modes, needs and the judge that compares what is needed with what is held (Web Access Control §4.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from vault.values import ResourceUrl


class AccessMode(StrEnum):
    """The four modes of WAC; Write implies Append (WA-10)."""

    READ = "read"
    APPEND = "append"
    WRITE = "write"
    CONTROL = "control"


Modes = frozenset[AccessMode]
NO_MODES: Modes = frozenset()


class Need(NamedTuple):
    """Modes an operation requires on one target, and why (`because` is shown by `datakluis access explain`)."""

    target: ResourceUrl
    modes: Modes
    because: str


class Held(NamedTuple):
    """Modes a caller holds on one target; `public` are those everybody holds; `by` names the rule that gave them."""

    user: Modes
    public: Modes
    by: str


class Allowed(NamedTuple):
    """Every need is met. `user` and `public` are the modes held on the first need's target (for WAC-Allow)."""

    user: Modes
    public: Modes
    by: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The first need that is not met, and what was missing. `user` and `public` as in Allowed."""

    need: Need
    because: str
    user: Modes
    public: Modes


Decision = Allowed | Refused


def closure(modes: Modes) -> Modes:
    """Adds what a mode implies: Write implies Append, Control implies nothing (WA-10)."""
    return modes | {AccessMode.APPEND} if AccessMode.WRITE in modes else modes


def judge(needs: Sequence[Need], held: Mapping[ResourceUrl, Held]) -> Decision:
    """Every needed mode on every target must be held; no needs at all is refused by the caller, never here."""
    first = held[needs[0].target]
    user, public = closure(first.user), closure(first.public)
    for need in needs:
        missing = need.modes - closure(held[need.target].user)
        if missing:
            lacking = ", ".join(sorted(missing))
            return Refused(need, f"{need.because}: {lacking} is not given by {held[need.target].by}", user, public)
    return Allowed(user, public, first.by)
