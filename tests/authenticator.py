"""An authenticator in software: keys, counters and the two messages of WebAuthn, right by default and wrong on request.

It answers options as the server's JSON gives them, and writes what a browser's script would send. Every part of an
answer can be set: the origin, the relying party, the flags, the counter, the challenge, the user handle.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from tests.browser import Browser, forms_of
from tests.people import Answer

UP, UV, BE, BS, AT = 0x01, 0x04, 0x08, 0x10, 0x40  # flags of authenticator data (WebAuthn §6.1)
ES256, EDDSA, RS256, ES384 = -7, -8, -257, -35

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _number(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


@dataclass
class Key:
    """One discoverable credential."""

    algorithm: int = ES256
    id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    user: bytes = b""
    count: int = 0
    private: PrivateKey = field(init=False)

    def __post_init__(self) -> None:
        if self.algorithm == EDDSA:
            self.private = ed25519.Ed25519PrivateKey.generate()
        elif self.algorithm == RS256:
            self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        else:
            self.private = ec.generate_private_key(ec.SECP384R1() if self.algorithm == ES384 else ec.SECP256R1())

    def cose(self) -> bytes:
        """The public key as a COSE key (RFC 9053)."""
        public = self.private.public_key()
        if isinstance(public, ed25519.Ed25519PublicKey):
            return cbor2.dumps({1: 1, 3: self.algorithm, -1: 6, -2: public.public_bytes_raw()})
        if isinstance(public, rsa.RSAPublicKey):
            numbers = public.public_numbers()
            return cbor2.dumps({1: 3, 3: self.algorithm, -1: _number(numbers.n), -2: _number(numbers.e)})
        point = public.public_numbers()
        width = (public.curve.key_size + 7) // 8
        curve = 2 if self.algorithm == ES384 else 1
        x, y = point.x.to_bytes(width, "big"), point.y.to_bytes(width, "big")
        return cbor2.dumps({1: 2, 3: self.algorithm, -1: curve, -2: x, -3: y})

    def sign(self, data: bytes) -> bytes:
        if isinstance(self.private, ed25519.Ed25519PrivateKey):
            return self.private.sign(data)
        if isinstance(self.private, rsa.RSAPrivateKey):
            return self.private.sign(data, padding.PKCS1v15(), hashes.SHA256())
        return self.private.sign(data, ec.ECDSA(hashes.SHA384() if self.algorithm == ES384 else hashes.SHA256()))


def made(
    options: dict[str, Any],
    key: Key,
    *,
    origin: str,
    rp_id: str | None = None,
    flags: int = UP | UV,
    kind: str = "webauthn.create",
    challenge: str | None = None,
    **client: Any,
) -> dict[str, Any]:
    """RegistrationResponseJSON for a new credential with `none` attestation."""
    key.user = decoded(options["user"]["id"])
    rp = rp_id or options["rp"]["id"]
    attested = bytes(16) + len(key.id).to_bytes(2, "big") + key.id + key.cose()
    data = hashlib.sha256(rp.encode()).digest() + bytes([flags | AT]) + key.count.to_bytes(4, "big") + attested
    said = {"type": kind, "challenge": challenge or options["challenge"], "origin": origin, **client}
    return {
        "id": encoded(key.id),
        "rawId": encoded(key.id),
        "type": "public-key",
        "response": {
            "clientDataJSON": encoded(json.dumps(said).encode()),
            "attestationObject": encoded(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})),
            "transports": ["internal", "hybrid"],
        },
    }


def shown(
    options: dict[str, Any],
    key: Key,
    *,
    origin: str,
    rp_id: str | None = None,
    flags: int = UP | UV,
    kind: str = "webauthn.get",
    challenge: str | None = None,
    count: int | None = None,
    user: bytes | None = b"",
    **client: Any,
) -> dict[str, Any]:
    """AuthenticationResponseJSON; the counter goes up with each unless `count` is given, `user=None` leaves it out."""
    key.count = key.count + 1 if count is None else key.count
    rp = rp_id or options["rpId"]
    sent = key.count if count is None else count
    data = hashlib.sha256(rp.encode()).digest() + bytes([flags]) + sent.to_bytes(4, "big")
    said = {"type": kind, "challenge": challenge or options["challenge"], "origin": origin, **client}
    client_data = json.dumps(said).encode()
    response = {
        "clientDataJSON": encoded(client_data),
        "authenticatorData": encoded(data),
        "signature": encoded(key.sign(data + hashlib.sha256(client_data).digest())),
    }
    handle = key.user if user == b"" else user
    if handle is not None:
        response["userHandle"] = encoded(handle)
    return {"id": encoded(key.id), "rawId": encoded(key.id), "type": "public-key", "response": response}


@dataclass
class Keyring:
    """A browser with an authenticator: what the script of the pages does, in Python."""

    browser: Browser
    page: str = "/idp/login"  # whose form token is sent along
    token: str | None = None

    @property
    def origin(self) -> str:
        return self.browser.base_url[:-1]

    async def post(self, path: str, body: Any, **headers: str) -> Answer:
        """JSON from one of the server's own pages; `headers` alter what the browser says, "" leaves one out."""
        if self.token is None:
            page = await self.browser.open(self.page)
            self.token = next(value for form in forms_of(page) for name, value in form.fields if name == "csrf")
        sent = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "X-Form-Token": self.token,
            "Origin": self.origin,
            "Sec-Fetch-Site": "same-origin",
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.browser.cookies.items()),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        url = f"{self.origin}{path}"
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = await self.browser.visitor.send(
            "POST", url, body=data, headers={name: value for name, value in sent.items() if value}
        )
        self.browser.keep(answer)
        return answer

    async def options(self, path: str) -> dict[str, Any]:
        answer = await self.post(path, {})
        assert answer.status == 200, answer.text
        found: dict[str, Any] = answer.json
        return found

    async def add(self, key: Key, name: str = "", **wrong: Any) -> Answer:
        """Registers a key for whoever is signed in at this browser."""
        options = await self.options("/my/account/passkeys/options")
        credential = made(options, key, **{"origin": self.origin, **wrong})
        return await self.post("/my/account/passkeys", {"credential": credential, "name": name})

    async def open(
        self, key: Key, said: dict[str, str], onward: str = "", *, at: str = "/idp/signup/passkey", **wrong: Any
    ) -> Answer:
        """Opens an account with a key; `said` is what stands in the form, `at` where the page sends it."""
        options = await self.post(f"{at}/options", said)
        assert options.status == 200, options.text
        credential = made(options.json, key, **{"origin": self.origin, **wrong})
        more = {name: said[name] for name in said if name == "link"}
        return await self.post(at, {"credential": credential, "next": onward, **more})

    async def sign_in(self, key: Key, onward: str = "", **wrong: Any) -> Answer:
        options = await self.options("/idp/passkey/options")
        credential = shown(options, key, **{"origin": self.origin, **wrong})
        return await self.post("/idp/passkey", {"credential": credential, "next": onward})

    async def confirm(self, key: Key, onward: str = "", **wrong: Any) -> Answer:
        options = await self.options("/idp/confirm/passkey/options")
        credential = shown(options, key, **{"origin": self.origin, **wrong})
        return await self.post("/idp/confirm/passkey", {"credential": credential, "next": onward})
