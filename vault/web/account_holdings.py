"""The account API, what an account holds: credentials of programs, pods and WebIDs (account_api.py has the rest)."""

from __future__ import annotations

import secrets
from functools import partial
from typing import Any, Final

import msgspec
from aiohttp import web

from vault.errors import Malformed, Missing, Unprocessable
from vault.identity.hold import (
    LinkDesk,
    add_pod,
    link_webid,
    proof_statement,
    proof_text,
    unlink_webid,
    webid_by_reference,
    webid_reference,
)
from vault.identity.programs import NAME_CHARACTERS, add_program, program_of, programs_of, revoke_program
from vault.identity.sign_in import standing_account
from vault.identity.tools import Holder, Newcomer, settle, spend
from vault.ports import Vault
from vault.solid.paths import storage_of
from vault.solid.provision import create_pod
from vault.values import ClientId, PodName, WebId, parse_pod_name, parse_webid
from vault.web.account_api import ACCOUNT, BODY_BYTES, account, either, fields, manager, require_manager, said, url
from vault.web.requests import read_json
from vault.web.routing import VAULT, Credentials, Route
from vault.web.sessions import visitor_of


class _Program(msgspec.Struct):
    webId: str
    name: str = ""


class _NewPod(msgspec.Struct):
    name: str
    settings: dict[str, Any] = {}


class _Link(msgspec.Struct):
    webId: str


async def get_programs(request: web.Request) -> web.Response:
    """The account's client credentials."""
    who = await account(request)
    async with request.app[VAULT].reading() as work:
        known = await programs_of(work, who.account)
    found = {one.id: url(request, f"client-credentials/{one.id}/", who) for one in known}
    form = fields(name="string", webId="string", optional=("name",))
    return said(request, {**form, "clientCredentials": found}, who)


async def post_program(request: web.Request) -> web.Response:
    """Client credentials that act as one of the account's WebIDs; the secret is told this once."""
    who, vault = await manager(request), request.app[VAULT]
    asked = await read_json(request, _Program, BODY_BYTES)
    async with vault.writing() as work:
        standing = await standing_account(work, who.session)
        made = await add_program(
            work,
            standing,
            name=asked.name,
            webid=parse_webid(asked.webId.strip()),
            client_id=_client_id(asked.name.strip()),
            now=vault.clock(),
        )
    assert made.secret is not None  # it was made without keys
    answer = {"id": made.client.id, "secret": made.secret.reveal()}
    return said(request, {**answer, "resource": url(request, f"client-credentials/{made.client.id}/", who)}, who)


async def get_program(request: web.Request) -> web.Response:
    """One of them, without its secret."""
    who = await account(request)
    async with request.app[VAULT].reading() as work:
        client = await program_of(work, who.account, ClientId(request.match_info["client"]))
    return said(request, {"id": client.id, "webId": client.webid or who.account.webid}, who)


async def delete_program(request: web.Request) -> web.Response:
    """Revokes it (VEC-T28)."""
    who, vault = await manager(request), request.app[VAULT]
    async with vault.writing() as work:
        standing = await standing_account(work, who.session)
        await revoke_program(work, standing, ClientId(request.match_info["client"]), now=vault.clock())
    return said(request, {}, who)


async def get_pods(request: web.Request) -> web.Response:
    """The account's pods."""
    who = await either(request)
    found = {}
    if isinstance(who, Holder):
        async with request.app[VAULT].reading() as work:
            held = await work.accounts.pods(who.account.id)
        found = {_pod_url(request, one.pod): url(request, f"pod/{one.pod}/", who) for one in held}
    return said(request, {**fields(name="string", settings="object", optional=("settings",)), "pods": found}, who)


async def post_pod(request: web.Request) -> web.Response:
    """One more pod, with a WebID of its own; for a newcomer the first, and the account with it."""
    who, vault = await either(request), request.app[VAULT]
    asked = await read_json(request, _NewPod, BODY_BYTES)
    if asked.settings.get("webId") is not None:
        raise Unprocessable("pod-owner", "A pod belongs to the WebID that is made with it.")
    name, now = parse_pod_name(asked.name.strip()), vault.clock()
    if isinstance(who, Newcomer):
        await spend(who, writing=vault.writing)
        async with vault.writing() as work:
            found = await settle(
                work,
                who,
                pod=name,
                create_pod=partial(create_pod, work),
                visitor=visitor_of(request),
                settings=vault.settings,
                now=now,
            )
        return _made(request, found, found.account.pod, found.account.webid)
    require_manager(vault, who)
    async with vault.writing() as work:
        held = await add_pod(
            work,
            await standing_account(work, who.session),
            name=name,
            display_name=name,
            create_pod=partial(create_pod, work),
            settings=vault.settings,
            now=now,
        )
    return _made(request, who, held.pod, held.webid)


async def get_pod(request: web.Request) -> web.Response:
    """One of them, and the WebID it belongs to."""
    who = await account(request)
    async with request.app[VAULT].reading() as work:
        held = await work.accounts.pods(who.account.id)
    found = next((one for one in held if one.pod == request.match_info["pod"]), None)
    if found is None:
        raise Missing("pod", "This account has no such pod.")
    owners = [{"webId": found.webid, "visible": False}]
    return said(request, {"baseUrl": _pod_url(request, found.pod), "owners": owners}, who)


async def get_webids(request: web.Request) -> web.Response:
    """The WebIDs the account signs in as."""
    who = await account(request)
    async with request.app[VAULT].reading() as work:
        held = await work.accounts.webids(who.account.id)
    links = {webid: _webid_url(request, who, webid) for webid in held}
    return said(request, {**fields(webId="string"), "webIdLinks": links}, who)


async def post_webid(request: web.Request) -> web.Response:
    """A WebID from elsewhere. Without the proof in its document the refusal says what has to stand there."""
    who, vault = await manager(request), request.app[VAULT]
    webid, now = parse_webid((await read_json(request, _Link, BODY_BYTES)).webId.strip()), vault.clock()
    try:
        await link_webid(link_desk(vault, who.account.language), who.session, webid)
    except Unprocessable as refusal:
        if refusal.reason != "webid-proof":
            raise
        line = proof_statement(webid, proof_text(who.account.id, webid, key=vault.secrets.forms, now=now))
        words = f"To show that this WebID is yours, add this line to its document and ask again: {line}"
        raise Malformed("webid-proof", words, facts={"details": {"quad": line}}) from None
    resource = _webid_url(request, who, webid)
    return said(request, {"resource": resource, "webId": webid, "oidcIssuer": vault.base_url}, who)


async def delete_webid(request: web.Request) -> web.Response:
    """The account signs in as it no more."""
    who, vault = await manager(request), request.app[VAULT]
    async with vault.writing() as work:
        standing = await standing_account(work, who.session)
        webid = await webid_by_reference(work, standing.id, request.match_info["webid"])
        settings, language = vault.settings, standing.language
        await unlink_webid(work, standing, webid, settings=settings, language=language, now=vault.clock())
    return said(request, {}, who)


def link_desk(vault: Vault, language: str) -> LinkDesk:
    """What linking a WebID needs of the server."""
    return LinkDesk(
        writing=vault.writing,
        issuers=vault.issuers,
        replays=vault.replays,
        tries=vault.tries,
        settings=vault.settings,
        key=vault.secrets.forms,
        now=vault.clock(),
        language=language,
    )


ROUTES: Final = (
    Route("GET", ACCOUNT + "client-credentials/", get_programs, Credentials.ACCOUNT),
    Route("POST", ACCOUNT + "client-credentials/", post_program, Credentials.ACCOUNT),
    Route("GET", ACCOUNT + "client-credentials/{client:[0-9A-Za-z_-]+}/", get_program, Credentials.ACCOUNT),
    Route("DELETE", ACCOUNT + "client-credentials/{client:[0-9A-Za-z_-]+}/", delete_program, Credentials.ACCOUNT),
    Route("GET", ACCOUNT + "pod/", get_pods, Credentials.ACCOUNT),
    Route("POST", ACCOUNT + "pod/", post_pod, Credentials.ACCOUNT),
    Route("GET", ACCOUNT + "pod/{pod:[0-9a-z-]+}/", get_pod, Credentials.ACCOUNT),
    Route("GET", ACCOUNT + "webid/", get_webids, Credentials.ACCOUNT),
    Route("POST", ACCOUNT + "webid/", post_webid, Credentials.ACCOUNT),
    Route("DELETE", ACCOUNT + "webid/{webid:[0-9a-f]{32}}/", delete_webid, Credentials.ACCOUNT),
)


def _client_id(name: str) -> ClientId:
    """The name it was given, as far as a URL and a header can hold it, to tell it by, and a random part."""
    kept = "".join(ch if ch.isascii() and ch.isalnum() else "-" for ch in name)[:NAME_CHARACTERS]
    return ClientId(f"{kept}_{secrets.token_hex(16)}")


def _made(request: web.Request, who: Holder, pod: PodName, webid: WebId) -> web.Response:
    found = {"pod": _pod_url(request, pod), "webId": webid, "podResource": url(request, f"pod/{pod}/", who)}
    return said(request, {**found, "webIdResource": _webid_url(request, who, webid)}, who)


def _pod_url(request: web.Request, pod: PodName) -> str:
    return storage_of(pod).iri(request.app[VAULT].base_url)


def _webid_url(request: web.Request, who: Holder, webid: WebId) -> str:
    return url(request, f"webid/{webid_reference(webid)}/", who)
