"""The OpenAPI 3.1 document of the data lock, made from one table of operations and the structures of its JSON.

A test holds the table against the routes that exist and real answers against the schemas.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

import vault as package
from vault.web.datasluis_json import (
    DepositBody,
    GrantBody,
    GrantList,
    Problem,
    RequestBody,
    RequestForm,
    RequestList,
)
from vault.web.datasluis_public import CatalogueBody, Description

_REF: Final = "#/components/schemas/{name}"
_JSON: Final = "application/json"
_PROBLEM: Final = "application/problem+json"
_RDF: Final = ("text/turtle", "application/ld+json")
_MESSAGES: Final = ("application/xml", *_RDF, "application/n-triples")

_DIPLOMA_FIELDS: Final = ["title", "level", "awarding-body", "date"]
_REQUEST_EXAMPLE: Final[dict[str, Any]] = {
    "citizen": "https://vault.example/lotte/profile/card#me",
    "purpose": "https://w3id.org/dpv#RecruitmentApplicantInformationAuthentication",
    "data": [{"type": "diploma", "required": _DIPLOMA_FIELDS, "optional": ["grade"]}],
    "until": "2026-12-23T10:00:00Z",
    "terms": {
        "legalBasis": "https://w3id.org/dpv/legal/eu/gdpr#A6-1-b-enter-into-contract",
        "retention": "P6M",
        "recipients": [],
        "locations": ["https://w3id.org/dpv/loc#BE"],
        "jurisdiction": "https://w3id.org/dpv/loc#BE",
        "notice": "https://hr.example/privacy",
        "reason": "For the vacancy of crane operator, reference 2026-117.",
        "consequence": "Without a diploma we cannot consider the application.",
    },
}
_GRANT_EXAMPLE: Final[dict[str, Any]] = {
    "id": "https://vault.example/datasluis/grants/6f0c7a52-8f0e-4b55-9d0c-2f3a5b1d7c11",
    "request": "https://vault.example/datasluis/requests/1d2e4c0a-52b7-4d3f-8a8e-90c1f2b3a4d5",
    "state": "active",
    "citizen": "https://vault.example/lotte/profile/card#me",
    "purpose": "https://w3id.org/dpv#RecruitmentApplicantInformationAuthentication",
    "since": "2026-11-23T10:05:00Z",
    "until": "2026-12-23T10:00:00Z",
    "ended": None,
    "items": [
        {
            "key": "diploma-1",
            "type": "diploma",
            "fields": _DIPLOMA_FIELDS,
            "view": "https://vault.example/datasluis/view/6f0c7a52-8f0e-4b55-9d0c-2f3a5b1d7c11/diploma-1",
        }
    ],
    "reads": 0,
    "lastRead": None,
}
_VIEW_EXAMPLE: Final = """\
@prefix elm: <http://data.europa.eu/snb/model/elm/> .
@prefix dct: <http://purl.org/dc/terms/> .
@prefix v: <https://w3id.org/datakluis/v1#> .

<https://vault.example/datasluis/view/6f0c7a52-8f0e-4b55-9d0c-2f3a5b1d7c11/diploma-1>
    v:verification v:AsDelivered ; v:source "Onderwijsregister Vlaanderen" .
<https://vault.example/datasluis/view/6f0c7a52-8f0e-4b55-9d0c-2f3a5b1d7c11/diploma-1#it>
    a elm:LearningAchievement ; dct:title "Master in de rechten"@nl .
"""


@dataclass(frozen=True, slots=True)
class Answered:
    """One successful answer: a JSON structure, RDF, or nothing."""

    description: str
    body: type | None = None
    rdf: bool = False
    example: object = None
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of the document. `refusals`: status → the slugs that `reason` may have."""

    id: str
    summary: str
    answers: Mapping[int, Answered]
    refusals: Mapping[int, Sequence[str]] = field(default_factory=dict)
    takes: type | None = None
    example: object = None
    message: bool = False  # the body is a message of a source, as it came
    parameters: tuple[str, ...] = ()
    public: bool = False


_CALLER: Final[Mapping[int, Sequence[str]]] = {
    401: ("token-needed", "(any error of RFC 6750 or RFC 9449)"),
    403: ("not-a-participant",),
    429: ("too-many-requests",),
}
_STANDING: Final = ("contract-not-yet", "contract-ended", "participant-suspended", "outside-contract")
_VIEW_REFUSALS: Final[Mapping[int, Sequence[str]]] = {
    401: _CALLER[401],
    403: (
        *("grant-revoked", "grant-paused", "grant-expired", "grant-not-yet", "wrong-client", "not-covered"),
        *("purpose-not-granted", "not-the-owner", "document-gone", "document-unreadable", *_STANDING),
    ),
    404: ("no-such-grant",),
    406: ("not-acceptable",),
    429: _CALLER[429],
    503: ("document-busy",),
}
_VIEW: Final = Answered(
    "The granted fields and the marks of provenance, and nothing else.",
    rdf=True,
    example=_VIEW_EXAMPLE,
    headers=("ETag",),
)

OPERATIONS: Final[Mapping[tuple[str, str], Operation]] = {
    ("GET", "/datasluis/"): Operation(
        "describe", "Where to begin", {200: Answered("The addresses of the lock.", Description)}, public=True
    ),
    ("GET", "/datasluis/catalogue"): Operation(
        "getCatalogue",
        "Data types, fields, purposes and advice rules, with labels in four languages",
        {200: Answered("The catalogue.", CatalogueBody)},
        public=True,
    ),
    ("GET", "/datasluis/openapi.json"): Operation(
        "getOpenApi", "This document", {200: Answered("An OpenAPI 3.1 document.", dict)}, public=True
    ),
    ("POST", "/datasluis/requests"): Operation(
        "submitRequest",
        "Ask a citizen for data",
        {201: Answered("The request stands in the citizen's inbox.", RequestBody, headers=("Location",))},
        {
            400: ("request-incomplete", "json-syntax", "webid"),
            401: _CALLER[401],
            403: ("not-a-participant", "no-requests", "pay-history", "national-number", *_STANDING),
            413: ("body-too-large",),
            415: ("media-type", "content-encoding"),
            422: ("json-shape",),
            429: ("pending-requests", "too-many-requests"),
        },
        takes=RequestForm,
        example=_REQUEST_EXAMPLE,
    ),
    ("POST", "/datasluis/deposits"): Operation(
        "deposit",
        "Deliver a message of a source into a citizen's vault, through the lock",
        {
            200: Answered("Nothing new: what the message holds is there already, or it is empty.", DepositBody),
            201: Answered("At least one document was written.", DepositBody),
        },
        {
            400: ("addressee", "national-number", "media-type", "webid", "rdf-syntax", "(those of the message)"),
            401: _CALLER[401],
            403: ("not-a-participant", *_STANDING),
            404: ("no-vault",),
            413: ("body-too-large",),
            415: ("deposit-media-type", "content-encoding"),
            422: ("nothing-accepted", "(those of the message)"),
            429: _CALLER[429],
            503: ("(a fault of the exchange that may pass)", "vault-busy"),
        },
        message=True,
        parameters=("Datasluis-Person", "Datasluis-Citizen", "Datasluis-Reference"),
    ),
    ("GET", "/datasluis/requests"): Operation(
        "listRequests",
        "The caller's requests, newest first",
        {200: Answered("A page of requests.", RequestList, headers=("Link",))},
        {**_CALLER, 400: ("query",)},
        parameters=("limit", "before"),
    ),
    ("GET", "/datasluis/requests/{request}"): Operation(
        "getRequest",
        "One request of the caller",
        {200: Answered("The request and its state.", RequestBody)},
        {**_CALLER, 404: ("no-such-request",)},
        parameters=("request",),
    ),
    ("DELETE", "/datasluis/requests/{request}"): Operation(
        "withdrawRequest",
        "Take a pending request back",
        {204: Answered("It is withdrawn.")},
        {**_CALLER, 404: ("no-such-request",), 409: ("request-closed", "request-changed")},
        parameters=("request",),
    ),
    ("GET", "/datasluis/grants"): Operation(
        "listGrants",
        "What was granted to the caller, newest first",
        {200: Answered("A page of grants.", GrantList, headers=("Link",))},
        {**_CALLER, 400: ("query",)},
        parameters=("limit", "before"),
    ),
    ("GET", "/datasluis/grants/{grant}"): Operation(
        "getGrant",
        "One grant of the caller, with the addresses of its views",
        {200: Answered("The grant and its state.", GrantBody, example=_GRANT_EXAMPLE)},
        {**_CALLER, 404: ("no-such-grant",)},
        parameters=("grant",),
    ),
    ("GET", "/datasluis/view/{grant}/{item}"): Operation(
        "readView",
        "Read one item of a grant; each call is a line in the citizen's log",
        {200: _VIEW},
        _VIEW_REFUSALS,
        parameters=("grant", "item", "purpose"),
    ),
    ("HEAD", "/datasluis/view/{grant}/{item}"): Operation(
        "headView",
        "As GET, without the body; it is a line in the citizen's log too",
        {200: Answered("The headers of the view.", headers=("ETag",))},
        _VIEW_REFUSALS,
        parameters=("grant", "item", "purpose"),
    ),
}

_PARAMETERS: Final[Mapping[str, dict[str, Any]]] = {
    "request": {"in": "path", "required": True, "schema": {"type": "string"}, "description": "id of a request"},
    "grant": {"in": "path", "required": True, "schema": {"type": "string"}, "description": "id of a grant"},
    "item": {"in": "path", "required": True, "schema": {"type": "string"}, "description": "key of an item"},
    "purpose": {
        "in": "query",
        "schema": {"type": "string", "format": "iri"},
        "description": "The purpose of this use: that of the grant, or a narrower one. It is compared and logged.",
    },
    "Datasluis-Person": {
        "in": "header",
        "schema": {"type": "string", "pattern": "^[0-9]{11}$"},
        "description": "National number of the person the message is about; compared under a key, never kept.",
    },
    "Datasluis-Citizen": {
        "in": "header",
        "schema": {"type": "string", "format": "iri"},
        "description": "WebID of the citizen, instead of the number. Exactly one of the two.",
    },
    "Datasluis-Reference": {
        "in": "header",
        "schema": {"type": "string"},
        "description": "The source's own name for a document in RDF that has no identifier of its own.",
    },
    "limit": {
        "in": "query",
        "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 50},
        "description": "About how many to a page.",
    },
    "before": {
        "in": "query",
        "schema": {"type": "string", "format": "date-time"},
        "description": "Where the page starts; taken from the Link header of the page before.",
    },
}
_HEADERS: Final[Mapping[str, dict[str, Any]]] = {
    "Location": {"description": "The address of what was made.", "schema": {"type": "string", "format": "uri"}},
    "Link": {"description": 'rel="next" when there is another page.', "schema": {"type": "string"}},
    "ETag": {"description": "A strong tag of these bytes.", "schema": {"type": "string"}},
}


def document(base_url: str) -> dict[str, Any]:
    """The whole OpenAPI document for a vault at `base_url`."""
    schemas = _schemas()
    paths: dict[str, dict[str, Any]] = {}
    for (method, path), operation in OPERATIONS.items():
        paths.setdefault(path, {})[method.lower()] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Datakluis data lock",
            "version": package.__version__,
            "description": "How an organisation asks a citizen for data, and reads what was granted.",
            "license": {"name": "EUPL-1.2", "identifier": "EUPL-1.2"},
        },
        "servers": [{"url": base_url.rstrip("/")}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {
                    "type": "openIdConnect",
                    "openIdConnectUrl": f"{base_url}.well-known/openid-configuration",
                    "description": "An access token of a Solid-OIDC provider with a webid claim, bound to a key.",
                },
                "proof": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "DPoP",
                    "description": "A proof of possession for this very request (RFC 9449).",
                },
            },
        },
    }


def _described(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "security": [] if operation.public else [{"token": [], "proof": []}],
        "responses": {
            **{str(status): _answer(answered) for status, answered in operation.answers.items()},
            **{str(status): _refusal(slugs) for status, slugs in sorted(operation.refusals.items())},
            "default": _refusal(()),
        },
    }
    if operation.parameters:
        described["parameters"] = [{"name": name, **_PARAMETERS[name]} for name in operation.parameters]
    if operation.takes is not None:
        content = {"schema": {"$ref": _REF.format(name=operation.takes.__name__)}, "example": operation.example}
        described["requestBody"] = {"required": True, "content": {_JSON: content}}
    if operation.message:
        content = {name: {"schema": {"type": "string"}} for name in _MESSAGES}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _answer(answered: Answered) -> dict[str, Any]:
    described: dict[str, Any] = {"description": answered.description}
    if answered.headers:
        described["headers"] = {name: _HEADERS[name] for name in answered.headers}
    if answered.rdf:
        described["content"] = {name: {"schema": {"type": "string"}} for name in _RDF}
        described["content"][_RDF[0]]["example"] = answered.example
    elif answered.body is not None:
        schema = {"type": "object"} if answered.body is dict else {"$ref": _REF.format(name=answered.body.__name__)}
        described["content"] = {_JSON: {"schema": schema}}
        if answered.example is not None:
            described["content"][_JSON]["example"] = answered.example
    return described


def _refusal(slugs: Sequence[str]) -> dict[str, Any]:
    named = ", ".join(slugs)
    return {
        "description": f"Refused. `reason` is one of: {named}." if named else "Refused, as a problem document.",
        "content": {_PROBLEM: {"schema": {"$ref": _REF.format(name="Problem")}}},
    }


def _schemas() -> dict[str, Any]:
    named: set[type] = {Problem}
    for operation in OPERATIONS.values():
        named |= {operation.takes} if operation.takes is not None else set()
        named |= {one.body for one in operation.answers.values() if one.body is not None} - {dict}
    _, components = msgspec.json.schema_components(sorted(named, key=lambda one: one.__name__), ref_template=_REF)
    return dict(sorted(components.items()))
