"""Several server processes on one listening socket: forked, watched, started again when one dies, stopped in order.

The supervisor has no threads, no event loop and no store of its own, so that forking is safe; it waits for signals and
nothing else. A worker whose supervisor is gone, however that came, hears it by a pipe and stops as if it were told to.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from vault.observe import event, failure, warning

# What a worker does: its number, and a descriptor that reads as ended when the supervisor is gone. Returns an exit
# code.
Work = Callable[[int, int], int]

_WATCHED: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
_YOUNG_SECONDS: Final = 5.0  # a worker that dies younger than this did not start properly
_MOST_FAILED_STARTS: Final = 5  # in a row, over all workers
_LONGEST_WAIT: Final = 5.0


@dataclass(slots=True)
class _Seat:
    """One worker's place: the process in it, since when, and when an empty one is filled again."""

    number: int
    process: int = 0  # 0: empty
    since: float = 0.0
    due: float = 0.0


def supervise(count: int, work: Work, *, grace: float, release: Callable[[], None]) -> int:
    """Keeps `count` workers running until SIGTERM or SIGINT; then they have `grace` seconds to end. `release` gives up
    what the supervisor itself holds for them, the listening socket, so that nobody knocks in vain while they end.

    Exit code 0 when all ended well, 1 when workers kept dying at their start."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    ours, theirs = os.pipe()
    seats = [_Seat(number) for number in range(count)]
    failed_starts = 0
    while failed_starts < _MOST_FAILED_STARTS:
        now = time.monotonic()
        for seat in seats:
            if not seat.process and seat.due <= now:
                seat.process, seat.since = _start(seat.number, work, ours, theirs), now
        waits = [max(0.0, seat.due - now) for seat in seats if not seat.process]
        told = signal.sigtimedwait(_WATCHED, min(waits, default=60.0))
        if told is not None and told.si_signo != signal.SIGCHLD:
            event("stopping", signal=signal.Signals(told.si_signo).name)
            release()
            return _stop(seats, grace)
        for seat, code in _ended(seats):
            young = time.monotonic() - seat.since < _YOUNG_SECONDS
            failed_starts = failed_starts + 1 if young else 0
            seat.due = time.monotonic() + min(_LONGEST_WAIT, 0.1 * 2**failed_starts)
            warning("worker-died", worker=seat.number, code=code, seconds=round(time.monotonic() - seat.since, 3))
    warning("workers-do-not-start", count=failed_starts)
    release()
    _stop(seats, grace)
    return 1


def _start(number: int, work: Work, ours: int, theirs: int) -> int:
    """Forks one worker; returns its process id, and never returns in the worker itself."""
    process = os.fork()
    if process:
        return process
    code = 70  # EX_SOFTWARE
    try:
        os.close(theirs)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)
        code = work(number, ours)
    except KeyboardInterrupt:
        code = 0
    except BaseException as error:
        failure("worker-failed", error, worker=number)
    finally:
        os._exit(code)  # the supervisor's own clean-up is not the worker's to run


def _ended(seats: list[_Seat]) -> list[tuple[_Seat, int]]:
    """Seats whose process is gone, now empty, and its exit code (negative: the signal that ended it)."""
    found = []
    for seat in seats:
        if seat.process:
            process, status = os.waitpid(seat.process, os.WNOHANG)
            if process:
                seat.process = 0
                found.append((seat, os.waitstatus_to_exitcode(status)))
    return found


def _stop(seats: list[_Seat], grace: float) -> int:
    """Tells every worker to end and waits; whoever is still there after `grace` and a little is killed."""
    worst = 0
    for seat in seats:
        if seat.process:
            os.kill(seat.process, signal.SIGTERM)
    end = time.monotonic() + grace + 5.0
    while any(seat.process for seat in seats):
        if time.monotonic() >= end:
            for seat in seats:
                if seat.process:
                    os.kill(seat.process, signal.SIGKILL)
            worst = 1
        signal.sigtimedwait((signal.SIGCHLD,), 0.2)
        worst = max([worst, *(1 if code else 0 for _, code in _ended(seats))])
    return worst
