"""How an organisation's software talks to a vault: client credentials, DPoP-bound tokens, plain HTTP.

Nothing here knows Datakluis from the inside: a token endpoint found by discovery (OpenID Connect), a proof of
possession with each request (RFC 9449), and that is all a company needs.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp
from joserfc import jwt
from joserfc.jwk import ECKey


@dataclass
class Answer:
    """One HTTP answer, read whole."""

    status: int
    headers: dict[str, str]
    text: str
    data: Any  # the JSON of it, when it is JSON


@dataclass
class Party:
    """An organisation with a client id and a secret at one vault server."""

    issuer: str
    client_id: str
    client_secret: str
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256"))
    token: str = ""
    http: aiohttp.ClientSession = field(default_factory=aiohttp.ClientSession)

    async def __aenter__(self) -> Self:
        try:
            await self.sign_in()
        except BaseException:
            await self.http.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.close()

    async def sign_in(self) -> None:
        """Client credentials: the token it gives acts as the organisation's WebID, and only with this key."""
        async with self.http.get(f"{self.issuer}.well-known/openid-configuration") as answer:
            endpoint = (await answer.json())["token_endpoint"]
        async with self.http.post(
            endpoint,
            data={"grant_type": "client_credentials"},
            headers={
                "Authorization": aiohttp.encode_basic_auth(self.client_id, self.client_secret),
                "DPoP": self.proof("POST", endpoint),
            },
        ) as answer:
            answer.raise_for_status()
            self.token = (await answer.json())["access_token"]

    async def call(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """One request with the token and a fresh proof; never raises for a refusal, since a refusal is an answer."""
        sent = {"Authorization": f"DPoP {self.token}", "DPoP": self.proof(method, url), **(headers or {})}
        async with self.http.request(method, url, json=json, data=body, headers=sent) as answer:
            text = await answer.text()
            is_json = "json" in answer.content_type
            return Answer(
                answer.status, dict(answer.headers), text, await answer.json(content_type=None) if is_json else None
            )

    def proof(self, method: str, url: str) -> str:
        """A DPoP proof: this key, this method, this URL, once."""
        header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": self.key.as_dict(private=False)}
        address = url.split("?", maxsplit=1)[0]
        claims = {"htm": method, "htu": address, "iat": int(time.time()), "jti": str(uuid.uuid4())}
        if self.token:
            digest = hashlib.sha256(self.token.encode()).digest()
            claims["ath"] = urlsafe_b64encode(digest).rstrip(b"=").decode()
        return jwt.encode(header, claims, self.key)
