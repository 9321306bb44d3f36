"""The guard: hosts, proxies and rates as values; the sizes are tested through HTTP."""

from __future__ import annotations

from dataclasses import replace

import pytest
from aiohttp.test_utils import make_mocked_request

from vault.config import Settings
from vault.errors import TooMany
from vault.web.guard import Guard, hosts_of, network_of
from vault.web.health import ROUTES


@pytest.mark.parametrize(
    ("base_url", "accepted"),
    [
        ("http://localhost:3000/", {"localhost:3000"}),
        ("https://vault.example/", {"vault.example", "vault.example:443"}),
        ("https://vault.example:443/", {"vault.example", "vault.example:443"}),
        ("http://vault.example/", {"vault.example", "vault.example:80"}),
    ],
)
def test_the_host_is_that_of_the_base_url(base_url: str, accepted: set[str]) -> None:
    assert hosts_of(base_url) == accepted


def guard(now: list[float], *, per_minute: int = 3, proxies: tuple[str, ...] = ()) -> Guard:
    settings = Settings()
    settings = replace(settings, limits=replace(settings.limits, requests_per_minute=per_minute))
    settings = replace(settings, server=replace(settings.server, trusted_proxies=proxies))
    return Guard(settings, clock=lambda: now[0])


def knock(door: Guard, address: str) -> None:
    request = make_mocked_request("GET", "/healthz", headers={"Host": "localhost:3000"})
    door.check(request, ROUTES[0], address)


def test_an_address_is_held_back_until_the_minute_is_over() -> None:
    now = [60.0]
    door = guard(now)
    for _ in range(3):
        knock(door, "192.0.2.1")
    with pytest.raises(TooMany) as refused:
        knock(door, "192.0.2.1")
    assert refused.value.retry_after == 61
    knock(door, "192.0.2.2")
    now[0] = 120.0
    knock(door, "192.0.2.1")


def test_one_network_of_the_new_internet_counts_as_one() -> None:
    door = guard([0.0])
    for last in range(3):
        knock(door, f"2001:db8:1:2::{last}")
    with pytest.raises(TooMany):
        knock(door, "2001:db8:1:2::ffff")
    knock(door, "2001:db8:1:3::1")


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("::ffff:192.0.2.1", "192.0.2.1"),  # else everybody behind such a proxy would be one
        ("::1", "::"),
        ("unknown", "unknown"),
        ("[2001:db8::1]:4711", "[2001:db8::1]:4711"),
    ],
)
def test_what_stands_for_an_address(address: str, counted: str) -> None:
    assert network_of(address) == counted


def test_no_limit_means_none() -> None:
    door = guard([0.0], per_minute=0)
    for _ in range(100):
        knock(door, "192.0.2.1")


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("192.0.2.9", "198.51.100.1", "192.0.2.9"),  # not our proxy: its word counts for nothing
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "203.0.113.7, 198.51.100.1", "198.51.100.1"),  # what the client wrote itself stands first
        ("10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "", "10.0.0.1"),
    ],
)
def test_the_address_behind_our_own_proxies_is_found(peer: str, forwarded: str, found: str) -> None:
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    request = make_mocked_request("GET", "/", headers=headers).clone(remote=peer)
    assert guard([0.0], proxies=("10.0.0.0/8",)).address(request) == found
