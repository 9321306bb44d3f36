"""A vault without HTTP for the use cases, and a live server with organisations in it for the doors."""

from __future__ import annotations

from tests.lock_live import counter, lock, lock_server

__all__ = ["counter", "lock", "lock_server"]
