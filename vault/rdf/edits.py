"""What a patch asks, as a value, and its application to a graph: a small join with a budget of steps.

The patterns come from a stranger, so nothing here may take longer than the budget allows (LIM-12).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

from vault.config import Limits
from vault.errors import Conflict, Unprocessable
from vault.rdf.graph import Blank, Graph, Iri, Term, Triple, parts


class Variable(NamedTuple):
    """A name that `where` binds. Blank nodes of a `where` are variables too, with names that start with `_:`."""

    name: str


Slot: TypeAlias = Term | Variable
Pattern: TypeAlias = tuple[Slot, Slot, Slot]
_Bindings: TypeAlias = Mapping[Variable, Term]


@dataclass(frozen=True, slots=True)
class GraphEdit:
    """Triples to find, to delete and to insert. `then` holds the further operations of a `;` list, in order.

    `lenient` is SPARQL's way (section 4.2 of our Solid rules): every match counts, none is fine, and an absent triple
    is deleted without complaint. Otherwise N3 Patch: exactly one match, and all deleted triples must be there.
    """

    where: tuple[Pattern, ...] = ()
    deletes: tuple[Pattern, ...] = ()
    inserts: tuple[Pattern, ...] = ()
    lenient: bool = False
    then: tuple[GraphEdit, ...] = ()

    @property
    def has_where(self) -> bool:
        """True when the edit looks at what is there: needs Read (N3-14)."""
        return any(edit.where for edit in self.steps)

    @property
    def has_deletes(self) -> bool:
        """True when the edit takes triples away: needs Read and Write (N3-14)."""
        return any(edit.deletes for edit in self.steps)

    @property
    def has_inserts(self) -> bool:
        """True when the edit adds triples: needs Append (N3-14)."""
        return any(edit.inserts for edit in self.steps)

    @property
    def steps(self) -> tuple[GraphEdit, ...]:
        """The operations in the order in which they are applied, each without its followers."""
        return (replace(self, then=()), *self.then) if self.then else (self,)


def apply_edit(graph: Graph, edit: GraphEdit, *, limits: Limits) -> Graph:
    """The graph after the edit; the one given is untouched, also when the edit is refused (N3-12, N3-13).

    Raises Conflict when the graph does not allow the edit, Unprocessable when it would take too many steps or triples.
    """
    budget = _Budget(limits.where_steps)
    index = _Index(graph)
    for step in edit.steps:
        # N3-11: "If ?conditions is non-empty": without it, there is one solution, the empty one.
        solutions = _solutions(index, step, budget) if step.where else [{}]
        if step.lenient:
            _apply_leniently(index, step, solutions, budget)
        else:
            _apply_strictly(index, step, solutions[0], budget)
        if len(index.triples) > limits.triples:
            raise Unprocessable("too-many-triples", f"A document may hold {limits.triples} triples.")
    return Graph(frozenset(index.triples))


class _Budget:
    """Steps that may still be taken."""

    def __init__(self, steps: int) -> None:
        self._steps = steps

    def spend(self, steps: int = 1) -> None:
        self._steps -= steps
        if self._steps < 0:
            raise Unprocessable("patch-budget", "Matching this patch takes too many steps.")


class _Index:
    """The triples being edited; found by subject, predicate or object once something is looked for."""

    def __init__(self, graph: Graph) -> None:
        self.triples: set[Triple] = set(graph.triples)
        self._by_part: tuple[dict[Term, set[Triple]], ...] | None = None

    def add(self, triple: Triple) -> None:
        if triple not in self.triples:
            self.triples.add(triple)
            for found, part in zip(self._by_part or (), parts(triple), strict=False):
                found[part].add(triple)

    def discard(self, triple: Triple) -> None:
        if triple in self.triples:
            self.triples.discard(triple)
            for found, part in zip(self._by_part or (), parts(triple), strict=False):
                found[part].discard(triple)

    def candidates(self, pattern: Pattern, bound: _Bindings) -> set[Triple]:
        """The smallest set that surely holds every triple that agrees with the pattern."""
        best = self.triples
        for found, slot in zip(self._parts(), pattern, strict=True):
            term = bound.get(slot) if isinstance(slot, Variable) else slot
            if term is not None:
                here = found.get(term, _NONE)
                best = here if len(here) < len(best) else best
        return best

    def _parts(self) -> tuple[dict[Term, set[Triple]], ...]:
        if self._by_part is None:
            self._by_part = (defaultdict(set), defaultdict(set), defaultdict(set))
            for triple in self.triples:
                for found, part in zip(self._by_part, parts(triple), strict=True):
                    found[part].add(triple)
        return self._by_part


_NONE: set[Triple] = set()
_FEW = 8  # triples that are sooner tried than sorted by their parts


def _solutions(index: _Index, step: GraphEdit, budget: _Budget) -> list[_Bindings]:
    """All solutions for SPARQL; for N3 Patch the only one, or Conflict."""
    found = _join(index, step.where, {}, budget)
    if step.lenient:
        return list(found)
    first: _Bindings | None = None
    for bindings in found:
        # Two ways to bind nothing but blank nodes are one mapping of the variables (N3-11).
        named = {variable: term for variable, term in bindings.items() if not variable.name.startswith("_:")}
        if first is None:
            first = named
        elif named != first:
            raise Conflict("patch-many-matches", "The conditions of the patch match more than once.")
    if first is None:
        raise Conflict("patch-no-match", "The conditions of the patch do not match.")
    return [first]


def _join(index: _Index, patterns: tuple[Pattern, ...], bound: _Bindings, budget: _Budget) -> Iterator[_Bindings]:
    """Binds the pattern with the fewest candidates first, then the others under that binding."""
    if not patterns:
        yield bound
        return
    budget.spend(len(patterns))
    if len(patterns) == 1 and len(index.triples) <= _FEW:
        candidates, chosen = index.triples, 0
    else:
        choices = [(index.candidates(pattern, bound), number) for number, pattern in enumerate(patterns)]
        candidates, chosen = min(choices, key=lambda choice: len(choice[0]))
    others = patterns[:chosen] + patterns[chosen + 1 :]
    for triple in candidates:
        budget.spend()
        agreed = _agree(patterns[chosen], triple, bound)
        if agreed is not None:
            yield from _join(index, others, agreed, budget)


def _agree(pattern: Pattern, triple: Triple, bound: _Bindings) -> _Bindings | None:
    """The bindings under which the pattern is this triple, or None."""
    now = dict(bound)
    for slot, term in zip(pattern, parts(triple), strict=True):
        if slot.__class__ is Variable:
            if now.setdefault(slot, term) != term:
                return None
        elif slot != term:
            return None
    return now


def _apply_strictly(index: _Index, step: GraphEdit, bindings: _Bindings, budget: _Budget) -> None:
    budget.spend(len(step.deletes) + len(step.inserts))
    doomed = {_instance(pattern, bindings, {}) for pattern in step.deletes}
    # N3-12: "If the set of triples resulting from ?deletions is non-empty and the dataset does not contain all of
    # these triples, the server MUST respond with a 409 status code."
    if not all(triple in index.triples for triple in doomed):
        raise Conflict("patch-absent-triple", "The patch deletes a triple that is not there.")
    fresh: dict[Blank, Blank] = {}
    wanted = [_instance(pattern, bindings, fresh) for pattern in step.inserts]
    for triple in doomed:
        if triple is not None:
            index.discard(triple)
    for triple in wanted:
        if triple is None:
            raise Conflict("patch-not-rdf", "What the conditions match cannot stand where the patch would insert it.")
        index.add(triple)


def _apply_leniently(index: _Index, step: GraphEdit, solutions: Iterable[_Bindings], budget: _Budget) -> None:
    doomed: list[Triple | None] = []
    wanted: list[Triple | None] = []
    for bindings in solutions:
        budget.spend(len(step.deletes) + len(step.inserts))
        fresh: dict[Blank, Blank] = {}  # SPARQL 1.1 Update §3.1.3: a blank node of a template is new for each solution
        doomed += [_instance(pattern, bindings, {}) for pattern in step.deletes]
        wanted += [_instance(pattern, bindings, fresh) for pattern in step.inserts]
    # §3.1.3: what cannot be a triple (a literal as subject, a variable without value) is left out.
    for triple in doomed:
        if triple is not None:
            index.discard(triple)
    for triple in wanted:
        if triple is not None:
            index.add(triple)


def _instance(pattern: Pattern, bindings: _Bindings, fresh: dict[Blank, Blank]) -> Triple | None:
    """The triple that the pattern stands for, or None if it cannot be one. Its own blank nodes become new ones."""
    subject, predicate, obj = pattern
    return _triple(_value(subject, bindings, fresh), _value(predicate, bindings, fresh), _value(obj, bindings, fresh))


def _triple(subject: Term | None, predicate: Term | None, obj: Term | None) -> Triple | None:
    if isinstance(predicate, Iri) and isinstance(subject, (Iri, Blank)) and obj is not None:
        return Triple(subject, predicate, obj)
    return None


def _value(slot: Slot, bindings: _Bindings, fresh: dict[Blank, Blank]) -> Term | None:
    if isinstance(slot, Variable):
        return bindings.get(slot)
    if isinstance(slot, Blank):
        return fresh.setdefault(slot, Blank())  # N3-8: one fresh node per label
    return slot
