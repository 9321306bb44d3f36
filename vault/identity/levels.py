"""Levels of assurance: how sure another provider is of who somebody is (`acr`, OpenID Connect Core §2).

The operator lists the values that the provider uses, the weakest first. What is not in the list reaches nothing, and
what was proved to this server alone, by password or passkey, has no level at all.
"""

from __future__ import annotations

from collections.abc import Sequence

from vault.config import UpstreamSettings


def reaches(level: str | None, wanted: str, levels: Sequence[str]) -> bool:
    """Whether `level` is `wanted` or stronger; an empty `wanted` asks for nothing."""
    if not wanted:
        return True
    return level in levels and wanted in levels and levels.index(level) >= levels.index(wanted)


def at_least(wanted: str, levels: Sequence[str]) -> tuple[str, ...]:
    """The values that reach `wanted`, the weakest first: what `acr_values` asks for. None for an empty one."""
    return tuple(levels[levels.index(wanted) :]) if wanted in levels else ()


def asked_for(acr_values: str, levels: Sequence[str]) -> str:
    """The level a request with `acr_values` would like (§3.1.2.1: "in order of preference"); "" for none we know."""
    return next((value for value in acr_values.split() if value in levels), "")


def open_wish(acr_values: str, held: str | None, upstream: UpstreamSettings) -> str:
    """The level that an app would like and that another provider could still give; "" for none. Its `acr_values` are
    a wish, not a condition (OpenID Connect Core §5.5.1.1: `acr` "as a Voluntary Claim")."""
    wanted = asked_for(acr_values, upstream.upstream_levels) if upstream.upstream_issuer else ""
    return "" if reaches(held, wanted, upstream.upstream_levels) else wanted
