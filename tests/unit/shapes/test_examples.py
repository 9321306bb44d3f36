"""Each shape accepts its valid examples and refuses each invalid one for the one reason the file names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house.tree import ROOT
from vault.config import Limits
from vault.rdf.graph import Graph
from vault.rdf.shapes import check, load_shapes
from vault.rdf.syntax import parse
from vault.values import TURTLE

SHAPES = ROOT / "shapes"
VALID = sorted((SHAPES / "examples").glob("*.valid-*.ttl"))
INVALID = sorted((SHAPES / "examples").glob("*.invalid-*.ttl"))


def _graph(path: Path) -> Graph:
    return parse(path.read_bytes(), TURTLE, base="https://vault.example/alice/document", limits=Limits())


def _shape(path: Path) -> bytes:
    return (SHAPES / f"{path.name.partition('.')[0]}.ttl").read_bytes()


def test_every_shape_has_valid_and_several_invalid_examples() -> None:
    for name in ("diploma", "wage"):
        assert sum(path.name.startswith(f"{name}.") for path in VALID) >= 2
        assert sum(path.name.startswith(f"{name}.") for path in INVALID) >= 5


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_a_valid_example_conforms(path: Path) -> None:
    report = check(_graph(path), load_shapes(_shape(path)))
    assert report.conforms
    assert report.violations == ()


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_an_invalid_example_is_refused_for_the_reason_it_names(path: Path) -> None:
    named = re.match(r"# breaks: (\S+)\n", path.read_text(encoding="utf-8"))
    assert named is not None
    report = check(_graph(path), load_shapes(_shape(path)))
    assert not report.conforms
    assert any(found.path.startswith(named[1]) for found in report.violations), report.violations
    assert all(found.message for found in report.violations)


def test_an_unknown_date_of_award_is_a_warning_and_no_refusal() -> None:
    example = SHAPES / "examples/diploma.valid-year-only.ttl"
    text = example.read_text(encoding="utf-8").replace(' ; elm:awardingDate "1987"^^xsd:gYear', "")
    graph = parse(text.encode(), TURTLE, base="https://vault.example/alice/document", limits=Limits())
    report = check(graph, load_shapes(_shape(example)))
    assert report.conforms
    assert [found.path for found in report.warnings] == ["elm:awardingDate"]


def test_a_report_never_holds_a_value_of_the_citizen() -> None:
    for path in INVALID:
        report = check(_graph(path), load_shapes(_shape(path)))
        said = " ".join(found.message + found.path for found in report.violations)
        for value in ("verpleegkunde", "Scheldemonding", "onderscheiding", "28 juni 2019", "2100", "556721897"):
            assert value not in said, path.name
