"""The server's own documents beside the resources: what a storage is, what the server is, our terms, the front door."""

from __future__ import annotations

import json
from typing import Final

from aiohttp import hdrs, web
from multidict import CIMultiDict

from vault.errors import MethodNotAllowed, Missing, NotAcceptable
from vault.notify.channels import NOTIFY, advertise, describe_storage_services
from vault.ports import Vault
from vault.rdf.graph import DCT, Graph, Iri, Literal, triple
from vault.rdf.syntax import RDF_TYPES, parse, serialise
from vault.solid.headers import http_date
from vault.solid.methods import allowed_methods
from vault.solid.negotiation import choose, parse_accept
from vault.solid.paths import storage_of
from vault.solid.read import describe_storage
from vault.values import JSON_LD, TURTLE, ResourceUrl
from vault.web.representations import VARY, target_headers
from vault.web.requests import listed
from vault.web.routing import VAULT, Credentials, Route

_VOCABULARY: Final = "vocabulary.ttl"
_TERMS: Final = "https://w3id.org/datakluis/v1"


async def storage_description(request: web.Request, vault: Vault, target: ResourceUrl) -> web.Response:
    """What every resource of the pod leads to (PR-22, PR-23): readable by everybody, written by nobody."""
    if request.method not in ("GET", "HEAD"):
        raise MethodNotAllowed("method", "This document is the server's own.", allowed=allowed_methods(target, None))
    async with vault.reading() as work:
        pod = await work.resources.pod(target.pod)
    if pod is None:
        raise Missing("no-such-storage", "There is no storage here.")
    headers = target_headers(target, None, vault.base_url)
    headers[hdrs.LAST_MODIFIED] = http_date(pod.created)
    headers["WAC-Allow"] = 'user="read",public="read"'
    storage = storage_of(target.pod)
    graph = describe_storage(storage, base_url=vault.base_url) | advertise(storage, base_url=vault.base_url)
    response = _shown(request, graph, headers)
    if response.content_type == JSON_LD.essence:  # NP-5: in the form that the protocol writes it
        response.body = json.dumps(describe_storage_services(storage, base_url=vault.base_url)).encode()
    return response


async def get_server_description(request: web.Request) -> web.Response:
    """Where clients look that found no link to a storage description: it says what this server is, and no more."""
    here = request.app[VAULT].base_url + ".well-known/solid"
    return _shown(
        request, Graph.of([triple(Iri(here), DCT.title, Literal("Datakluis"))]), CIMultiDict({hdrs.VARY: VARY})
    )


async def get_vocabulary(request: web.Request) -> web.Response:
    """Our own terms with their labels, for whoever meets them in a view: every vault serves them itself."""
    text = request.app[VAULT].catalogue.shapes.get(_VOCABULARY)
    if text is None:
        raise Missing("no-vocabulary", "This vault has no terms of its own.")
    chosen = choose(parse_accept(request.headers.get(hdrs.ACCEPT)), RDF_TYPES)
    if chosen is None:
        raise NotAcceptable("not-acceptable", "No representation of this resource fits the Accept header.")
    limits = request.app[VAULT].settings.limits
    body = text if chosen == TURTLE else serialise(parse(text, TURTLE, base=_TERMS, limits=limits), chosen)
    response = web.Response(body=body, headers={hdrs.CONTENT_TYPE: str(chosen), hdrs.VARY: VARY})
    response.headers[hdrs.CACHE_CONTROL] = "public, max-age=3600"
    return response


async def get_front_door(_request: web.Request) -> web.Response:
    """A person who opens the address of the vault wants to come in."""
    raise web.HTTPSeeOther("/my/")


def _shown(request: web.Request, graph: Graph, headers: CIMultiDict[str]) -> web.Response:
    chosen = choose(parse_accept(listed(request, hdrs.ACCEPT)), RDF_TYPES)
    if chosen is None:
        raise NotAcceptable("not-acceptable", "No representation of this resource fits the Accept header.")
    headers[hdrs.CONTENT_TYPE] = str(chosen)
    headers[hdrs.CACHE_CONTROL] = "no-cache"
    headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return web.Response(body=serialise(graph, chosen, prefixes={"notify": NOTIFY.base}), headers=headers)


ROUTES: Final = (
    Route("GET", "/", get_front_door, Credentials.VISITOR, "front-door"),
    Route("GET", "/my", get_front_door, Credentials.VISITOR),
    Route("GET", "/ns/v1", get_vocabulary, Credentials.NOTHING),
    Route("GET", "/.well-known/solid", get_server_description, Credentials.NOTHING),
)
