"""What was measured, as aligned lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.benchmarks.cases import Case
from tests.benchmarks.contention import Outcome
from tests.benchmarks.load import Result

_ROW = "{:<48} {:>5} {:>10} {:>8} {:>7} {:>8} {:>8} {:>8} {:>8}"
_RATIO = "{:<48} {:>5}"


@dataclass(frozen=True, slots=True)
class Row:
    """One case at one server: its result and that of the bare handler just before, both with the microseconds of the
    server's core that one request took; and what the probe beside it saw."""

    case: Case
    result: Result
    cpu: float
    bare: Result
    bare_cpu: float
    probed: Result | None = None

    @property
    def share(self) -> float:
        """Requests per second, in percent of the bare handler's."""
        return 100 * self.result.per_second / self.bare.per_second

    @property
    def cpu_share(self) -> float:
        """The same by the time of the core alone, which others on the machine disturb much less."""
        return 100 * self.bare_cpu / self.cpu

    @property
    def wrong(self) -> dict[int, int]:
        """Answers with a status that the case does not have."""
        return {status: n for status, n in self.result.statuses.items() if status not in self.case.statuses}


def print_head(name: str) -> None:
    print(f"\n{name}")
    print(_ROW.format("", "conn.", "requests/s", "of bare", "bar", "p50 ms", "p99 ms", "cpu us", "by cpu"))


def print_row(row: Row, *, verification: float) -> None:
    """`verification`: microseconds of one ES256 verification."""
    case, result = row.case, row.result
    bar = "" if case.bar is None else f"{case.bar:.0f} %"
    print(
        _ROW.format(
            case.name,
            case.connections,
            f"{result.per_second:,.0f}",
            f"{row.share:.1f} %",
            bar,
            f"{result.p50:.2f}",
            f"{result.p99:.2f}",
            f"{row.cpu:,.0f}",
            f"{row.cpu_share:.1f} %",
        ),
        flush=True,
    )
    if case.signed:
        print(f"    of which one ES256 verification, {verification:.0f} us: {100 * verification / row.cpu:.0f} %")
    if case.work is not None:
        print(f"    work: {row.cpu / 1000:.1f} ms each; made anew: {result.longest:.1f} ms (bar: {case.work:.0f})")
    if row.probed is not None:
        probed = row.probed
        print(f"    others meanwhile: p50 {probed.p50:.2f}, p99 {probed.p99:.1f}, longest {probed.longest:.1f} ms")
    if row.wrong:
        print(f"    answers that should not be: {row.wrong}")


def print_contention(outcome: Outcome) -> None:
    print(
        f"sixteen writers of one document with If-Match: {outcome.taken} taken, {outcome.refused} refused, "
        f"{outcome.errors} errors, {outcome.lost} of those taken lost",
        flush=True,
    )


def print_ratios(ours: Sequence[Row], theirs: Mapping[str, Sequence[Row]]) -> None:
    """How many times ours answers for once that theirs does, by requests per second."""
    print("\nours : theirs, requests per second")
    print(_RATIO.format("", "conn."), *(f"{name:>22}" for name in theirs))
    for row in ours:
        found = [next((other for other in rows if other.case.key == row.case.key), None) for rows in theirs.values()]
        if any(found):
            cells = ["-" if other is None else _ratio(row, other) for other in found]
            print(_RATIO.format(row.case.name, row.case.connections), *(f"{cell:>22}" for cell in cells))


def _ratio(ours: Row, theirs: Row) -> str:
    return f"{ours.result.per_second / theirs.result.per_second:.1f} ({theirs.result.per_second:,.0f}/s)"
