"""solid-bashlib: the shell commands of people who work in a terminal."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.interop.node import Ended, execute, node, require
from tests.live import Live
from tests.people import Person, Visitor

Shell = Callable[..., Coroutine[Any, Any, Ended]]


@pytest.fixture
def sld(server: Live, alice: Person, tmp_path: Path) -> Shell:
    """The command, with Alice's client credentials in its settings: where its own token command would put them."""
    command = require("solid-bashlib") / "bin" / "solid.js"
    settings = tmp_path / ".solid" / ".bashlibconfig"
    settings.parent.mkdir()
    token = {"id": alice.client_id, "secret": alice.client_secret, "idp": server.base_url, "name": "interop"}
    settings.write_text(json.dumps({"currentWebID": alice.webid, "authInfo": {alice.webid: {"token": token}}}))
    settings.chmod(0o600)
    binary = node()

    async def run(*arguments: str, auth: str = "token") -> Ended:
        home = {"HOME": str(tmp_path), "PATH": "", "FORCE_COLOR": "0"}
        return await execute(binary, str(command), "--auth", auth, *arguments, env=home)

    return run


async def test_bashlib_copies_lists_moves_finds_queries_and_removes(sld: Shell, home: str, tmp_path: Path) -> None:
    local = tmp_path / "local"
    (local / "deep").mkdir(parents=True)
    (local / "one.ttl").write_text('<#a> <http://schema.org/name> "one".')
    (local / "deep" / "note.txt").write_text("a note")

    async def said(*arguments: str) -> list[str]:
        ended = await sld(*arguments)
        assert ended.code == 0, f"{arguments}: {ended.out}{ended.err}"
        assert ended.err == ""
        return ended.out.split()

    place = f"{home}sld/"
    await said("mkdir", place)
    await said("cp", f"{local}/", place)
    assert await said("ls", place) == ["local/"]
    names = [word for word in await said("tree", place) if not set(word) <= {"|", "-"}]
    assert names == [place, "local", "one.ttl", "deep", "note.txt"]
    await said("mv", f"{place}local/one.ttl", f"{place}local/deep/moved.ttl")
    assert sorted(await said("find", place, "ttl")) == ["local/deep/moved.ttl"]
    rows = await said("query", place, "SELECT ?n { ?s <http://schema.org/name> ?n }")
    assert rows == [">", f"{place}local/deep/moved.ttl", "n:", "one"]
    await said("cp", f"{place}local/", f"{tmp_path}/back/")
    assert (tmp_path / "back/local/deep/note.txt").read_text() == "a note"
    assert (tmp_path / "back/local/deep/moved.ttl").read_text() == '<#a> <http://schema.org/name> "one".'
    await said("rm", "-r", place)
    assert (await sld("ls", place)).code == 1


async def test_bashlib_makes_its_own_token_by_the_account_api(
    http: Visitor, home: str, alice: Person, tmp_path: Path
) -> None:
    """Its command for the Community Solid Server 7, as it comes."""
    command, binary, alone = str(require("solid-bashlib") / "bin" / "solid.js"), node(), tmp_path / "alone"
    alone.mkdir()

    async def run(*arguments: str) -> Ended:
        return await execute(binary, command, *arguments, env={"HOME": str(alone), "PATH": "", "FORCE_COLOR": "0"})

    asked = ("auth", "create-token-css", "-w", alice.webid, "-n", "interop", "-e", alice.email)
    wrong = await run(*asked, "-p", "not her password")
    assert "Could not create token" in wrong.err
    made = await run(*asked, "-p", alice.password)
    assert "Successfully created new token interop" in made.out, made.out + made.err
    settings = json.loads((alone / ".solid" / ".bashlibconfig").read_text())
    token = settings["authInfo"][alice.webid]["token"]
    assert token["id"].startswith("interop_")
    await http.put(f"{home}read-by-token.txt", "read", by=alice, kind="text/plain")
    settings["currentWebID"] = alice.webid
    (alone / ".solid" / ".bashlibconfig").write_text(json.dumps(settings))
    read = await run("--auth", "token", "curl", f"{home}read-by-token.txt")
    assert (read.code, read.out.strip()) == (0, "read"), read.err


async def test_bashlib_gives_access_shows_it_and_takes_it_back(
    sld: Shell, http: Visitor, home: str, bob: Person
) -> None:
    doc = f"{home}doc.ttl"
    assert (await sld("touch", doc)).code == 0
    assert (await http.get(doc, by=bob)).status == 403
    assert (await sld("access", "set", doc, f"{bob.webid}=r")).code == 0
    assert (await http.get(doc, by=bob)).status == 200
    assert (await http.put(doc, "", by=bob)).status == 403
    listed = (await sld("access", "list", doc)).out.splitlines()
    assert f"{bob.webid} - read" in [line.strip() for line in listed]
    assert (await sld("curl", doc, auth="none")).code == 1
    assert (await sld("access", "delete", doc)).code == 0
    assert (await http.get(doc, by=bob)).status == 403
