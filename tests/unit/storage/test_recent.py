"""What is remembered of pods: never stale, never more than there is room for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vault.storage.recent import Recent


def test_a_value_is_found_at_the_version_it_was_read_at_only() -> None:
    recent: Recent[str] = Recent(10)
    recent.put("a", 5, "five", weight=1)
    assert recent.get("a", 5) == "five"
    assert recent.get("a", 4) is None
    assert recent.get("a", 6) is None
    assert recent.get("b", 5) is None


def test_the_least_recently_used_goes_first() -> None:
    recent: Recent[str] = Recent(2)
    recent.put("a", 1, "a", weight=1)
    recent.put("b", 1, "b", weight=1)
    assert recent.get("a", 1) == "a"
    recent.put("c", 1, "c", weight=1)
    assert [recent.get(key, 1) for key in "abc"] == ["a", None, "c"]


def test_what_is_larger_than_the_room_is_not_kept_and_replaces_what_was() -> None:
    recent: Recent[str] = Recent(5)
    recent.put("a", 1, "small", weight=1)
    recent.put("a", 2, "large", weight=6)
    assert recent.get("a", 2) is None
    assert recent.get("a", 1) is None
    assert len(recent) == 0


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3), st.integers(0, 12)), max_size=60))
def test_the_room_holds_and_the_newest_stays(puts: list[tuple[int, int, int]]) -> None:
    recent: Recent[tuple[int, int]] = Recent(10)
    weights: dict[int, int] = {}
    for key, version, weight in puts:
        recent.put(key, version, (key, version), weight=weight)
        weights[key] = weight
        assert (recent.get(key, version) == (key, version)) == (weight <= 10)
        kept = [name for name in weights if any(recent.get(name, v) for v in range(4))]
        assert sum(weights[name] for name in kept) <= 10
        assert len(recent) == len(kept)
