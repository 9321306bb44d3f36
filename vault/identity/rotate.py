"""The server's signing keys change while it runs: published first, then signing, then only published, then gone.

A new key is published `key_overlap_seconds` before it signs, so that whoever remembers our keys has it by then; an old
one stays published until every token it signed has ended. Every worker reads the keys again every few seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from vault.audit import SERVER, AuditDraft, AuditEvent
from vault.config import IdentitySettings
from vault.identity.clients import ID_TOKEN_ALGORITHMS
from vault.identity.envelopes import KEPT, new_envelope_key
from vault.identity.envelopes import USE as ENVELOPE
from vault.identity.ports import IdentityWork, Jwk, Transact
from vault.identity.tokens import KeyRing, new_key, signs_from

USE: Final = "token"
RELOAD_SECONDS: Final = 2.0  # how long a worker may not know of a change


class KeyState(StrEnum):
    """What a key does at a moment."""

    WAITING = "waiting"  # published, does not sign yet
    SIGNING = "signing"
    RETIRED = "retired"  # published, signs no more


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """One signing key, as the operator sees it. `ends` is when a retired key goes."""

    key_id: str
    algorithm: str
    state: KeyState
    signs_from: datetime
    ends: datetime | None


async def make_keys(work: IdentityWork, *, now: datetime) -> list[Jwk]:
    """The keys of the store, newest first; the first start makes one for each algorithm, and so does the first start
    of a version that knows one more."""
    keys = await work.signing_keys.all(USE)
    for algorithm in ID_TOKEN_ALGORITHMS:
        if all(key["alg"] != algorithm for key in keys):
            await work.signing_keys.add(USE, new_key(now, algorithm=algorithm), created=now)
    return await work.signing_keys.all(USE)


async def make_envelope_key(work: IdentityWork, *, now: datetime) -> None:
    """A key that another provider encrypts to, where there is none yet."""
    if not await work.signing_keys.all(ENVELOPE):
        await work.signing_keys.add(ENVELOPE, new_envelope_key(now), created=now)


async def rotate_keys(work: IdentityWork, *, settings: IdentitySettings, now: datetime) -> list[KeyStatus]:
    """A new key for each algorithm, and one to be encrypted to where there is such; every signing key as it stands
    afterwards."""
    begins = now + timedelta(seconds=settings.key_overlap_seconds)
    for algorithm in ID_TOKEN_ALGORITHMS:
        key = new_key(now, algorithm=algorithm, signs_from=begins)
        await work.signing_keys.add(USE, key, created=now)
        facts = {"key": key["kid"], "algorithm": algorithm, "signs-from": begins.isoformat(timespec="seconds")}
        await work.audit.append(AuditDraft(SERVER, now, AuditEvent.KEY_ROTATED, "operator", "signing-keys", facts))
    if former := await work.signing_keys.all(ENVELOPE):
        envelope = new_envelope_key(now)
        await work.signing_keys.add(ENVELOPE, envelope, created=now)
        facts = {"key": envelope["kid"], "use": "enc"}
        await work.audit.append(AuditDraft(SERVER, now, AuditEvent.KEY_ROTATED, "operator", "envelope-keys", facts))
        for key in former[KEPT - 1 :]:
            await work.signing_keys.remove(ENVELOPE, key["kid"])
    return await list_keys(work, settings=settings, now=now)


async def list_keys(work: IdentityWork, *, settings: IdentitySettings, now: datetime) -> list[KeyStatus]:
    """Every signing key, the newest first."""
    return key_statuses(await work.signing_keys.all(USE), settings=settings, now=now)


async def reload_keys(ring: KeyRing, reading: Transact, *, now: datetime) -> None:
    """What each worker does every few seconds: one row or two of a warm table."""
    async with reading() as work:
        keys = await work.signing_keys.all(USE)
    ring.reload(keys, now=now)


async def retire_keys(reading: Transact, writing: Transact, *, settings: IdentitySettings, now: datetime) -> list[str]:
    """Takes away the keys whose last token has ended; their ids."""
    async with reading() as work:
        found = key_statuses(await work.signing_keys.all(USE), settings=settings, now=now)
    gone = [status.key_id for status in found if status.ends is not None and status.ends <= now]
    if gone:
        async with writing() as work:
            for key_id in gone:
                await work.signing_keys.remove(USE, key_id)
    return gone


def key_statuses(keys: list[Jwk], *, settings: IdentitySettings, now: datetime) -> list[KeyStatus]:
    """What each key does now; `keys` are those of the store, newest first."""
    # A token may be signed by a worker that has not heard of the change yet, and is believed a little after its end.
    lasts = max(settings.access_token_seconds, settings.id_token_seconds) + settings.clock_tolerance_seconds
    stays = timedelta(seconds=lasts + 2 * RELOAD_SECONDS)
    newer: dict[str, datetime] = {}  # algorithm → since when a newer key signs
    found = []
    for key in keys:
        algorithm, begins = key["alg"], datetime.fromtimestamp(signs_from(key), UTC)
        follower = newer.get(algorithm)
        if now < begins:
            found.append(KeyStatus(key["kid"], algorithm, KeyState.WAITING, begins, None))
            continue
        state = KeyState.SIGNING if follower is None else KeyState.RETIRED
        found.append(KeyStatus(key["kid"], algorithm, state, begins, None if follower is None else follower + stays))
        newer[algorithm] = begins
    return found
