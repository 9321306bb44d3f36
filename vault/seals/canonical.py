"""RDFC-1.0: one text for all graphs that differ in the names of their blank nodes only (W3C RDF Dataset
Canonicalization, Recommendation 2024).

Whoever writes the graph chooses how hard this is: a few dozen triples can ask for years. So the work has a budget, and
what would exceed it is refused (LIM-14). Names and steps follow section 4 of the Recommendation.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import permutations

from vault.errors import Unprocessable
from vault.rdf.graph import Dataset, Graph
from vault.rdf.rows import QuadRow, is_blank, quads_of


def canonical(graph: Graph | Dataset, *, steps: int, digest: str = "sha256") -> bytes:
    """The canonical N-Quads, lines sorted by code point. Raises Unprocessable("canonicalisation-budget").

    `digest` is the hash of the suite that asks: `sha256`, or `sha384` for ecdsa-rdfc-2019 on P-384.
    """
    rows, labels = _canonicalise(graph, steps, digest)
    lines = (_line(row, lambda node: f"_:{labels[node]}") for row in rows)
    # Python compares strings by code point, as the Recommendation asks.
    return "".join(sorted(lines)).encode()


def canonical_labels(graph: Graph | Dataset, *, steps: int, digest: str = "sha256") -> Mapping[str, str]:
    """The canonical label (`c14n0`, …) of each blank node by the label it has in the graph."""
    _, labels = _canonicalise(graph, steps, digest)
    return {node.removeprefix("_:"): label for node, label in labels.items()}


def _canonicalise(graph: Graph | Dataset, steps: int, digest: str) -> tuple[list[QuadRow], Mapping[str, str]]:
    rows = quads_of(graph if isinstance(graph, Dataset) else Dataset.of_graph(graph))
    try:
        return rows, _State(rows, steps, digest).label()
    except RecursionError:  # a chain of alike nodes that is longer than our stack is deep
        raise _too_much() from None


def _too_much() -> Unprocessable:
    return Unprocessable("canonicalisation-budget", "This graph takes too much work to canonicalise.")


class _Issuer:
    """An identifier issuer (§4.3): hands out `prefix0`, `prefix1`, … in the order in which it is asked."""

    __slots__ = ("_prefix", "issued")

    def __init__(self, prefix: str, issued: Mapping[str, str] | None = None) -> None:
        self._prefix = prefix
        self.issued = dict(issued or {})

    def issue(self, node: str) -> str:
        return self.issued.setdefault(node, f"{self._prefix}{len(self.issued)}")

    def copy(self) -> _Issuer:
        return _Issuer(self._prefix, self.issued)


class _State:
    """The canonicalization state (§4.2) of one run, and what is left of its budget."""

    def __init__(self, rows: Iterable[QuadRow], steps: int, digest: str) -> None:
        self._steps = steps
        self._digest = digest
        self._quads: dict[str, list[QuadRow]] = defaultdict(list)
        for row in rows:
            for node in dict.fromkeys(filter(is_blank, row)):
                self._quads[node].append(row)
        self._first = {node: self._hash_first_degree(node) for node in self._quads}
        self._canonical = _Issuer("c14n")

    def label(self) -> Mapping[str, str]:
        """§4.4.3, from step 4 on: nodes that are alone with their hash first, then the others by their surroundings."""
        alike: dict[str, list[str]] = defaultdict(list)
        for node, found in self._first.items():
            alike[found].append(node)
        for found in sorted(alike):
            if len(alike[found]) == 1:
                self._canonical.issue(alike.pop(found)[0])
        for found in sorted(alike):
            results = []
            for node in alike[found]:
                if node not in self._canonical.issued:
                    issuer = _Issuer("b")
                    issuer.issue(node)
                    results.append(self._hash_n_degree(node, issuer))
            for _, issuer in sorted(results, key=lambda result: result[0]):
                for node in issuer.issued:
                    self._canonical.issue(node)
        return self._canonical.issued

    def _hash(self, text: str) -> str:
        self._spend()
        return hashlib.new(self._digest, text.encode()).hexdigest()

    def _spend(self, steps: int = 1) -> None:
        self._steps -= steps
        if self._steps < 0:
            raise _too_much()

    def _hash_first_degree(self, node: str) -> str:
        """§4.6: what is said of the node itself, with itself as `_:a` and every other blank node as `_:z`."""
        lines = [_line(row, lambda other: "_:a" if other == node else "_:z") for row in self._quads[node]]
        return self._hash("".join(sorted(lines)))

    def _hash_related(self, related: str, row: QuadRow, issuer: _Issuer, position: str) -> str:
        """§4.7: how one blank node stands to another in one quad."""
        known = self._canonical.issued.get(related) or issuer.issued.get(related)
        predicate = "" if position == "g" else row[1]
        return self._hash(f"{position}{predicate}{f'_:{known}' if known else self._first[related]}")

    def _hash_n_degree(self, node: str, issuer: _Issuer) -> tuple[str, _Issuer]:
        """§4.8: what is said of the node's neighbours, in the order that gives the least text."""
        self._spend(len(self._quads[node]))
        related: dict[str, list[str]] = defaultdict(list)
        for row in self._quads[node]:
            for other, position in ((row[0], "s"), (row[2], "o"), (row[3], "g")):
                if is_blank(other) and other != node:
                    related[self._hash_related(other, row, issuer, position)].append(other)
        data = []
        for found in sorted(related):
            path, issuer = self._least_path(related[found], issuer)
            data += [found, path]
        return self._hash("".join(data)), issuer

    def _least_path(self, nodes: list[str], issuer: _Issuer) -> tuple[str, _Issuer]:
        """§4.8, step 5.4: every order of the nodes is tried, unless it is seen early that it cannot be the least."""
        best: tuple[str, _Issuer] | None = None
        for order in permutations(nodes):
            reached = "", issuer
            for reached in self._paths(order, issuer.copy()):
                path = reached[0]
                if best is not None and len(path) >= len(best[0]) and path > best[0]:
                    break
            if best is None or reached[0] < best[0]:
                best = reached
        assert best is not None  # there is at least one node
        return best

    def _paths(self, order: tuple[str, ...], issuer: _Issuer) -> Iterator[tuple[str, _Issuer]]:
        """The path of one order as it grows, with the issuer at that point."""
        path, unknown = "", []
        for node in order:
            self._spend()
            known = self._canonical.issued.get(node)
            if known is None:
                if node not in issuer.issued:
                    unknown.append(node)
                known = issuer.issue(node)
            path += f"_:{known}"
            yield path, issuer
        for node in unknown:
            found, after = self._hash_n_degree(node, issuer)
            path += f"_:{issuer.issue(node)}<{found}>"
            issuer = after
            yield path, issuer


def _line(row: QuadRow, name: Callable[[str], str]) -> str:
    terms = " ".join([name(term) if is_blank(term) else term for term in row if term])
    return f"{terms} .\n"
