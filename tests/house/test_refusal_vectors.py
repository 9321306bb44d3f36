"""Every refusal vector is carried by a test: by its id in a mark, or as the name of a row in the table of its file."""

from __future__ import annotations

import ast
import re

from tests.house.tree import ROOT

LAST = {"P": 43, "T": 33, "R": 23, "C": 9, "F": 7, "K": 11}
# What is refused here is a token that this server does not give out yet: those of the UMA exchange (D12, D14).
NOT_YET = {"VEC-T30"}


def carried() -> set[str]:
    """The ids that tests carry, each by itself."""
    found: set[str] = set()
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        if {"node_modules", "house"} & set(path.parts):
            continue
        own = re.fullmatch(r"test_vec_([a-z])_\w+\.py", path.name)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
                continue
            if re.fullmatch(r"VEC-[PTRCFK]\d\d", node.value):
                found.add(node.value)
            elif own is not None and re.fullmatch(r"[PTRCFK]\d\d-[a-z0-9-]+", node.value):
                found.add(f"VEC-{node.value[:3]}")
    return found


def test_every_refusal_vector_has_a_test_that_carries_its_id() -> None:
    listed = {f"VEC-{letter}{number:02}" for letter, last in LAST.items() for number in range(1, last + 1)}
    assert listed - carried() == NOT_YET
    assert carried() <= listed
