"""Signed tokens and the key ring."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.forge import Holder, encoded, jws, new_key, public
from vault.config import IdentitySettings, Limits
from vault.errors import Unauthenticated
from vault.identity.claims import VerifiedClaims, VerifiedTokens, check_claims, read_id_hint, read_unverified, verify
from vault.identity.tokens import BadToken, KeyRing, decode_base64url, public_key, read_jws
from vault.values import Secret, WebId

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ISSUER = "https://vault.example/"
ALICE = "https://vault.example/alice/profile/card#me"


def claims(**changes: object) -> dict[str, object]:
    seconds = int(NOW.timestamp())
    return {
        "iss": ISSUER,
        "webid": ALICE,
        "aud": "solid",
        "azp": "app",
        "iat": seconds,
        "exp": seconds + 600,
        "cnf": {"jkt": "k"},
        **changes,
    }


def checked(ring: KeyRing, token: str, *, now: datetime = NOW) -> VerifiedClaims | str:
    """What the token says, or why it is refused."""
    try:
        return verify(
            read_unverified(Secret(token), limits=Limits()),
            ring.public_keys(),
            audience="solid",
            own_issuer=ISSUER,
            now=now,
            settings=IdentitySettings(),
        )
    except Unauthenticated as refusal:
        return refusal.reason


def test_token_of_the_ring_is_believed() -> None:
    ring = KeyRing.load([KeyRing.new_key(NOW)])
    found = checked(ring, ring.sign(claims(), "at+jwt"))
    assert isinstance(found, VerifiedClaims)
    assert (found.webid, found.client, found.key_thumbprint) == (ALICE, "app", "k")


def test_older_keys_verify_and_the_newest_signs() -> None:
    old, new = KeyRing.new_key(NOW), KeyRing.new_key(NOW)
    before, after = KeyRing.load([old]), KeyRing.load([new, old])
    assert isinstance(checked(after, before.sign(claims(), "at+jwt")), VerifiedClaims)
    assert isinstance(checked(after, after.sign(claims(), "at+jwt")), VerifiedClaims)
    assert checked(before, after.sign(claims(), "at+jwt")) == "token-unknown-key"
    assert after.key_id == new["kid"]


def test_nothing_private_is_published() -> None:
    ring = KeyRing.load([KeyRing.new_key(NOW), KeyRing.new_key(NOW)])
    for key in ring.public_jwks()["keys"]:
        assert set(key) == {"kty", "crv", "x", "y", "kid", "alg", "use"}


@pytest.mark.requirement("VEC-T24")
@pytest.mark.parametrize("typ", ["JWT", "dpop+jwt", "", "at+jwt; x"])
def test_only_access_tokens_of_our_own_are_access_tokens(typ: str) -> None:
    ring = KeyRing.load([KeyRing.new_key(NOW)])
    assert checked(ring, ring.sign(claims(), typ)) == "token-token-type"


@pytest.mark.requirement("RS-5")
@pytest.mark.parametrize(
    ("seconds", "refused"), [(0, None), (719, None), (720, "token-expired"), (-120, None), (-121, "token-ahead")]
)
def test_tolerance_is_120_seconds_either_way(seconds: int, refused: str | None) -> None:
    ring = KeyRing.load([KeyRing.new_key(NOW)])
    found = checked(ring, ring.sign(claims(), "at+jwt"), now=NOW + timedelta(seconds=seconds))
    assert found == refused if refused else isinstance(found, VerifiedClaims)


@pytest.mark.requirement("RS-5")
def test_token_is_never_believed_for_more_than_a_day() -> None:
    ring = KeyRing.load([KeyRing.new_key(NOW)])
    token = ring.sign(claims(exp=int(NOW.timestamp()) + 10_000_000), "at+jwt")
    assert isinstance(checked(ring, token, now=NOW + timedelta(days=1)), VerifiedClaims)
    assert checked(ring, token, now=NOW + timedelta(days=1, seconds=121)) == "token-old"


@pytest.mark.parametrize("text", ["YQ=", "YQ==", "Y", "Y+Q", "Y/Q", "Y Q", "YQ\n", "é"])
def test_base64url_is_read_strictly(text: str) -> None:
    with pytest.raises(BadToken):
        decode_base64url(text)


@given(st.binary(max_size=40), st.binary(max_size=40), st.binary(max_size=70))
def test_no_bytes_make_the_reader_fail_in_another_way(header: bytes, body: bytes, signature: bytes) -> None:
    text = ".".join(encoded(piece) for piece in (header, body, signature))
    with pytest.raises(BadToken):
        read_jws(text, limits=Limits())


@given(st.text(max_size=200))
def test_no_text_makes_the_reader_fail_in_another_way(text: str) -> None:
    with pytest.raises(BadToken):
        read_jws(text, limits=Limits())


@pytest.mark.requirement("VEC-P15", "VEC-P12", "VEC-P13")
@pytest.mark.parametrize(
    "jwk",
    [
        None,
        [],
        {},
        {"kty": "oct", "k": "AAAA"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-999", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": ["P-256"], "x": "AA", "y": "AA"},
        {"kty": "OKP", "crv": "X25519", "x": "AA"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        {"kty": "RSA", "n": "_" * 1400, "e": "AQAB"},
        {"kty": "RSA", "n": "_" * 342, "e": "AQABAQABAQAB"},
        {"kty": ["EC"]},
    ],
    ids=str,
)
def test_key_that_is_none_is_refused(jwk: object) -> None:
    with pytest.raises(BadToken):
        public_key(jwk)


def test_key_for_encryption_does_not_sign() -> None:
    with pytest.raises(BadToken):
        public_key({**public(new_key()), "use": "enc"})


@pytest.mark.requirement("OP-16")
def test_hint_of_another_signer_names_nobody() -> None:
    ring, other = KeyRing.load([KeyRing.new_key(NOW)]), KeyRing.load([KeyRing.new_key(NOW)])
    good = claims(aud=["app", "solid"])
    for text, named in (
        (ring.sign(good, "JWT"), (WebId(ALICE), "app")),
        (ring.sign({**good, "exp": 1}, "JWT"), (WebId(ALICE), "app")),  # ended long ago, and still a hint
        (ring.sign(good, "at+jwt"), None),
        (other.sign(good, "JWT"), None),
        (ring.sign({**good, "iss": "https://other.example/"}, "JWT"), None),
        ("", None),
        ("a.b.c", None),
        (jws({"alg": "none", "kid": ring.key_id}, good, None), None),
    ):
        assert read_id_hint(text, ring.public_keys(), own_issuer=ISSUER, limits=Limits()) == named


def test_remembered_token_is_forgotten_in_time_and_in_number() -> None:
    ring = KeyRing.load([KeyRing.new_key(NOW)])
    found = checked(ring, ring.sign(claims(), "at+jwt"))
    assert isinstance(found, VerifiedClaims)
    memory = VerifiedTokens(most=2)
    first, second, third = "first", "second", "third"
    memory.put(first, found, until=NOW + timedelta(seconds=300))
    assert memory.get(first, now=NOW + timedelta(seconds=299)) == found
    assert memory.get(first, now=NOW + timedelta(seconds=300)) is None
    memory.put(first, found, until=NOW + timedelta(days=1))
    assert memory.get(first, now=NOW + timedelta(seconds=600)) is None  # never beyond the token's own end
    for token in (first, second, third):
        memory.put(token, found, until=NOW + timedelta(seconds=300))
    assert memory.get(first, now=NOW) is None
    assert memory.get(third, now=NOW) == found


def test_claims_are_checked_before_any_key_is_looked_for() -> None:
    token = read_unverified(Secret(Holder(key=new_key()).proof("GET", "x", iss=ISSUER)), limits=Limits())
    with pytest.raises(Unauthenticated):
        check_claims(token, audience="solid", own_issuer=ISSUER, now=NOW, settings=IdentitySettings())


@pytest.mark.requirement("VEC-T04", "RS-11")
@pytest.mark.parametrize(
    "issuer", ["http://issuer.example/", "https://a@issuer.example/", "https:///", "ftp://issuer.example/", "", 7, None]
)
def test_vec_t04_issuer_that_could_be_forged_on_the_way_is_refused_before_anything_else(issuer: object) -> None:
    with pytest.raises(Unauthenticated) as refused:
        read_unverified(Secret(jws({"alg": "ES256"}, claims(iss=issuer), new_key())), limits=Limits())
    assert (refused.value.error, refused.value.reason) == ("invalid_token", "token-issuer")
