"""What is delivered beside the code: locks, scripts, the container, the documents."""

from __future__ import annotations

import re
import subprocess
import tomllib

from tests.house.tree import ROOT, modules

REGISTRIES = re.compile(
    r"pypi\.org|pythonhosted|registry\.npmjs|npmjs\.com/package|deb\.debian\.org|--(extra-)?index-url"
)


def _tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return listed.stdout.splitlines()


def test_no_lock_file_script_or_document_names_a_registry() -> None:
    wrong = []
    for name in _tracked():
        path = ROOT / name
        if name == "tests/house/test_delivery.py" or not path.is_file() or path.suffix in {".png", ".pdf", ".gz"}:
            continue
        if REGISTRIES.search(path.read_text(encoding="utf-8", errors="replace")):
            wrong.append(name)
    assert wrong == []


def test_the_npm_locks_hold_hashes_and_no_addresses() -> None:
    locks = [name for name in _tracked() if name.endswith("package-lock.json")]
    assert len(locks) >= 4
    for lock in locks:
        text = (ROOT / lock).read_text(encoding="utf-8")
        assert '"resolved"' not in text, lock
        assert '"integrity"' in text, lock


def test_every_pinned_dependency_is_locked_with_hashes_at_the_same_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for lock, wanted in (
        ("requirements.lock", [*project["dependencies"], *project["optional-dependencies"]["build"]]),
        ("requirements-dev.lock", [*project["dependencies"], *project["optional-dependencies"]["dev"]]),
    ):
        text = (ROOT / lock).read_text(encoding="utf-8")
        for pin in wanted:
            assert re.search(rf"^{re.escape(pin)}(\s|$)", text, re.M), f"{pin} is not in {lock}"
        blocks = re.findall(r"^[a-z0-9].*?(?=^[a-z0-9]|\Z)", text, re.M | re.S)
        assert blocks
        assert all("--hash=sha256:" in block for block in blocks)


def test_every_dependency_has_its_reason_in_the_map() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    house = (ROOT / "vault/README.md").read_text(encoding="utf-8").lower()
    names = [pin.split("==")[0] for pin in project["dependencies"]]
    assert [name for name in names if f"| {name} |" not in house] == []


def test_the_container_copies_and_calls_only_what_exists() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    copied = [
        source
        for line in text.splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
    ]
    assert copied
    assert [source for source in copied if not (ROOT / source).exists()] == []
    from vault.cli import main

    assert 'CMD ["serve"]' in text
    assert '"health"' in text
    assert {"serve", "health"} <= set(main.commands)


def test_the_container_is_not_root_keeps_data_in_a_volume_and_checks_its_health() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    final = text.split("FROM ")[-1]
    assert re.search(r"^USER (?!0|root)\S+", final, re.M)
    assert "VOLUME /data" in final
    assert "HEALTHCHECK" in final
    from vault.config import PREFIX, setting_names

    for name in re.findall(rf"{PREFIX}([A-Z_]+)=", final):
        assert name.lower() in setting_names()


def test_ci_calls_what_the_readme_tells_a_newcomer() -> None:
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in ("check", "test"):
        assert f"make {target}" in script
    for target in ("demo", "test"):
        assert f"make {target}" in readme
        assert re.search(rf"^{target}:", makefile, re.M)


def test_nothing_is_left_unfinished() -> None:
    wrong = []
    pattern = re.compile(r"\b(TO" r"DO|FIX" r"ME|NotImplemented" r"Error|xf" r"ail)\b|mark\.sk" r"ip\b")
    for name in _tracked():
        if name.endswith((".py", ".html", ".js", ".css", "Makefile")) and (ROOT / name).is_file():
            wrong += [
                f"{name}:{number}"
                for number, line in enumerate((ROOT / name).read_text(encoding="utf-8").splitlines(), 1)
                if pattern.search(line)
            ]
    assert wrong == []


def test_every_module_is_on_the_map() -> None:
    house = (ROOT / "vault/README.md").read_text(encoding="utf-8")
    names = {m.name.rsplit(".", 1)[-1] for m in modules() if m.path.name != "__init__.py" and m.name != "vault"}
    on_map = set(re.findall(r"`([a-z_0-9]+)`", house.split("## Map")[1].split("## One list")[0]))
    assert names - on_map - {"ports"} == set()


def test_everything_the_documents_point_to_exists() -> None:
    missing = []
    for name in _tracked():
        if not name.endswith(".md"):
            continue
        text = (ROOT / name).read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
            if "://" not in target and not ((ROOT / name).parent / target).exists():
                missing.append(f"{name}: {target}")
    assert missing == []
