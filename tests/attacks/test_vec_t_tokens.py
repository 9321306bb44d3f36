"""VEC-T: access tokens that are refused with `invalid_token`, each beside what is accepted (RS-3 to RS-11). VEC-T30, a
grant token where it was not given for, is not among them: this server gives out no grant tokens yet."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.browser import App, Browser, ask, machine, refused, register, returned
from tests.elsewhere import Elsewhere, elsewhere, elsewhere_server
from tests.forge import Holder, Now, encoded, jws, new_key, public, read
from tests.live import Live, serving
from tests.people import Person, Visitor, acl, rule
from vault.config import insecure_settings
from vault.ports import Vault

__all__ = ["elsewhere"]

SHARED = "shared-with-everybody-signed-in"


@pytest.fixture
async def door(http: Visitor, home: str, alice: Person) -> str:
    """A document that any WebID may read and nobody anonymous: it opens to whoever is authenticated."""
    url = f"{home}{SHARED}"
    assert (await http.put(url, "<#a> <#b> <#c>.", by=alice)).status == 201
    rules = f"""@prefix acl: <http://www.w3.org/ns/auth/acl#>.
    [] a acl:Authorization; acl:accessTo <{url}>; acl:agentClass acl:AuthenticatedAgent; acl:mode acl:Read.
    [] a acl:Authorization; acl:accessTo <{url}>; acl:agent <{alice.webid}>; acl:mode acl:Read, acl:Control."""
    assert (await http.put(f"{url}.acl", rules, by=alice)).status == 201
    return url


@pytest.fixture
def dora(elsewhere: Elsewhere) -> str:
    """A WebID elsewhere, whose document lists the issuer there."""
    elsewhere.publish_issuer()
    return elsewhere.webid("dora")


@pytest.mark.requirement("RS-3", "RS-4", "RS-5", "RS-6", "D12")
async def test_foreign_issuer_that_the_webid_lists_is_believed(
    http: Visitor, door: str, dora: str, elsewhere: Elsewhere
) -> None:
    holder = elsewhere.holder(dora)
    assert (await http.get(door)).status == 401
    answer = await ask(http, holder, door)
    assert answer.status == 200, answer.text
    assert elsewhere.asked == ["/.well-known/openid-configuration", "/jwks", "/dora"]
    assert (await ask(http, holder, door)).status == 200  # keys and WebID are remembered (RS-10)
    assert len(elsewhere.asked) == 3


WRONG: dict[str, dict[str, Any]] = {
    "T01-expired": {"exp": Now(-130)},
    "T01-no-exp": {"exp": None},
    "T01-exp-text": {"exp": "soon"},
    "T01-exp-true": {"exp": True},
    "T01-exp-beyond-every-calendar": {"exp": 10**12},
    "T01-exp-huge": {"exp": 10**400},
    "T02-iat-ahead": {"iat": Now(600), "exp": Now(900)},
    "T02-nbf-ahead": {"nbf": Now(600)},
    "T02-no-iat": {"iat": None},
    "T02-iat-before-time": {"iat": -1},
    "T02-nbf-beyond-every-calendar": {"nbf": 10**12},
    "T03-older-than-a-day": {"iat": Now(-90_000)},
    "T08-other-audience": {"aud": "https://other.example/"},
    "T08-audience-list-without-solid": {"aud": ["a", "b"]},
    "T09-no-audience": {"aud": None},
    "T10-no-webid": {"webid": None, "sub": "dora"},
    "T10-webid-a-list": {"webid": ["https://a.example/#me"]},
    "T11-webid-over-http": {"webid": "http://dora.example/#me"},
    "T11-webid-with-user-info": {"webid": "https://x@dora.example/#me"},
    "T20-key-of-somebody-else": {"cnf": {"jkt": encoded(b"1" * 32)}},
    "T20-other-confirmation": {"cnf": {"x5t#S256": encoded(b"1" * 32)}},
    "T20-confirmation-a-text": {"cnf": "key"},
    "T21-no-confirmation": {"cnf": None},
}


@pytest.mark.requirement("RS-5", "RS-6", "RS-9", "VEC-T")
@pytest.mark.parametrize("changes", [pytest.param(changes, id=name) for name, changes in WRONG.items()])
async def test_claim_is_refused_and_nothing_is_fetched_for_it(
    http: Visitor, door: str, dora: str, elsewhere: Elsewhere, changes: dict[str, Any]
) -> None:
    assert refused(await ask(http, elsewhere.holder(dora, **changes), door), "invalid_token")
    assert elsewhere.asked == []
    assert (await ask(http, elsewhere.holder(dora), door)).status == 200


FINE: dict[str, dict[str, Any]] = {
    "audience-in-a-list": {"aud": ["https://app.example/id", "solid"]},
    "just-expired": {"exp": Now(-60)},
    "fraction-of-a-second": {"exp": time.time() + 3600.5},
    "good-for-a-century": {"exp": 5_000_000_000},
    "a-little-ahead": {"iat": Now(60)},
    "webid-in-sub": {"webid": None},
    "client-id-for-azp": {"azp": None, "client_id": "https://app.example/id"},
    "no-client": {"azp": None},
}


@pytest.mark.requirement("RS-5", "VEC-T")
@pytest.mark.parametrize("changes", [pytest.param(changes, id=name) for name, changes in FINE.items()])
async def test_claim_is_accepted(
    http: Visitor, door: str, dora: str, elsewhere: Elsewhere, changes: dict[str, Any]
) -> None:
    answer = await ask(http, elsewhere.holder(dora, **changes), door)
    assert answer.status == 200, answer.text


@pytest.mark.requirement("RS-6", "VEC-T")
@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt", "JWT", None])
async def test_foreign_access_token_may_call_itself_as_they_do(
    http: Visitor, door: str, dora: str, elsewhere: Elsewhere, typ: str | None
) -> None:
    assert (await ask(http, elsewhere.holder(dora, header={"typ": typ}), door)).status == 200


@pytest.mark.requirement("VEC-T04", "RS-4")
async def test_vec_t04_unknown_issuer_is_refused(http: Visitor, door: str, elsewhere: Elsewhere) -> None:
    webid = elsewhere.webid("dora")  # the issuer has no configuration at all
    assert refused(await ask(http, elsewhere.holder(webid), door), "invalid_token")


@pytest.mark.requirement("VEC-T04")
async def test_vec_t04_issuer_over_http_is_refused_without_asking(
    http: Visitor, door: str, elsewhere: Elsewhere
) -> None:
    webid = elsewhere.webid("dora", "http://issuer.example/")
    assert refused(await ask(http, elsewhere.holder(webid, iss="http://issuer.example/"), door), "invalid_token")
    assert elsewhere.asked == []


@pytest.mark.requirement("VEC-T05", "RS-4")
async def test_vec_t05_issuer_that_the_webid_does_not_list_is_refused(
    http: Visitor, door: str, elsewhere: Elsewhere
) -> None:
    elsewhere.publish_issuer()
    webid = elsewhere.webid("dora", "https://another.example/")
    assert refused(await ask(http, elsewhere.holder(webid), door), "invalid_token")


@pytest.mark.requirement("VEC-T06", "RS-3", "RS-4")
@pytest.mark.parametrize("listed_with_slash", [True, False])
async def test_vec_t06_issuer_that_differs_by_a_slash_is_refused(
    http: Visitor, door: str, elsewhere: Elsewhere, listed_with_slash: bool
) -> None:
    bare = elsewhere.issuer.rstrip("/")
    elsewhere.publish_issuer(issuer=bare)
    webid = elsewhere.webid("dora", elsewhere.issuer if listed_with_slash else bare)
    answer = await ask(http, elsewhere.holder(webid, iss=bare), door)
    assert refused(answer, "invalid_token") if listed_with_slash else answer.status == 200


@pytest.mark.requirement("VEC-T07", "RS-3")
async def test_vec_t07_discovery_that_names_another_issuer_is_refused(
    http: Visitor, door: str, elsewhere: Elsewhere
) -> None:
    elsewhere.publish_issuer(issuer="https://another.example/")
    assert refused(await ask(http, elsewhere.holder(elsewhere.webid("dora")), door), "invalid_token")


def as_none(holder: Holder, there: Elsewhere) -> str:
    header, claims = read(holder.token)
    return jws({**header, "alg": "none"}, claims, None)


def as_hmac(holder: Holder, there: Elsewhere) -> str:
    """The public key of the issuer as an HMAC secret: the classic confusion."""
    from joserfc.jwk import OctKey

    header, claims = read(holder.token)
    secret = OctKey.import_key(json.dumps(public(there.key), separators=(",", ":")))
    return jws({**header, "alg": "HS256"}, claims, secret)


def relabelled(holder: Holder, there: Elsewhere) -> str:
    header, claims = read(holder.token)
    return jws({**header, "alg": "RS256"}, claims, new_key("RS256"))


def altered(holder: Holder, there: Elsewhere) -> str:
    head, _body, signature = holder.token.split(".")
    _, claims = read(holder.token)
    return ".".join((head, encoded(json.dumps({**claims, "exp": claims["exp"] + 1}).encode()), signature))


def twice(holder: Holder, there: Elsewhere) -> str:
    header, claims = read(holder.token)
    text = json.dumps(claims)[:-1] + f', "webid": "{claims["webid"]}"}}'
    return jws(header, text.encode(), there.key)


FORGED: dict[str, Callable[[Holder, Elsewhere], str]] = {
    "T12-none": as_none,
    "T13-hs256-with-the-public-key": as_hmac,
    "T14-alg-of-another-key-type": relabelled,
    "T18-payload-altered": altered,
    "T19-signature-cut": lambda holder, _: holder.token[:-8],
    "T19-no-signature": lambda holder, _: holder.token.rpartition(".")[0] + ".",
    "T26-claim-twice": twice,
    "T27-too-long": lambda holder, _: holder.token + "A" * 8192,
    "T27-not-a-token": lambda holder, _: "abc",
    "T27-five-parts": lambda holder, _: f"{holder.token}.a.b",
}


@pytest.mark.requirement("VEC-T", "RS-3")
@pytest.mark.parametrize("forge", [pytest.param(forge, id=name) for name, forge in FORGED.items()])
async def test_forged_token_is_refused_and_its_webid_is_not_asked(
    http: Visitor, door: str, dora: str, elsewhere: Elsewhere, forge: Callable[[Holder, Elsewhere], str]
) -> None:
    holder = elsewhere.holder(dora)
    good, holder.token = holder.token, forge(holder, elsewhere)
    assert refused(await ask(http, holder, door), "invalid_token")
    assert "/dora" not in elsewhere.asked  # a bad signature never causes a fetch of what the token names
    holder.token = good
    assert (await ask(http, holder, door)).status == 200


@pytest.mark.requirement("VEC-T15", "RS-10")
async def test_vec_t15_unknown_key_causes_one_refresh_and_then_no(
    http: Visitor, door: str, dora: str, elsewhere: Elsewhere
) -> None:
    assert (await ask(http, elsewhere.holder(dora), door)).status == 200
    for _ in range(3):
        assert refused(await ask(http, elsewhere.holder(dora, header={"kid": "two"}), door), "invalid_token")
    # The keys were fetched a moment ago: so soon, an unknown name is no reason to fetch them again.
    assert elsewhere.asked.count("/jwks") == 1


@pytest.mark.requirement("VEC-T15", "RS-10")
async def test_vec_t15_key_that_is_new_at_the_issuer_is_found_by_that_one_refresh(tmp_path: Path) -> None:
    with serving(tmp_path, outbound={"negative_cache_seconds": 0}) as live, elsewhere_server() as there:
        there.publish_issuer()
        dora, alice = there.webid("dora"), live.people["alice"]
        async with aiohttp.ClientSession() as session:
            http = Visitor(session, live.base_url)
            card = f"{alice.pod}profile/card"
            assert (await ask(http, there.holder(dora), card)).status == 200
            assert refused(await ask(http, there.holder(dora, header={"kid": "two"}), card), "invalid_token")
            assert there.asked.count("/jwks") == 2
            turned = replace(there, key=new_key())
            both = [{**public(there.key), "kid": "one"}, {**public(turned.key), "kid": "two"}]
            there.publish("/jwks", json.dumps({"keys": both}), "application/json")
            assert (await ask(http, turned.holder(dora, header={"kid": "two"}), card)).status == 200
            assert (await ask(http, there.holder(dora), card)).status == 200
            assert there.asked.count("/jwks") == 3
            # Withdrawn, it is not looked for again: the other name is known, and its signature is another one's.
            assert refused(await ask(http, there.holder(dora, header={"kid": "two"}), card), "invalid_token")
            assert there.asked.count("/jwks") == 3


@pytest.mark.requirement("VEC-T16")
@pytest.mark.parametrize("kid", ["../../etc/passwd", "' OR 1=1 --", "\x00", 7, ["one"], {"a": 1}])
async def test_vec_t16_key_id_is_only_ever_compared(
    http: Visitor, door: str, dora: str, elsewhere: Elsewhere, kid: Any
) -> None:
    assert refused(await ask(http, elsewhere.holder(dora, header={"kid": kid}), door), "invalid_token")


@pytest.mark.requirement("VEC-T17")
@pytest.mark.parametrize("member", ["jku", "x5u", "jwk"])
async def test_vec_t17_key_in_the_header_is_not_looked_at(
    http: Visitor, door: str, dora: str, elsewhere: Elsewhere, member: str
) -> None:
    thief = replace(elsewhere, key=new_key())
    elsewhere.publish("/stolen", json.dumps({"keys": [{**public(thief.key), "kid": "one"}]}), "application/json")
    pointed = {**public(thief.key), "kid": "one"} if member == "jwk" else f"{elsewhere.base_url}stolen"
    assert refused(await ask(http, thief.holder(dora, header={member: pointed}), door), "invalid_token")
    assert "/stolen" not in elsewhere.asked


@pytest.mark.requirement("VEC-T22", "RS-8")
async def test_vec_t22_bound_token_as_bearer_is_refused(http: Visitor, door: str, alice: Person) -> None:
    holder = await machine(http, alice)
    for proof in ("", holder.proof("GET", door)):
        answer = await ask(http, holder, door, scheme="Bearer", proof=proof)
        assert refused(answer, "invalid_token")


@pytest.mark.requirement("VEC-T23", "RS-8")
async def test_vec_t23_unbound_token_as_bearer_is_refused(
    http: Visitor, door: str, dora: str, elsewhere: Elsewhere
) -> None:
    holder = elsewhere.holder(dora, cnf=None)
    assert refused(await ask(http, holder, door, scheme="Bearer", proof=""), "invalid_token")


@pytest.mark.requirement("VEC-T22", "VEC-T23", "RS-8")
async def test_vec_t22_t23_unbound_token_as_bearer_is_taken_only_where_that_is_configured(tmp_path: Path) -> None:
    with serving(tmp_path, identity={"insecure_accept_unbound_tokens": True}) as lax, elsewhere_server() as there:
        there.publish_issuer()
        dora, alice = there.webid("dora"), lax.people["alice"]
        assert lax.machine is not None
        warned = insecure_settings(lax.machine.vault.settings)  # what every start says aloud
        assert "insecure_accept_unbound_tokens" in warned
        async with aiohttp.ClientSession() as session:
            http = Visitor(session, lax.base_url)
            url = f"{alice.pod}for-dora"
            assert (await http.put(url, "<#a> <#b> <#c>.", by=alice)).status == 201
            await http.share(
                url,
                acl(rule(modes="read", agent=dora, to=url), rule(modes="read control", agent=alice.webid, to=url)),
                by=alice,
            )
            unbound, bound = there.holder(dora, cnf=None), there.holder(dora)
            for _ in range(2):  # verified, and remembered as verified
                assert (await ask(http, unbound, url, scheme="Bearer", proof="")).status == 200
                # Bound tokens keep needing their proof, and unbound ones none that could be theirs.
                assert refused(await ask(http, bound, url, scheme="Bearer", proof=""), "invalid_token")
                assert refused(await ask(http, unbound, url), "invalid_token")
                # Bound in a way that we do not know is not unbound.
                otherwise = there.holder(dora, cnf={"x5t#S256": encoded(b"1" * 32)})
                assert refused(await ask(http, otherwise, url, scheme="Bearer", proof=""), "invalid_token")
                assert (await ask(http, bound, url)).status == 200
            assert refused(
                await ask(http, there.holder(dora, cnf=None, exp=Now(-130)), url, scheme="Bearer"), "invalid_token"
            )
            assert (await ask(http, there.holder(there.webid("eve"), cnf=None), url, scheme="Bearer")).status == 403


@pytest.mark.requirement("VEC-T24", "VEC-T25")
async def test_vec_t24_t25_only_access_tokens_open_doors(http: Visitor, door: str, alice: Person) -> None:
    app = await register(http)
    code = await app.code_for(Browser(http), alice)
    assert refused(await ask(http, replace(app.holder, token=code), door), "invalid_token")
    tokens = (await app.redeem(code)).json
    for kind in ("id_token", "refresh_token"):
        assert refused(await ask(http, replace(app.holder, token=tokens[kind]), door), "invalid_token"), kind
    assert (await ask(http, replace(app.holder, token=tokens["access_token"]), door)).status == 200


@pytest.mark.requirement("VEC-T29")
async def test_vec_t29_token_of_a_locked_account_is_refused_within_a_second(
    server: Live, http: Visitor, door: str
) -> None:
    carol = server.people["carol"]
    holder, app = await machine(http, carol), await register(http)
    browser = Browser(http)
    refresh = (await app.redeem(await app.code_for(browser, carol))).json["refresh_token"]
    code = await app.code_for(browser, carol)
    assert (await ask(http, holder, door)).status == 200

    async def lock(vault: Vault, locked: bool) -> None:
        async with vault.writing() as work:
            account = await work.accounts.by_email(carol.email)
            assert account is not None
            await work.accounts.replace(replace(account, locked=locked))

    server.within(lambda vault: lock(vault, True))
    await asyncio.sleep(1.1)
    try:
        assert refused(await ask(http, holder, door), "invalid_token")
        mine = App(http, carol.client_id, "", carol.client_secret)
        answer = await mine.post_token(
            grant_type="client_credentials", client_id=carol.client_id, client_secret=carol.client_secret
        )
        assert (answer.status, answer.json["error"]) == (401, "invalid_client")
        # What her apps still hold brings nothing either, and her browser is nobody.
        for answer in (await app.redeem(code), await app.refresh(refresh)):
            assert (answer.status, answer.json["error"]) == (400, "invalid_grant")
        answered = returned(await browser.open(app.authorization_url(prompt="none")), app.redirect_uri)
        assert answered["error"] == "login_required"
        assert (await Browser(http).sign_in(carol, follow=False)).status == 403
    finally:
        server.within(lambda vault: lock(vault, False))
    await asyncio.sleep(1.1)
    assert (await ask(http, holder, door)).status == 200


@pytest.mark.requirement("VEC-T31")
async def test_vec_t31_two_authorization_headers_are_malformed(http: Visitor, door: str, alice: Person) -> None:
    holder = await machine(http, alice)
    lines = [("Authorization", f"DPoP {holder.token}")] * 2 + [("DPoP", holder.proof("GET", door))]
    async with http.session.get(door, headers=lines) as response:
        assert response.status == 400
        assert (await response.json())["reason"] == "invalid_request"


@pytest.mark.requirement("VEC-T32")
async def test_vec_t32_token_in_query_or_form_is_not_read(http: Visitor, door: str, alice: Person) -> None:
    holder = await machine(http, alice)
    proof = {"DPoP": holder.proof("GET", door)}
    answer = await http.send("GET", f"{door}?access_token={holder.token}", headers=proof)
    assert answer.status == 401
    assert "error=" not in answer.headers["WWW-Authenticate"]  # anonymous, not badly authenticated
    answer = await http.post(door, f"access_token={holder.token}", kind="application/x-www-form-urlencoded")
    assert answer.status == 401


@pytest.mark.requirement("VEC-T33", "RS-9")
@pytest.mark.parametrize("gone", ["/dora", "/.well-known/openid-configuration", "/jwks"])
async def test_vec_t33_what_cannot_be_reached_is_not_believed(
    http: Visitor, door: str, dora: str, elsewhere: Elsewhere, gone: str
) -> None:
    elsewhere.publish(gone, "gone", status=500)
    assert refused(await ask(http, elsewhere.holder(dora), door), "invalid_token")
    asked = elsewhere.asked.count(gone)
    assert refused(await ask(http, elsewhere.holder(dora), door), "invalid_token")
    assert elsewhere.asked.count(gone) == asked  # remembered for seconds, so that nobody makes us knock (RS-10)


@pytest.mark.requirement("RS-4")
async def test_webid_behind_a_redirect_is_found(http: Visitor, door: str, elsewhere: Elsewhere) -> None:
    from aiohttp import web

    async def away(_request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(f"{elsewhere.base_url}people/dora.ttl")

    elsewhere.publish_issuer()
    webid = f"{elsewhere.base_url}dora#me"
    elsewhere.documents["/dora"] = away
    elsewhere.publish(
        "/people/dora.ttl", f"<../dora#me> <http://www.w3.org/ns/solid/terms#oidcIssuer> <{elsewhere.issuer}>."
    )
    assert (await ask(http, elsewhere.holder(webid), door)).status == 200


@pytest.mark.requirement("RS-4")
async def test_webid_may_list_several_issuers(http: Visitor, door: str, elsewhere: Elsewhere) -> None:
    elsewhere.publish_issuer()
    webid = elsewhere.webid("dora", "https://first.example/", elsewhere.issuer)
    assert (await ask(http, elsewhere.holder(webid), door)).status == 200


@pytest.mark.requirement("RS-4")
async def test_link_header_alone_is_not_believed(http: Visitor, door: str, elsewhere: Elsewhere) -> None:
    from aiohttp import web

    async def hinting(_request: web.Request) -> web.StreamResponse:
        link = f'<{elsewhere.issuer}>; rel="http://www.w3.org/ns/solid/terms#oidcIssuer"'
        return web.Response(text="<#me> a <#Person>.", content_type="text/turtle", headers={"Link": link})

    elsewhere.publish_issuer()
    elsewhere.documents["/dora"] = hinting
    assert refused(await ask(http, elsewhere.holder(f"{elsewhere.base_url}dora#me"), door), "invalid_token")


@pytest.mark.requirement("TR-2")
async def test_bad_token_never_becomes_anonymous(http: Visitor, alice: Person) -> None:
    card = f"{alice.pod}profile/card"
    assert (await http.get(card)).status == 200
    assert refused(await http.send("GET", card, headers={"Authorization": "DPoP abc"}), "invalid_dpop_proof")
    assert refused(await http.send("GET", card, headers={"Authorization": "Bearer abc"}), "invalid_token")
    assert refused(await http.send("GET", card, headers={"Authorization": "Basic YTpi"}), "invalid_token")
