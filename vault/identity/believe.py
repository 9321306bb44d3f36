"""What the other provider says of somebody: opened where it is encrypted, checked, and completed by what it tells at
userinfo only (OpenID Connect Core §3.1.3.7, §5.3.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vault import observe
from vault.config import Settings
from vault.errors import Forbidden
from vault.identity.envelopes import USE, is_envelope, open_envelope
from vault.identity.ports import Transact, Upstream
from vault.identity.tokens import BadToken
from vault.identity.upstream import Redeemed, check_id_token, check_userinfo, read_id_token, read_userinfo


@dataclass(frozen=True, slots=True)
class Hearing:
    """What the provider is heard with."""

    upstream: Upstream
    reading: Transact
    settings: Settings
    now: datetime


async def believe(redeemed: Redeemed, hearing: Hearing, *, nonce: str) -> Mapping[str, Any]:
    """The claims about whoever the code was for. Raises Forbidden("upstream-token") for what cannot be believed."""
    try:
        claims = await _believed(redeemed, hearing, nonce)
        if not await _lacks(claims, hearing):
            return claims
        more = await _told(redeemed, hearing)
        if more and more.get("sub") != claims["sub"]:  # Core §5.3.2: else they "MUST NOT be used"
            raise BadToken("userinfo-of-another")
    except BadToken as bad:
        observe.warning("upstream-token-refused", reason=bad.because)
        raise Forbidden("upstream-token", "The provider's answer cannot be believed.") from None
    return {**more, **claims}  # what the ID token says stands


async def _believed(redeemed: Redeemed, hearing: Hearing, nonce: str) -> Mapping[str, Any]:
    text, settings = redeemed.id_token, hearing.settings
    if settings.upstream.upstream_encrypted:
        if not is_envelope(text):  # Core §3.1.3.7, 1: it was agreed upon
            raise BadToken("not-encrypted")
        text = await _opened(text, hearing)
    jws = read_id_token(text, limits=settings.limits)
    return check_id_token(
        jws,
        await hearing.upstream.keys(key_id=jws.header.get("kid")),
        issuer=settings.upstream.upstream_issuer,
        client_id=settings.upstream.upstream_client_id,
        nonce=nonce,
        now=hearing.now,
        settings=settings.identity,
    )


async def _lacks(claims: Mapping[str, Any], hearing: Hearing) -> bool:
    """Whether a claim is needed that the ID token does not hold: for somebody new, or for the number that deposits find
    her by."""
    ours, number = hearing.settings.upstream, hearing.settings.upstream.upstream_number_claim
    async with hearing.reading() as work:
        link = await work.upstream_links.get(ours.upstream_issuer, claims["sub"])
        account = None if link is None else await work.accounts.get(link.account)
    if account is None:
        needed = {ours.upstream_email_claim, ours.upstream_name_claim, number} - {""}
    else:
        needed = {number} - {""} if not account.national_numbers else set()
    return not needed <= set(claims)


async def _told(redeemed: Redeemed, hearing: Hearing) -> Mapping[str, Any]:
    """What userinfo answers: JSON, or the same signed, or encrypted, or both (Core §5.3.2)."""
    said, settings = await hearing.upstream.userinfo(redeemed), hearing.settings
    if not isinstance(said, str):
        return said
    sealed = is_envelope(said)
    found = read_userinfo(await _opened(said, hearing) if sealed else said, limits=settings.limits)
    if isinstance(found, Mapping):
        if not sealed:  # said to be a JWT, and neither signed nor encrypted
            raise BadToken("userinfo")
        return found
    keys, ours = await hearing.upstream.keys(key_id=found.header.get("kid")), settings.upstream
    return check_userinfo(found, keys, issuer=ours.upstream_issuer, client_id=ours.upstream_client_id)


async def _opened(text: str, hearing: Hearing) -> str:
    async with hearing.reading() as work:
        keys = await work.signing_keys.all(USE)
    return open_envelope(text, keys, limits=hearing.settings.limits)
