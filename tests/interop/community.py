"""The Community Solid Server as a neighbour: in memory unless told otherwise, with one person."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.interop.node import HERE, node, require
from tests.people import Person
from tests.server_process import free_port

CSS = HERE / "css" / "node_modules"
_EMAIL, _PASSWORD = "dora@people.example", "a long password for dora"


@dataclass(frozen=True)
class Community:
    """A running Community Solid Server and its person Dora, who may log in as her WebID there."""

    base_url: str
    dora: Person
    process: int


@contextmanager
def community_server(folder: Path, *, arguments: Sequence[str] = ()) -> Iterator[Community]:
    """Runs the server until the block ends, with these arguments more; skips when it is not installed."""
    place = require("@solid/community-server", CSS)
    # Its component loader looks into every node_modules above it, and would find the Comunica of the other clients
    # there, which it cannot read. From a folder elsewhere, with nothing but a link to its own packages, it does not.
    (folder / "node_modules").symlink_to(CSS)
    port = free_port()
    base_url = f"http://localhost:{port}/"
    seed = folder / "seed.json"
    seed.write_text(json.dumps([{"email": _EMAIL, "password": _PASSWORD, "pods": [{"name": "dora"}]}]))
    log = folder / "css.log"
    given = ["--port", str(port), "--baseUrl", base_url, "--seedConfig", str(seed), "--loggingLevel", "warn"]
    given += ["--mainModulePath", str(folder), *arguments]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [node(), str(place / "bin" / "server.js"), *given],
            cwd=folder,
            stdout=out,
            stderr=out,
        )
    try:
        _wait(process, base_url, log)
        yield Community(base_url, _dora(base_url), process.pid)
    finally:
        process.terminate()
        process.wait(20)


def _wait(process: subprocess.Popen[bytes], base_url: str, log: Path) -> None:
    end = time.monotonic() + 90
    while True:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{base_url}.well-known/openid-configuration", timeout=5).close()
            return
        time.sleep(0.2)


def _dora(base_url: str) -> Person:
    """Dora with client credentials, asked for through the server's account API."""
    controls = _ask(f"{base_url}.account/")["controls"]
    token = _ask(controls["password"]["login"], {"email": _EMAIL, "password": _PASSWORD})["authorization"]
    controls = _ask(f"{base_url}.account/", token=token)["controls"]
    webid = next(iter(_ask(controls["account"]["webId"], token=token)["webIdLinks"]))
    made = _ask(controls["account"]["clientCredentials"], {"name": "interop", "webId": webid}, token=token)
    return Person(
        name="Dora Dean",
        email=_EMAIL,
        password=_PASSWORD,
        webid=webid,
        pod=f"{base_url}dora/",
        client_id=made["id"],
        client_secret=made["secret"],
    )


def _ask(url: str, data: Any = None, *, token: str = "") -> Any:
    headers = {"Accept": "application/json"}
    if token:
        headers["Authorization"] = f"CSS-Account-Token {token}"
    body = None
    if data is not None:
        headers["Content-Type"] = "application/json"
        body = json.dumps(data).encode()
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=30) as answer:
        return json.load(answer)
