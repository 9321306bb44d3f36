"""Statuses, challenges and the table of URLs: complete, and each with its credentials."""

from __future__ import annotations

import pytest

from vault import errors
from vault.errors import Refusal
from vault.solid.paths import parse_target
from vault.values import MediaType
from vault.web.representations import is_passive
from vault.web.responses import STATUS, challenge, status_of
from vault.web.routes import ROUTES
from vault.web.routing import Credentials


def refusals() -> list[type[Refusal]]:
    return [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, Refusal) and kind is not Refusal
    ]


def test_every_refusal_has_a_status_and_nothing_else_has() -> None:
    assert set(STATUS) == set(refusals())


def test_only_our_own_trouble_is_a_server_error() -> None:
    ours = {kind.__name__ for kind, status in STATUS.items() if status >= 500}
    assert ours == {"Unavailable", "OverQuota"}  # 507 is the status for a full pod (RFC 4918 §11.5)


@pytest.mark.requirement("RS-2", "CH-7", "VEC-P")
def test_the_challenge_is_one_line_with_error_before_algorithms() -> None:
    provider = "https://vault.example/"
    assert challenge(None, provider=provider).startswith('DPoP algs="ES256 RS256 ')
    said = challenge("invalid_token", provider=provider)
    assert said.startswith('DPoP error="invalid_token", algs="ES256 RS256 ')
    assert said.endswith(', as_uri="https://vault.example", Bearer')


def test_a_refusal_derived_from_another_has_its_status() -> None:
    class Odd(errors.Conflict):
        pass

    assert status_of(Odd("odd")) == 409


def test_every_route_says_whose_word_it_takes() -> None:
    assert all(isinstance(route.credentials, Credentials) for route in ROUTES)


@pytest.mark.requirement("CO-10", "ATK-03")
def test_no_page_takes_a_token_and_no_resource_a_session() -> None:
    for route in ROUTES:
        page = route.path.startswith(("/my", "/idp/login", "/idp/signup", "/idp/consent"))
        assert page <= (route.credentials in (Credentials.SESSION, Credentials.VISITOR)), route.path
        if route.path.startswith("/datasluis/") or route.path == "/{path:.*}":
            assert route.credentials in (Credentials.TOKEN, Credentials.NOTHING), route.path


def test_the_resources_of_the_pods_come_last() -> None:
    assert [route.path for route in ROUTES].index("/{path:.*}") == len(ROUTES) - 1


def test_no_pod_can_have_the_name_of_a_route() -> None:
    first = {route.path.split("/")[1] for route in ROUTES} - {"{path:.*}", "", ".well-known"}
    for name in first:
        with pytest.raises(errors.Missing):
            parse_target(f"/{name}/")


def test_no_path_and_method_stand_twice_in_the_table() -> None:
    rows = [(route.method, route.path) for route in ROUTES]
    assert sorted(set(rows)) == sorted(rows)


@pytest.mark.requirement("ATK-01")
@pytest.mark.parametrize("kind", ["text/html", "image/svg+xml", "application/pdf", "x/unheard-of", "text/css"])
def test_a_type_that_may_act_is_not_passive(kind: str) -> None:
    assert not is_passive(MediaType(kind))
    assert is_passive(MediaType("text/plain"))
