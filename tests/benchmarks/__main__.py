"""`make bench`: every hot path beside a bare aiohttp + uvloop handler that returns the same kilobyte, in one run.

The server has one core, the load another. A figure is a share of the baseline measured minutes before on the same
machine; seconds are printed and gate nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from itertools import repeat
from pathlib import Path

import uvloop

from tests.benchmarks import ecosystem, load
from tests.benchmarks.cases import Case, cases, fill

_ROW = "{:<48} {:>10} {:>8} {:>9} {:>9}"


async def _measure(scale: float) -> int:
    request = b"GET /x HTTP/1.1\r\nHost: localhost\r\nAccept: text/turtle\r\n\r\n"
    print(_ROW.format("", "requests/s", "of bare", "p50 ms", "p99 ms"))
    async with ecosystem.bare() as port:
        count = max(2_000, int(60_000 * scale))
        baseline = await load.run("bare aiohttp + uvloop handler, 1 kB", port, repeat(request, count), connections=16)
    _print(baseline, baseline)
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        async with ecosystem.vault(Path(folder)) as (eco, shared):
            await fill(eco)
            async for case in cases(eco, shared, scale):
                result, probed = await _run(case, eco.port)
                _print(result, baseline)
                if probed is not None:
                    print(f"    other requests meanwhile: p99 {probed.p99:.1f} ms, longest {probed.longest:.1f} ms")
                others = {status: n for status, n in result.statuses.items() if status != case.status}
                if others:
                    wrong += sum(others.values())
                    print(f"    answers other than {case.status}: {others}")
    return 1 if wrong else 0


async def _run(case: Case, port: int) -> tuple[load.Result, load.Result | None]:
    """The row, and what the probe beside it saw."""
    over = asyncio.Event()

    async def change() -> None:
        for request in case.meanwhile or ():
            await load.run("change", port, [request], connections=1)
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), 1.0)
            if over.is_set():
                return

    def until_over(request: bytes) -> Iterator[bytes]:
        while not over.is_set():
            yield request

    changing = asyncio.create_task(change())
    probing = None
    if case.probe is not None:
        probing = asyncio.create_task(load.run("probe", port, until_over(case.probe), connections=1))
    try:
        result = await load.run(case.name, port, case.requests, connections=case.connections)
    finally:
        over.set()
        await changing
    return result, None if probing is None else await probing


def _print(result: load.Result, baseline: load.Result) -> None:
    share = f"{100 * result.per_second / baseline.per_second:.1f} %"
    print(
        _ROW.format(result.name, f"{result.per_second:,.0f}", share, f"{result.p50:.2f}", f"{result.p99:.2f}"),
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full number of requests")
    arguments = parser.parse_args()
    ecosystem.pin(ecosystem.LOAD_CORE)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        raise SystemExit(runner.run(_measure(arguments.scale)))


if __name__ == "__main__":
    main()
