"""Our own requests to others: a token of our issuer, bound to a key of this process, and a signature over each."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from joserfc.jwk import ECKey

from vault.identity.claims import ACCESS_TOKEN, Subject, access_claims
from vault.identity.tokens import KeyRing, base64url_sha256, compact_jws
from vault.values import ClientId, MediaType, WebId

Holder: TypeAlias = ECKey  # a key that tokens given to us are bound to

_TAG = "datakluis-webhook"


@dataclass(frozen=True, slots=True)
class Sender:
    """Who we are when we call somebody: a WebID of ours whose document names our issuer.

    `holder` is the key that its tokens are bound to; each process has one of its own, and nothing of it is stored.
    """

    webid: WebId
    issuer: str
    keys: KeyRing
    holder: Holder
    token_seconds: int

    @staticmethod
    def new(webid: WebId, *, issuer: str, keys: KeyRing, token_seconds: int) -> Sender:
        return Sender(webid, issuer, keys, new_holder(), token_seconds)

    def headers(
        self, url: str, body: bytes, *, media_type: MediaType, message_id: str, now: datetime
    ) -> dict[str, str]:
        """The headers of one POST: who sends it (RFC 9449), and that nobody changed or re-aimed it (RFC 9421).

        `message_id` is the id of the message and tells a repetition; a proof of possession is new with each try.
        """
        token = self._token(message_id, now)
        return {
            "Authorization": f"DPoP {token}",
            "DPoP": self._proof(url, token, message_id, now),
            **self._signature(url, body, media_type=media_type, message_id=message_id, now=now),
        }

    def _token(self, message_id: str, now: datetime) -> str:
        subject = Subject(self.issuer, self.webid, ClientId(self.webid), self.holder.thumbprint(), frozenset({"webid"}))
        token_id = base64url_sha256(f"token {message_id} {now.isoformat()}")
        claims = access_claims(subject, token_id=token_id, now=now, seconds=self.token_seconds)
        return self.keys.sign(claims, ACCESS_TOKEN)

    def _proof(self, url: str, token: str, message_id: str, now: datetime) -> str:
        proof_id = base64url_sha256(f"proof {message_id} {now.isoformat()}")
        return possession(self.holder, "POST", url, proof_id=proof_id, now=now, token=token)

    def _signature(
        self, url: str, body: bytes, *, media_type: MediaType, message_id: str, now: datetime
    ) -> dict[str, str]:
        """RFC 9421 over method, address, type and digest (RFC 9530), by the key that `jwks_uri` publishes as `kid`."""
        kind, digest = str(media_type), f"sha-256=:{_base64(hashlib.sha256(body).digest())}:"
        parameters = (
            '("@method" "@target-uri" "content-type" "content-digest")'
            f';created={int(now.timestamp())};keyid="{self.keys.key_id}";alg="ecdsa-p256-sha256"'
            f';nonce="{message_id}";tag="{_TAG}"'
        )
        lines = (
            '"@method": POST',
            f'"@target-uri": {url}',
            f'"content-type": {kind}',
            f'"content-digest": {digest}',
            f'"@signature-params": {parameters}',
        )
        signature = self.keys.sign_bytes("\n".join(lines).encode())
        return {
            "Content-Type": kind,
            "Content-Digest": digest,
            "Signature-Input": f"datakluis={parameters}",
            "Signature": f"datakluis=:{_base64(signature)}:",
        }


def new_holder() -> Holder:
    """A key to bind tokens to."""
    return ECKey.generate_key("P-256", private=True)


def possession(
    holder: Holder,
    method: str,
    url: str,
    *,
    proof_id: str,
    now: datetime,
    token: str | None = None,
    nonce: str | None = None,
) -> str:
    """A DPoP proof for one request (RFC 9449 §4.2)."""
    header = {"alg": "ES256", "typ": "dpop+jwt", "jwk": holder.as_dict(private=False)}
    claims: dict[str, Any] = {"htm": method, "htu": url.partition("?")[0], "iat": int(now.timestamp()), "jti": proof_id}
    claims |= {"ath": base64url_sha256(token)} if token is not None else {}
    claims |= {"nonce": nonce} if nonce is not None else {}
    return compact_jws(header, claims, holder)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
