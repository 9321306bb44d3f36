"""People come from panva's oidc-provider: by Basic and by POST, with DPoP and the nonce it demands, with each kind of
key it may sign with, at the levels it vouches for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.browser import Browser, forms_of
from tests.interop.other_provider import other_provider, sign_in_at
from tests.live import Live, serving
from tests.people import Visitor
from tests.server_process import free_port
from tests.upstream import CALLBACK, CLIENT, LEVELS, SECRET, account_of, at, departed, path_of, query, session_of
from vault.identity.accounts import hash_national_number
from vault.ports import Vault
from vault.values import Secret

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Sides:
    """Our vault, and where the provider answers."""

    near: Live
    issuer: str
    port: int
    log: Path

    @property
    def redirect_uri(self) -> str:
        return self.near.base_url + CALLBACK[1:]


@contextmanager
def our_side(folder: Path, **upstream: Any) -> Iterator[Sides]:
    port = free_port()
    issuer = f"http://localhost:{port}"
    settings = {
        "upstream_issuer": issuer,
        "upstream_name": "Burgerlogin",
        "upstream_client_id": CLIENT,
        "upstream_client_secret": Secret(SECRET),
        "upstream_scope": "openid profile email rrn",
        "upstream_number_claim": "rrn",
        "upstream_levels": LEVELS,
        **upstream,
    }
    quick = {"issuer_cache_seconds": 0, "negative_cache_seconds": 0}  # it is another provider in each test
    with serving(folder, upstream=settings, outbound=quick) as near:
        yield Sides(near, issuer, port, folder / "provider.log")


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sides]:
    with our_side(tmp_path_factory.mktemp("beside-panva")) as found:
        yield found


@pytest.fixture(scope="module")
def by_key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sides]:
    """A vault that has no secret at the provider."""
    proof = {"upstream_client_auth": "private_key_jwt", "upstream_client_secret": Secret("")}
    with our_side(tmp_path_factory.mktemp("by-key"), **proof) as found:
        yield found


@pytest.fixture(scope="module")
def sealing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sides]:
    """A vault to which everything is said in envelopes."""
    proof = {"upstream_client_auth": "private_key_jwt", "upstream_client_secret": Secret("")}
    with our_side(tmp_path_factory.mktemp("sealing"), upstream_encrypted=True, **proof) as found:
        yield found


def browsers(http: Visitor, sides: Sides) -> tuple[Browser, Browser]:
    """One person's browser, at us and at the provider."""
    return at(http, sides.near), Browser(Visitor(http.session, f"{sides.issuer}/"))


@pytest.mark.requirement("UP-1", "UP-4", "UP-8", "UP-11")
async def test_a_citizen_comes_in_with_her_number_and_level(http: Visitor, sides: Sides) -> None:
    near, far = browsers(http, sides)
    with other_provider(sides.port, sides.redirect_uri, algorithm="RS256", log=sides.log):
        back = await sign_in_at(far, await departed(near), "noor", acr="urn:substantial")
        assert query(back.location)["iss"] == sides.issuer
        page = await near.open(back.location)
        (form,) = [form for form in forms_of(page) if form.action == "/idp/upstream/welcome"]
        kept = dict(form.fields)
        assert (kept["name"], kept["email"], kept["pod"]) == ("Noor Peeters", "noor@post.example", "noor-peeters")
        page = await near.submit(page, "/idp/upstream/welcome")
        assert (page.status, path_of(page)) == (200, "/my/")
        account, session = account_of(sides.near, "noor-peeters"), session_of(sides.near, near)
        assert account.email_verified

        async def number(vault: Vault) -> str:
            return hash_national_number(vault.secrets.national_numbers, "85073003328")

        assert account.national_numbers == {sides.near.within(number)}
        assert (session.level, session.methods) == ("urn:substantial", ("otp",))
        # Back again: she is signed in there, and nothing is asked.
        near.cookies.clear()
        page = await near.open(
            (await sign_in_at(far, await departed(near, "/idp/upstream?next=/my/log"), "-")).location
        )
        assert path_of(page) == "/my/log"
        # A higher level, asked anew: a lower one does not do, then a higher one does.
        path = "/idp/upstream?confirm=1&fresh=1&level=urn:high&next=/my/data"
        page = await near.open((await sign_in_at(far, await departed(near, path), "noor", acr="urn:low")).location)
        assert (page.status, "not sure enough" in page.text) == (403, True)
        page = await near.open((await sign_in_at(far, await departed(near, path), "noor", acr="urn:high")).location)
        assert path_of(page) == "/my/data"
        assert session_of(sides.near, near).level == "urn:high"


@pytest.mark.parametrize("algorithm", ["PS256", "ES256", "EdDSA"])
async def test_it_may_sign_with_any_key_of_our_table_and_change_it(http: Visitor, sides: Sides, algorithm: str) -> None:
    """Each is a new start of the provider with another key."""
    near, far = browsers(http, sides)
    with other_provider(sides.port, sides.redirect_uri, algorithm=algorithm, log=sides.log):
        page = await near.open((await sign_in_at(far, await departed(near), "wout")).location)
        assert path_of(page) == "/idp/upstream/welcome"


async def test_it_may_want_the_secret_in_the_form(http: Visitor, sides: Sides) -> None:
    near, far = browsers(http, sides)
    given: dict[str, Any] = {"algorithm": "ES256", "method": "client_secret_post"}
    with other_provider(sides.port, sides.redirect_uri, log=sides.log, **given):
        page = await near.open((await sign_in_at(far, await departed(near), "wout")).location)
        assert path_of(page) == "/idp/upstream/welcome"


@pytest.mark.requirement("UP-12")
@pytest.mark.parametrize("fetched", [True, False])
async def test_it_takes_our_keys_where_it_finds_them_or_was_given_them(
    http: Visitor, by_key: Sides, fetched: bool
) -> None:
    """With the nonce that it demands: each of the two tries proves itself anew."""
    near, far = browsers(http, by_key)
    place = f"{by_key.near.base_url}idp/jwks"
    keys = place if fetched else (await http.get(place)).json["keys"]
    with other_provider(by_key.port, by_key.redirect_uri, algorithm="ES256", keys=keys, log=by_key.log):
        page = await near.open((await sign_in_at(far, await departed(near), "wout")).location)
        assert path_of(page) == "/idp/upstream/welcome"


@pytest.mark.requirement("UP-14")
@pytest.mark.parametrize(("wrapping", "cipher"), [("RSA-OAEP", "A128CBC-HS256"), ("RSA-OAEP-256", "A256GCM")])
async def test_it_encrypts_what_it_says_to_a_key_of_ours(
    http: Visitor, sealing: Sides, wrapping: str, cipher: str
) -> None:
    """As itsme does: known by our key, ID token and userinfo signed and then encrypted."""
    near, far = browsers(http, sealing)
    keys = f"{sealing.near.base_url}idp/upstream/jwks"
    wishes = {
        "id_token_encrypted_response_alg": wrapping,
        "id_token_encrypted_response_enc": cipher,
        "userinfo_signed_response_alg": "ES256",
        "userinfo_encrypted_response_alg": wrapping,
        "userinfo_encrypted_response_enc": cipher,
    }
    given: dict[str, Any] = {"algorithm": "ES256", "keys": keys, "wishes": wishes}
    with other_provider(sealing.port, sealing.redirect_uri, log=sealing.log, **given):
        page = await near.open((await sign_in_at(far, await departed(near), "noor")).location)
        (form,) = [form for form in forms_of(page) if form.action == "/idp/upstream/welcome"]
        assert dict(form.fields)["name"] == "Noor Peeters"  # which it tells at userinfo only


@pytest.mark.requirement("UP-14")
async def test_what_it_does_not_encrypt_is_refused_where_that_was_agreed(http: Visitor, sealing: Sides) -> None:
    near, far = browsers(http, sealing)
    given: dict[str, Any] = {"algorithm": "ES256", "keys": f"{sealing.near.base_url}idp/upstream/jwks"}
    with other_provider(sealing.port, sealing.redirect_uri, log=sealing.log, **given):
        page = await near.open((await sign_in_at(far, await departed(near), "noor")).location)
        assert (page.status, path_of(page)) == (403, CALLBACK)


@pytest.mark.requirement("UP-12")
async def test_it_takes_no_keys_but_ours(http: Visitor, sides: Sides, by_key: Sides) -> None:
    near, far = browsers(http, by_key)
    keys = f"{sides.near.base_url}idp/jwks"  # another vault's
    with other_provider(by_key.port, by_key.redirect_uri, algorithm="ES256", keys=keys, log=by_key.log):
        page = await near.open((await sign_in_at(far, await departed(near), "wout")).location)
        assert page.status == 503


@pytest.mark.requirement("UP-13")
async def test_whoever_signs_out_there_too_comes_back_and_is_asked_anew(http: Visitor, sides: Sides) -> None:
    near, far = browsers(http, sides)
    with other_provider(sides.port, sides.redirect_uri, algorithm="ES256", log=sides.log):
        page = await near.open((await sign_in_at(far, await departed(near), "noor")).location)
        if path_of(page) == "/idp/upstream/welcome":
            await near.submit(page, "/idp/upstream/welcome")
        page = await near.submit(await near.open("/my/account"), "/idp/logout")
        assert 'href="/idp/upstream/sign-out"' in page.text
        question = await far.open(await departed(near, "/idp/upstream/sign-out"))
        (form,) = forms_of(question)
        answer = await far.post(form.action, [*form.fields, ("logout", "yes")])
        page = await near.open(answer.location)
        assert "You are signed out of Burgerlogin too." in page.text
        page = await far.open(await departed(near))
        assert "Sign in at the other provider" in page.text


async def test_whoever_cancels_there_is_back_at_the_sign_in_page(http: Visitor, sides: Sides) -> None:
    near, far = browsers(http, sides)
    with other_provider(sides.port, sides.redirect_uri, algorithm="ES256", log=sides.log):
        page = await far.open(await departed(near, "/idp/upstream?next=/my/data"))
        action = next(form.action for form in forms_of(page) if form.action.endswith("/no"))
        back = await far.submit(page, action)
        assert query(back.location)["error"] == "access_denied"
        page = await near.open(back.location)
        assert (path_of(page), query(page.url)["next"]) == ("/idp/login", "/my/data")


@pytest.mark.requirement("ATK-22")
async def test_a_code_it_has_seen_is_not_taken_again(http: Visitor, sides: Sides) -> None:
    near, far = browsers(http, sides)
    with other_provider(sides.port, sides.redirect_uri, algorithm="ES256", log=sides.log):
        first = (await sign_in_at(far, await departed(near), "wout")).location
        assert path_of(await near.open(first)) == "/idp/upstream/welcome"
        second = (await sign_in_at(far, await departed(near), "-")).location
        replayed = second.replace(query(second)["code"], query(first)["code"])
        assert (await near.open(replayed)).status == 403


async def test_a_provider_that_is_gone_gets_a_calm_page(http: Visitor, sides: Sides) -> None:
    near, _ = browsers(http, sides)
    page = await near.open("/idp/upstream")
    assert page.status == 503
    assert "cannot be reached now" in page.text
