"""The data lock's cast, for the attacks on it."""

from __future__ import annotations

from tests.lock_live import counter, lock, lock_server

__all__ = ["counter", "lock", "lock_server"]
