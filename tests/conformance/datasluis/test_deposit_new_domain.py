"""A new kind of document is two files: deposited, shown and cut down to fields, without a line of code."""

from __future__ import annotations

import json
from pathlib import Path

from tests.conformance.datasluis.depositing import BASE, CATALOGUE, LED, a_source, open_desk
from vault.datasluis.catalogue_files import default_folder, read_catalogue
from vault.datasluis.registry import Contract
from vault.datasluis.views import show, subject_of, view_graph
from vault.values import TURTLE

HOME = "https://domain.example/home#"
LABELS = {tag: f"woning {tag}" for tag in ("nl", "fr", "de", "en")}
TYPE = {
    "kind": "data-type",
    "key": "home",
    "iri": "https://domain.example/concepts#HomeData",
    "class": "h:Home",
    "shape": "home.ttl",
    "container": "homes/",
    "prefixes": {"h": HOME},
    "labels": LABELS,
    "plural": LABELS,
    "always": [["http://www.w3.org/1999/02/22-rdf-syntax-ns#type"]],
    "fields": [
        {"key": "rooms", "kind": "number", "labels": LABELS, "paths": [["h:rooms"]]},
        {"key": "street", "kind": "text", "labels": LABELS, "paths": [["h:address", "h:street"]]},
        {"key": "label", "kind": "code", "labels": LABELS, "paths": [["h:energyLabel"]]},
    ],
}
SHAPE = f"""@prefix sh: <http://www.w3.org/ns/shacl#> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
<urn:home> a sh:NodeShape ; sh:targetClass <{HOME}Home> ;
  sh:property [ sh:path <{HOME}rooms> ; sh:datatype xsd:integer ; sh:minCount 1 ; sh:message "A home has rooms." ] .
"""
DOCUMENT = f"""@prefix h: <{HOME}> .
<#it> a h:Home ; h:rooms 5 ; h:energyLabel <urn:label:B> ; h:address <#address> .
<#address> h:street "Kasteelstraat 7" ; h:owner "iemand anders" .
"""


def _folder(place: Path) -> Path:
    place.mkdir()
    (place / "home.json").write_text(json.dumps(TYPE), encoding="utf-8")
    (place / "home.ttl").write_text(SHAPE, encoding="utf-8")
    return place


async def test_a_made_up_domain_is_deposited_shown_and_minimised_without_code(tmp_path: Path) -> None:
    catalogue = read_catalogue(default_folder(), _folder(tmp_path / "extra"))
    known = a_source()
    contract = known.contract
    source = a_source(contract=Contract(frozenset({"home"}), frozenset(), contract.since, contract.until, 0))
    async with open_desk(tmp_path / "data", LED) as desk:
        desk.catalogue, desk.source = catalogue, source
        report = await desk.deposit(DOCUMENT.encode(), media_type=TURTLE, reference="kasteelstraat-7")
        assert [item.fate.value for item in report.items] == ["stored"]
        graph = await desk.graph("/homes/kasteelstraat-7")
        home = catalogue.data_types["home"]
        document_url = f"{BASE}lotte/homes/kasteelstraat-7"
        subject = subject_of(graph, document_url, home)
        assert subject is not None
        shown = {one.key: one.values[0].in_language("nl") for one in show(graph, subject, home, catalogue)}
        assert shown == {"rooms": "5", "street": "Kasteelstraat 7", "label": "urn:label:B"}
        view = view_graph(graph, document_url=document_url, view_url="urn:view", data_type=home, fields=["rooms"])
        said = " ".join(map(str, view))
        assert "5" in said
        assert "Kasteelstraat" not in said
        assert "iemand anders" not in said


async def test_a_made_up_domain_that_does_not_fit_its_shape_is_refused_with_the_report(tmp_path: Path) -> None:
    catalogue = read_catalogue(default_folder(), _folder(tmp_path / "extra"))
    contract = a_source().contract
    async with open_desk(tmp_path / "data", LED) as desk:
        desk.catalogue = catalogue
        desk.source = a_source(contract=Contract(frozenset({"home"}), frozenset(), contract.since, contract.until, 0))
        report = await desk.deposit(DOCUMENT.replace("h:rooms 5 ; ", "").encode(), media_type=TURTLE)
        assert [item.reason for item in report.refusals] == ["shape"]
        assert report.refusals[0].findings[0][1].startswith("A home has rooms.")
        assert await desk.records() == []


async def test_the_shipped_catalogue_does_not_know_the_made_up_domain(tmp_path: Path) -> None:
    assert "home" not in CATALOGUE.data_types
    async with open_desk(tmp_path, LED) as desk:
        unknown = await desk.refused(DOCUMENT.encode(), media_type=TURTLE)
        assert unknown.reason == "data-type-unknown"
        assert await desk.records() == []
