"""ATK-22, from the other side: we are the client. Sign-in through another provider against login CSRF, replay, code
injection, mix-up, forged tokens, and a provider that is gone, slow, or turned against us."""

from __future__ import annotations

import asyncio
import hmac
import secrets
import time
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web
from joserfc.jwk import ECKey

from tests.browser import Browser
from tests.elsewhere import elsewhere_server
from tests.forge import Now, jws, new_key, part, public
from tests.people import Answer, Visitor
from tests.upstream import (
    FarAndNear,
    Forged,
    altered,
    at,
    departed,
    far,
    forged_upstream,
    is_signed_in,
    near,
    path_of,
    query,
)

__all__ = ["far", "near"]

pytestmark = pytest.mark.requirement("ATK-22")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarAndNear]:
    with forged_upstream(tmp_path_factory.mktemp("attacked")) as found:
        yield found


async def refused(near: Browser, answer: Answer, status: int, words: str) -> None:
    """A page that says why, and nobody is signed in."""
    assert answer.status == status, answer.text
    assert words in answer.text
    assert path_of(answer) != "/idp/upstream/welcome"
    assert "arrival" not in near.cookies
    assert not await is_signed_in(near)


async def test_what_comes_back_as_it_should_leads_to_the_welcome_page(near: Browser, far: Forged) -> None:
    """Every refusal below differs from this by one thing."""
    page = await near.open(far.back(await departed(near)))
    assert (page.status, path_of(page)) == (200, "/idp/upstream/welcome")


@pytest.mark.requirement("UP-2")
async def test_a_callback_begun_in_another_browser_signs_nobody_in(
    http: Visitor, place: FarAndNear, near: Browser, far: Forged
) -> None:
    """Login CSRF: the attacker hands his own, unused callback to the victim."""
    attacker = at(http, place.near)
    callback = far.back(await departed(attacker))
    await departed(near)  # the victim has a form cookie and an errand of her own
    await refused(near, await near.open(callback), 403, "does not belong to this window")
    assert query(callback)["code"] in far.codes  # the code was not even tried


async def test_a_callback_without_any_cookie_signs_nobody_in(
    http: Visitor, place: FarAndNear, near: Browser, far: Forged
) -> None:
    callback = far.back(await departed(near))
    await refused(at(http, place.near), await at(http, place.near).open(callback), 403, "does not belong")


@pytest.mark.requirement("UP-2")
async def test_a_callback_counts_once(near: Browser, far: Forged) -> None:
    callback = far.back(await departed(near))
    first = await near.open(callback, follow=False)
    assert first.status == 303
    near.cookies.pop("arrival")
    spent = len(far.exchanges)
    await refused(near, await near.open(callback), 403, "finished already")
    assert len(far.exchanges) == spent


@pytest.mark.requirement("UP-5")
@pytest.mark.requirement("UP-4")
@pytest.mark.requirement("UP-2")
@pytest.mark.parametrize("state", ["", "x", "A" * 200, None])
async def test_a_state_that_we_did_not_make_is_refused(near: Browser, far: Forged, state: str | None) -> None:
    callback = altered(far.back(await departed(near)), state=state)
    await refused(near, await near.open(callback), 403, "does not belong")


async def test_a_state_that_was_changed_is_refused(near: Browser, far: Forged) -> None:
    callback = far.back(await departed(near))
    state = query(callback)["state"]
    other = "B" if state[40] != "B" else "C"
    await refused(near, await near.open(altered(callback, state=state[:40] + other + state[41:])), 403, "not belong")


async def test_parameters_given_twice_are_refused(near: Browser, far: Forged) -> None:
    callback = far.back(await departed(near))
    await refused(near, await near.open(f"{callback}&code=other"), 403, "does not belong")


@pytest.mark.requirement("UP-1")
async def test_a_stolen_code_put_into_ones_own_callback_fails_at_the_verifier(
    http: Visitor, place: FarAndNear, near: Browser, far: Forged
) -> None:
    """Code injection (RFC 9700 §4.5): the attacker has the victim's code and a sign-in of his own under way."""
    stolen = query(far.back(await departed(near), sub="victim"))["code"]
    attacker = at(http, place.near)
    own = altered(far.back(await departed(attacker)), code=stolen)
    await refused(attacker, await attacker.open(own), 403, "Something was wrong")


@pytest.mark.requirement("UP-1")
async def test_a_stolen_code_fails_at_the_nonce_where_the_provider_has_no_pkce(
    http: Visitor, place: FarAndNear, near: Browser, far: Forged
) -> None:
    far.checks_pkce = False
    stolen = query(far.back(await departed(near), sub="victim"))["code"]
    attacker = at(http, place.near)
    own = altered(far.back(await departed(attacker)), code=stolen)
    await refused(attacker, await attacker.open(own), 403, "Something was wrong")


@pytest.mark.requirement("UP-3")
@pytest.mark.parametrize("iss", ["https://other.example", "", None])
async def test_an_answer_of_another_provider_is_refused_before_the_code_goes_anywhere(
    near: Browser, far: Forged, iss: str | None
) -> None:
    """Mix-up (RFC 9207 §2.4)."""
    spent = len(far.exchanges)
    callback = altered(far.back(await departed(near)), iss=iss)
    await refused(near, await near.open(callback), 403, "Something was wrong")
    assert len(far.exchanges) == spent


@pytest.mark.requirement("UP-3")
async def test_a_provider_that_never_says_iss_need_not(near: Browser, far: Forged) -> None:
    far.configure(authorization_response_iss_parameter_supported=None)
    page = await near.open(altered(far.back(await departed(near)), iss=None))
    assert path_of(page) == "/idp/upstream/welcome"
    callback = altered(far.back(await departed(near)), iss="https://other.example")
    assert (await near.open(callback)).status == 403


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"nonce": 5},
        {"iss": "https://other.example"},
        {"iss": None},
        {"aud": "another client"},
        {"aud": ["another client"]},
        {"aud": None},
        {"aud": ["our vault", "another client"]},
        {"azp": "another client"},
        {"aud": ["our vault", "another client"], "azp": "another client"},
        {"exp": Now(-200)},
        {"exp": None},
        {"iat": Now(600)},
        {"iat": "yesterday"},
        {"nbf": Now(600)},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 256},
    ],
    ids=str,
)
async def test_an_id_token_with_wrong_claims_is_refused(near: Browser, far: Forged, claims: dict[str, Any]) -> None:
    await refused(near, await near.open(far.back(await departed(near), **claims)), 403, "Something was wrong")


async def test_a_token_for_several_that_was_made_for_us_is_taken(near: Browser, far: Forged) -> None:
    callback = far.back(await departed(near), aud=["solid", "our vault"], azp="our vault")
    assert path_of(await near.open(callback)) == "/idp/upstream/welcome"


@pytest.mark.requirement("UP-4")
@pytest.mark.requirement("ATK-20")
@pytest.mark.parametrize("wrong", ["none", "hmac", "other key", "key in header", "unknown key", "type", "access token"])
async def test_an_id_token_signed_wrongly_is_refused(near: Browser, far: Forged, wrong: str) -> None:
    other = new_key()

    def sign(claims: Any) -> str:
        header: dict[str, Any] = {"alg": "ES256", "kid": "one", "typ": "JWT"}
        match wrong:
            case "none":
                return jws({**header, "alg": "none"}, claims, None)
            case "hmac":
                return _with_hmac({**header, "alg": "HS256"}, claims, far)
            case "other key":
                return jws(header, claims, other)
            case "key in header":
                return jws({**header, "jwk": public(other)}, claims, other)
            case "unknown key":
                return jws({**header, "kid": "two"}, claims, far.key)
            case "type":
                return jws({**header, "typ": "dpop+jwt"}, claims, far.key)
            case _:
                return jws({**header, "typ": "at+jwt"}, claims, far.key)

    far.sign = sign
    await refused(near, await near.open(far.back(await departed(near))), 403, "Something was wrong")


def _with_hmac(header: dict[str, Any], claims: Any, far: Forged) -> str:
    """HS256 with the public key as its secret, by hand: no library does it for us any more."""
    signing_input = f"{part(header)}.{part(claims)}"
    assert isinstance(far.key, ECKey)
    mac = hmac.digest(far.key.as_pem(private=False), signing_input.encode(), "sha256")
    return f"{signing_input}.{part(mac)}"


@pytest.mark.requirement("UP-4")
@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES384", "EdDSA"])
async def test_every_algorithm_of_our_table_is_taken_with_its_own_kind_of_key(
    near: Browser, far: Forged, algorithm: str
) -> None:
    key = new_key(algorithm)
    far.keys({**public(key), "kid": "other", "alg": algorithm})
    far.sign = lambda claims: jws({"alg": algorithm, "kid": "other"}, claims, key)
    assert path_of(await near.open(far.back(await departed(near)))) == "/idp/upstream/welcome"


async def test_a_key_may_not_be_used_for_another_algorithm(near: Browser, far: Forged) -> None:
    key = new_key("RS256")
    far.keys({**public(key), "kid": "other", "alg": "RS256"})
    far.sign = lambda claims: jws({"alg": "PS256", "kid": "other"}, claims, key)
    await refused(near, await near.open(far.back(await departed(near))), 403, "Something was wrong")


@pytest.mark.requirement("UP-5")
async def test_the_provider_may_change_its_keys_and_old_ones_stop_counting(near: Browser, far: Forged) -> None:
    fresh = new_key()
    far.keys({**public(far.key), "kid": "one"}, {**public(fresh), "kid": "two"})
    far.sign = lambda claims: far.signed(claims, kid="two", key=fresh)
    assert path_of(await near.open(far.back(await departed(near)))) == "/idp/upstream/welcome"
    near.cookies.pop("arrival")
    far.keys({**public(fresh), "kid": "two"})
    far.sign = None
    await refused(near, await near.open(far.back(await departed(near))), 403, "Something was wrong")


@pytest.mark.requirement("UP-6")
async def test_userinfo_about_somebody_else_is_refused(near: Browser, far: Forged) -> None:
    far.userinfo = {"sub": "person-2", "email": "other@people.example"}
    await refused(near, await near.open(far.back(await departed(near))), 403, "Something was wrong")


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://other.example"},
        {"issuer": None},
        {"authorization_endpoint": None},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "http://plain.example/authorize"},
        {"token_endpoint": "ftp://x.example"},
        {"jwks_uri": 5},
        {"userinfo_endpoint": "http://plain.example/userinfo"},
    ],
    ids=str,
)
async def test_a_configuration_that_is_not_the_providers_own_leads_nowhere(
    near: Browser, far: Forged, changes: dict[str, Any]
) -> None:
    far.configure(**changes)
    answer = await near.open("/idp/upstream?next=/my/", follow=False)
    await refused(near, answer, 503, "not set up well")
    assert "Location" not in answer.headers


@pytest.mark.requirement("UP-10")
@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/jwks", "/token", "/userinfo"])
@pytest.mark.parametrize("how", ["gone", "broken", "not JSON", "too large", "silent"])
async def test_a_provider_that_does_not_answer_well_gets_a_calm_page(
    near: Browser, far: Forged, path: str, how: str
) -> None:
    callback = far.back(await departed(near))

    async def silent(_request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(3)
        return web.Response()

    answers: dict[str, Any] = {
        "gone": (404, "text/plain", b"gone"),
        "broken": (500, "application/json", b"{}"),
        "not JSON": (200, "application/json", b"<html>"),
        "too large": (200, "application/json", b'{"a": "' + b"x" * 300_000 + b'"}'),
        "silent": silent,
    }
    far.there.documents[path] = answers[how]
    began = time.monotonic()
    answer = await near.open(callback)
    assert time.monotonic() - began < 2.5
    await refused(near, answer, 503, "cannot be reached now")
    assert int(answer.headers["Retry-After"]) > 0


async def test_a_secret_that_the_provider_does_not_know_is_said_to_be_the_operators_to_mend(
    near: Browser, far: Forged
) -> None:
    far.secret = "another"
    await refused(near, await near.open(far.back(await departed(near))), 503, "not set up well")


async def test_nothing_that_authenticates_us_follows_a_redirect(near: Browser, far: Forged) -> None:
    with elsewhere_server() as thief:
        took: list[str] = []

        async def take(request: web.Request) -> web.StreamResponse:
            took.append(await request.text() + str(request.headers))
            return web.json_response({})

        async def lead(_request: web.Request) -> web.StreamResponse:
            return web.Response(status=307, headers={"Location": f"{thief.base_url}token"})

        thief.documents["/token"] = take
        for path in ("/token", "/userinfo"):
            far.configure()
            far.there.documents[path] = lead
            await refused(near, await near.open(far.back(await departed(near))), 503, "cannot be reached")
        assert took == []


@pytest.mark.requirement("ATK-06")
@pytest.mark.parametrize("url", ["https://10.0.0.1/token", "https://[fd00::1]/token", "https://169.254.169.254/token"])
async def test_an_endpoint_at_a_private_address_is_not_called(near: Browser, far: Forged, url: str) -> None:
    far.configure(token_endpoint=url)
    began = time.monotonic()
    await refused(near, await near.open(far.back(await departed(near))), 503, "cannot be reached")
    assert time.monotonic() - began < 0.9  # not tried, rather than given up


@pytest.mark.requirement("ATK-06")
async def test_a_provider_on_this_machine_is_not_called_unless_that_is_set(
    http: Visitor, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("strict")
    with forged_upstream(folder, outbound={"insecure_allow_loopback": False}) as place:
        answer = await at(http, place.near).open("/idp/upstream", follow=False)
        assert answer.status == 503
        assert place.far.there.asked == []


@pytest.mark.parametrize(
    "onward", ["https://evil.example/", "//evil.example", "/\\evil.example", "/idp/logout", "javascript:alert(1)"]
)
async def test_nobody_is_led_to_another_site_afterwards(near: Browser, far: Forged, onward: str) -> None:
    name = f"led-{secrets.token_hex(4)}"
    page = await near.open(far.back(await departed(near, f"/idp/upstream?next={onward}"), sub=name))
    fields = {"name": "Led", "email": f"{name}@people.example", "pod": name}
    done = await near.submit(page, "/idp/upstream/welcome", follow=False, **fields)
    assert done.headers["Location"] == "/my/"
    again = await near.open(far.back(await departed(near, f"/idp/upstream?next={onward}"), sub=name), follow=False)
    assert again.headers["Location"] == "/my/"


@pytest.mark.requirement("UP-1")
async def test_what_the_provider_sees_tells_nothing_of_where_a_person_goes(near: Browser, far: Forged) -> None:
    location = await departed(near, "/idp/upstream?next=/my/requests/7f2c")
    assert "7f2c" not in location
    assert "requests" not in location
    asked = query(location)
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert len(asked["nonce"]) == 43
    again = query(await departed(near, "/idp/upstream?next=/my/requests/7f2c"))
    assert {asked[name] for name in ("state", "nonce", "code_challenge")}.isdisjoint(again.values())


async def test_an_arrival_is_worth_nothing_in_another_browser(
    http: Visitor, place: FarAndNear, near: Browser, far: Forged
) -> None:
    await near.open(far.back(await departed(near), sub="arrived"))
    other = at(http, place.near)
    await other.open("/idp/login")
    other.cookies["arrival"] = near.cookies["arrival"]
    page = await other.open("/idp/upstream/welcome")
    assert path_of(page) == "/idp/login"


async def test_guessing_codes_is_counted_per_address(http: Visitor, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("counted")
    with forged_upstream(folder, limits={"sign_in_tries": 3}) as place:
        near = at(http, place.near)
        for _ in range(3):
            callback = altered(place.far.back(await departed(near)), code="guessed")
            assert (await near.open(callback)).status == 403
        spent = len(place.far.exchanges)
        answer = await near.open(place.far.back(await departed(near)))
        assert answer.status == 429
        assert int(answer.headers["Retry-After"]) > 0
        assert len(place.far.exchanges) == spent
