"""SHACL reports: what is found, where, in whose words; and that no value of the citizen's gets out."""

from __future__ import annotations

import logging
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from pyshacl.rdfutil.stringify import stringify_blank_node

from vault.config import Limits
from vault.rdf.graph import Graph
from vault.rdf.shapes import Report, check, load_shapes
from vault.rdf.syntax import parse
from vault.values import TURTLE

PREFIXES = """
@prefix s: <https://shapes.example/#> . @prefix sh: <http://www.w3.org/ns/shacl#> .
@prefix dct: <http://purl.org/dc/terms/> .
@prefix elm: <http://data.europa.eu/snb/model/elm/> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> . @prefix ex: <https://example.org/> .
"""
SHAPES_TEXT = (
    PREFIXES
    + """
    s:Diploma a sh:NodeShape ; sh:targetClass elm:LearningAchievement ; sh:property
        [ sh:path dct:title ; sh:minCount 1 ; sh:datatype rdf:langString ; sh:message "A title with its language." ] ,
        [ sh:path elm:awardedBy ; sh:minCount 1 ; sh:maxCount 1 ; sh:node s:Award ] ,
        [ sh:path ex:level ; sh:pattern "^[1-8]$" ] , [ sh:path ex:state ; sh:in ( ex:open "closed" ) ] ,
        [ sh:path ex:number ; sh:datatype xsd:integer ; sh:maxInclusive 10 ] ,
        [ sh:path [ sh:inversePath elm:hasClaim ] ; sh:maxCount 1 ] ,
        [ sh:path ( ex:one [ sh:alternativePath ( ex:two [ sh:zeroOrMorePath ex:three ] ) ] ) ; sh:nodeKind sh:IRI ] .
    s:Award a sh:NodeShape ; sh:property [ sh:path elm:awardingBody ; sh:minCount 1 ] .
    s:Date a sh:NodeShape ; sh:targetClass elm:LearningAchievement ; sh:property
        [ sh:path dct:issued ; sh:minCount 1 ; sh:severity sh:Warning ] .
    """
).encode()
SHAPES = load_shapes(SHAPES_TEXT)
GOOD = '<#it> a elm:LearningAchievement ; dct:title "T"@nl ; dct:issued "x" ; elm:awardedBy [ elm:awardingBody ex:b ] .'


def graph(turtle: str) -> Graph:
    return parse((PREFIXES + turtle).encode(), TURTLE, base="https://pod.example/doc", limits=Limits())


def report(turtle: str) -> Report:
    return check(graph(turtle), SHAPES)


def test_a_graph_that_fits_conforms() -> None:
    assert report(GOOD) == Report(conforms=True)
    assert report("<#it> a ex:Other .") == Report(conforms=True)


@pytest.mark.parametrize(
    ("turtle", "path", "message", "shape"),
    [
        (GOOD.replace('"T"@nl', '"SECRET"'), "dct:title", "A title with its language.", "Diploma"),
        (GOOD.replace("elm:awardingBody", "ex:SECRET"), "elm:awardedBy/elm:awardingBody",
         "at least 1 must be given", "Award"),
        (GOOD + " <#it> elm:awardedBy [ elm:awardingBody ex:SECRET ] .", "elm:awardedBy",
         "at most 1 may be given", "Diploma"),
        (GOOD + ' <#it> ex:level "SECRET" .', "<https://example.org/level>", "it must match ^[1-8]$", "Diploma"),
        (GOOD + ' <#it> ex:state "SECRET" .', "<https://example.org/state>",
         "it must be one of <https://example.org/open> or closed", "Diploma"),
        (GOOD + ' <#it> ex:number "SECRET"^^xsd:integer .', "<https://example.org/number>",
         "it must be a literal of type xsd:integer", "Diploma"),
        (GOOD + " <#it> ex:number 11 .", "<https://example.org/number>", "it must be 10 or less", "Diploma"),
        (GOOD + " ex:SECRET elm:hasClaim <#it> . ex:b elm:hasClaim <#it> .", "^elm:hasClaim",
         "at most 1 may be given", "Diploma"),
        (GOOD + ' <#it> ex:one [ ex:two "SECRET" ] .',
         "<https://example.org/one>/(<https://example.org/two>|<https://example.org/three>*)",
         "it must be of kind <http://www.w3.org/ns/shacl#IRI>", "Diploma"),
    ],
)  # fmt: skip
def test_a_finding_says_where_and_what_and_never_the_value(turtle: str, path: str, message: str, shape: str) -> None:
    found = report(turtle)
    assert not found.conforms
    assert (path, message, f"https://shapes.example/#{shape}") in [
        (v.path, v.message, v.shape) for v in found.violations
    ]
    assert "SECRET" not in repr(found)


def test_a_warning_does_not_stand_in_the_way() -> None:
    found = report(GOOD.replace('dct:issued "x"', "ex:a 1"))
    assert found.conforms
    assert [warning.path for warning in found.warnings] == ["dct:issued"]
    assert found.violations == ()


def test_lexical_forms_reach_the_check_unchanged() -> None:
    shapes = load_shapes(
        (
            PREFIXES + 's:S a sh:NodeShape ; sh:targetClass ex:C ; sh:property [ sh:path ex:n ; sh:pattern "^01$" ] .'
        ).encode()
    )
    assert check(graph("<#a> a ex:C ; ex:n 01 ."), shapes).conforms
    assert not check(graph("<#a> a ex:C ; ex:n 1 ."), shapes).conforms


def test_values_stay_out_of_the_log(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    with caplog.at_level(logging.DEBUG):
        report(GOOD + ' <#it> ex:number "SECRET"^^xsd:integer ; ex:at "SECRET"^^xsd:dateTime .')
    assert "SECRET" not in caplog.text
    assert "SECRET" not in "".join(capfd.readouterr())


def test_one_check_leaves_nothing_behind_for_the_next() -> None:
    bad = GOOD.replace('"T"@nl', '"T"')
    assert [report(bad), report(GOOD), report(bad)] == [report(bad), Report(conforms=True), report(bad)]


@pytest.mark.parametrize(
    "extra",
    [
        's:D sh:sparql [ sh:select "SELECT $this WHERE {}" ] .',
        "s:D sh:rule [] .",
        "<> <http://www.w3.org/2002/07/owl#imports> <https://e.example/> .",
    ],
)
def test_shapes_that_run_or_fetch_something_are_not_loaded(extra: str) -> None:
    with pytest.raises(ValueError, match="not offered"):
        load_shapes((PREFIXES + extra).encode())


@pytest.mark.requirement("ATK-09")
@pytest.mark.parametrize(
    ("datatype", "text"),
    [
        ("rdf:HTML", "<b>" * 50_000),
        ("rdf:XMLLiteral", "<a>" * 50_000),
        ("xsd:integer", "9" * 200_000),
        ("xsd:decimal", "1e99999999"),
        ("xsd:duration", "P" + "9" * 200_000 + "D"),
        ("xsd:dateTime", "9" * 200_000),
    ],
)
def test_a_literal_that_rdflib_would_choke_on_is_only_text(datatype: str, text: str) -> None:
    data = graph(f'{GOOD} <#it> ex:anything "{text}"^^{datatype} .')
    started = time.process_time()
    assert check(data, SHAPES).conforms
    assert time.process_time() - started < 2


def test_nothing_of_a_refused_document_stays_in_memory() -> None:
    """pyshacl keeps what it prints for ever; its report names the anonymous parts of what it refuses."""
    value = "kept-by-nobody"
    checked = report(f'<#it> a elm:LearningAchievement ; elm:awardedBy [ ex:inner [ ex:deep "{value}" ] ] .')
    assert not checked.conforms
    assert value not in repr(vars(stringify_blank_node))


def test_many_checks_at_once_find_what_each_finds_alone() -> None:
    turtles = [GOOD, GOOD.replace('"T"@nl', '"T"'), GOOD.replace("elm:awardingBody", "ex:other"), "<#it> a ex:Other ."]
    alone = [report(turtle) for turtle in turtles] * 12
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # so that threads meet where they can
    try:
        for _ in range(3):
            fresh = load_shapes(SHAPES_TEXT)
            with ThreadPoolExecutor(6) as threads:
                found = list(threads.map(lambda turtle, shapes=fresh: check(graph(turtle), shapes), turtles * 12))
            assert found == alone
    finally:
        sys.setswitchinterval(before)
