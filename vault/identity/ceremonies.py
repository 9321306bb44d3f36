"""The two ceremonies of WebAuthn (Level 2, §7.1 and §7.2): what the browser is asked, and what its answer is worth.

A challenge is made, not stored: random bytes, the moment it ends, and a seal over both, over what it is for and over
the browser it was given to, under a secret of the server. That it counts once is for `Replays` to hold.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    base64url_to_bytes,
    bytes_to_base64url,
    options_to_json_dict,
    parse_registration_credential_json,
)
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from vault.errors import Forbidden, Unprocessable
from vault.identity.credentials import Passkey
from vault.values import AccountId

CHALLENGE_SECONDS: Final = 300
SITE_NAME: Final = "Datakluis"

# The algorithms that WebAuthn §5.4.3 advises: every authenticator speaks one of them.
ALGORITHMS: Final = (
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
)
_NONCE_BYTES, _MOMENT_BYTES, _SEAL_BYTES = 16, 8, 32
_LONGEST_ID: Final = 1023  # bytes: WebAuthn §4, "credential ID"

Options = dict[str, Any]  # as JSON: PublicKeyCredentialCreationOptionsJSON or …RequestOptionsJSON (WebAuthn Level 3)
Response = Mapping[str, Any]  # as JSON: RegistrationResponseJSON or AuthenticationResponseJSON


class Purpose(StrEnum):
    """What a challenge is for. One for one purpose is worth nothing for another."""

    REGISTER = "register"
    SIGN_IN = "sign-in"
    CONFIRM = "confirm"
    OPEN = "open"  # an account, with the passkey that is made


@dataclass(frozen=True, slots=True)
class Site:
    """The relying party: its id is the host of the base URL, and its one origin is that of the base URL (ATK-30)."""

    id: str
    origin: str


@dataclass(frozen=True, slots=True)
class NewKey:
    """A credential that an authenticator just made; `id` and `public_key` are base64url. `methods`: how the person
    proved to it who they are (RFC 8176)."""

    id: str
    public_key: str
    sign_count: int
    transports: tuple[str, ...]
    backed_up: bool
    methods: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Presented:
    """Which credential an assertion says it is of, and whose; nothing is proven yet. `account` is None when it
    does not say."""

    id: str
    account: str | None


@dataclass(frozen=True, slots=True)
class Proven:
    """A good assertion: the counter now, whether the key lives on several devices, and how that is told (RFC 8176)."""

    sign_count: int
    backed_up: bool
    methods: tuple[str, ...]


def site_of(base_url: str) -> Site:
    """The relying party that this server is."""
    parts = urlsplit(base_url)
    return Site(parts.hostname or "", f"{parts.scheme}://{parts.netloc}")


def new_challenge(purpose: Purpose, holder: str, *, key: bytes, now: datetime) -> bytes:
    """A challenge for one browser. `holder` is what only that browser brings back: its cookies."""
    ends = int((now + timedelta(seconds=CHALLENGE_SECONDS)).timestamp())
    body = secrets.token_bytes(_NONCE_BYTES) + ends.to_bytes(_MOMENT_BYTES, "big")
    return body + _seal(body, purpose, holder, key)


def challenge_in(response: Response) -> bytes:
    """The challenge that the browser says it was given; Forbidden when it says nothing that can be read."""
    try:
        said = json.loads(base64url_to_bytes(response["response"]["clientDataJSON"]))
        challenge = base64url_to_bytes(said["challenge"])
        # §5.8.1: true when another page holds this one in a frame, which ours never are (ATK-04).
        framed = bool(said.get("crossOrigin", False))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        raise _refused() from None
    if framed:
        raise _refused()
    return challenge


def challenge_ends(challenge: bytes, purpose: Purpose, holder: str, *, key: bytes, now: datetime) -> datetime:
    """When a challenge of ours ends. Raises Forbidden("passkey-challenge") when it has, or was made for another purpose
    or another browser, or by somebody else (ATK-30). Compared in constant time (ATK-36)."""
    body, seal = challenge[:-_SEAL_BYTES], challenge[-_SEAL_BYTES:]
    good = len(body) == _NONCE_BYTES + _MOMENT_BYTES and hmac.compare_digest(seal, _seal(body, purpose, holder, key))
    ends = int.from_bytes(body[_NONCE_BYTES:], "big") if good else 0
    if not good or now.timestamp() >= ends:
        raise Forbidden("passkey-challenge", "This took too long, or was asked of another browser. Try again.")
    return datetime.fromtimestamp(ends, UTC)


def registration_options(
    site: Site, challenge: bytes, *, account: AccountId, email: str, known: Sequence[Passkey] = ()
) -> Options:
    """§5.4: a discoverable credential that verifies its user, without attestation, on a device that has none yet."""
    options = generate_registration_options(
        rp_id=site.id,
        rp_name=SITE_NAME,
        user_id=account.encode(),  # random, and tells nothing of the person (§14.6.1)
        user_name=email,
        user_display_name=email,
        challenge=challenge,
        timeout=CHALLENGE_SECONDS * 1000,
        attestation=AttestationConveyancePreference.NONE,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[_described(one) for one in known],
        supported_pub_key_algs=list(ALGORITHMS),
    )
    return options_to_json_dict(options)


def authentication_options(site: Site, challenge: bytes, allowed: Sequence[Passkey] = ()) -> Options:
    """§5.5. Without `allowed` the person chooses among the credentials of this site: a stranger learns of none."""
    options = generate_authentication_options(
        rp_id=site.id,
        challenge=challenge,
        timeout=CHALLENGE_SECONDS * 1000,
        allow_credentials=[_described(one) for one in allowed],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json_dict(options)


def check_registration(response: Response, *, site: Site, challenge: bytes) -> NewKey:
    """§7.1. Raises Unprocessable("passkey-unusable") when the origin, the relying party, the user verification, the
    algorithm or anything else about it is not what was asked for."""
    try:
        credential = parse_registration_credential_json(dict(response))
        made = verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=site.id,
            expected_origin=site.origin,
            require_user_verification=True,
            supported_pub_key_algs=list(ALGORITHMS),
        )
    except Exception:
        # The library reads what a browser sent, and stumbles over bad input in many ways of its own.
        raise Unprocessable("passkey-unusable", "This passkey cannot be used here.") from None
    if credential.raw_id != made.credential_id or len(made.credential_id) > _LONGEST_ID:
        raise Unprocessable("passkey-unusable", "This passkey cannot be used here.")
    return NewKey(
        id=bytes_to_base64url(made.credential_id),
        public_key=bytes_to_base64url(made.credential_public_key),
        sign_count=made.sign_count,
        transports=tuple(sorted({one.value for one in credential.response.transports or ()})),
        backed_up=made.credential_backed_up,
        methods=_methods(made.credential_device_type),
    )


def presented(response: Response) -> Presented:
    """What an assertion says of itself. Raises Forbidden when it cannot be read."""
    try:
        handle = response["response"].get("userHandle")
        account = None if handle is None else base64url_to_bytes(handle).decode()
        found = Presented(response["id"], account)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _refused() from None
    if not isinstance(found.id, str):
        raise _refused()
    return found


def check_assertion(response: Response, passkey: Passkey, *, site: Site, challenge: bytes) -> Proven:
    """§7.2. Raises Forbidden("passkey-refused") when the origin, the relying party, the user verification, the counter
    or the signature is not right: one answer for all, that of an unknown passkey (ATK-29)."""
    try:
        proven = verify_authentication_response(
            credential=dict(response),
            expected_challenge=challenge,
            expected_rp_id=site.id,
            expected_origin=site.origin,
            credential_public_key=base64url_to_bytes(passkey.public_key),
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except Exception:  # as above
        raise _refused() from None
    return Proven(proven.new_sign_count, proven.credential_backed_up, _methods(proven.credential_device_type))


def counter_grows(before: int, now: int) -> bool:
    """§6.1.1: a counter that stands still or goes back is that of a copy; one that is always zero does not count."""
    return now > before or (now == before == 0)


def _methods(device: CredentialDeviceType) -> tuple[str, ...]:
    """A key that can leave its device is a key in software, whatever made it."""
    return ("swk" if device is CredentialDeviceType.MULTI_DEVICE else "hwk", "user")


def _refused() -> Forbidden:
    return Forbidden("passkey-refused", "This passkey does not open anything here.")


def _described(passkey: Passkey) -> PublicKeyCredentialDescriptor:
    transports = [AuthenticatorTransport(one) for one in passkey.transports]
    return PublicKeyCredentialDescriptor(id=base64url_to_bytes(passkey.id), transports=transports or None)


def _seal(body: bytes, purpose: Purpose, holder: str, key: bytes) -> bytes:
    own = hmac.digest(key, b"webauthn challenges", "sha256")  # so that no other use of the key speaks for this one
    return hmac.digest(own, b"\0".join((purpose.encode(), holder.encode(), body)), "sha256")
