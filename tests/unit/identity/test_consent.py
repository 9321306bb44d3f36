"""Why an earlier yes does not do: for more than before, for an app that is not what it was, and where nobody can tell
who receives the answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from vault.identity.accounts import Consent
from vault.identity.clients import Client, ClientAuth, parse_client
from vault.identity.consent import Reason, facts_of, mark_of, reason_to_ask
from vault.values import AccountId, ClientId

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ISSUER = "https://vault.example/"
SCOPE = frozenset({"openid", "webid"})


def client(**metadata: object) -> Client:
    described = {"redirect_uris": ["https://app.example/cb"], "client_name": "App", **metadata}
    return parse_client(described, client_id=ClientId("app"), secret=None, now=NOW, dynamic=True)


def given(of: Client) -> Consent:
    return Consent(AccountId("alice"), of.id, SCOPE, NOW, seen=facts_of(of))


def asked(
    of: Client,
    consent: Consent | None,
    *,
    scope: frozenset[str] = SCOPE,
    prompts: frozenset[str] = frozenset(),
    redirect_uri: str = "https://app.example/cb",
    issuer: str = ISSUER,
) -> Reason | None:
    return reason_to_ask(consent, of, scope, prompts, redirect_uri=redirect_uri, issuer=issuer)


@pytest.mark.requirement("OP-16")
def test_a_yes_does_for_the_same_and_for_less() -> None:
    app = client()
    assert asked(app, given(app)) is None
    assert asked(app, given(app), scope=frozenset({"webid"})) is None


@pytest.mark.requirement("OP-16", "ATK-23")
def test_a_yes_does_not_do_for_more_or_for_another() -> None:
    app = client()
    assert asked(app, None) is Reason.FIRST_TIME
    assert asked(app, given(app), scope=SCOPE | {"offline_access"}) is Reason.WIDER
    assert asked(app, given(app), prompts=frozenset({"consent"})) is Reason.ASKED_FOR
    for metadata in ({"client_name": "Bank"}, {"redirect_uris": ["https://app.example/cb", "https://evil.example/"]}):
        assert asked(client(**metadata), given(app)) is Reason.CHANGED


@pytest.mark.requirement("OP-5", "ATK-22")
@pytest.mark.parametrize(
    "redirect_uri", ["http://127.0.0.1:49152/cb", "http://[::1]/cb", "http://localhost:8080/cb", "org.example.app:/cb"]
)
def test_an_answer_within_the_device_is_asked_about_each_time(redirect_uri: str) -> None:
    """RFC 8252 §8.6: any program may listen there in the name of another."""
    app = client(redirect_uris=[redirect_uri])
    assert asked(app, given(app), redirect_uri=redirect_uri) is Reason.ASKED_FOR
    # A vault on the developer's own machine is no more certain than the apps beside it.
    assert asked(app, given(app), redirect_uri=redirect_uri, issuer="http://localhost:3000/") is None


@pytest.mark.requirement("ATK-23")
def test_the_mark_of_a_page_is_that_of_the_facts_and_of_nothing_else() -> None:
    app = client(client_uri="https://app.example/about")
    assert mark_of(replace(app, auth=ClientAuth.PRIVATE_KEY, last_used=NOW)) == mark_of(app)
    others = [
        client(client_uri="https://app.example/other"),
        client(client_name="Apq", client_uri="https://app.example/about"),
        client(policy_uri="https://app.example/about"),
        client(redirect_uris=["https://app.example/cb", "https://b.example/"], client_uri="https://app.example/about"),
    ]
    assert len({mark_of(one) for one in (app, *others)}) == 5
