"""The named baseline: aiohttp on uvloop, one route, the same kilobyte every time. Nothing can be faster here."""

from __future__ import annotations

import sys

import uvloop
from aiohttp import web

BODY = b'<#it> <http://purl.org/dc/terms/description> "' + b"x" * 970 + b'" .\n'


async def _answer(_request: web.Request) -> web.Response:
    return web.Response(body=BODY, headers={"Content-Type": "text/turtle"})


def main() -> None:
    app = web.Application()
    app.router.add_get("/{tail:.*}", _answer)
    uvloop.install()
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)


if __name__ == "__main__":
    main()
