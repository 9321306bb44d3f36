"""A program proves which client it is, at every endpoint that programs post to (RFC 6749 §2.3, RFC 7523, OP-8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import unquote_plus

from vault.config import Settings
from vault.errors import OAuthRefusal, Unauthenticated
from vault.identity.assertions import ASSERTION_TYPE, bad_assertion, check_assertion, read_assertion
from vault.identity.clients import Client, ClientAuth, secret_matches
from vault.identity.dpop import Nonces, check_proof
from vault.identity.ports import Issuers, Replays, Transact
from vault.identity.tokens import KeyRing
from vault.values import ClientId, Secret

AUTH_PARAMETERS: Final = frozenset({"client_secret", "client_assertion", "client_assertion_type"})


@dataclass(frozen=True, slots=True)
class ClientRequest:
    """A program's request to one of the provider's endpoints: its form, HTTP Basic credentials if it has any, and every
    DPoP header. `url` is the external URL of the endpoint (OP-12)."""

    form: Mapping[str, str]
    basic: tuple[str, Secret] | None
    proofs: tuple[str, ...]
    url: str

    def get(self, name: str) -> str | None:
        return self.form.get(name) or None


@dataclass(frozen=True, slots=True)
class ClientDesk:
    """What these endpoints work with. `token_url` is the token endpoint, which assertions may be made out to."""

    reading: Transact
    writing: Transact
    issuers: Issuers
    replays: Replays
    keys: KeyRing
    nonces: Nonces
    settings: Settings
    token_url: str
    now: datetime


async def find_client(client_id: ClientId, *, reading: Transact, issuers: Issuers) -> Client:
    """A registered client, or the one its Client ID Document describes (OP-4, OP-6). Raises OAuthRefusal."""
    async with reading() as work:
        client = await work.clients.get(client_id)
    if client is not None and client.revoked is not None:  # VEC-K03
        raise OAuthRefusal("invalid_client", "client_id: this client was revoked")
    if client is not None:
        return client
    if client_id.startswith(("https://", "http://")):
        return await issuers.client(client_id)
    raise OAuthRefusal("invalid_client", "client_id: this client is not known here; it may have to register again")


async def prove_client(request: ClientRequest, desk: ClientDesk) -> Client:
    """The client that asks, by secret (in a header or in the form), by key, or, if it has neither, by its name. Raises
    OAuthRefusal: invalid_client, and invalid_request when it tries two ways at once."""
    ways = [request.basic is not None, request.get("client_secret") is not None, _asserts(request)]
    if sum(ways) > 1:
        raise OAuthRefusal("invalid_request", "A client authenticates in one way at a time.")
    if _asserts(request):
        return await _by_assertion(request, desk)
    posted = request.get("client_id")
    for client_id, secret in _candidates(request, posted):
        client = await _find(ClientId(client_id), desk)
        if client is not None and _authentic(client, secret, desk.now):
            if request.basic is not None and posted not in (None, client.id):
                raise OAuthRefusal("invalid_request", "client_id: not the one of the Authorization header")
            return client
    raise _unproven()


async def check_possession(request: ClientRequest, desk: ClientDesk) -> str:
    """The thumbprint of the key that signed the request's DPoP proof; uses the proof up. Raises OAuthRefusal:
    invalid_dpop_proof, and use_dpop_nonce where a nonce is demanded (RFC 9449 §8)."""
    try:
        proof = check_proof(
            request.proofs,
            method="POST",
            url=request.url,
            now=desk.now,
            settings=desk.settings.identity,
            limits=desk.settings.limits,
            nonces=desk.nonces,
        )
    except Unauthenticated as refusal:
        error = refusal.error or "invalid_dpop_proof"
        raise OAuthRefusal(error, refusal.detail, facts=refusal.facts) from refusal
    if not await desk.replays.claim(proof.id, until=proof.until):
        raise OAuthRefusal("invalid_dpop_proof", "This DPoP proof was used before.")
    return proof.thumbprint


def _asserts(request: ClientRequest) -> bool:
    return request.get("client_assertion") is not None or request.get("client_assertion_type") is not None


async def _by_assertion(request: ClientRequest, desk: ClientDesk) -> Client:
    """VEC-K04 to K08. The order is the defence, as with access tokens: the assertion's own text, then the client, and
    only then its keys, which may have to be fetched; its jti is claimed last."""
    if request.get("client_assertion_type") != ASSERTION_TYPE:
        raise OAuthRefusal("invalid_request", f"client_assertion_type: expected {ASSERTION_TYPE}")
    issuer, posted = desk.settings.server.base_url, request.get("client_id")
    assertion = read_assertion(
        request.get("client_assertion") or "",
        # RFC 9126 §2: the issuer, the token endpoint and the endpoint that was called are all accepted.
        audiences=frozenset({issuer, desk.token_url, request.url}),
        now=desk.now,
        settings=desk.settings.identity,
        limits=desk.settings.limits,
    )
    if posted not in (None, assertion.client):
        raise bad_assertion("sub is not the client_id")
    client = await _find(assertion.client, desk)
    if client is None or client.auth is not ClientAuth.PRIVATE_KEY:
        raise _unproven()
    keys = await desk.issuers.client_keys(client, key_id=assertion.key_id)
    check_assertion(assertion, keys)
    if not await desk.replays.claim(assertion.id, until=assertion.until):  # VEC-K06
        raise bad_assertion("used before")
    return client


async def _find(client_id: ClientId, desk: ClientDesk) -> Client | None:
    try:
        return await find_client(client_id, reading=desk.reading, issuers=desk.issuers)
    except OAuthRefusal as refusal:
        if client_id.startswith(("https://", "http://")):
            # What is wrong with a public document is no secret, and its author cannot guess it (PAIN-15).
            raise OAuthRefusal("invalid_client", refusal.detail) from refusal
        return None


def _candidates(request: ClientRequest, posted: str | None) -> list[tuple[str, str | None]]:
    """Basic credentials come form-encoded, as RFC 6749 §2.3.1 has it, or raw, as many clients send them (OP-11)."""
    if request.basic is None:
        return [] if posted is None else [(posted, request.get("client_secret"))]
    name, secret = request.basic
    raw = (name, secret.reveal())
    decoded = (unquote_plus(raw[0]), unquote_plus(raw[1]))
    return [raw] if decoded == raw else [decoded, raw]


def _authentic(client: Client, secret: str | None, now: datetime) -> bool:
    if client.auth is ClientAuth.PRIVATE_KEY:
        return False  # a secret is no substitute for its key
    if client.is_public:
        return secret is None  # VEC-K02: a secret for a client that has none is a mistake or an attack
    return secret is not None and secret_matches(client, secret, now)


def _unproven() -> OAuthRefusal:
    return OAuthRefusal("invalid_client", "This client is not known here, or did not prove who it is.")
