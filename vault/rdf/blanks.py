"""Blank nodes told apart by what is said of them: stable names for writing, and isomorphism of two graphs.

Names of blank nodes mean nothing, and parsers make new ones at each reading. What is written must nevertheless be the
same each time, or one entity tag would stand for different bytes (PR-59).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from vault.errors import Unprocessable
from vault.rdf.graph import Graph
from vault.rdf.rows import Row, is_blank, rows_of

_ROUNDS = 16  # of refinement; what they do not tell apart is settled by the walk in stable_names

_Node: TypeAlias = tuple[int, str]  # which graph, and the label there
_Edge: TypeAlias = tuple[str, str, "_Node | str"]  # direction, predicate, the other end (text if it is not blank)
_Edges: TypeAlias = Mapping[_Node, list[_Edge]]


def stable_names(rows: Iterable[Row]) -> dict[str, str]:
    """A name `_:b0`, `_:b1`, … for each blank node, from what the rows say and not from the labels they came with.

    Nodes that the refinement leaves equal are nearly always interchangeable; for the rest the names are still
    distinct, and only their stability is lost.
    """
    edges = _edges(rows, 0)
    if len(edges) < 2:
        return {label: "_:b0" for _, label in edges}
    colour = _refine(edges)
    names: dict[str, str] = {}
    for root in sorted(edges, key=lambda node: (colour[node], node)):
        waiting = [root]
        while waiting:
            node = waiting.pop()
            if node[1] in names:
                continue
            names[node[1]] = f"_:b{len(names)}"
            steps = [(p, colour[o], o) for way, p, o in edges[node] if way == ">" and isinstance(o, tuple)]
            waiting += [step[2] for step in sorted(steps, reverse=True)]
    return names


def isomorphic(one: Graph, other: Graph, *, steps: int = 100_000) -> bool:
    """True when the graphs differ in the names of blank nodes at most. Raises Unprocessable when it takes too long."""
    if len(one) != len(other):
        return False
    rows, others = rows_of(one.triples), rows_of(other.triples)
    if _ground(rows) != _ground(others):
        return False
    mine, theirs = _edges(rows, 0), _edges(others, 1)
    colour = _refine({**mine, **theirs})  # refined side by side, so that equal colours mean the same in both
    if Counter(colour[node] for node in mine) != Counter(colour[node] for node in theirs):
        return False
    classes: dict[int, list[_Node]] = defaultdict(list)
    for node in theirs:
        classes[colour[node]].append(node)
    return _embed(mine, theirs, {node: classes[colour[node]] for node in mine}, steps)


def _ground(rows: Iterable[Row]) -> set[Row]:
    return {row for row in rows if not is_blank(row[0]) and not is_blank(row[2])}


def _edges(rows: Iterable[Row], tag: int) -> dict[_Node, list[_Edge]]:
    edges: dict[_Node, list[_Edge]] = defaultdict(list)
    for subject, predicate, obj in rows:
        start = (tag, subject) if is_blank(subject) else subject
        end = (tag, obj) if is_blank(obj) else obj
        if isinstance(start, tuple):
            edges[start].append((">", predicate, end))
        if isinstance(end, tuple):
            edges[end].append(("<", predicate, start))
    return edges


def _refine(edges: _Edges) -> dict[_Node, int]:
    """Colours nodes by their surroundings until no more can be told apart, or for `_ROUNDS` rounds."""
    fixed = {n: sorted((w, p, o) for w, p, o in found if isinstance(o, str)) for n, found in edges.items()}
    loose = {n: [(w, p, o) for w, p, o in found if isinstance(o, tuple)] for n, found in edges.items()}
    colour = _ranks({node: (0, found, []) for node, found in fixed.items()})
    seen = len(set(colour.values()))
    for _ in range(_ROUNDS):
        if seen == len(edges):
            break
        colour = _ranks(
            {node: (colour[node], [], sorted((w, p, colour[o]) for w, p, o in found)) for node, found in loose.items()}
        )
        now = len(set(colour.values()))
        if now == seen:
            break
        seen = now
    return colour


_Signature: TypeAlias = tuple[int, "list[tuple[str, str, str]]", "list[tuple[str, str, int]]"]


def _ranks(signatures: Mapping[_Node, _Signature]) -> dict[_Node, int]:
    """Equal signatures get equal ranks, in the order of the signatures: the same in every process."""
    ranks: dict[_Node, int] = {}
    rank, before = -1, None
    for node in sorted(signatures, key=lambda node: signatures[node]):
        if signatures[node] != before:
            rank, before = rank + 1, signatures[node]
        ranks[node] = rank
    return ranks


def _embed(mine: _Edges, theirs: _Edges, candidates: Mapping[_Node, list[_Node]], steps: int) -> bool:
    """Searches, with backtracking, a pairing of the nodes that keeps every edge."""
    order = _walk(mine, candidates)
    edges = {node: set(found) for node, found in theirs.items()}
    pairs: dict[_Node, _Node] = {}
    used: set[_Node] = set()
    tries = [iter(candidates[order[0]])] if order else []
    while len(pairs) < len(order):
        node = order[len(tries) - 1]
        if node in pairs:  # back from a dead end further on
            used.discard(pairs.pop(node))
        for candidate in tries[-1]:
            steps -= 1
            if steps < 0:
                raise Unprocessable("comparison-budget", "Comparing these graphs takes too many steps.")
            if candidate in used:
                continue
            pairs[node] = candidate
            if _keeps(mine[node], edges[candidate], pairs):
                used.add(candidate)
                break
            del pairs[node]
        else:
            tries.pop()
            if not tries:
                return False
            continue
        if len(pairs) < len(order):
            tries.append(iter(candidates[order[len(tries)]]))
    return True


def _keeps(edges: list[_Edge], found: set[_Edge], pairs: Mapping[_Node, _Node]) -> bool:
    return all(not isinstance(o, tuple) or o not in pairs or (w, p, pairs[o]) in found for w, p, o in edges)


def _walk(edges: _Edges, candidates: Mapping[_Node, list[_Node]]) -> list[_Node]:
    """Nodes with the fewest candidates first, and then their neighbours, so that a wrong pairing shows early."""
    order: dict[_Node, None] = {}
    for root in sorted(edges, key=lambda node: len(candidates[node])):
        waiting = [root]
        while waiting:
            node = waiting.pop()
            if node not in order:
                order[node] = None
                waiting += [o for _, _, o in edges[node] if isinstance(o, tuple)]
    return list(order)
