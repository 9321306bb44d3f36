"""Signing keys over time: published, signing, only published, gone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.forge import read
from vault.config import IdentitySettings
from vault.identity.rotate import KeyState, KeyStatus, key_statuses
from vault.identity.tokens import KeyRing, new_key

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
OVERLAP = timedelta(seconds=600)
SETTINGS = IdentitySettings()
OLD = new_key(NOW - timedelta(days=90))
NEW = new_key(NOW, signs_from=NOW + OVERLAP)
KEYS = [NEW, OLD]


def signer(ring: KeyRing) -> str:
    return str(read(ring.sign({"a": 1}, "at+jwt"))[0]["kid"])


def at(moment: datetime) -> list[KeyStatus]:
    return key_statuses(KEYS, settings=SETTINGS, now=moment)


def test_new_key_is_published_before_it_signs() -> None:
    ring = KeyRing.load(KEYS, now=NOW)
    assert [key["kid"] for key in ring.public_keys()] == [NEW["kid"], OLD["kid"]]
    assert signer(ring) == ring.key_id == OLD["kid"]
    ring.reload(KEYS, now=NOW + OVERLAP - timedelta(seconds=1))
    assert signer(ring) == OLD["kid"]
    ring.reload(KEYS, now=NOW + OVERLAP)
    assert signer(ring) == ring.key_id == NEW["kid"]
    assert [key["kid"] for key in ring.public_keys()] == [NEW["kid"], OLD["kid"]]


def test_what_waits_signs_only_where_there_is_nothing_else() -> None:
    assert signer(KeyRing.load([NEW], now=NOW)) == NEW["kid"]


def test_each_algorithm_has_a_signer_of_its_own() -> None:
    rsa = new_key(NOW, algorithm="RS256")
    ring = KeyRing.load([rsa, *KEYS], now=NOW)
    for algorithm, kid in (("ES256", OLD["kid"]), ("RS256", rsa["kid"])):
        header = read(ring.sign({"a": 1}, "JWT", algorithm=algorithm))[0]
        assert (header["alg"], header["kid"]) == (algorithm, kid)
    published = ring.public_keys()[0]
    assert set(published) == {"kty", "n", "e", "kid", "alg", "use"}


def test_states_follow_one_another() -> None:
    before, during, after = at(NOW), at(NOW + OVERLAP), at(NOW + OVERLAP + timedelta(hours=1))
    assert [status.state for status in before] == [KeyState.WAITING, KeyState.SIGNING]
    assert [status.state for status in during] == [KeyState.SIGNING, KeyState.RETIRED]
    assert [status.state for status in after] == [KeyState.SIGNING, KeyState.RETIRED]
    assert before[1].ends is None  # nothing ends before something else signs


def test_old_key_stays_until_every_token_it_signed_has_ended() -> None:
    ends = at(NOW + OVERLAP)[1].ends
    assert ends is not None
    longest = max(SETTINGS.access_token_seconds, SETTINGS.id_token_seconds) + SETTINGS.clock_tolerance_seconds
    assert ends > NOW + OVERLAP + timedelta(seconds=longest)
    assert ends < NOW + OVERLAP + timedelta(seconds=longest + 60)


def test_a_third_key_does_not_lengthen_the_life_of_the_first() -> None:
    newest = new_key(NOW + timedelta(hours=1), signs_from=NOW + timedelta(hours=1) + OVERLAP)
    first = key_statuses([newest, *KEYS], settings=SETTINGS, now=NOW + timedelta(days=1))[2]
    assert first.ends == at(NOW + OVERLAP)[1].ends
