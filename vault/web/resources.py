"""The six-step page of every resource request: parse → authenticate → need → decide → act → respond."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from dataclasses import replace
from typing import Final

from aiohttp import hdrs, web

from vault.access.decide import Groups, decide, require
from vault.access.modes import Allowed
from vault.access.wac import origin_of
from vault.errors import Forbidden, MethodNotAllowed, Missing, Refusal, Unauthenticated, Unavailable
from vault.ports import Vault, Work
from vault.solid.apply import actor_of
from vault.solid.edit import Edited, costly_document, patch_resource, prepare_patch
from vault.solid.find import Standing, find_target
from vault.solid.methods import allowed_methods
from vault.solid.operation import Delete, Operation, Patch, Post, Put, Read, required_access
from vault.solid.paths import auxiliary, is_acl, is_description, parse_target, twin
from vault.solid.read import Growing, Representation, read_resource
from vault.solid.resource import ChangeSet
from vault.solid.write import add_resource, delete_resource, put_resource
from vault.values import ANONYMOUS, Caller, ResourceUrl
from vault.web.descriptions import storage_description
from vault.web.lately import LATELY, AskFirst, Unasked
from vault.web.middleware import dress, preflight
from vault.web.operations import parse_head, read_content, read_patch
from vault.web.replies import REPLIES, Again, Asked, kept, question_of
from vault.web.representations import absent_headers, changed, send_outcome, target_headers
from vault.web.requests import caller_of, is_here, raw_path, sent_origin
from vault.web.responses import POD, refusal_response
from vault.web.routing import KNOWN_METHODS, VAULT, Credentials, Route
from vault.web.turns import TURNS

_PATCH_TRIES: Final = 16  # a large document may change between its edit and its writing
SUPPORTED: Final = ("GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE")


async def handle(request: web.Request) -> web.StreamResponse:
    """One request to one resource of a pod."""
    vault = request.app[VAULT]
    # 1 parse: what is wrong with the request itself, whoever sends it (section 6.1)
    target = parse_target(raw_path(request))
    request[POD] = target.pod
    if request.method == hdrs.METH_OPTIONS:
        return await _options(request, vault, target)
    if request.method not in SUPPORTED:
        if request.method not in KNOWN_METHODS:
            raise web.HTTPNotImplemented
        raise MethodNotAllowed("method", "Resources do not do that.", allowed=allowed_methods(target, None))
    if is_description(target):
        return await storage_description(request, vault, target)
    operation = parse_head(request, target, base_url=vault.base_url)
    # 2 authenticate
    caller = await caller_of(request)
    if isinstance(operation, Read):
        return await _answer(request, vault, caller, operation)
    return await _write(request, vault, caller, operation)


async def _answer(request: web.Request, vault: Vault, caller: Caller, read: Read) -> web.StreamResponse:
    """The answer given before, while the pod stands still; otherwise steps 3 to 6."""
    question = question_of(request, read.target, caller)
    if question is None:
        response, _ = await _read(request, vault, caller, read, vault.groups)
        return response
    replies = request.app[REPLIES]
    known = replies.get(question)
    if known is not None and known.version == await vault.pod_version(read.target.pod):
        return Again(known)
    groups = Asked(vault.groups)
    response, version = await _read(request, vault, caller, read, groups)
    # An ACL is read by Control, which its owner has whatever became of its parsing: that answer is made each time.
    if not groups.any and not is_acl(read.target):
        await dress(request, response)
        made = kept(response, version)
        if made is not None:
            replies.keep(question, made)
    return response


async def _read(
    request: web.Request, vault: Vault, caller: Caller, read: Read, groups: Groups
) -> tuple[web.StreamResponse, int]:
    """The answer, and the version of the pod that it was made at."""
    async with AsyncExitStack() as transaction:
        work = await transaction.enter_async_context(vault.reading())
        # 3 need, 4 decide
        allowed, _ = await _admit(request, work, caller, read, groups=groups)
        version = await work.resources.version(read.target.pod)
        # 5 act
        try:
            outcome = await read_resource(
                work, vault.conversions, read, base_url=vault.base_url, limits=vault.settings.limits
            )
        except Missing as missing:
            elsewhere = await _readable_twin(request, work, caller, read.target)
            if elsewhere is None:
                response = refusal_response(request, missing)
                response.headers.extend(absent_headers(read.target, allowed))
                return response, version
            return web.Response(status=301, headers={hdrs.LOCATION: elsewhere.iri(vault.base_url)}), version
        # 6 respond: nobody's slow connection holds a transaction; one that is still written from ends it itself
        if not isinstance(outcome, Representation) or not isinstance(outcome.body, Growing):
            await transaction.aclose()
        else:
            outcome = replace(outcome, body=Growing(_to_the_end(outcome.body.pieces, transaction)))
        sent = await send_outcome(request, read.target, outcome, allowed, base_url=vault.base_url, blobs=vault.blobs)
    return sent, version


async def _to_the_end(pieces: AsyncGenerator[bytes, None], transaction: AsyncExitStack) -> AsyncGenerator[bytes, None]:
    async for piece in pieces:
        yield piece
    await transaction.aclose()


async def _write(
    request: web.Request, vault: Vault, caller: Caller, operation: Put | Post | Patch | Delete
) -> web.StreamResponse:
    # Decided once before the body is read, so that a stranger never makes us read or parse one, and groups elsewhere
    # are asked while no writer waits; and once more inside the transaction that acts (ATK-14). The first is spared who
    # is no stranger (lately.py).
    lately, pod = request.app[LATELY], operation.target.pod
    known = lately.wrote(caller, pod) and is_here(request)
    if not known:
        await _look_before(request, vault, caller, operation)
    operation = await _with_body(request, vault, operation)
    groups = Asked(vault.groups)
    try:
        try:
            changes = await _carry_out(request, vault, caller, operation, Unasked() if known else groups)
        except AskFirst:
            lately.forget(caller, pod)
            await _look_before(request, vault, caller, operation)
            changes = await _carry_out(request, vault, caller, operation, groups)
    except (Forbidden, Unauthenticated):
        lately.forget(caller, pod)
        raise
    if not known and not groups.any:
        lately.note(caller, pod)
    made = changes.created[-1] if isinstance(operation, Post) else None
    return changed(operation.target, changes, base_url=vault.base_url, location=made)


async def _look_before(request: web.Request, vault: Vault, caller: Caller, operation: Operation) -> None:
    async with vault.reading() as work:
        await _admit(request, work, caller, operation)


async def _with_body(
    request: web.Request, vault: Vault, operation: Put | Post | Patch | Delete
) -> Put | Post | Patch | Delete:
    match operation:
        case Put() | Post():
            return operation.bringing(await read_content(request, operation, vault))
        case Patch():
            return await read_patch(request, operation, vault)
        case Delete():
            return operation


async def _carry_out(
    request: web.Request, vault: Vault, caller: Caller, operation: Put | Post | Patch | Delete, groups: Groups
) -> ChangeSet:
    """Steps 3 to 5. A patch that turns out to be costly is worked out before the writer is taken, one after the other
    here; when another process changed the document meanwhile, once more."""
    turn: AbstractAsyncContextManager[object] | None = None
    for _ in range(_PATCH_TRIES):
        async with turn or nullcontext():
            prepared = await _prepared(vault, operation) if turn is not None and isinstance(operation, Patch) else None
            async with vault.writing() as work:
                _, standing = await _admit(request, work, caller, operation, groups=groups)
                changes = await _act(vault, work, caller, operation, standing=standing, prepared=prepared)
        if changes is not None:
            return changes
        turn = turn or request.app[TURNS].of(operation.target)
    raise Unavailable("document-busy", "Others are changing this document; try again.", retry_after=1)


async def _prepared(vault: Vault, patch: Patch) -> Edited | None:
    """The edited document, worked out while nobody holds the writer; None when that is quick, or there is none."""
    limits = vault.settings.limits
    async with vault.reading() as work:
        stored = await costly_document(work.resources, patch, limits=limits)
    return None if stored is None else await prepare_patch(stored, patch, base_url=vault.base_url, limits=limits)


async def _admit(
    request: web.Request, work: Work, caller: Caller, operation: Operation, *, groups: Groups | None = None
) -> tuple[Allowed, Standing]:
    """Steps 3 and 4: what the operation needs, against what the caller holds; raises the refusal."""
    vault = request.app[VAULT]
    standing = await find_target(work.resources, operation)
    decision = await decide(
        work.acls,
        vault.parsed_acls,
        caller,
        required_access(operation, exists=standing.exists, missing=standing.missing),
        groups=groups or vault.groups,
        base_url=vault.base_url,
        limits=vault.settings.limits,
        origin=origin_of(sent_origin(request), strict=vault.settings.server.strict_origins),
    )
    absent = not standing.exists and not isinstance(operation, Put | Patch)
    return require(decision, caller, absent=absent), standing


async def _act(
    vault: Vault,
    work: Work,
    caller: Caller,
    operation: Put | Post | Patch | Delete,
    *,
    standing: Standing,
    prepared: Edited | None,
) -> ChangeSet | None:
    """Step 5 of a write, inside its transaction. None: a patch that has to be prepared outside of it."""
    now, base_url, limits = vault.clock(), vault.base_url, vault.settings.limits
    actor = actor_of(caller)
    match operation:
        case Put():
            return await put_resource(
                work, operation, actor=actor, now=now, base_url=base_url, limits=limits, standing=standing
            )
        case Post():
            return await add_resource(work, operation, actor=actor, now=now, base_url=base_url, limits=limits)
        case Patch():
            return await patch_resource(
                work,
                operation,
                actor=actor,
                now=now,
                base_url=base_url,
                limits=limits,
                prepared=prepared,
                standing=standing,
            )
        case Delete():
            return await delete_resource(work, operation, actor=actor, now=now, base_url=base_url, limits=limits)


async def _readable_twin(request: web.Request, work: Work, caller: Caller, target: ResourceUrl) -> ResourceUrl | None:
    """PR-12: the URI that differs in the final slash, for those who may read both."""
    other = twin(target)
    if other == target or auxiliary(other) is not None:
        return None
    try:
        _, standing = await _admit(request, work, caller, Read(other))
    except Refusal:
        return None
    return other if standing.exists else None


async def _options(request: web.Request, vault: Vault, target: ResourceUrl) -> web.Response:
    """Always answered, preflights too, whoever asks (CO-5, WM-1): for those who may read it true for the target,
    for all others by the URI alone."""
    response = preflight(request, SUPPORTED)
    resource = None
    try:
        caller = await caller_of(request)
    except Refusal:
        caller = ANONYMOUS  # bad credentials never refuse OPTIONS (section 6.1)
    try:
        async with vault.reading() as work:
            _, standing = await _admit(request, work, caller, Read(target))
            resource = standing.resource
    except Refusal:
        pass
    response.headers.extend(target_headers(target, resource, vault.base_url))
    return response


ROUTES: Final = (Route("*", "/{path:.*}", handle, Credentials.TOKEN, "resource"),)
