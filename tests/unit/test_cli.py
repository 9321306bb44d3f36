"""The command, as a person types it: what it prints, and its exit codes."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.house.tree import ROOT
from vault.app import open_vault
from vault.config import load_settings
from vault.identity.accounts import Consent
from vault.solid.resource import Draft, Inline, Kind
from vault.values import TURTLE, Ceiling, ClientId, PodName, ResourceUrl

DEMO = ROOT / "examples/manage_my_career/seed.json"
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)

SEED = {
    "accounts": [
        {
            "email": "alice@example.org",
            "password": "correct-horse-battery",
            "pod": "alice",
            "name": "Alice",
            "credentials": {"id": "alice-machine", "secret": "alice-machine-secret"},
        },
        {"email": "bob@example.org", "password": "staple-of-the-battery", "pod": "bobby"},
    ]
}


def datakluis(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DATAKLUIS_")}
    command = [sys.executable, "-m", "vault.cli", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, env={**clean, **environment}, timeout=60, check=False
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    (folder / "seed.json").write_text(json.dumps(SEED))
    done = datakluis("seed", str(folder / "seed.json"), "--data", str(folder / "data"))
    assert done.returncode == 0, done.stderr
    (folder / "first.json").write_text(done.stdout)
    return folder


def test_seed_prints_one_json_object_with_webids_pods_and_client_ids(store: Path) -> None:
    printed = json.loads((store / "first.json").read_text())
    assert printed["accounts"]["alice"] == {
        "email": "alice@example.org",
        "webId": "http://localhost:3000/alice/profile/card#me",
        "pod": "http://localhost:3000/alice/",
        "clientId": "alice-machine",
    }
    assert "clientId" not in printed["accounts"]["bobby"]


def test_keys_are_rotated_and_listed(store: Path, tmp_path: Path) -> None:
    folder = ("--data", str(store / "data"))
    before = [json.loads(line) for line in datakluis("keys", "list", *folder).stdout.splitlines()]
    assert [(key["algorithm"], key["state"], key["ends"]) for key in before] == [
        ("RS256", "signing", None),
        ("ES256", "signing", None),
    ]
    after = [json.loads(line) for line in datakluis("keys", "rotate", *folder).stdout.splitlines()]
    assert [key["state"] for key in after] == ["waiting", "waiting", "signing", "signing"]
    assert after[2:] == before
    listed = datakluis("keys", "list", *folder)
    assert [json.loads(line) for line in listed.stdout.splitlines()] == after
    assert '"d"' not in listed.stdout  # nothing private is printed
    assert datakluis("keys", "rotate", "--data", str(tmp_path / "nowhere")).returncode == 2
    assert not (tmp_path / "nowhere").exists()


def test_seed_again_gives_the_same_and_changes_nothing(store: Path) -> None:
    before = datakluis("audit", "verify", "--data", str(store / "data")).stdout
    again = datakluis("seed", str(store / "seed.json"), "--data", str(store / "data"))
    assert again.stdout == (store / "first.json").read_text()
    assert datakluis("audit", "verify", "--data", str(store / "data")).stdout == before


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"accounts": [{"email": "a@example.org", "password": "long-enough-word", "pod": "datasluis"}]}, "pod-name"),
        ({"accounts": [{"email": "a@example.org", "pod": "alice"}]}, "password"),
        ({"accounts": [], "surprise": 1}, "surprise"),
        ({"accounts": [], "deposits": [{"source": "nobody", "person": "1", "file": "x"}]}, "cannot be read"),
    ],
)
def test_a_seed_file_with_a_mistake_is_refused_and_the_place_is_named(
    tmp_path: Path, change: dict[str, object], told: str
) -> None:
    file = tmp_path / "seed.json"
    file.write_text(json.dumps(change))
    done = datakluis("seed", str(file), "--data", str(tmp_path / "data"))
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_audit_verify_finds_every_chain_intact(store: Path) -> None:
    done = datakluis("audit", "verify", "--data", str(store / "data"))
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert {"alice", "bobby"} <= {line["pod"] for line in lines}
    assert {line["state"] for line in lines} == {"intact"}


def test_audit_verify_finds_an_altered_line_and_fails(store: Path, tmp_path: Path) -> None:
    copy = tmp_path / "data"
    copy.mkdir()
    with (
        sqlite3.connect(store / "data" / "vault.db") as original,
        sqlite3.connect(copy / "vault.db") as altered,
    ):
        original.backup(altered)
        changed = altered.execute("UPDATE audit SET actor = 'mallory' WHERE pod = 'alice' AND number = 1").rowcount
    altered.close()
    original.close()
    assert changed == 1
    done = datakluis("audit", "verify", "--data", str(copy))
    assert done.returncode == 1
    broken = [json.loads(line) for line in done.stdout.splitlines() if '"broken"' in line]
    assert [(line["pod"], line["entry"]) for line in broken] == [("alice", 1)]


@pytest.mark.parametrize(
    ("who", "method", "path", "verdict"),
    [
        ("public", "GET", "alice/profile/card", "Allowed"),
        ("public", "GET", "alice/", "Refused"),
        ("public", "PUT", "alice/profile/card", "Refused"),
        ("http://localhost:3000/alice/profile/card#me", "PUT", "alice/notes/new.ttl", "Allowed"),
        ("http://localhost:3000/bobby/profile/card#me", "DELETE", "alice/profile/card", "Refused"),
        ("http://localhost:3000/bobby/profile/card#me", "POST", "alice/inbox/", "Allowed"),
        ("http://localhost:3000/bobby/profile/card#me", "GET", "alice/inbox/", "Refused"),
    ],
)
def test_access_explain_says_what_the_server_would_do_and_why(
    store: Path, who: str, method: str, path: str, verdict: str
) -> None:
    url = f"http://localhost:3000/{path}"
    done = datakluis("access", "explain", who, method, url, "--data", str(store / "data"))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[-1].startswith(verdict)
    assert any("effective ACL" in line for line in lines)


def test_access_explain_knows_the_door_of_the_data_lock(store: Path) -> None:
    data = ("--data", str(store / "data"))
    url = "http://localhost:3000/datasluis/view/none/diploma-1"
    for who, method, told in (
        ("http://localhost:3000/bobby/profile/card#me", "GET", "Refused: no-such-grant."),
        ("public", "GET", "Refused: an organisation comes with its access token."),
        ("http://localhost:3000/bobby/profile/card#me", "PUT", "Refused: a view is only read; it does not take PUT."),
    ):
        done = datakluis("access", "explain", who, method, url, *data)
        assert (done.returncode, done.stdout.splitlines()[-1]) == (0, told)


def test_access_explain_takes_the_address_from_the_command_line(store: Path, tmp_path: Path) -> None:
    for option, value, base in (
        ("--base-url", "https://vault.example", "https://vault.example/"),
        ("--port", "4000", "http://localhost:4000/"),
    ):
        data = ("--data", str(tmp_path / value[-4:]), option, value)
        assert datakluis("seed", str(store / "seed.json"), *data).returncode == 0
        done = datakluis("access", "explain", "public", "GET", f"{base}alice/profile/card", *data)
        assert done.stdout.splitlines()[-1].startswith("Allowed"), done.stderr


@pytest.mark.parametrize(
    "command", [("audit", "verify"), ("access", "explain", "public", "GET", "http://localhost:3000/")]
)
def test_who_only_looks_makes_no_store(tmp_path: Path, command: tuple[str, ...]) -> None:
    """Otherwise a folder with a typing mistake in its name would be found in order."""
    done = datakluis(*command, "--data", str(tmp_path / "data"))
    assert done.returncode == 2
    assert "there is no store in" in done.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("command", [("serve", "--port", "0"), ("audit", "verify"), ("seed", str(DEMO))])
def test_a_store_that_cannot_be_opened_is_told_in_one_line(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "vault.db").write_text("this is no database, although it is long enough to be looked at as one")
    done = datakluis(*command, "--data", str(tmp_path))
    assert done.returncode in (1, 2)
    assert "cannot be opened: file is not a database" in done.stderr
    assert "Traceback" not in done.stderr


def test_seed_refuses_a_store_that_was_made_for_another_address(store: Path) -> None:
    done = datakluis("seed", str(store / "seed.json"), "--data", str(store / "data"), "--port", "4000")
    assert done.returncode == 2
    assert "made for another address" in done.stderr
    assert "http://localhost:3000/alice/profile/card#me" in done.stderr


@pytest.fixture(scope="module")
def consents(store: Path) -> Path:
    """Apps that Alice let in, each so far."""
    ceilings = {
        "whole": None,
        "identity": Ceiling(),
        "settings": Ceiling((ResourceUrl(PodName("alice"), "/settings/"),)),
    }

    async def let_in() -> None:
        settings = load_settings(options={"data": store / "data"}, environment={})
        async with open_vault(settings) as vault, vault.writing() as work:
            alice = await work.accounts.by_pod(PodName("alice"))
            assert alice is not None
            for name, ceiling in ceilings.items():
                consent = Consent(alice.id, ClientId(name), frozenset(), NOON, ceiling=ceiling)
                await work.clients.put_consent(consent)

    asyncio.run(let_in())
    return store


@pytest.mark.requirement("PAIN-05")
@pytest.mark.parametrize(
    ("client", "path", "words", "verdict"),
    [
        ("whole", "alice/settings/prefs.ttl", "owns the storage", "Allowed"),
        ("identity", "alice/settings/prefs.ttl", "is identity alone", "Refused"),
        ("settings", "alice/settings/prefs.ttl", "is /alice/settings/, which covers this", "Allowed"),
        ("settings", "alice/inbox/", "is /alice/settings/, which does not cover this", "Refused"),
        ("never-let-in", "alice/inbox/", "consent behind this token has ended", "Refused"),
    ],
)
def test_access_explain_names_the_ceiling_of_a_client(
    consents: Path, client: str, path: str, words: str, verdict: str
) -> None:
    alice, url = "http://localhost:3000/alice/profile/card#me", f"http://localhost:3000/{path}"
    data = str(consents / "data")
    done = datakluis("access", "explain", alice, "GET", url, "--client", client, "--data", data)
    assert done.returncode == 0, done.stderr
    assert words in done.stdout
    assert done.stdout.splitlines()[-1].startswith(verdict)
    assert ("ceiling" in done.stdout) == (client in ("identity", "settings"))


@pytest.mark.requirement("WA-16", "D5")
def test_access_explain_takes_the_origin_of_a_page_where_origins_count(store: Path) -> None:
    rules = """@prefix acl: <http://www.w3.org/ns/auth/acl#>. @prefix foaf: <http://xmlns.com/foaf/0.1/>.
        <#app> a acl:Authorization; acl:agentClass foaf:Agent; acl:origin <https://app.example>; acl:mode acl:Read;
            acl:accessTo <bound>."""

    async def write() -> None:
        async with open_vault(load_settings(options={"data": store / "data"}, environment={})) as vault:
            for path, text in (("/bound", ""), ("/bound.acl", rules)):
                async with vault.writing() as work:
                    draft = Draft(ResourceUrl(PodName("bobby"), path), Kind.GRAPH, TURTLE, NOON)
                    await work.resources.put(draft, Inline(text.encode()))

    asyncio.run(write())
    strictly = {"DATAKLUIS_STRICT_ORIGINS": "true"}
    url, data = "http://localhost:3000/bobby/bound", ("--data", str(store / "data"))
    for origin, environment, verdict, told in (
        ("https://app.example", strictly, "Allowed", "Rule #app gives read"),
        ("https://rogue.example", strictly, "Refused", "Rule #app gives nothing: it is for another origin"),
        ("https://rogue.example", {}, "Allowed", "Rule #app gives read"),
        (None, strictly, "Allowed", "Rule #app gives read"),
    ):
        page = () if origin is None else ("--origin", origin)
        done = datakluis("access", "explain", "public", "GET", url, *page, *data, **environment)
        assert done.stdout.splitlines()[-1].startswith(verdict), done.stdout + done.stderr
        assert told in done.stdout


def test_access_explain_refuses_a_url_of_another_place(store: Path) -> None:
    done = datakluis("access", "explain", "public", "GET", "https://elsewhere.example/x", "--data", str(store / "data"))
    assert done.returncode == 2
    assert "must begin with" in done.stderr


def test_config_prints_the_settings_in_force() -> None:
    done = datakluis("config", DATAKLUIS_PORT="4321")
    printed = json.loads(done.stdout)
    assert printed["server"]["port"] == 4321
    assert printed["server"]["base_url"] == "http://localhost:4321/"


def test_every_mistake_in_the_settings_is_told_at_once(tmp_path: Path) -> None:
    done = datakluis("serve", "--workers", "0", "--base-url", "http://vault.example", DATAKLUIS_PROT="1")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 3
    assert "did you mean port" in done.stderr


def test_health_fails_where_nothing_listens() -> None:
    done = datakluis("health", "--port", "9")
    assert done.returncode == 1
    assert done.stdout.strip() == "not ready"
