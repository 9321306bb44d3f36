"""What is encrypted for us opens with our keys alone, and only where it was wrapped as it may be."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from joserfc import jwe
from joserfc.jwe import JWERegistry
from joserfc.jwk import OctKey, RSAKey

from tests.forge import part
from vault.config import Limits
from vault.identity.envelopes import is_envelope, new_envelope_key, open_envelope, written_to
from vault.identity.tokens import BadToken

NOW = datetime(2026, 11, 27, tzinfo=UTC)
OURS, FORMER, STRANGERS = (new_envelope_key(NOW) for _ in range(3))
LIMITS = Limits()
EVERYTHING = ["RSA-OAEP", "RSA-OAEP-256", "dir", "A128CBC-HS256", "A256CBC-HS512", "A128GCM", "A256GCM", "DEF"]


def sealed(text: str, key: dict[str, object], *, named: bool = True, **header: object) -> str:
    whole = {"alg": "RSA-OAEP-256", "enc": "A128CBC-HS256", **({"kid": key["kid"]} if named else {}), **header}
    public = RSAKey.import_key({name: str(key[name]) for name in ("kty", "n", "e")})
    return jwe.encrypt_compact(whole, text, public, algorithms=EVERYTHING)


def because(text: str, *keys: dict[str, object]) -> str:
    with pytest.raises(BadToken) as refused:
        open_envelope(text, keys or (OURS,), limits=LIMITS)
    return refused.value.because


@pytest.mark.parametrize("alg", ["RSA-OAEP", "RSA-OAEP-256"])
@pytest.mark.parametrize("enc", ["A128CBC-HS256", "A256CBC-HS512", "A128GCM", "A256GCM"])
def test_what_is_wrapped_as_it_may_be_opens(alg: str, enc: str) -> None:
    text = sealed("a.b.c", OURS, alg=alg, enc=enc)
    assert is_envelope(text)
    assert open_envelope(text, (OURS, FORMER), limits=LIMITS) == "a.b.c"


def test_the_key_before_the_newest_opens_too_named_or_not() -> None:
    assert open_envelope(sealed("a.b.c", FORMER), (OURS, FORMER), limits=LIMITS) == "a.b.c"
    assert open_envelope(sealed("a.b.c", FORMER, named=False), (OURS, FORMER), limits=LIMITS) == "a.b.c"


def test_claims_that_are_repeated_outside_change_nothing() -> None:
    whole = {"alg": "RSA-OAEP", "enc": "A128GCM", "iss": "https://login.example", "aud": "our vault"}
    public = RSAKey.import_key({name: str(OURS[name]) for name in ("kty", "n", "e")})
    registry = JWERegistry(algorithms=EVERYTHING, strict_check_header=False)
    text = jwe.encrypt_compact(whole, "a.b.c", public, registry=registry)
    assert open_envelope(text, (OURS,), limits=LIMITS) == "a.b.c"


def test_what_is_for_somebody_else_stays_closed() -> None:
    assert because(sealed("a.b.c", STRANGERS)) == "envelope-not-for-us"
    assert because(sealed("a.b.c", STRANGERS, named=False)) == "envelope-not-for-us"
    assert because(sealed("a.b.c", STRANGERS, kid=OURS["kid"])) == "envelope-not-for-us"


@pytest.mark.parametrize(
    "change", [{"alg": "RSA1_5"}, {"alg": "ECDH-ES"}, {"enc": "none"}, {"zip": "DEF"}, {"crit": ["b64"]}, {"alg": 1}]
)
def test_weak_wrappings_compressed_texts_and_extensions_are_refused(change: dict[str, object]) -> None:
    whole = {"alg": "RSA-OAEP-256", "enc": "A128CBC-HS256", "kid": OURS["kid"], **change}
    rest = sealed("a.b.c", OURS).partition(".")[2]
    assert because(f"{part(whole)}.{rest}") == "envelope-not-allowed"


def test_a_compressed_text_is_refused_although_all_else_is_right() -> None:
    assert because(sealed("a.b.c", OURS, zip="DEF")) == "envelope-not-allowed"


def test_a_key_both_sides_would_have_to_know_is_refused() -> None:
    text = jwe.encrypt_compact(
        {"alg": "dir", "enc": "A128GCM"}, "a.b.c", OctKey.generate_key(128), algorithms=EVERYTHING
    )
    assert because(text) == "envelope-not-allowed"


def test_what_was_altered_stays_closed() -> None:
    parts = sealed("a.b.c", OURS).split(".")
    for number in (1, 2, 3, 4):
        other = parts[number][:-3] + ("AAA" if parts[number][-3:] != "AAA" else "BBB")
        assert because(".".join([*parts[:number], other, *parts[number + 1 :]])) == "envelope-not-for-us"
    header = part({"alg": "RSA-OAEP-256", "enc": "A128CBC-HS256", "cty": "JWT"})
    assert because(".".join([header, *parts[1:]])) == "envelope-not-for-us"


def test_what_is_no_envelope_or_too_long_a_one_is_refused() -> None:
    twice = part(b'{"alg":"RSA-OAEP-256","enc":"A128GCM","alg":"RSA-OAEP-256"}')
    assert because(f"{twice}.a.a.a.a") == "json"
    assert because("é.a.a.a.a") == "base64url"
    assert because(f"{sealed('a.b.c', OURS)}.more") == "envelope-not-for-us"
    assert because(sealed("x" * LIMITS.token_bytes * 2, OURS)) == "envelope-too-long"


def test_public_halves_hold_nothing_of_the_private_ones() -> None:
    (told,) = written_to([OURS])
    assert set(told) == {"kty", "e", "n", "kid", "use"}
    assert told["use"] == "enc"
