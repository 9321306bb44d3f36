"""panva's oidc-provider, which others certified, as the provider that people of ours come from."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from joserfc.jwk import Key

from tests.browser import Browser
from tests.forge import new_key
from tests.interop.node import HERE, node, require
from tests.people import Answer
from tests.upstream import CALLBACK, CLIENT, LEVELS, SECRET, SIGNED_OUT_THERE

FOLDER = HERE / "oidc"
PEOPLE: Mapping[str, Mapping[str, Any]] = {
    "noor": {"name": "Noor Peeters", "email": "noor@post.example", "email_verified": True, "rrn": "85073003328"},
    "wout": {"name": "Wout Maes", "email": "wout@post.example", "email_verified": False, "rrn": "85.07.30-033.28"},
}


@contextmanager
def other_provider(
    port: int,
    redirect_uri: str,
    *,
    algorithm: str,
    method: str = "client_secret_basic",
    keys: str | Sequence[Mapping[str, Any]] = "",
    wishes: Mapping[str, Any] | None = None,
    log: Path,
) -> Iterator[str]:
    """Runs the provider until the block ends; its issuer. Skips when it is not installed. With `keys`, our public ones
    or the address of them, we prove ourselves by those. `wishes`: more of what we registered there."""
    require("oidc-provider", FOLDER / "node_modules")
    proof: dict[str, Any] = {"token_endpoint_auth_method": method, "client_secret": SECRET}
    if keys:
        named = {"jwks_uri": keys} if isinstance(keys, str) else {"jwks": {"keys": keys}}
        proof = {"token_endpoint_auth_method": "private_key_jwt", **named}
    told = {
        "port": port,
        "redirectUri": redirect_uri,
        "signedOutUri": redirect_uri.replace(CALLBACK, SIGNED_OUT_THERE),
        "clientId": CLIENT,
        "proof": {**proof, **(wishes or {})},
        "jwk": {**_private(new_key(algorithm)), "alg": algorithm, "use": "sig"},
        "people": PEOPLE,
        "levels": LEVELS,
    }
    with log.open("ab") as err:
        process = subprocess.Popen(
            [node(), str(FOLDER / "provider.mjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=err
        )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(told).encode() + b"\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"ready\n", log.read_text()
        yield f"http://localhost:{port}"
    finally:
        process.terminate()
        process.wait(10)
        process.stdin.close()
        process.stdout.close()


async def sign_in_at(far: Browser, location: str, login: str, *, acr: str = "") -> Answer:
    """Signs in there as far as it asks; the answer that leads back to us."""
    page = await far.open(location)
    if page.status == 200:
        action = page.text.split('<form action="')[1].split('"')[0]
        page = await far.submit(page, action, login=login, acr=acr)
    assert page.status == 303, page.text
    return page


def _private(key: Key) -> dict[str, Any]:
    return dict(key.as_dict(private=True))
