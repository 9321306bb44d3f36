"""Each shape accepts its valid examples and refuses each invalid one for the one reason the file names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house.tree import ROOT
from vault.config import Limits
from vault.datasluis.catalogue import DataType
from vault.datasluis.catalogue_files import read_catalogue
from vault.datasluis.views import show, subject_of
from vault.rdf.graph import Graph, Iri, Literal
from vault.rdf.shapes import ShapeSet, check, load_shapes
from vault.rdf.syntax import parse
from vault.values import TURTLE

CATALOGUE = read_catalogue()
EXAMPLES = ROOT / "shapes/examples"
VALID = sorted(EXAMPLES.glob("*.valid-*.ttl"))
INVALID = sorted(EXAMPLES.glob("*.invalid-*.ttl"))
SHAPE_SETS = {name: load_shapes(text) for name, text in CATALOGUE.shapes.items() if name != "vocabulary.ttl"}
SH_PATH = Iri("http://www.w3.org/ns/shacl#path")
DOCUMENT = "https://vault.example/alice/document"

# A warning never refuses, and SHACL does not say which alternative of sh:or came closest.
NEVER_NAMED = {"AwardDate", "Kbo"}


def _graph(path: Path) -> Graph:
    return parse(path.read_bytes(), TURTLE, base=DOCUMENT, limits=Limits())


def _data_type(path: Path) -> DataType:
    """The file's first word is the key of the data type."""
    return CATALOGUE.data_types[path.name.partition(".")[0]]


def _shapes(path: Path) -> ShapeSet:
    return SHAPE_SETS[_data_type(path).shape]


def test_every_example_is_of_a_known_kind_and_says_whether_it_is_valid() -> None:
    assert sorted([*VALID, *INVALID]) == sorted(EXAMPLES.iterdir())
    assert {_data_type(path).key for path in VALID} == set(CATALOGUE.data_types)


@pytest.mark.parametrize("key", sorted(CATALOGUE.data_types))
def test_every_kind_of_document_has_valid_and_several_invalid_examples(key: str) -> None:
    assert sum(_data_type(path).key == key for path in VALID) >= 2
    assert sum(_data_type(path).key == key for path in INVALID) >= 5


@pytest.mark.parametrize("key", sorted(CATALOGUE.data_types))
def test_one_valid_example_has_every_field_that_can_be_asked(key: str) -> None:
    data_type = CATALOGUE.data_types[key]
    graph = _graph(EXAMPLES / f"{key}.valid-every-field.ttl")
    subject = subject_of(graph, DOCUMENT, data_type)
    assert subject is not None
    assert [one.key for one in show(graph, subject, data_type, CATALOGUE)] == [field.key for field in data_type.fields]


@pytest.mark.parametrize("name", sorted(SHAPE_SETS))
def test_the_valid_examples_go_down_every_path_of_the_shapes(name: str) -> None:
    shapes = parse(CATALOGUE.shapes[name], TURTLE, base="urn:shapes", limits=Limits())
    asked = {one.object for one in shapes.match(None, SH_PATH) if isinstance(one.object, Iri)}
    walked = {one.predicate for path in VALID if _data_type(path).shape == name for one in _graph(path)}
    assert asked - walked == set()


def test_every_shape_refuses_something() -> None:
    found = {
        finding.shape.rpartition("#")[2]
        for path in INVALID
        for finding in check(_graph(path), _shapes(path)).violations
    }
    named = {
        one.subject.value.rpartition("#")[2]
        for name in SHAPE_SETS
        for one in parse(CATALOGUE.shapes[name], TURTLE, base="urn:shapes", limits=Limits())
        if isinstance(one.subject, Iri)
    }
    assert named - found == NEVER_NAMED


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_a_valid_example_conforms(path: Path) -> None:
    report = check(_graph(path), _shapes(path))
    assert report.conforms
    assert report.violations == ()


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_an_invalid_example_is_refused_for_the_reason_it_names(path: Path) -> None:
    named = re.match(r"# breaks: (\S+)\n", path.read_text(encoding="utf-8"))
    assert named is not None
    report = check(_graph(path), _shapes(path))
    assert not report.conforms
    assert any(found.path.startswith(named[1]) for found in report.violations), report.violations
    assert all(found.message for found in report.violations)


def test_an_unknown_date_of_award_is_a_warning_and_no_refusal() -> None:
    example = EXAMPLES / "diploma.valid-year-only.ttl"
    text = example.read_text(encoding="utf-8").replace(' ; elm:awardingDate "1987"^^xsd:gYear', "")
    graph = parse(text.encode(), TURTLE, base=DOCUMENT, limits=Limits())
    report = check(graph, _shapes(example))
    assert report.conforms
    assert [found.path for found in report.warnings] == ["elm:awardingDate"]


def test_a_report_never_holds_a_value_of_the_citizen() -> None:
    for path in INVALID:
        graph = _graph(path)
        texts = {one.object.value for one in graph if isinstance(one.object, Literal)}
        values = {text for text in texts if len(text) > 3} - {"true", "false"}
        said = " ".join(found.message + found.path for found in check(graph, _shapes(path)).violations)
        assert values
        assert [value for value in values if value in said] == [], path.name
