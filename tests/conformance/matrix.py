"""The requirement matrix: runs every test that names a requirement of requirements.toml, and prints how each fared.

`make conformance` calls it. `make conformance BASE_URL=https://vault.example/` runs those of conformance/ and attacks/
that speak to the server under test and to none of their own, against a deployment that was seeded with tests/cast.json.
"""

from __future__ import annotations

import argparse
import re
import socket
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

HERE = Path(__file__).parent
REQUIREMENTS = HERE / "requirements.toml"

LEVELS = ("MUST", "SHOULD", "MAY", "expected-by-clients", "house")
PASSED, FAILED, NO_TEST, NOT_RUN = "passed", "FAILED", "NO TEST", "not run here"
NOT_OFFERED, NOT_HERE = "not offered", "not by HTTP"


@dataclass(frozen=True)
class Requirement:
    """One line of requirements.toml."""

    id: str
    level: str
    means: str
    specification: str
    section: str
    draft: bool = False
    not_offered: str = ""
    not_here: str = ""


@dataclass(frozen=True)
class Family:
    """Ids of a list that is no specification: only their form is checked, `prefix` alone or with 1 to `last`."""

    prefix: str
    last: int
    means: str

    def holds(self, name: str) -> bool:
        number = name.removeprefix(self.prefix)
        return name == self.prefix or (
            name.startswith(self.prefix) and bool(re.fullmatch(r"\d{2,}", number)) and 1 <= int(number) <= self.last
        )


@dataclass(frozen=True)
class Known:
    """Every id there is."""

    requirements: Mapping[str, Requirement]
    families: tuple[Family, ...]

    def __contains__(self, name: object) -> bool:
        return name in self.requirements or any(family.holds(str(name)) for family in self.families)


def read_known(path: Path = REQUIREMENTS) -> Known:
    """The ids of requirements.toml, in the order they stand there."""
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    found = {}
    for section in document["section"]:
        for name, facts in section["requirements"].items():
            assert name not in found, f"{name} stands twice in {path.name}"
            assert facts["level"] in LEVELS, f"{name} has a level that nobody knows: {facts['level']}"
            found[name] = Requirement(name, specification=section["specification"], section=section["title"], **facts)
    return Known(found, tuple(Family(**facts) for facts in document["family"]))


@dataclass(eq=False)  # pytest keeps its plugins in sets
class Matrix:
    """A pytest plugin: keeps the tests that name a requirement, and tells afterwards how each requirement fared."""

    known: Known
    elsewhere: bool = False  # not every test can run: a server we did not start, or only some folders
    tests: dict[str, list[str]] = field(default_factory=dict)
    outcomes: dict[str, str] = field(default_factory=dict)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        kept: list[pytest.Item] = []
        left: list[pytest.Item] = []
        for item in items:
            names = list(named_by(item))
            unknown = [name for name in names if name not in self.known]
            if unknown:
                raise pytest.UsageError(
                    f"{item.nodeid} names a requirement that is not in requirements.toml: {unknown}"
                )
            wanted = [name for name in names if name in self.known.requirements]
            # Elsewhere only those count that speak to the server under test, and not to one of their own.
            fits = not self.elsewhere or "server" in getattr(item, "fixturenames", ())
            (kept if wanted and fits else left).append(item)
            for name in wanted if fits else ():
                self.tests.setdefault(name, []).append(item.nodeid)
        config.hook.pytest_deselected(items=left)
        items[:] = kept

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        before = self.outcomes.get(report.nodeid)
        if report.failed or (before is None and (report.skipped or report.when == "call")):
            self.outcomes[report.nodeid] = report.outcome

    @property
    def bare(self) -> list[str]:
        """The MUSTs that no test shows: none names them, or none of those ran where all could."""
        unseen = (NO_TEST,) if self.elsewhere else (NO_TEST, NOT_RUN)
        return [r.id for r in self.known.requirements.values() if r.level == "MUST" and self.word(r) in unseen]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for line in self.lines():
            terminalreporter.write_line(line)

    def word(self, requirement: Requirement) -> str:
        """How a requirement fared, in one word."""
        outcomes = [self.outcomes.get(test, "skipped") for test in self.tests.get(requirement.id, ())]
        if "failed" in outcomes:
            return FAILED
        if requirement.not_offered:
            return NOT_OFFERED
        if "passed" in outcomes:
            return PASSED
        if requirement.not_here:
            return NOT_HERE
        return NOT_RUN if outcomes or self.elsewhere else NO_TEST

    def lines(self) -> Iterator[str]:
        """The table, grouped by specification and section, and the totals by level."""
        place = ("", "")
        for requirement in self.known.requirements.values():
            here = (requirement.specification, requirement.section)
            if here != place:
                place = here
                yield from ("", f"{here[0]} · {here[1]}")
            level = requirement.level + (" (draft)" if requirement.draft else "")
            tests = self.tests.get(requirement.id, ())
            failed = sum(self.outcomes.get(test) == "failed" for test in tests)
            word = self.word(requirement) + (f" {failed} of {len(tests)}" if failed else "")
            why = requirement.not_offered or requirement.not_here
            told = f"  {why}" if why and not tests else ""
            yield f"  {requirement.id:<12}{level:<21}{len(tests):>6} tests  {word}{told}"
        yield ""
        yield from self.totals()

    def totals(self) -> Iterator[str]:
        words = (PASSED, FAILED, NO_TEST, NOT_RUN, NOT_OFFERED, NOT_HERE)
        yield f"{'':<21}" + "".join(f"{word:>14}" for word in words)
        for level in LEVELS:
            count = Counter(self.word(r) for r in self.known.requirements.values() if r.level == level)
            yield f"{level:<21}" + "".join(f"{count[word]:>14}" for word in words)


def named_by(item: pytest.Item) -> Iterator[str]:
    """The requirements that a test names, each once."""
    names: Iterable[str] = (name for marker in item.iter_markers("requirement") for name in marker.args)
    yield from dict.fromkeys(names)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Runs the tests that name a requirement, and prints the matrix.")
    parser.add_argument("--base-url", help="A running server that was seeded with tests/cast.json.")
    parser.add_argument("--of", nargs="*", default=[], metavar="FOLDER", help="Only these folders beside this file.")
    asked, more = parser.parse_known_args(arguments)
    remote = [HERE, HERE.parent / "attacks"]
    where = list(map(str, [HERE / folder for folder in asked.of] or (remote if asked.base_url else [HERE.parent])))
    if asked.base_url:
        if not answers(asked.base_url):
            print(f"Nothing answers at {asked.base_url}")
            return 2
        where += ["--base-url", asked.base_url]
    matrix = Matrix(read_known(), elsewhere=bool(asked.base_url or asked.of))
    status = pytest.main([*where, *more], plugins=[matrix])
    if matrix.bare:
        print("A MUST without a test:", ", ".join(matrix.bare))
    return int(status) or int(bool(matrix.bare))


def answers(base_url: str) -> bool:
    """Whether there is a server at all; otherwise each test would find out for itself."""
    place = urlsplit(base_url)
    try:
        socket.create_connection((place.hostname, place.port or {"https": 443}.get(place.scheme, 80)), 10).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
