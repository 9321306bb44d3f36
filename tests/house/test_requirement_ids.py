"""An id in code or in a test means something: it stands in tests/conformance/requirements.toml."""

from __future__ import annotations

import ast
import re

from tests.conformance.matrix import LEVELS, read_known
from tests.house.tree import ROOT

# What reads as an id of the lists; other capitals with numbers (RS256, RFC-9110) do not.
CITED = re.compile(
    r"(?<![\w/-])(?:(?:PR|CO|LDP|LD|N3|WA|WC|WM|OP|CI|RS|WP|TI|NP|NC|AC|CH|TR|ATK|LIM|UX|PAIN)-\d+)(?![\w-])"
)


def test_every_id_in_a_mark_is_known() -> None:
    known = read_known()
    wrong = []
    for path in sorted((ROOT / "tests").rglob("*.py")):
        if "node_modules" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "requirement":
                names = [str(arg.value) for arg in node.args if isinstance(arg, ast.Constant)]
                wrong += [f"{path.name}:{node.lineno} {name}" for name in names if name not in known]
    assert wrong == []


def test_every_id_beside_a_line_of_code_is_known() -> None:
    known = read_known()
    wrong = []
    for path in sorted((ROOT / "vault").rglob("*.py")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            wrong += [f"{path.name}:{number} {name}" for name in CITED.findall(line) if name not in known]
    assert wrong == []


def test_an_id_says_what_it_means_and_a_decision_against_it_says_why() -> None:
    for requirement in read_known().requirements.values():
        assert requirement.level in LEVELS
        assert requirement.means.endswith("."), requirement.id
        for why in (requirement.not_offered, requirement.not_here):
            assert not why or why.endswith("."), requirement.id


def test_an_unknown_id_is_not_taken_for_a_known_one() -> None:
    known = read_known()
    for name in ("PR-1", "D9", "ATK-06", "VEC-P", "VEC-P12", "UX-01"):
        assert name in known
    for name in ("PR-99", "D99", "ATK-41", "ATK-00", "VEC-Z01", "PR-1 ", "requirement", ""):
        assert name not in known
