"""Whose word a document is, and the mark that says so in a view."""

from __future__ import annotations

import pytest

from tests.lock import NOON, document
from vault.datasluis.deposits import Deposited
from vault.datasluis.provenance import Provenance, Verification, marked, provenance
from vault.rdf.graph import Graph, Iri, Literal, V, triple
from vault.values import ParticipantId

VIEW = "https://vault.example/datasluis/view/g/diploma-1"


def _deposited(*, withdrawn: bool = False, self_declared: bool = False) -> Deposited:
    url = document("diploma")
    return Deposited(
        url=url,
        original=url,
        data_type="diploma",
        source=ParticipantId("school"),
        reference="one",
        mutation="1",
        modified=None,
        delivered=NOON,
        digest="a" * 64,
        message_digest="b" * 64,
        withdrawn=withdrawn,
        self_declared=self_declared,
    )


@pytest.mark.parametrize(
    ("deposited", "digest", "expected"),
    [
        (None, "a" * 64, Verification.SELF_DECLARED),
        (_deposited(), "a" * 64, Verification.AS_DELIVERED),
        (_deposited(), "c" * 64, Verification.CHANGED),
        (_deposited(withdrawn=True), "a" * 64, Verification.WITHDRAWN),
        (_deposited(withdrawn=True), "c" * 64, Verification.WITHDRAWN),
        (_deposited(self_declared=True), "a" * 64, Verification.SELF_DECLARED),
        (_deposited(self_declared=True), "c" * 64, Verification.CHANGED),
    ],
)
def test_only_the_bytes_a_source_delivered_count_as_its_word(
    deposited: Deposited | None, digest: str, expected: Verification
) -> None:
    assert provenance(deposited, digest, "School").verification is expected


def test_the_citizens_own_document_names_no_source() -> None:
    assert provenance(None, "a" * 64, None) == Provenance(Verification.SELF_DECLARED, None, None)
    assert provenance(_deposited(), "a" * 64, "School") == Provenance(Verification.AS_DELIVERED, "School", NOON)


def test_the_mark_is_added_and_nothing_else() -> None:
    inner = Graph.of([triple(Iri(f"{VIEW}#it"), Iri("http://purl.org/dc/terms/title"), Literal("x"))])
    found = marked(inner, VIEW, Provenance(Verification.AS_DELIVERED, "School", NOON))
    assert found - inner == Graph.of(
        [
            triple(Iri(VIEW), V.verification, V.AsDelivered),
            triple(Iri(VIEW), V.source, Literal("School")),
        ]
    )


def test_each_verification_has_a_name_of_its_own() -> None:
    names = {one.iri.value.rpartition("#")[2] for one in Verification}
    assert names == {"AsDelivered", "ChangedSinceDelivery", "Withdrawn", "SelfDeclared"}
