"""Values as the tables hold them come back exactly as they went in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contracts.stores import NOON, a_code, a_deposit, a_grant, a_participant, a_request, an_account
from vault.storage.records import from_json, from_micros, to_json, to_micros


@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(timezone(timedelta(hours=-5)))))
def test_a_time_survives_to_the_microsecond(at: datetime) -> None:
    assert from_micros(to_micros(at)) == at
    assert from_micros(to_micros(at)).tzinfo is UTC


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_times_sort_as_their_numbers(one: datetime, other: datetime) -> None:
    assert (one < other) == (to_micros(one) < to_micros(other))


def test_a_time_without_a_zone_is_no_time() -> None:
    with pytest.raises(TypeError):
        to_micros(NOON.replace(tzinfo=None))


@pytest.mark.parametrize("value", [an_account(), a_code(), a_grant(), a_request(), a_deposit(), a_participant()])
def test_a_domain_value_comes_back_equal_and_of_its_own_type(value: object) -> None:
    found = from_json(type(value), to_json(value))
    assert found == value
    assert type(found) is type(value)


def test_equal_values_give_equal_text() -> None:
    names = [f"n{number}" for number in range(50)]
    assert to_json({"b": frozenset(names), "a": 1}) == to_json({"a": 1, "b": frozenset(reversed(names))})
