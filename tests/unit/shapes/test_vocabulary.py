"""Our own terms: each used term is defined, each defined term has a label in four languages."""

from __future__ import annotations

import re

from tests.house.tree import ROOT, modules
from vault.config import Limits
from vault.rdf.graph import RDFS, SKOS, Iri, Literal, V
from vault.rdf.syntax import parse
from vault.values import TURTLE

GRAPH = parse(
    (ROOT / "shapes/vocabulary.ttl").read_bytes(), TURTLE, base="https://w3id.org/datakluis/v1", limits=Limits()
)
DEFINED = {str(one.subject.value) for one in GRAPH if isinstance(one.subject, Iri) and one.subject in V}


def test_every_term_has_a_label_in_four_languages() -> None:
    for iri in DEFINED:
        labels = {
            term.language
            for predicate in (RDFS.label, SKOS.prefLabel)
            for term in GRAPH.objects(Iri(iri), predicate)
            if isinstance(term, Literal)
        }
        assert labels == {"nl", "fr", "de", "en"}, iri


def test_every_term_the_code_writes_is_defined() -> None:
    used = {name for module in modules() for name in re.findall(r"\bV\.([A-Za-z]+)", module.text)}
    assert used
    assert {str(V[name].value) for name in used} - DEFINED == set()


def test_every_term_the_catalogue_and_the_shapes_name_is_defined() -> None:
    files = [*(ROOT / "shapes").glob("*.json"), ROOT / "shapes/wage.ttl", ROOT / "shapes/diploma.ttl"]
    used = {name for path in files for name in re.findall(r"(?<![\w])v:([A-Za-z]+)", path.read_text(encoding="utf-8"))}
    assert used
    assert {str(V[name].value) for name in used} - DEFINED == set()
