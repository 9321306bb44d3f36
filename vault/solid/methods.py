"""Which methods a target supports and which types it takes: the truth behind Allow and Accept-* (PR-51 to PR-53)."""

from __future__ import annotations

from functools import cache
from typing import Final

from vault.errors import MethodNotAllowed
from vault.solid.paths import auxiliary, is_description
from vault.solid.resource import Kind, Resource
from vault.values import N3_PATCH, SPARQL_UPDATE, WEBID_PATH, ResourceUrl

_READING: Final = ("GET", "HEAD", "OPTIONS")
_FOR_EVER: Final = frozenset({"/", "/.acl", WEBID_PATH})

ACCEPT_PATCH: Final = f"{N3_PATCH}, {SPARQL_UPDATE}"  # PR-53, D9
_RDF_BODIES: Final = "text/turtle, application/ld+json, application/n-triples"
_ANY_BODY: Final = "*/*"
# RDF is named although */* covers it: a client that serialises a graph (Comunica) takes the first type it knows, and
# else one of its own, such as N-Quads, which would be kept as it came and could never be patched.
_ANY_BODY_RDF_FIRST: Final = f"{_RDF_BODIES}, {_ANY_BODY}"


def allowed_methods(target: ResourceUrl, resource: Resource | None) -> tuple[str, ...]:
    """The methods of one target. `resource` is None when it does not exist, or when the caller may not know: then
    the answer depends on the URI alone (WM-1)."""
    return methods_of_kind(target, None if resource is None else resource.kind)


def methods_of_kind(target: ResourceUrl, kind: Kind | None) -> tuple[str, ...]:
    """The same, by the kind of the resource alone."""
    if is_description(target):
        return _READING
    return _methods(target.is_container, kind is not Kind.BINARY, may_be_deleted(target))


@cache
def _methods(container: bool, editable: bool, deletable: bool) -> tuple[str, ...]:
    methods = [*_READING, "PUT"]
    if container:
        methods.append("POST")  # TR-4: never on documents
    if editable:
        methods.append("PATCH")
    if deletable:
        methods.append("DELETE")
    return tuple(methods)


def may_be_deleted(target: ResourceUrl) -> bool:
    """Not a storage root or its ACL (PR-73, WA-5), not the WebID document (WP-3)."""
    return target.path not in _FOR_EVER


def check_method(method: str, target: ResourceUrl, resource: Resource | None) -> None:
    """Raises MethodNotAllowed with what the target does support (PR-9)."""
    allowed = allowed_methods(target, resource)
    if method not in allowed:
        raise MethodNotAllowed("method-not-allowed", "This resource does not support the method.", allowed=allowed)


def accepted_types(target: ResourceUrl, resource: Resource | None) -> dict[str, str]:
    """Accept-Patch, Accept-Post and Accept-Put for the methods that Allow lists (PR-52); containers and auxiliaries
    take RDF only (PR-70)."""
    return dict(types_of_methods(allowed_methods(target, resource), takes_rdf_only(target)))


def takes_rdf_only(target: ResourceUrl) -> bool:
    """Whether the target is a container or an auxiliary."""
    return target.is_container or auxiliary(target) is not None


@cache
def types_of_methods(allowed: tuple[str, ...], rdf_only: bool) -> tuple[tuple[str, str], ...]:
    """The headers of `accepted_types`: there are few kinds of targets."""
    found: list[tuple[str, str]] = []
    if "PATCH" in allowed:
        found.append(("Accept-Patch", ACCEPT_PATCH))
    if "POST" in allowed:
        found.append(("Accept-Post", _ANY_BODY))
    if "PUT" in allowed:
        found.append(("Accept-Put", _RDF_BODIES if rdf_only else _ANY_BODY_RDF_FIRST))
    return tuple(found)
