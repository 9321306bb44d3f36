"""VEC-P: DPoP proofs that are refused with `invalid_dpop_proof`, each beside what is accepted (RFC 9449 §4.3, RS-6)."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from tests.attacks.test_vec_c_codes import is_error
from tests.browser import App, ask, machine, refused
from tests.forge import Holder, encoded, jws, new_key, public
from tests.live import Live, serving
from tests.people import Person, Visitor

Make = Callable[[Holder, str], str]


def claims_for(url: str, **changes: Any) -> dict[str, Any]:
    return {"htm": "GET", "htu": url, "iat": int(time.time()), "jti": encoded(time.time_ns().to_bytes(8)), **changes}


def header_for(holder: Holder, **changes: Any) -> dict[str, Any]:
    return {"typ": "dpop+jwt", "alg": "ES256", "jwk": public(holder.key), **changes}


def flipped(text: str) -> str:
    """The same text with one bit of its last whole character changed."""
    return text[:-5] + ("A" if text[-5] != "A" else "B") + text[-4:]


def small_rsa(holder: Holder, url: str) -> str:
    key = new_key("RS256", bits=1024)
    return jws(header_for(holder, alg="RS256", jwk=public(key)), claims_for(url), key)


def by_another_key(holder: Holder, url: str) -> str:
    return jws(header_for(holder), claims_for(url), new_key())


REFUSED: dict[str, Make] = {
    "P03-two-parts": lambda h, u: h.proof("GET", u).rpartition(".")[0],
    "P03-four-parts": lambda h, u: h.proof("GET", u) + ".e30",
    "P04-padding": lambda h, u: h.proof("GET", u) + "=",
    "P04-plain-base64": lambda h, u: h.proof("GET", u)[:-4] + "+/+/",
    "P05-bad-json": lambda h, u: jws(header_for(h), b"{not json", h.key),
    "P05-no-object": lambda h, u: jws(header_for(h), b"[]", h.key),
    "P05-not-utf-8": lambda h, u: jws(header_for(h), b'{"a":"\xff"}', h.key),
    "P05-half-a-surrogate": lambda h, u: jws(header_for(h), claims_for(u, jti="\ud800"), h.key),
    "P05-very-deep": lambda h, u: jws(header_for(h), b"[" * 5000, h.key),
    "P05-member-twice": lambda h, u: jws(
        header_for(h), json.dumps(claims_for(u)).encode()[:-1] + b',"htm":"GET"}', h.key
    ),
    "P06-no-typ": lambda h, u: h.proof("GET", u, header={"typ": None}),
    "P07-typ-jwt": lambda h, u: h.proof("GET", u, header={"typ": "JWT"}),
    "P08-alg-none": lambda h, u: jws(header_for(h, alg="none"), claims_for(u), None),
    "P09-hs256": lambda h, u: jws(header_for(h, alg="HS256"), claims_for(u), new_key("HS256")),
    "P10-es256k": lambda h, u: jws(
        header_for(h, alg="ES256K", jwk=public(key := new_key("ES256K"))), claims_for(u), key
    ),
    "P10-alg-missing": lambda h, u: h.proof("GET", u, header={"alg": None}),
    "P10-alg-a-list": lambda h, u: h.proof("GET", u, header={"alg": ["ES256"]}),
    "P11-no-jwk": lambda h, u: h.proof("GET", u, header={"jwk": None}),
    "P11-jwk-a-string": lambda h, u: h.proof("GET", u, header={"jwk": "key"}),
    "P11-jwk-without-y": lambda h, u: h.proof("GET", u, header={"jwk": {"kty": "EC", "crv": "P-256", "x": "AA"}}),
    "P11-jwk-off-the-curve": lambda h, u: h.proof("GET", u, header={"jwk": {**public(h.key), "y": "A" * 43}}),
    "P12-private-jwk": lambda h, u: h.proof("GET", u, header={"jwk": dict(h.key.as_dict(private=True))}),
    "P13-oct-key": lambda h, u: h.proof("GET", u, header={"jwk": {"kty": "oct", "k": "c2VjcmV0"}}),
    "P14-key-and-alg-disagree": lambda h, u: h.proof("GET", u, header={"alg": "RS256"}),
    "P14-curve-and-alg-disagree": lambda h, u: h.proof("GET", u, header={"alg": "ES384"}),
    "P15-rsa-1024": small_rsa,
    "P16-signature-altered": lambda h, u: flipped(h.proof("GET", u)),
    "P16-no-signature": lambda h, u: h.proof("GET", u).rpartition(".")[0] + ".",
    "P17-signed-by-another-key": by_another_key,
    "P18-no-htm": lambda h, u: h.proof("GET", u, htm=None),
    "P19-other-method": lambda h, u: h.proof("PUT", u),
    "P20-method-in-lower-case": lambda h, u: h.proof("get", u),
    "P22-no-htu": lambda h, u: h.proof("GET", u, htu=None),
    "P22-htu-a-number": lambda h, u: h.proof("GET", u, htu=7),
    "P23-other-host": lambda h, u: h.proof("GET", u.replace("localhost", "evil.example")),
    "P24-other-path": lambda h, u: h.proof("GET", u + "x"),
    "P24-parent": lambda h, u: h.proof("GET", u, htu=u.rsplit("/", 2)[0] + "/"),
    "P24-dot-segments": lambda h, u: h.proof("GET", u, htu=u + "x/../"),
    "P25-other-scheme": lambda h, u: h.proof("GET", u.replace("http:", "https:")),
    "P26-other-port": lambda h, u: h.proof("GET", u.replace("localhost:", "localhost:1")),
    "P26-no-port": lambda h, u: h.proof("GET", "http://localhost/alice/"),
    "P27-inner-url": lambda h, u: h.proof("GET", u.replace("localhost", "127.0.0.1")),
    "P28-relative": lambda h, u: h.proof("GET", u, htu="/alice/"),
    "P28-user-info": lambda h, u: h.proof("GET", u.replace("//", "//localhost@")),
    "P29-no-iat": lambda h, u: h.proof("GET", u, iat=None),
    "P30-iat-text": lambda h, u: h.proof("GET", u, iat=str(int(time.time()))),
    "P30-iat-true": lambda h, u: h.proof("GET", u, iat=True),
    "P30-iat-of-many-digits": lambda h, u: jws(header_for(h), part_with_digits(u), h.key),
    "P30-iat-beyond-every-float": lambda h, u: jws(header_for(h), part_with_digits(u, "1e999"), h.key),
    "P30-iat-negative": lambda h, u: h.proof("GET", u, iat=-1),
    "P30-iat-endless": lambda h, u: jws(header_for(h), part_with_infinity(u), h.key),
    "P31-too-old": lambda h, u: h.proof("GET", u, iat=int(time.time()) - 250),
    "P32-ahead": lambda h, u: h.proof("GET", u, iat=int(time.time()) + 130),
    "P33-no-jti": lambda h, u: h.proof("GET", u, jti=None),
    "P34-empty-jti": lambda h, u: h.proof("GET", u, jti=""),
    "P35-jti-a-number": lambda h, u: h.proof("GET", u, jti=7),
    "P36-long-jti": lambda h, u: h.proof("GET", u, jti="x" * 257),
    "P36-long-proof": lambda h, u: h.proof("GET", u, padding="x" * 6300),
    "P40-ath-of-another-token": lambda h, u: h.proof("GET", u, ath=encoded(b"0" * 32)),
    "P40-ath-a-number": lambda h, u: h.proof("GET", u, ath=7),
    "P42-crit": lambda h, u: h.proof("GET", u, header={"crit": ["exp"], "exp": 1}),
    "P42-b64": lambda h, u: h.proof("GET", u, header={"crit": ["b64"], "b64": False}),
}


def part_with_digits(url: str, number: str = "1" * 5000) -> bytes:
    """The claims with a number that Python itself would not write."""
    return json.dumps(claims_for(url, iat="IAT")).replace('"IAT"', number).encode()


def part_with_infinity(url: str) -> bytes:
    return json.dumps(claims_for(url, iat=float("inf"))).encode()


@pytest.mark.requirement("RS-6", "RS-9", "VEC-P", "ATK-19")
@pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, make in REFUSED.items()])
async def test_proof_is_refused(http: Visitor, alice: Person, make: Make) -> None:
    holder = await machine(http, alice)
    answer = await ask(http, holder, alice.pod, proof=make(holder, alice.pod))
    assert refused(answer, "invalid_dpop_proof"), (answer.status, answer.headers.get("WWW-Authenticate"), answer.text)
    assert (await ask(http, holder, alice.pod)).status == 200  # the same holder with a good proof


ACCEPTED: dict[str, Make] = {
    "query": lambda h, u: h.proof("GET", u, htu=f"{u}?a=b"),
    "fragment": lambda h, u: h.proof("GET", u, htu=f"{u}#me"),
    "host-in-capitals": lambda h, u: h.proof("GET", u.replace("localhost", "LOCALHOST")),
    "scheme-in-capitals": lambda h, u: h.proof("GET", u.replace("http:", "HTTP:")),
    "encoded-path": lambda h, u: h.proof("GET", u.replace("/alice/", "/%61lice/")),
    "no-ath": lambda h, u: h.proof("GET", u, ath=None),
    "oldest": lambda h, u: h.proof("GET", u, iat=int(time.time()) - 230),
    "most-ahead": lambda h, u: h.proof("GET", u, iat=int(time.time()) + 110),
    "fraction": lambda h, u: h.proof("GET", u, iat=time.time()),
    "longest-jti": lambda h, u: h.proof("GET", u, jti=encoded(time.time_ns().to_bytes(8)).ljust(256, "x")),
    "unknown-header-member": lambda h, u: h.proof("GET", u, header={"kid": "mine"}),
}


@pytest.mark.requirement("RS-6", "RS-7", "VEC-P")
@pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, make in ACCEPTED.items()])
async def test_proof_is_accepted(http: Visitor, alice: Person, make: Make) -> None:
    holder = await machine(http, alice)
    answer = await ask(http, holder, alice.pod, proof=make(holder, alice.pod))
    assert answer.status == 200, answer.text


@pytest.mark.requirement("RS-6", "VEC-P")
@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512", "RS256", "PS256", "PS384", "PS512", "EdDSA"])
async def test_every_offered_algorithm_makes_a_proof(http: Visitor, alice: Person, algorithm: str) -> None:
    holder = await machine(http, alice, algorithm=algorithm)
    assert (await ask(http, holder, alice.pod)).status == 200


@pytest.mark.requirement("RS-7", "VEC-P")
async def test_path_of_the_proof_may_be_raw_or_encoded(http: Visitor, home: str, alice: Person) -> None:
    holder = await machine(http, alice)
    url = f"{home}caf%C3%A9%20au%20lait"
    assert (await http.put(url, "<#a> <#b> <#c>.", by=alice)).status == 201
    for written in (url, f"{home}café%20au%20lait", f"{home}caf%c3%a9%20au%20lait", f"{home}café au lait"):
        answer = await ask(http, holder, url, proof=holder.proof("GET", url, htu=written))
        assert answer.status == 200, (written, answer.text)


@pytest.mark.requirement("RS-8", "VEC-P")
@pytest.mark.parametrize("scheme", ["DPoP", "dpop", "DPOP"])
async def test_name_of_the_scheme_is_case_insensitive(http: Visitor, alice: Person, scheme: str) -> None:
    holder = await machine(http, alice)
    assert (await ask(http, holder, alice.pod, scheme=scheme)).status == 200


@pytest.mark.requirement("VEC-P01")
async def test_vec_p01_no_proof_is_refused(http: Visitor, alice: Person) -> None:
    holder = await machine(http, alice)
    assert refused(await ask(http, holder, alice.pod, proof=""), "invalid_dpop_proof")


@pytest.mark.requirement("VEC-P02")
async def test_vec_p02_two_proofs_are_refused(http: Visitor, alice: Person) -> None:
    holder = await machine(http, alice)
    async with http.session.get(
        alice.pod,
        headers=[
            ("Authorization", f"DPoP {holder.token}"),
            ("DPoP", holder.proof("GET", alice.pod)),
            ("DPoP", holder.proof("GET", alice.pod)),
        ],
    ) as response:
        assert response.status == 401
        assert 'error="invalid_dpop_proof"' in response.headers["WWW-Authenticate"]


@pytest.mark.requirement("VEC-P21")
async def test_vec_p21_get_proof_is_refused_on_head(http: Visitor, alice: Person) -> None:
    holder = await machine(http, alice)
    answer = await ask(http, holder, alice.pod, method="HEAD", proof=holder.proof("GET", alice.pod))
    assert refused(answer, "invalid_dpop_proof")
    assert (await ask(http, holder, alice.pod, method="HEAD")).status == 200


@pytest.mark.requirement("VEC-P37", "RS-6")
async def test_vec_p37_replayed_proof_is_refused(http: Visitor, alice: Person) -> None:
    holder = await machine(http, alice)
    proof = holder.proof("GET", alice.pod)
    assert (await ask(http, holder, alice.pod, proof=proof)).status == 200
    assert refused(await ask(http, holder, alice.pod, proof=proof), "invalid_dpop_proof")
    # Written in another way it is the same proof.
    other = holder.proof("GET", alice.pod, jti="the-same", htu=alice.pod)
    again = holder.proof("GET", alice.pod, jti="the-same", htu=alice.pod.replace("localhost", "LOCALHOST"))
    assert (await ask(http, holder, alice.pod, proof=other)).status == 200
    assert refused(await ask(http, holder, alice.pod, proof=again), "invalid_dpop_proof")


@pytest.mark.requirement("VEC-P39")
async def test_vec_p39_of_two_at_once_exactly_one_passes(http: Visitor, alice: Person) -> None:
    holder = await machine(http, alice)
    for _ in range(5):
        proof = holder.proof("GET", alice.pod)
        answers = await asyncio.gather(*(ask(http, holder, alice.pod, proof=proof) for _ in range(8)))
        assert sorted(answer.status for answer in answers) == [200, *[401] * 7]


@pytest.mark.requirement("VEC-P")
async def test_two_proofs_of_one_second_both_pass(http: Visitor, alice: Person) -> None:
    holder, now = await machine(http, alice), int(time.time())
    for _ in range(2):
        answer = await ask(http, holder, alice.pod, proof=holder.proof("GET", alice.pod, iat=now))
        assert answer.status == 200


@pytest.mark.requirement("VEC-P")
async def test_a_refused_proof_is_not_used_up(http: Visitor, alice: Person, bob: Person) -> None:
    """A proof sent along with a token that does not hold may be sent again with one that does."""
    holder = await machine(http, alice)
    proof = holder.proof("GET", alice.pod, ath=None)
    good, holder.token = holder.token, (await machine(http, bob)).token
    assert (await ask(http, holder, alice.pod, proof=proof)).status == 401
    holder.token = good
    assert (await ask(http, holder, alice.pod, proof=proof)).status == 200


@pytest.mark.requirement("VEC-P41", "D6")
async def test_vec_p41_ath_is_demanded_where_that_is_configured(tmp_path: Any) -> None:
    with serving(tmp_path, identity={"require_ath": True}) as strict:
        person = strict.people["alice"]
        async with aiohttp.ClientSession() as session:
            http = Visitor(session, strict.base_url)
            holder = await machine(http, person)
            answer = await ask(http, holder, person.pod, proof=holder.proof("GET", person.pod, ath=None))
            assert refused(answer, "invalid_dpop_proof")
            assert (await ask(http, holder, person.pod)).status == 200


@pytest.mark.requirement("VEC-P43", "RFC9449-8", "RFC9449-9", "OP-12")
async def test_vec_p43_nonce_is_demanded_where_that_is_configured(tmp_path: Any) -> None:
    with serving(tmp_path, identity={"require_nonce": True}) as strict:
        person = strict.people["alice"]
        assert strict.machine is not None
        nonces, clock = strict.machine.vault.nonces, strict.machine.vault.clock
        async with aiohttp.ClientSession() as session:
            http = Visitor(session, strict.base_url)
            app = App(http, person.client_id, "", person.client_secret)
            # The token endpoint: refused with 400, and told what to put in.
            form = {"grant_type": "client_credentials", **app.credentials}
            answer = await app.post_token(**form)
            assert is_error(answer, "use_dpop_nonce")
            nonce = answer.headers["DPoP-Nonce"]
            assert "DPoP-Nonce" in answer.listed("Access-Control-Expose-Headers")
            answer = await app.post_token(proof=app.holder.proof("POST", app.token_url, nonce=nonce), **form)
            assert answer.status == 200
            assert answer.headers["DPoP-Nonce"]  # a fresh one with a good answer, too
            holder = replace(app.holder, token=answer.json["access_token"])
            # A resource: 401, with the nonce beside the challenge.
            for wrong in (None, "", "x" * 32, 7, nonces.current(clock() - timedelta(seconds=900)), nonce + "0"):
                proof = holder.proof("GET", person.pod, nonce=wrong)
                answer = await ask(http, holder, person.pod, proof=proof)
                assert refused(answer, "use_dpop_nonce"), wrong
                assert nonces.accepts(answer.headers["DPoP-Nonce"], clock())
            proof = holder.proof("GET", person.pod, nonce=answer.headers["DPoP-Nonce"])
            answer = await ask(http, holder, person.pod, proof=proof)
            assert answer.status == 200
            assert answer.headers["DPoP-Nonce"]
            assert refused(await ask(http, holder, person.pod, proof=proof), "invalid_dpop_proof")  # still once only
            # A proof that is bad in another way is told so, not sent for a nonce.
            bad = holder.proof("PUT", person.pod)
            assert refused(await ask(http, holder, person.pod, proof=bad), "invalid_dpop_proof")


@pytest.mark.requirement("VEC-P43")
async def test_nonce_is_neither_given_nor_looked_at_where_none_is_demanded(http: Visitor, alice: Person) -> None:
    holder = await machine(http, alice)
    answer = await ask(http, holder, alice.pod, proof=holder.proof("GET", alice.pod, nonce="of another server"))
    assert answer.status == 200
    assert "DPoP-Nonce" not in answer.headers


@pytest.mark.requirement("RS-9")
async def test_a_bad_proof_is_refused_on_a_public_resource_too(server: Live, http: Visitor, alice: Person) -> None:
    card = f"{alice.pod}profile/card"
    holder = await machine(http, alice)
    assert (await http.get(card)).status == 200
    assert refused(await ask(http, holder, card, proof=holder.proof("PUT", card)), "invalid_dpop_proof")


async def test_the_refusal_tells_how_far_the_clocks_are_apart(http: Visitor, alice: Person) -> None:
    """PAIN-16: a clock that is off is the one thing a person can mend."""
    holder = await machine(http, alice)
    answer = await ask(http, holder, alice.pod, proof=holder.proof("GET", alice.pod, iat=int(time.time()) + 3600))
    assert refused(answer, "invalid_dpop_proof")
    assert 3595 <= answer.json["clock_skew"] <= 3600
    assert "ahead of this server's clock" in answer.json["detail"]
    assert "seconds ahead of this server's clock" in answer.headers["WWW-Authenticate"]
    assert len(answer.headers.getall("WWW-Authenticate")) == 1  # CH-7
