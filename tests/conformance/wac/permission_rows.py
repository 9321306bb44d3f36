"""The permission table: what each request needs on its target and on the container above, and what it then answers.

The rows are the whole rule. `expected` adds the three sentences that hold for all of them: Write includes Append, the
owner always has Control, and who may read something is told that it is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

MODES = ("read", "append", "write", "control")
EVERY = frozenset(MODES)
NONE: frozenset[str] = frozenset()


def modes(words: str) -> frozenset[str]:
    return frozenset(words.split())


@dataclass(frozen=True)
class Row:
    """`on_it` and `above`: the modes needed. `done`: the answer to those who have them."""

    request: str
    target: str
    on_it: str
    above: str
    done: int

    def __str__(self) -> str:
        return f"{self.request} {self.target}"

    @property
    def changes(self) -> bool:
        return self.done in (201, 204) and self.request != "OPTIONS"


# fmt: off
ROWS = (
    #   request    target          on it            above      done
    Row("OPTIONS", "document",     "",              "",        204),
    Row("GET",     "document",     "read",          "",        200),
    Row("HEAD",    "document",     "read",          "",        200),
    Row("POST",    "document",     "append",        "",        405),
    Row("TEXT",    "document",     "append",        "",        415),
    Row("PUT",     "document",     "write",         "",        204),
    Row("INSERT",  "document",     "append",        "",        204),
    Row("WHERE",   "document",     "read append",   "",        204),
    Row("REMOVE",  "document",     "read write",    "",        204),
    Row("DELETE",  "document",     "write",         "write",   204),

    Row("OPTIONS", "container",    "",              "",        204),
    Row("GET",     "container",    "read",          "",        200),
    Row("HEAD",    "container",    "read",          "",        200),
    Row("TEXT",    "container",    "append",        "",        415),
    Row("PUT",     "container",    "write",         "",        204),
    Row("INSERT",  "container",    "append",        "",        204),
    Row("WHERE",   "container",    "read append",   "",        204),
    Row("REMOVE",  "container",    "read write",    "",        204),
    Row("POST",    "filled",       "append",        "",        201),
    Row("DELETE",  "filled",       "read write",    "write",   409),
    Row("DELETE",  "container",    "read write",    "write",   204),

    Row("OPTIONS", "missing",      "",              "",        204),
    Row("GET",     "missing",      "read",          "",        404),
    Row("HEAD",    "missing",      "read",          "",        404),
    Row("POST",    "missing",      "append",        "",        404),
    Row("TEXT",    "missing",      "append",        "append",  415),
    Row("WHERE",   "missing",      "read append",   "append",  409),
    Row("REMOVE",  "missing",      "read write",    "append",  409),
    Row("DELETE",  "missing",      "read write",    "write",   404),
    Row("PUT",     "missing",      "write",         "append",  201),
    Row("INSERT",  "missing",      "append",        "append",  201),

    Row("OPTIONS", "missing/",     "",              "",        204),
    Row("GET",     "missing/",     "read",          "",        404),
    Row("HEAD",    "missing/",     "read",          "",        404),
    Row("POST",    "missing/",     "append",        "",        404),
    Row("DELETE",  "missing/",     "read write",    "write",   404),
    Row("PUT",     "missing/",     "write",         "append",  201),

    Row("GET",     "missing/deep", "read",          "",        404),
    Row("PUT",     "missing/deep", "write",         "append",  201),
    Row("INSERT",  "missing/deep", "append",        "append",  201),

    Row("OPTIONS", "acl",          "",              "",        204),
    Row("GET",     "acl",          "control",       "",        200),
    Row("HEAD",    "acl",          "control",       "",        200),
    Row("POST",    "acl",          "control",       "",        405),
    Row("TEXT",    "acl",          "control",       "",        415),
    Row("PUT",     "acl",          "control",       "",        204),
    Row("INSERT",  "acl",          "control",       "",        204),
    Row("WHERE",   "acl",          "control",       "",        204),
    Row("REMOVE",  "acl",          "control",       "",        204),
    Row("DELETE",  "acl",          "control",       "",        204),

    Row("OPTIONS", "missing acl",  "",              "",        204),
    Row("GET",     "missing acl",  "control",       "",        404),
    Row("HEAD",    "missing acl",  "control",       "",        404),
    Row("POST",    "missing acl",  "control",       "",        404),
    Row("TEXT",    "missing acl",  "control",       "",        415),
    Row("DELETE",  "missing acl",  "control",       "",        404),
    Row("PUT",     "missing acl",  "control",       "",        201),

    Row("OPTIONS", "meta",         "",              "",        204),
    Row("GET",     "meta",         "read",          "",        200),
    Row("HEAD",    "meta",         "read",          "",        200),
    Row("POST",    "meta",         "append",        "",        405),
    Row("TEXT",    "meta",         "append",        "",        415),
    Row("PUT",     "meta",         "write",         "",        204),
    Row("INSERT",  "meta",         "append",        "",        204),
    Row("WHERE",   "meta",         "read append",   "",        204),
    Row("REMOVE",  "meta",         "read write",    "",        204),
    Row("DELETE",  "meta",         "write",         "",        204),

    Row("OPTIONS", "missing meta", "",              "",        204),
    Row("GET",     "missing meta", "read",          "",        404),
    Row("HEAD",    "missing meta", "read",          "",        404),
    Row("POST",    "missing meta", "append",        "",        404),
    Row("TEXT",    "missing meta", "append",        "",        415),
    Row("DELETE",  "missing meta", "write",         "",        404),
    Row("PUT",     "missing meta", "write",         "",        201),
)

ROOT_ROWS = (
    Row("OPTIONS", "root",         "",              "",        204),
    Row("GET",     "root",         "read",          "",        200),
    Row("HEAD",    "root",         "read",          "",        200),
    Row("TEXT",    "root",         "append",        "",        415),
    Row("DELETE",  "root",         "read write",    "",        405),
    Row("PUT",     "root",         "write",         "",        204),
    Row("INSERT",  "root",         "append",        "",        204),
    Row("WHERE",   "root",         "read append",   "",        204),
    Row("REMOVE",  "root",         "read write",    "",        204),
    Row("POST",    "root",         "append",        "",        201),
    Row("OPTIONS", "root acl",     "",              "",        204),
    Row("GET",     "root acl",     "control",       "",        200),
    Row("HEAD",    "root acl",     "control",       "",        200),
    Row("POST",    "root acl",     "control",       "",        405),
    Row("TEXT",    "root acl",     "control",       "",        415),
    Row("DELETE",  "root acl",     "control",       "",        405),
    Row("PUT",     "root acl",     "control",       "",        204),
)
# fmt: on

# Who asks, and to whom the modes were given.  asks       given to
CLASSES = {
    "owner": ("owner", "owner"),
    "agent": ("bob", "bob"),
    "group": ("bob", "group"),
    "authenticated": ("bob", "authenticated"),
    "public": ("nobody", "public"),
    "public, by name": ("bob", "public"),
    "other": ("carol", "bob"),
    "other, of a group": ("carol", "group"),
    "stranger": ("nobody", "authenticated"),
}

SETS = [frozenset(m for m, given in zip(MODES, bits, strict=True) if given) for bits in product((0, 1), repeat=4)]
ABOVE = [NONE, modes("read control"), modes("append"), modes("write")]
EVERY_PAIR = list(product(SETS, ABOVE))
FEW_PAIRS = [
    (NONE, NONE),
    (modes("read"), NONE),
    (modes("append"), modes("append")),
    (modes("write"), modes("write")),
    (modes("read write"), modes("write")),
    (modes("control"), modes("control")),
    (EVERY, EVERY),
]


def pairs_for(given: str) -> list[tuple[frozenset[str], frozenset[str]]]:
    """Modes on the target and above it: every pair for a named agent, the telling ones for the other classes."""
    return EVERY_PAIR if given == "agent" else FEW_PAIRS


def expected(row: Row, asks: str, held: frozenset[str], above: frozenset[str]) -> int:
    """The status; `held` and `above` are what the ACLs give to whoever asks."""
    if asks == "owner":
        held, above = held | {"control"}, above | {"control"}
    held, above = _with_append(held), _with_append(above)
    if modes(row.on_it) <= held and modes(row.above) <= above:
        return row.done
    told = row.target in ("missing", "missing/", "missing/deep", "missing meta")  # of an ACL only Control tells
    if told and row.request in ("GET", "HEAD", "POST", "DELETE") and "read" in held:
        return 404
    return 401 if asks == "nobody" else 403


def held_by(who: str, words: frozenset[str]) -> frozenset[str]:
    """What somebody of a class holds of what was given: nothing, when it was given to others."""
    return NONE if who.startswith(("other", "stranger")) else words


def rows_for(*, inherited: bool) -> Iterator[Row]:
    """What has its own ACL exists; what inherits has none."""
    for row in ROWS:
        own_only = row.target == "acl"
        inherits = row.target.startswith("missing") and row.target != "missing meta"
        if (own_only and not inherited) or (inherits and inherited) or not (own_only or inherits):
            yield row


def _with_append(held: frozenset[str]) -> frozenset[str]:
    return held | {"append"} if "write" in held else held
