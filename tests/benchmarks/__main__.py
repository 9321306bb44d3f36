"""`make bench`: every hot path beside a bare aiohttp + uvloop handler that returns the same kilobyte, in one run.

The server has one core, the load another. A figure is a share of the baseline measured minutes before on the same
machine; seconds are printed and gate nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from itertools import repeat
from pathlib import Path

import uvloop

from tests.benchmarks import ecosystem, load
from tests.benchmarks.cases import cases, fill

_ROW = "{:<42} {:>10} {:>8} {:>9} {:>9}"


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
            for case in cases(eco, shared, scale):
                result = await load.run(case.name, eco.port, case.requests, connections=case.connections)
                _print(result, baseline)
                others = {status: n for status, n in result.statuses.items() if status != case.status}
                if others:
                    wrong += sum(others.values())
                    print(f"    answers other than {case.status}: {others}")
    return 1 if wrong else 0


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
