"""What other people's servers say: issuer keys, WebID documents, client and group documents; ours without HTTP."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from yarl import URL

from vault.config import Settings
from vault.errors import Malformed, OAuthRefusal, Refusal, Unauthenticated, Unprocessable
from vault.identity.claims import VerifiedTokens
from vault.identity.clients import Client, parse_client
from vault.identity.ports import Declared, Jwk, Standing
from vault.identity.stand import standing_of
from vault.identity.tokens import KeyRing
from vault.outbound.caches import Cache
from vault.outbound.fetch import Fetched, Fetcher, Unreachable
from vault.outbound.own import OwnDocuments
from vault.ports import Transact, Work
from vault.rdf.graph import SOLID, VCARD, Graph, Iri, Literal, Namespace
from vault.rdf.guards import check_json
from vault.rdf.isolate import parse_guarded
from vault.solid.ports import Blobs
from vault.values import ClientId, Clock, MediaType, PodName, WebId, parse_webid

RDF: Final = "text/turtle, application/ld+json;q=0.8, application/n-triples;q=0.5"
JSON: Final = "application/json, application/jwk-set+json"
CLIENT: Final = "application/ld+json, application/json;q=0.9, text/turtle;q=0.5"
OIDC: Final = Namespace("http://www.w3.org/ns/solid/oidc#")

_CONFIGURATION = "/.well-known/openid-configuration"
_MOST_KEYS = 50
_GROUP_SECONDS = 30  # membership is taken away more often than keys are
_OWN_SECONDS = 1  # of ours we could ask each time; but a client sends its requests in bursts


class Documents:
    """Implements the ports `Issuers` (identity) and `Groups` (access). Caches are bounded, with single flight."""

    def __init__(
        self,
        fetcher: Fetcher,
        *,
        base_url: str,
        reading: Transact[Work],
        keys: KeyRing,
        settings: Settings,
        clock: Clock,
        blobs: Blobs | None = None,
    ) -> None:
        self._fetcher = fetcher
        self._base_url = base_url
        self._ring = keys
        self._reading = reading
        self._limits = settings.limits
        self._clock = clock
        self._verified = VerifiedTokens()
        self._own = OwnDocuments(base_url=base_url, reading=reading, groups=self, limits=settings.limits, blobs=blobs)
        good, bad = settings.outbound.issuer_cache_seconds, settings.outbound.negative_cache_seconds
        self._keys: Cache[list[Jwk]] = Cache(good_seconds=good, bad_seconds=bad, clock=clock)
        self._webids: Cache[frozenset[str]] = Cache(good_seconds=good, bad_seconds=bad, clock=clock, most=8192)
        self._trusted: Cache[frozenset[str]] = Cache(
            good_seconds=_OWN_SECONDS, bad_seconds=_OWN_SECONDS, clock=clock, most=8192
        )
        self._standings: Cache[Standing] = Cache(
            good_seconds=_OWN_SECONDS, bad_seconds=_OWN_SECONDS, clock=clock, most=8192
        )
        self._client_keys: Cache[list[Jwk]] = Cache(good_seconds=good, bad_seconds=bad, clock=clock)
        self._clients: Cache[Client] = Cache(good_seconds=good, bad_seconds=bad, clock=clock)
        self._members: Cache[frozenset[WebId]] = Cache(
            good_seconds=min(good, _GROUP_SECONDS), bad_seconds=bad, clock=clock
        )

    @property
    def own(self) -> str:
        return self._base_url

    @property
    def verified(self) -> VerifiedTokens:
        return self._verified

    async def keys(self, issuer: str, /, *, key_id: str | None = None) -> list[Jwk]:
        """Public keys of an issuer (RS-3); our own from the key ring."""
        if issuer == self._base_url:
            return self._ring.public_keys()
        load = partial(self._load_keys, issuer)
        keys = await self._keys.get(issuer, load)
        if key_id is not None and all(key.get("kid") != key_id for key in keys):
            keys = await self._keys.renew(issuer, load)
        return keys

    async def trusted_by(self, webid: WebId, /) -> frozenset[str]:
        """The issuers that the WebID document lists (RS-4). A WebID of ours is looked up in the store, and a removed
        issuer or a locked account counts a second later at the latest."""
        if webid.startswith(self._base_url):
            return await self._trusted.get(webid, partial(self._own_issuers, webid))
        return await self._webids.get(webid, partial(self._load_issuers, webid))

    async def declared(self, webid: WebId, /) -> Declared:
        """What the WebID document says this moment. One of ours is read if everybody may read it."""
        place = self._own.place(webid)
        try:
            if place is None:
                graph = await self._unmoved(webid)
            else:
                document = await self._own.public(place)
                if document is None:
                    raise Unreachable("not public here")
                base = place.iri(self._base_url)
                graph = await parse_guarded(document.data, document.media_type, base=base, limits=self._limits)
            stated = graph.objects(_iri(webid), SOLID.oidcIssuerRegistrationToken)
            texts = frozenset(term.value for term in stated if isinstance(term, Literal))
            return Declared(_issuers_of(webid, graph), texts)
        except (Unreachable, Refusal):
            raise Unprocessable("webid-unreadable", "The WebID document could not be read.") from None

    async def standing(self, webid: WebId, client: ClientId | None, token_id: str | None, /) -> Standing:
        """What one of our own tokens is still worth; what has ended counts a second later at the latest."""
        load = partial(self._load_standing, webid, client, token_id)
        return await self._standings.get(f"{webid} {client} {token_id}", load)

    def forget_standing(self, webid: WebId, client: ClientId, /) -> None:
        """What was known of this client's tokens for this WebID is looked up anew: its consent has just changed."""
        self._standings.forget(f"{webid} {client} ")

    async def client(self, client: ClientId, /) -> Client:
        """The client that the document at this URL describes (CI-1 to CI-6)."""
        return await self._clients.get(client, partial(self._load_client, client))

    async def client_keys(self, client: Client, /, *, key_id: str | None = None) -> list[Jwk]:
        """The keys a client proves itself with: those it registered, or those its `jwks_uri` holds now."""
        if client.jwks_uri is None:
            return [dict(key) for key in client.jwks]
        load = partial(self._load_client_keys, client.jwks_uri)
        keys = await self._client_keys.get(client.jwks_uri, load)
        if key_id is not None and all(key.get("kid") != key_id for key in keys):
            keys = await self._client_keys.renew(client.jwks_uri, load)
        return keys

    async def members(self, group: str, /, *, pod: PodName | None = None) -> frozenset[WebId]:
        """Members of a group (WA-9); empty on any trouble. A group in one of our pods is read in process: if everybody
        may read it, or if `pod`, whose ACL names it, is its own pod."""
        pick = partial(_members_of, group)
        place = self._own.place(group)
        try:
            if place is None:
                return await self._members.get(group, partial(self._load_members, group))
            document = await self._own.public(place, asked_by=pod)
            return frozenset() if document is None else await self._own.picked(document, group, pick)
        except Refusal:
            return frozenset()

    async def _load_keys(self, issuer: str) -> list[Jwk]:
        # RS-3: "strip one trailing `/`, append …"; the answer names itself exactly as the token did (VEC-T06, T07).
        try:
            said = self._json(await self._get(issuer.removesuffix("/") + _CONFIGURATION, JSON))
            if said.get("issuer") != issuer or not isinstance(said.get("jwks_uri"), str):
                raise _bad_issuer("issuer-names-another", "The issuer's configuration names another issuer.")
            found = self._json(await self._get(said["jwks_uri"], JSON)).get("keys")
        except Unreachable:
            raise _bad_issuer("issuer-unreachable", "The issuer of the token could not be asked.") from None
        if not isinstance(found, list):
            raise _bad_issuer("issuer-unreadable", "The issuer of the token could not be asked.")
        return [key for key in found[:_MOST_KEYS] if isinstance(key, dict)]

    async def _load_client_keys(self, url: str) -> list[Jwk]:
        try:
            _, data = await self._public_document(url, JSON)
            found = self._json_object(data).get("keys")
        except (Unreachable, ValueError, Refusal):
            raise OAuthRefusal("invalid_client", "jwks_uri: the keys of this client could not be fetched") from None
        return [key for key in found[:_MOST_KEYS] if isinstance(key, dict)] if isinstance(found, list) else []

    async def _load_standing(self, webid: WebId, client: ClientId | None, token_id: str | None) -> Standing:
        async with self._reading() as work:
            return await standing_of(work, webid, client, token_id=token_id)

    async def _own_issuers(self, webid: WebId) -> frozenset[str]:
        place = self._own.place(webid)
        try:
            return frozenset() if place is None else await self._own.issuers(webid, place, partial(_issuers_of, webid))
        except Refusal:
            return frozenset()

    async def _load_issuers(self, webid: WebId) -> frozenset[str]:
        try:
            return _issuers_of(webid, await self._graph(webid))
        except (Unreachable, Refusal):
            raise Unauthenticated(
                "webid-unreachable", "The WebID document could not be read.", error="invalid_token"
            ) from None

    async def _load_members(self, group: str) -> frozenset[WebId]:
        try:
            return _members_of(group, await self._graph(group))
        except Unreachable:
            raise Unauthenticated("group-unreachable", "The group document could not be read.") from None

    async def _graph(self, iri: str) -> Graph:
        """The graph of the document an IRI points into; its base is the final URL (RS-4)."""
        got = await self._get(iri.partition("#")[0], RDF)
        return await parse_guarded(got.body, got.media_type, base=got.url, limits=self._limits)

    async def _unmoved(self, iri: str) -> Graph:
        """The graph of the document at the very URL of an IRI: a redirect is a failure."""
        url = iri.partition("#")[0]
        self._not_ours(url)
        got = await self._fetcher.call("GET", url, accept=RDF, headers={})
        if got.status != 200:
            raise Unreachable(f"status {got.status}")
        return await parse_guarded(got.body, got.media_type, base=url, limits=self._limits)

    async def _get(self, url: str, accept: str) -> Fetched:
        self._not_ours(url)
        return await self._fetcher.get(url, accept=accept)

    def _not_ours(self, url: str) -> None:
        if f"{url}/".startswith(self._base_url):
            raise Unreachable("ours")  # TR-9: what of ours could be meant was looked for in process

    def _json(self, got: Fetched) -> Mapping[str, Any]:
        try:
            return self._json_object(got.body)
        except (ValueError, Refusal):
            raise Unreachable("not JSON") from None

    def _json_object(self, data: bytes) -> Mapping[str, Any]:
        check_json(data, self._limits)  # LIM-04
        value = json.loads(data)
        if not isinstance(value, dict):
            raise ValueError("not an object")
        return value

    async def _load_client(self, client_id: ClientId) -> Client:
        try:
            media_type, data = await self._public_document(client_id, CLIENT)
        except Unreachable:
            raise _bad_client("its document could not be fetched") from None
        described: Mapping[str, Any] = {}
        if media_type.essence in ("application/ld+json", "application/json"):
            try:
                described = self._json_object(data)
            except (ValueError, Refusal):
                raise _bad_client("its document is not JSON") from None
        if "redirect_uris" not in described and media_type.essence != "application/json":
            described = await self._described_in_rdf(client_id, data, media_type)
        if described.get("client_id") != client_id:  # CI-3
            raise _bad_client(f"expected {client_id}; its document says {str(described.get('client_id'))[:120]}")
        return parse_client(described, client_id=client_id, secret=None, now=self._clock(), dynamic=False)

    async def _public_document(self, url: str, accept: str) -> tuple[MediaType, bytes]:
        """What a client says of itself, somewhere else or in a public document of our own pods. It says so at its own
        origin: a redirect that anybody can aim, as on many sites, must not speak for the site (VEC-R16)."""
        place = self._own.place(url)
        if place is None:
            got = await self._get(url, accept)
            if URL(got.url).origin() != URL(url).origin():
                raise Unreachable("moved to another origin")
            return got.media_type, got.body
        document = await self._own.public(place)
        if document is None:
            raise Unreachable("not public here")
        return document.media_type, document.data

    async def _described_in_rdf(self, client_id: ClientId, data: bytes, media_type: MediaType) -> Mapping[str, Any]:
        """CI-6: the same facts as `oidc:redirect_uris` and its like, where only RDF is found."""
        try:
            graph = await parse_guarded(data, media_type, base=client_id, limits=self._limits)
        except Refusal:
            raise _bad_client("its document cannot be read") from None
        subject = _iri(client_id)
        redirects = [
            term.value for term in graph.objects(subject, OIDC.redirect_uris) if isinstance(term, Iri | Literal)
        ]
        if not redirects:
            raise _bad_client("its document has no redirect_uris")
        return {
            "client_id": client_id,
            "redirect_uris": redirects,
            "client_name": graph.text(subject, OIDC.client_name),
            "client_uri": graph.text(subject, OIDC.client_uri),
            "policy_uri": graph.text(subject, OIDC.policy_uri),
            "tos_uri": graph.text(subject, OIDC.tos_uri),
        }


def _issuers_of(webid: WebId, graph: Graph) -> frozenset[str]:
    return frozenset(term.value for term in graph.objects(_iri(webid), SOLID.oidcIssuer) if isinstance(term, Iri))


def _members_of(group: str, graph: Graph) -> frozenset[WebId]:
    found: set[WebId] = set()
    for term in graph.objects(_iri(group), VCARD.hasMember):
        if isinstance(term, Iri):
            try:
                found.add(parse_webid(term.value))
            except Refusal:
                continue
    return frozenset(found)


def _iri(text: str) -> Iri:
    try:
        return Iri(text)
    except ValueError:
        raise Malformed("iri", "This is not an IRI.") from None


def _bad_issuer(reason: str, detail: str) -> Unauthenticated:
    return Unauthenticated(reason, detail, error="invalid_token")


def _bad_client(detail: str) -> OAuthRefusal:
    return OAuthRefusal("invalid_client", f"client_id: {detail}")
