"""What a request asks of one resource, and which modes that needs: one table (Solid reference, section 5.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from vault.access.modes import NO_MODES, AccessMode, Modes, Need
from vault.errors import Refusal
from vault.rdf.edits import GraphEdit
from vault.rdf.graph import Graph
from vault.solid.headers import NO_CONDITIONS, NO_PREFERENCE, Conditions, Preference, RangeRequest
from vault.solid.negotiation import ANYTHING, Accept
from vault.solid.paths import Auxiliary, auxiliary
from vault.solid.resource import Body
from vault.values import MediaType, ResourceUrl

_READ: Final = frozenset({AccessMode.READ})
_APPEND: Final = frozenset({AccessMode.APPEND})
_WRITE: Final = frozenset({AccessMode.WRITE})
_CONTROL: Final = frozenset({AccessMode.CONTROL})
_READ_WRITE: Final = _READ | _WRITE
_EVERY_MODE: Final[Modes] = frozenset(AccessMode)

# Solid reference, D1: "PUT that creates r needs Append or Write on c/ and Write on r."
PUT_NEW_NEEDS: Final[Modes] = _WRITE
# Solid reference, D2: "PATCH that only inserts and creates r needs Append or Write on c/ and Append on r."
PATCH_NEW_NEEDS: Final[Modes] = _APPEND
# Solid reference, D3: "DELETE on a container needs Read on it, besides Write on it and on its parent."
DELETE_CONTAINER_ALSO_NEEDS: Final[Modes] = _READ
# Solid reference, D4: "DELETE on a missing resource: 404 only to those with Read on it; otherwise 403 (401
# anonymous), even with Write."
DELETE_MISSING_ALSO_NEEDS: Final[Modes] = _READ


@dataclass(frozen=True, slots=True)
class Content:
    """What came with a PUT or POST: the body as written and, of RDF, the graph in it, parsed once.

    `media_type` is None when none was sent; `graph` is None when the body is not RDF or could not be read. `fault` is
    why it could not: kept until the request has passed everything that outranks it (section 6.1).
    """

    body: Body
    media_type: MediaType | None
    graph: Graph | None = None
    fault: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """GET and HEAD; `head` asks for everything but the body."""

    target: ResourceUrl
    accept: Accept = ANYTHING
    conditions: Conditions = NO_CONDITIONS
    wanted_range: RangeRequest | None = None
    prefer: Preference = NO_PREFERENCE
    head: bool = False


@dataclass(frozen=True, slots=True)
class Put:
    """Make or replace the target. `types`: the targets of `Link rel="type"`."""

    target: ResourceUrl
    content: Content
    conditions: Conditions = NO_CONDITIONS
    types: frozenset[str] = frozenset()

    def bringing(self, content: Content) -> Put:
        """The same with its body."""
        return Put(self.target, content, self.conditions, self.types)


@dataclass(frozen=True, slots=True)
class Post:
    """Make a child of the target container; the server names it, with the slug as a hint (PR-63, PR-64)."""

    target: ResourceUrl
    content: Content
    conditions: Conditions = NO_CONDITIONS
    types: frozenset[str] = frozenset()
    slug: str | None = None

    def bringing(self, content: Content) -> Post:
        """The same with its body."""
        return Post(self.target, content, self.conditions, self.types, self.slug)


@dataclass(frozen=True, slots=True)
class Patch:
    """Edit the target's graph. Exactly one of `edit` and `fault` is given: a body that yields no patch (WM-18)."""

    target: ResourceUrl
    edit: GraphEdit | None = None
    fault: Refusal | None = None
    conditions: Conditions = NO_CONDITIONS


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove the target."""

    target: ResourceUrl
    conditions: Conditions = NO_CONDITIONS


Operation = Read | Put | Post | Patch | Delete


class Case(StrEnum):
    """What an operation comes to, once it is known whether its target exists; the value is said to the operator."""

    READ = "reading it"
    POST_TO_CONTAINER = "adding a child to it"
    POST_ELSEWHERE = "posting to what is no container"
    PUT_EXISTING = "replacing it"
    PUT_NEW = "making it with PUT"
    PATCH_EXISTING = "editing it"
    PATCH_NEW = "making it with PATCH"
    DELETE_DOCUMENT = "deleting it"
    DELETE_CONTAINER = "deleting the container"
    DELETE_MISSING_DOCUMENT = "deleting what is not there"
    DELETE_MISSING_CONTAINER = "deleting a container that is not there"


@dataclass(frozen=True, slots=True)
class Row:
    """Modes on the target itself, on its container, and on the parent of each missing container in between."""

    ids: str
    target: Modes
    container: Modes = NO_MODES
    above_missing: Modes = NO_MODES


# The table. What a patch's own content asks comes on top of its row (WM-6 to WM-8).
TABLE: Final[dict[Case, Row]] = {
    Case.READ: Row("WM-2", _READ),
    Case.POST_TO_CONTAINER: Row("WM-3", _APPEND),  # nothing on the child: its URI is not known before
    Case.POST_ELSEWHERE: Row("WM-16", _APPEND),
    Case.PUT_EXISTING: Row("WM-4", _WRITE),
    Case.PUT_NEW: Row("WM-5, WM-10, D1", PUT_NEW_NEEDS, _APPEND, _APPEND),
    Case.PATCH_EXISTING: Row("WM-6", _APPEND),
    Case.PATCH_NEW: Row("WM-9, WM-10, D2", PATCH_NEW_NEEDS, _APPEND, _APPEND),
    Case.DELETE_DOCUMENT: Row("WM-11", _WRITE, _WRITE),
    Case.DELETE_CONTAINER: Row("WM-12, D3", _WRITE | DELETE_CONTAINER_ALSO_NEEDS, _WRITE),
    Case.DELETE_MISSING_DOCUMENT: Row("WM-17, D4", _WRITE | DELETE_MISSING_ALSO_NEEDS, _WRITE),
    Case.DELETE_MISSING_CONTAINER: Row("WM-17, D3, D4", _WRITE | DELETE_MISSING_ALSO_NEEDS, _WRITE),
}


_READING: Final = f"{Case.READ} ({TABLE[Case.READ].ids})"
_REASONS: Final = {
    case: (
        f"{case} ({row.ids})",
        f"{case}: on its container ({row.ids})",
        f"{case}: making the containers above it (WM-10)",
    )
    for case, row in TABLE.items()
}


def required_access(operation: Operation, *, exists: bool, missing: Sequence[ResourceUrl] = ()) -> tuple[Need, ...]:
    """Everything the operation needs; the first need is on the target itself, or on the subject of an auxiliary.

    `missing`: the containers above the target that do not exist yet, nearest first.
    """
    found = auxiliary(operation.target)
    if found is not None:
        return (_of_auxiliary(operation, *found),)
    if isinstance(operation, Read):  # the most common by far
        return (Need(operation.target, TABLE[Case.READ].target, _READING),)
    case = case_of(operation, exists=exists)
    row = TABLE[case]
    on_target, on_container, above_it = _REASONS[case]
    needs = [Need(operation.target, row.target | _of_patch(operation), on_target)]
    container = operation.target.parent
    if row.container and container is not None:
        needs.append(Need(container, row.container, on_container))
    for absent in missing if row.above_missing else ():
        above = absent.parent
        if above is not None:
            needs.append(Need(above, row.above_missing, above_it))
    return tuple(needs)


def case_of(operation: Operation, *, exists: bool) -> Case:
    """Which row of the table an operation falls under."""
    container = operation.target.is_container
    match operation:
        case Read():
            return Case.READ
        case Post():
            return Case.POST_TO_CONTAINER if container and exists else Case.POST_ELSEWHERE
        case Put():
            return Case.PUT_EXISTING if exists else Case.PUT_NEW
        case Patch():
            return Case.PATCH_EXISTING if exists else Case.PATCH_NEW
        case Delete():
            if exists:
                return Case.DELETE_CONTAINER if container else Case.DELETE_DOCUMENT
            return Case.DELETE_MISSING_CONTAINER if container else Case.DELETE_MISSING_DOCUMENT


def shown_modes(target: ResourceUrl, modes: Modes) -> Modes:
    """What WAC-Allow says of `target` when `modes` are held on its subject: on an ACL, Control is everything and the
    rest is nothing (WA-13)."""
    found = auxiliary(target)
    if found is None or found[0] is Auxiliary.META:
        return modes
    return _EVERY_MODE if AccessMode.CONTROL in modes else NO_MODES


def _of_auxiliary(operation: Operation, kind: Auxiliary, subject: ResourceUrl) -> Need:
    """An auxiliary is judged by its subject alone, and nothing is needed on a container: it is not contained."""
    if kind is Auxiliary.ACL:  # WA-13: Read or Write on the subject gives nothing here
        return Need(subject, _CONTROL, "its ACL (WM-13)")
    match operation:  # PR-43: "Read on r reads it, Write on r writes it"
        case Read():
            return Need(subject, _READ, "reading its description (WM-14)")
        case Put() | Delete():
            return Need(subject, _WRITE, "writing its description (WM-14)")
        case Patch() | Post():
            return Need(subject, _APPEND | _of_patch(operation), "editing its description (WM-14, WM-16)")


def _of_patch(operation: Operation) -> Modes:
    """What the content of a patch asks beside Append: where → Read, deletes → Read and Write (N3-14). A body that
    yields no patch asks the least that any patch needs (WM-18)."""
    if not isinstance(operation, Patch) or operation.edit is None:
        return NO_MODES
    edit = operation.edit
    return (_READ if edit.has_where else NO_MODES) | (_READ_WRITE if edit.has_deletes else NO_MODES)
