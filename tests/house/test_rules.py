"""The rules of the house, as vault/README.md writes them down."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.house.tree import ROOT, Module, functions, modules

# Lower may be imported by higher, never the other way round nor sideways.
LAYERS = (
    {"errors"},
    {"values"},
    {"audit", "config", "observe"},
    {"rdf"},
    {"access", "seals", "connectors"},
    {"identity", "solid"},
    {"datasluis", "notify"},
    {"ports"},
    {"archive"},
    {"web", "storage", "outbound", "workers"},
    {"closing"},
    {"chores"},
    {"app", "seed"},
    {"operate"},
    {"commands"},
    {"cli"},
)
RANK = {package: rank for rank, layer in enumerate(LAYERS) for package in layer}

# The verb files: use cases, async, taking what they need as arguments. Everything else in these packages is a noun.
RULED = {
    "values",
    "errors",
    "audit",
    "rdf",
    "seals",
    "access",
    "connectors",
    "solid",
    "identity",
    "datasluis",
    "notify",
}
VERBS = {
    "vault.rdf.isolate",
    "vault.access.decide",
    "vault.solid.apply",
    "vault.solid.clear",
    "vault.solid.checks",
    "vault.solid.edit",
    "vault.solid.find",
    "vault.solid.read",
    "vault.solid.write",
    "vault.solid.provision",
    "vault.identity.authenticate",
    "vault.identity.believe",
    "vault.identity.consent",
    "vault.identity.sign_in",
    "vault.identity.prove",
    "vault.identity.push",
    "vault.identity.pushed",
    "vault.identity.passkeys",
    "vault.identity.recovery",
    "vault.identity.warn",
    "vault.identity.correspond",
    "vault.identity.post",
    "vault.identity.limit",
    "vault.identity.sign_up",
    "vault.identity.renew",
    "vault.identity.close",
    "vault.identity.oversee",
    "vault.identity.register",
    "vault.identity.programs",
    "vault.identity.hold",
    "vault.identity.tools",
    "vault.identity.revoke",
    "vault.identity.rotate",
    "vault.identity.stand",
    "vault.identity.authorize",
    "vault.identity.exchange",
    "vault.identity.federate",
    "vault.notify.deliver",
    "vault.notify.listen",
    "vault.notify.subscribe",
    "vault.datasluis.ask",
    "vault.datasluis.leave",
    "vault.datasluis.leave_note",
    "vault.datasluis.answer",
    "vault.datasluis.read",
    "vault.datasluis.deposit",
    "vault.datasluis.unpack",
    "vault.datasluis.lay_down",
    "vault.datasluis.preview",
    "vault.datasluis.onboard",
    "vault.datasluis.lapse",
    "vault.datasluis.history",
    "vault.datasluis.catalogue_files",
}

# One home for each outside library.
HOMES = {
    "pyoxigraph": ("vault.rdf",),
    "pyld": ("vault.rdf",),
    "pyshacl": ("vault.rdf",),
    "rdflib": ("vault.rdf",),
    "joserfc": ("vault.identity",),
    "aiosmtplib": ("vault.outbound",),
    "argon2": ("vault.identity",),
    "webauthn": ("vault.identity",),
    "cryptography": ("vault.identity", "vault.seals"),
    "jinja2": ("vault.web",),
    "babel": ("vault.web",),
    "msgspec": ("vault.config", "vault.web", "vault.storage", "vault.seed"),
    "structlog": ("vault.observe",),
    "click": ("vault.cli", "vault.commands"),
    "http.client": ("vault.cli",),  # the health check of this machine's own server
    "uvloop": ("vault.cli", "vault.app"),
    "sqlite3": ("vault.storage",),
    "asyncpg": ("vault.storage",),
    "aiofiles": ("vault.storage",),
    "aiohttp": ("vault.web", "vault.app", "vault.outbound"),
    "xml": ("vault.connectors",),
    "requests": (),
    "urllib.request": (),
    "pickle": (),
}


def test_no_module_is_longer_than_400_lines() -> None:
    assert [f"{m.name} {len(m.text.splitlines())}" for m in modules() if len(m.text.splitlines()) > 400] == []


def test_no_function_is_longer_than_50_lines() -> None:
    long = [
        f"{m.name}.{f.name} {f.end_lineno - f.lineno + 1}"
        for m in modules()
        for f in functions(m.tree)
        if f.end_lineno is not None and f.end_lineno - f.lineno + 1 > 50
    ]
    assert long == []


def test_nothing_is_imported_upward_or_sideways() -> None:
    wrong = []
    for module in modules():
        for name in module.imports():
            parts = name.split(".")
            if parts[0] != "vault" or len(parts) < 2 or parts[1] not in RANK or module.package == "vault":
                continue
            here, there = RANK[module.package], RANK[parts[1]]
            if parts[1] != module.package and there >= here:
                wrong.append(f"{module.name} imports {name}")
    assert wrong == []


def test_every_package_has_its_place_in_the_layers() -> None:
    assert {m.package for m in modules()} - set(RANK) - {"vault", "__main__"} == set()


def test_there_is_no_import_cycle() -> None:
    names = {m.name for m in modules()}
    edges = {m.name: {n for n in m.imports() if n in names and n != m.name} for m in modules()}
    state: dict[str, int] = {}

    def visit(name: str, trail: tuple[str, ...]) -> None:
        if state.get(name) == 1:
            pytest.fail(" → ".join((*trail, name)))
        if name not in state:
            state[name] = 1
            for other in edges[name]:
                visit(other, (*trail, name))
            state[name] = 2

    for name in edges:
        visit(name, ())


def test_each_outside_library_stays_in_its_home() -> None:
    wrong = []
    for module in modules():
        for name in module.imports():
            library = next((lib for lib in HOMES if name == lib or name.startswith(lib + ".")), None)
            if library and not module.name.startswith(HOMES[library]):
                wrong.append(f"{module.name} imports {name}")
    assert wrong == []


def _protocols(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and any("Protocol" in ast.unparse(base) for base in node.bases):
            yield from ast.walk(node)


def _nouns() -> Iterator[Module]:
    for module in modules():
        if module.package in RULED and module.name not in VERBS and not module.name.endswith(".ports"):
            yield module


def test_nouns_are_synchronous() -> None:
    wrong = []
    for module in _nouns():
        declared = set(_protocols(module.tree))
        wrong += [
            f"{module.name}:{node.lineno}"
            for node in ast.walk(module.tree)
            if isinstance(node, (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)) and node not in declared
        ]
    assert wrong == []


def test_nouns_read_no_clock_and_do_no_input_or_output() -> None:
    forbidden = re.compile(
        r"\b(datetime\.now|utcnow|time\.time|time\.monotonic|open\(|socket\.|subprocess\.|asyncio\.)"
    )
    wrong = [
        f"{m.name}:{n}"
        for m in _nouns()
        for n, line in enumerate(m.text.splitlines(), 1)
        if forbidden.search(line.split("#")[0]) and '"""' not in line
    ]
    assert wrong == []


def test_verbs_that_are_named_exist() -> None:
    assert VERBS - {m.name for m in modules()} == set()


def test_sql_stands_in_storage_alone() -> None:
    sql = re.compile(
        r"\b(SELECT\s.+\sFROM|INSERT\s+(OR\s+\w+\s+)?INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM\s+\w|CREATE TABLE)\b", re.S
    )
    wrong = []
    for module in modules():
        if module.package == "storage":
            continue
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and sql.search(node.value):
                wrong.append(f"{module.name}:{node.lineno}")
    assert wrong == []


def test_only_config_reads_the_environment() -> None:
    wrong = [m.name for m in modules() if re.search(r"os\.(environ|getenv)", m.text) and m.package != "config"]
    assert wrong == []


def test_nobody_names_a_drawer() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}
    assert [m.name for m in modules() if m.name.rsplit(".", 1)[-1] in drawers] == []


def test_every_setting_has_a_line_in_the_readme() -> None:
    from vault.config import setting_names

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in setting_names() if f"`{name}`" not in readme] == []


def test_every_module_has_a_docstring_that_says_what_it_is() -> None:
    assert [m.name for m in modules() if not ast.get_docstring(m.tree)] == []
