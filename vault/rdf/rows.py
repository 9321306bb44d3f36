"""A graph as rows of N-Triples text: what writing, naming and comparing work on.

The library writes all terms in one go; taking each apart through its objects costs ten times as much.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import TypeAlias

import pyoxigraph

from vault.rdf.graph import RDF, Dataset, Triple

# Subject, predicate and object, each as N-Triples writes it: "<iri>", "_:label", "\"text\"@en".
Row: TypeAlias = tuple[str, str, str]
QuadRow: TypeAlias = tuple[str, str, str, str]  # and the graph's name, empty for the default graph
Statements: TypeAlias = Mapping[str, Mapping[str, list[str]]]  # subject → predicate → objects

FIRST, REST, NIL = str(RDF.first), str(RDF.rest), str(RDF.nil)

# Levels of `[ ]` and `( )` that are written in place. Deeper nodes get names, so that what we write passes the guards
# of every reader, our own LIM-04 and LIM-05 among them.
_NESTING = 16


def rows_of(triples: Iterable[Triple]) -> list[Row]:
    """The triples as text, in no promised order."""
    written = pyoxigraph.serialize(triples, format=pyoxigraph.RdfFormat.N_TRIPLES) or b""
    rows = []
    for line in written.decode().split("\n")[:-1]:  # never splitlines(): it also cuts inside literals, at U+0085
        subject, predicate, obj = line.split(" ", 2)
        rows.append((subject, predicate, obj[:-2]))
    return rows


def quads_of(dataset: Dataset) -> list[QuadRow]:
    """The quads as text, in no promised order."""
    written = pyoxigraph.serialize(dataset.quads, format=pyoxigraph.RdfFormat.N_QUADS) or b""
    rows = []
    for line in written.decode().split("\n")[:-1]:
        subject, predicate, rest = line[:-2].split(" ", 2)
        # Neither a datatype nor a graph name holds a quotation mark, so the last one ends the literal.
        cut = rest.find(" ", rest.rfind('"') + 1)
        obj, graph = (rest, "") if cut < 0 else (rest[:cut], rest[cut + 1 :])
        rows.append((subject, predicate, obj, graph))
    return rows


def is_blank(term: str) -> bool:
    """True for the text of a blank node."""
    return term.startswith("_")


def by_subject(rows: Iterable[Row]) -> Statements:
    """Rows gathered by subject and predicate."""
    statements: dict[str, dict[str, list[str]]] = {}
    for subject, predicate, obj in rows:
        objects = statements.get(subject)
        if objects is None:
            objects = statements[subject] = {}
        values = objects.get(predicate)
        if values is None:
            objects[predicate] = [obj]
        else:
            values.append(obj)
    return statements


class Folding:
    """Which blank nodes can be written in place, where they are used, and need no name.

    `references` counts uses as object; `cells` are those from which a plain list runs to its end: a first, a rest,
    nothing else, and used by one thing only; `inline` are all nodes, cells among them, that are used exactly once, in
    no circle and not too deep.
    """

    def __init__(self, statements: Statements) -> None:
        self.references = Counter(
            obj for objects in statements.values() for found in objects.values() for obj in found if is_blank(obj)
        )
        once = {node for node, count in self.references.items() if count == 1}
        self.cells = _list_cells(statements, once) if once else set()
        self.inline = _inline(statements, once, self.cells) if once else set()

    def named(self) -> set[str]:
        """Blank nodes that are used, and not written in place."""
        return self.references.keys() - self.inline

    def items(self, statements: Statements, cell: str) -> list[str]:
        """The members of the list that starts at this cell."""
        items = []
        while cell != NIL:
            objects = statements[cell]
            items.append(objects[FIRST][0])
            cell = objects[REST][0]
        return items


def _list_cells(statements: Statements, once: set[str]) -> set[str]:
    before: dict[str, list[str]] = defaultdict(list)
    for node in once:
        objects = statements.get(node, {})
        if objects.keys() == {FIRST, REST} and len(objects[FIRST]) == len(objects[REST]) == 1:
            before[objects[REST][0]].append(node)
    cells: set[str] = set()
    waiting = before.pop(NIL, [])
    while waiting:
        cell = waiting.pop()
        cells.add(cell)
        waiting += before.pop(cell, [])
    return cells


def _inline(statements: Statements, once: set[str], cells: set[str]) -> set[str]:
    inline: set[str] = set()
    waiting = [(subject, 0) for subject in statements if subject not in once]
    while waiting:
        subject, depth = waiting.pop()
        for predicate, objects in statements.get(subject, {}).items():
            # The cells of one list stand side by side, not in each other.
            below = depth if predicate == REST and subject in cells and subject in inline else depth + 1
            for node in objects:
                if node in once:
                    if below <= _NESTING:
                        inline.add(node)
                    waiting.append((node, below if below <= _NESTING else 0))
    return inline
