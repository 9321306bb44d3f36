"""Connections of ours: they answer what cannot be read, and say when the other side is gone.

A request whose head or framing cannot be read aiohttp would answer itself, in plain text that repeats what came and
says which versions run here; no handler and no middleware ever sees it. Here it is answered like all others. And a
handler that has nothing to send for a while is told that there is nobody left, which else only the next write shows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from aiohttp import hdrs, web
from aiohttp.http_exceptions import BadHttpMethod, LineTooLong

from vault.errors import Malformed, Refusal, TooLarge
from vault.observe import event, failure, new_request_id
from vault.web.middleware import EXPOSED
from vault.web.responses import REASON, REQUEST_ID, problem_response, status_of

# Nothing is known of who asks, nor from which origin: everybody may read this (CO-1, TR-1).
_HEADERS: Final = {
    hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: "*",
    hdrs.ACCESS_CONTROL_EXPOSE_HEADERS: EXPOSED,
    hdrs.VARY: "Origin",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


class Runner(web.AppRunner):
    """Runs the application on connections of ours."""

    __slots__ = ()

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(made.request_handler, request_factory=made.request_factory, loop=made._loop, **made._kwargs)


def when_gone(request: web.Request, call: Callable[[], None]) -> None:
    """Has `call` called when the connection of this request is lost; the last call that was asked for counts."""
    if isinstance(request.protocol, _Connection):
        request.protocol.when_gone = call


class _Server(web.Server):
    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class _Connection(web.RequestHandler):
    __slots__ = ("when_gone",)

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.when_gone: Callable[[], None] | None = None

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        if self.when_gone is not None:
            self.when_gone()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what could not be read, and to what broke outside every handler; the connection ends."""
        request_id = request[REQUEST_ID] = new_request_id()
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun already")
        if status >= 500:
            failure("connection-failed", exc or RuntimeError(), request=request_id)
            said, reason, detail = status, "internal", "Something went wrong here, not with you."
        else:
            said, reason, detail = _read(exc)
            event("request-unread", request=request_id, status=said, reason=reason)
        response = _Answer(request, said, reason, detail)
        response.force_close()
        return response


class _Answer(web.Response):
    """A problem document that does not say what runs here."""

    def __init__(self, request: web.BaseRequest, status: int, reason: str, detail: str) -> None:
        assert isinstance(request, web.Request)
        request[REASON] = reason
        problem = problem_response(request, status, reason, detail)
        super().__init__(status=status, body=problem.body, headers=problem.headers)
        self.headers.update(_HEADERS)
        self.headers["X-Request-Id"] = request[REQUEST_ID]

    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        self.headers.pop(hdrs.SERVER, None)


def _read(cause: BaseException | None) -> tuple[int, str, str]:
    """What is wrong with the head. A method that nobody knows is one that is not implemented (PR-9)."""
    if isinstance(cause, BadHttpMethod):
        return 501, "not-implemented", "This method is not known here."
    refusal: Refusal = Malformed("unreadable", "The request could not be read.")
    if isinstance(cause, LineTooLong):
        refusal = TooLarge("head-too-large", "The address or a header of the request is too long.")
    return status_of(refusal), refusal.reason, refusal.detail
