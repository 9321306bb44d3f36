"""The OpenAPI document: valid, complete, and true. (Each answer in the tests of the doors is held against it too.)"""

from __future__ import annotations

from typing import Any

import jsonschema
import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from tests.lock_live import LiveLock
from vault.web.datasluis_json import RequestForm, draft_of
from vault.web.openapi import OPERATIONS, document
from vault.web.routes import ROUTES
from vault.web.routing import Credentials

BASE = "https://vault.example/"


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return document(BASE)


def test_the_document_is_valid_openapi_3_1(described: dict[str, Any]) -> None:
    assert described["openapi"].startswith("3.1")
    validate(described, cls=OpenAPIV31SpecValidator)


def test_every_route_of_the_lock_is_in_it_and_nothing_else(described: dict[str, Any]) -> None:
    served = {(route.method, route.path) for route in ROUTES if route.path.startswith("/datasluis")}
    told = {(method.upper(), path) for path, methods in described["paths"].items() for method in methods}
    assert told == served


def test_what_needs_a_token_says_so_and_what_is_public_does_not(described: dict[str, Any]) -> None:
    for route in ROUTES:
        if route.path.startswith("/datasluis"):
            security = described["paths"][route.path][route.method.lower()]["security"]
            assert bool(security) == (route.credentials is Credentials.TOKEN), route


def test_every_operation_has_its_own_name_and_a_refusal_in_the_problem_form(described: dict[str, Any]) -> None:
    names = [operation.id for operation in OPERATIONS.values()]
    assert len(set(names)) == len(names)
    for methods in described["paths"].values():
        for operation in methods.values():
            for status, response in operation["responses"].items():
                if status == "default" or int(status) >= 400:
                    assert list(response["content"]) == ["application/problem+json"]


def test_every_placeholder_of_a_path_is_a_parameter(described: dict[str, Any]) -> None:
    for path, methods in described["paths"].items():
        for operation in methods.values():
            named = {one["name"] for one in operation.get("parameters", []) if one["in"] == "path"}
            assert named == {part[1:-1] for part in path.split("/") if part.startswith("{")}


def test_every_schema_is_used(described: dict[str, Any]) -> None:
    text = msgspec.json.encode(described).decode()
    unused = [name for name in described["components"]["schemas"] if f"#/components/schemas/{name}" not in text]
    assert unused == []


def test_every_example_fits_its_schema(described: dict[str, Any]) -> None:
    found = 0
    for methods in described["paths"].values():
        for operation in methods.values():
            contents = [operation.get("requestBody", {}).get("content", {})]
            contents += [response.get("content", {}) for response in operation["responses"].values()]
            for content in contents:
                for media_type, entry in content.items():
                    if "example" in entry and media_type == "application/json":
                        schema = {**entry["schema"], "components": described["components"]}
                        jsonschema.validate(entry["example"], schema, cls=jsonschema.Draft202012Validator)
                        found += 1
    assert found >= 2


def test_the_example_request_is_one_that_the_server_reads(described: dict[str, Any]) -> None:
    body = described["paths"]["/datasluis/requests"]["post"]["requestBody"]["content"]["application/json"]["example"]
    draft = draft_of(msgspec.convert(body, RequestForm))
    assert draft.asked[0].optional == ("grade",)


async def test_the_server_hands_out_the_document_to_everybody(lock: LiveLock) -> None:
    answer = await lock.call("GET", "openapi.json")
    assert answer.status == 200
    assert answer.json == msgspec.json.decode(msgspec.json.encode(document(lock.server.live.base_url)))
    assert answer.headers["Cache-Control"].startswith("public")


async def test_the_description_leads_to_every_door(lock: LiveLock) -> None:
    described = (await lock.call("GET", "")).json
    endpoints = described["endpoints"]
    for name in ("catalogue", "openapi"):
        assert (await lock.call("GET", endpoints[name])).status == 200
    for name in ("requests", "grants"):
        assert (await lock.call("GET", endpoints[name], by="employer")).status == 200
    assert endpoints["view"].endswith("/datasluis/view/{grant}/{item}")
    discovery = await lock.http.get(f"{lock.server.live.base_url}.well-known/openid-configuration")
    assert endpoints["token"] == discovery.json["token_endpoint"]
    assert described["operator"]["issuer"] == lock.server.live.base_url


async def test_the_catalogue_is_public_cacheable_and_complete(lock: LiveLock) -> None:
    answer = await lock.call("GET", "catalogue")
    diploma = next(one for one in answer.json["dataTypes"] if one["key"] == "diploma")
    assert {"title", "level", "awarding-body", "date", "grade"} <= {one["key"] for one in diploma["fields"]}
    for labels in (diploma["labels"], answer.json["purposes"][0]["sentence"], answer.json["rules"][0]["law"]):
        assert set(labels) == {"nl", "fr", "de", "en"}
    again = await lock.call("GET", "catalogue", If_None_Match=answer.headers["ETag"])
    assert (again.status, again.body) == (304, b"")


async def test_an_address_below_the_lock_that_is_no_door_is_not_there(lock: LiveLock) -> None:
    for address in ("nothing", "requests/", "views/x/y", "view/x", "view/x/y/z", "grants/x/y"):
        answer = await lock.call("GET", address, by="employer")
        assert answer.status == 404, address
