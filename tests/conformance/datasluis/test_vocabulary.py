"""The terms that views use and no published vocabulary has: every vault tells what they mean."""

from __future__ import annotations

import pytest

from tests.house.tree import ROOT
from tests.people import JSON_LD, TURTLE, Visitor
from vault.config import Limits
from vault.rdf.syntax import parse
from vault.values import MediaType

IRI = "https://w3id.org/datakluis/v1"


async def test_the_terms_are_served_as_they_are_written(http: Visitor) -> None:
    answer = await http.get(f"{http.base_url}ns/v1", accept=TURTLE)
    assert (answer.status, answer.headers["Content-Type"]) == (200, TURTLE)
    assert answer.body == (ROOT / "shapes/vocabulary.ttl").read_bytes()
    assert (await http.get(f"{http.base_url}ns/v1")).headers["Content-Type"] == TURTLE


@pytest.mark.parametrize("kind", [JSON_LD, "application/n-triples"])
async def test_the_terms_are_the_same_in_every_form(http: Visitor, kind: str) -> None:
    turtle = await http.get(f"{http.base_url}ns/v1", accept=TURTLE)
    other = await http.get(f"{http.base_url}ns/v1", accept=kind)
    assert other.headers["Content-Type"] == kind
    limits = Limits()
    assert parse(other.body, MediaType(kind), base=IRI, limits=limits) == parse(
        turtle.body, MediaType(TURTLE), base=IRI, limits=limits
    )


async def test_the_terms_are_for_everybody_and_written_by_nobody(http: Visitor) -> None:
    place = f"{http.base_url}ns/v1"
    assert (await http.get(place, accept="image/png")).status == 406
    assert (await http.put(place, "<#a> <#b> <#c> .")).status == 405
    assert (await http.get(place, Origin="https://app.example")).headers["Access-Control-Allow-Origin"]
