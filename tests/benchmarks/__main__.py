"""`make bench`: every hot path beside a bare aiohttp + uvloop handler that returns the same kilobyte, in one run.

The server has one core, the load another. The bare handler is measured again before each row, with as many
connections: a figure is a share of that. Figures gate nothing; wrong answers and lost updates do. `make bench PEERS=1`
plays the same rows at two other Solid servers (peers.py) and prints the ratios.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from itertools import repeat
from pathlib import Path

import uvloop
from joserfc.jwk import ECKey

from tests.benchmarks import ecosystem, load, peers, report
from tests.benchmarks.cases import MANY, Case, cases, fill, own_cases
from tests.benchmarks.contention import count_together
from tests.benchmarks.ecosystem import Baseline
from tests.benchmarks.places import LOAD_CORE, Place, cpu_seconds, on_core
from tests.benchmarks.report import Row
from vault.config import Limits
from vault.identity.tokens import check_signature, compact_jws, public_key, read_jws

_BARE = b"GET /x HTTP/1.1\r\nHost: localhost\r\nAccept: text/turtle\r\n\r\n"
_ROUNDS = 50  # puts by each writer of one document


async def _measure(arguments: argparse.Namespace) -> int:
    """The exit code."""
    scale, wrong = arguments.scale, 0
    many = max(1000, int(MANY * min(1.0, scale)))
    verification = _verification()
    rows: dict[str, list[Row]] = {}
    with tempfile.TemporaryDirectory() as folder:
        async with ecosystem.bare() as baseline:

            async def play(place: Place, played: AsyncIterator[Case]) -> None:
                async for case in played:
                    if arguments.only in case.name:
                        row = await _row(case, place, baseline, scale)
                        report.print_row(row, verification=verification)
                        rows.setdefault(place.name, []).append(row)

            async with ecosystem.vault(_made(folder, "ours")) as (place, shared):
                report.print_head(place.name)
                await fill(place, many=many)
                await play(place, cases(place, scale, many=many))
                await play(place, own_cases(place, shared, scale))
                outcome = await count_together(place, rounds=_ROUNDS)
                report.print_contention(outcome)
                wrong += outcome.errors + outcome.lost
            wrong += sum(sum(row.wrong.values()) for row in rows[place.name])
            if arguments.peers:
                for peer in (peers.community, peers.javascript_solid_server):
                    async with peer(_made(folder, peer.__name__)) as other:
                        report.print_head(other.name)
                        await fill(other, many=many)
                        await play(other, cases(other, scale, many=many))
                        report.print_contention(await count_together(other, rounds=_ROUNDS))
                report.print_ratios(rows.pop(place.name), rows)
    return 1 if wrong else 0


async def _row(case: Case, place: Place, baseline: Baseline, scale: float) -> Row:
    """The bare handler, and then the case, on as many connections."""
    requests = repeat(_BARE, max(2_000, int(10_000 * scale)))
    before = cpu_seconds(baseline.process)
    bare = await load.run("bare", baseline.port, requests, connections=max(case.connections, 16))
    bare_cpu = cpu_seconds(baseline.process) - before
    before = cpu_seconds(place.process)
    result, probed = await _played(case, place.port)
    cpu = cpu_seconds(place.process) - before
    return Row(case, result, _each(cpu, result), bare, _each(bare_cpu, bare), probed)


def _each(seconds: float, result: load.Result) -> float:
    """Microseconds of the core for each answer."""
    return 1_000_000 * seconds / sum(result.statuses.values())


async def _played(case: Case, port: int) -> tuple[load.Result, load.Result | None]:
    """The case, and what the probe beside it saw."""
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


def _verification() -> float:
    """Microseconds of this core that one ES256 verification takes, as the server does it."""
    key = ECKey.generate_key("P-256")
    jws = read_jws(compact_jws({"alg": "ES256"}, {"jti": "x" * 36}, key), limits=Limits())
    public = public_key(key.as_dict(private=False))
    began = time.process_time()
    for _ in range(2_000):
        check_signature(jws, public)
    return 1_000_000 * (time.process_time() - began) / 2_000


def _made(folder: str, name: str) -> Path:
    made = Path(folder) / name
    made.mkdir()
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full number of requests")
    parser.add_argument("--peers", action="store_true", help="two other Solid servers too, and the ratios")
    parser.add_argument("--only", default="", help="only rows with this in their name")
    arguments = parser.parse_args()
    if arguments.peers and not peers.installed():
        raise SystemExit("The other servers are not installed: `make bench PEERS=1` brings them with npm.")
    with on_core(LOAD_CORE), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        raise SystemExit(runner.run(_measure(arguments)))


if __name__ == "__main__":
    main()
