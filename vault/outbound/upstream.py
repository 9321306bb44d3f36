"""The other OpenID provider, asked over HTTP: its configuration and keys, remembered as those of issuers are; the code
exchange and userinfo, each time anew."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

from vault import observe
from vault.config import Limits, OutboundSettings, Settings, UpstreamSettings
from vault.errors import Forbidden, Refusal, Unavailable
from vault.identity.outgoing import Holder, new_holder, possession
from vault.identity.tokens import Jwk, KeyRing
from vault.identity.upstream import Provider, Redeemed, by_assertion, client_authentication, parse_provider
from vault.outbound.caches import Cache
from vault.outbound.fetch import Answered, Fetcher, Unreachable
from vault.rdf.guards import check_json
from vault.values import Clock, Secret

_CONFIGURATION: Final = "/.well-known/openid-configuration"
_JSON: Final = "application/json, application/jwk-set+json, application/problem+json"
_CLAIMS: Final = f"{_JSON}, application/jwt"
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
_NOTHING: Final[Mapping[str, str]] = {}
_MOST_KEYS: Final = 50

# What is sent in one try: headers and body. An assertion is made anew with each.
Written = Callable[[], tuple[Mapping[str, str], bytes | None]]


class UpstreamProvider:
    """Implements the port `Upstream` (identity)."""

    def __init__(
        self,
        fetcher: Fetcher,
        *,
        upstream: UpstreamSettings,
        outbound: OutboundSettings,
        limits: Limits,
        keys: KeyRing,
        clock: Clock,
    ) -> None:
        self._fetcher = fetcher
        self._upstream = upstream
        self._limits = limits
        self._own_keys = keys
        self._clock = clock
        good, bad = outbound.issuer_cache_seconds, outbound.negative_cache_seconds
        self._providers: Cache[Provider] = Cache(good_seconds=good, bad_seconds=bad, clock=clock, most=1)
        self._keys: Cache[list[Jwk]] = Cache(good_seconds=good, bad_seconds=bad, clock=clock, most=1)

    @staticmethod
    def of(fetcher: Fetcher, *, settings: Settings, keys: KeyRing, clock: Clock) -> UpstreamProvider | None:
        """The provider that the settings name, if they name one."""
        if not settings.upstream.upstream_issuer:
            return None
        return UpstreamProvider(
            fetcher,
            upstream=settings.upstream,
            outbound=settings.outbound,
            limits=settings.limits,
            keys=keys,
            clock=clock,
        )

    async def provider(self) -> Provider:
        return await self._providers.get(self._upstream.upstream_issuer, self._load_provider)

    async def keys(self, *, key_id: str | None = None) -> list[Jwk]:
        keys = await self._keys.get(self._upstream.upstream_issuer, self._load_keys)
        if key_id is not None and all(key.get("kid") != key_id for key in keys):
            keys = await self._keys.renew(self._upstream.upstream_issuer, self._load_keys)
        return keys

    async def redeem(self, code: str, /, *, verifier: str, redirect_uri: str) -> Redeemed:
        provider = await self.provider()
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        written = partial(self._proved, provider, {**form, "code_verifier": verifier})
        holder = new_holder() if provider.dpop else None
        answered = await self._call("POST", provider.token_endpoint, written, holder=holder)
        said = self._object(answered)
        if answered.status == 400 and said.get("error") == "invalid_grant":
            raise Forbidden("upstream-code", "The provider does not take this code.")
        if said.get("error") in ("invalid_client", "unauthorized_client"):
            observe.warning("upstream-refuses-us", status=answered.status)
            raise Unavailable("upstream-misconfigured", "The provider does not know this server.")
        id_token, access_token = said.get("id_token"), said.get("access_token")
        if answered.status != 200 or not isinstance(id_token, str) or not isinstance(access_token, str):
            raise _not_now(f"status {answered.status}")
        bound = str(said.get("token_type", "")).lower() == "dpop"
        return Redeemed(id_token, Secret(access_token), holder if bound else None)

    async def userinfo(self, redeemed: Redeemed, /) -> Mapping[str, Any] | str:
        url = (await self.provider()).userinfo_endpoint
        if url is None:
            return {}
        token = redeemed.access_token.reveal()
        scheme = "Bearer" if redeemed.holder is None else "DPoP"
        headers = {"Authorization": f"{scheme} {token}"}
        answered = await self._call(
            "GET", url, lambda: (headers, None), accept=_CLAIMS, holder=redeemed.holder, token=token
        )
        if answered.status != 200:
            raise _not_now(f"status {answered.status}")
        if answered.media_type.essence == "application/jwt":
            return answered.body.decode("ascii", "replace").strip()
        return self._object(answered)

    def _proved(self, provider: Provider, form: Mapping[str, str]) -> tuple[Mapping[str, str], bytes]:
        """A form of ours, with what shows that it is ours."""
        settings, number = self._upstream, secrets.token_urlsafe(16)
        client_id, headers = settings.upstream_client_id, _NOTHING
        if settings.upstream_client_auth == "private_key_jwt":
            fields = by_assertion(provider, client_id, keys=self._own_keys, number=number, now=self._clock())
        else:
            headers, fields = client_authentication(provider, client_id, settings.upstream_client_secret)
        return {**headers, **_FORM}, urlencode({**form, **fields}).encode()

    async def _call(
        self,
        method: str,
        url: str,
        written: Written,
        *,
        accept: str = _JSON,
        holder: Holder | None = None,
        token: str | None = None,
    ) -> Answered:
        """One call, with a proof of possession where there is a key; a second time with the nonce that the provider
        wants to see in it (RFC 9449 §8, §9)."""
        nonce: str | None = None
        for last in (False, True):
            headers, body = written()
            sent = dict(headers)
            if holder is not None:
                proof_id, now = secrets.token_urlsafe(16), self._clock()
                sent["DPoP"] = possession(holder, method, url, proof_id=proof_id, now=now, token=token, nonce=nonce)
            try:
                answered = await self._fetcher.call(method, url, accept=accept, headers=sent, body=body)
            except Unreachable as error:
                raise _not_now(error.because) from None
            nonce = answered.headers.get("DPoP-Nonce")
            if last or holder is None or nonce is None or not _wants_nonce(answered):
                break
        return answered

    async def _load_provider(self) -> Provider:
        issuer = self._upstream.upstream_issuer
        return parse_provider(await self._get(issuer.removesuffix("/") + _CONFIGURATION), issuer=issuer)

    async def _load_keys(self) -> list[Jwk]:
        found = (await self._get((await self.provider()).jwks_uri)).get("keys")
        if not isinstance(found, list):
            raise _not_now("no keys")
        return [key for key in found[:_MOST_KEYS] if isinstance(key, dict)]

    async def _get(self, url: str) -> Mapping[str, Any]:
        try:
            got = await self._fetcher.get(url, accept=_JSON)
            return self._json(got.body)
        except Unreachable as error:
            raise _not_now(error.because) from None

    def _object(self, answered: Answered) -> Mapping[str, Any]:
        try:
            return self._json(answered.body)
        except Unreachable as error:
            raise _not_now(error.because) from None

    def _json(self, data: bytes) -> Mapping[str, Any]:
        try:
            check_json(data, self._limits)  # LIM-04
            value = json.loads(data)
        except (ValueError, Refusal):
            raise Unreachable("not JSON") from None
        if not isinstance(value, dict):
            raise Unreachable("not an object")
        return value


def _wants_nonce(answered: Answered) -> bool:
    told = answered.headers.get("WWW-Authenticate", "").encode() + answered.body
    return answered.status in (400, 401) and b"use_dpop_nonce" in told


def _not_now(because: str) -> Unavailable:
    """`because` is for the operator's log, never for the visitor."""
    observe.warning("upstream-unreachable", reason=because)
    return Unavailable("upstream-unreachable", "The other provider could not be asked.")
