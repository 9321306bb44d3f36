"""Patches: N3 Patch and the SPARQL Update subset → `GraphEdit`; `apply_edit()` with a budget of steps (D9, LIM-12)."""

from __future__ import annotations

from typing import Final

from vault.config import Limits
from vault.errors import Malformed, UnsupportedMedia
from vault.rdf.edits import GraphEdit, Pattern, Variable, apply_edit
from vault.rdf.guards import check_size
from vault.rdf.n3patch import read_n3_patch
from vault.rdf.sparql import read_sparql_update
from vault.values import N3_PATCH, SPARQL_UPDATE, MediaType

__all__ = ["PATCH_TYPES", "GraphEdit", "Pattern", "Variable", "apply_edit", "parse_patch"]

PATCH_TYPES: Final = (N3_PATCH, SPARQL_UPDATE)

_READERS = {N3_PATCH.essence: read_n3_patch, SPARQL_UPDATE.essence: read_sparql_update}


def parse_patch(data: bytes, media_type: MediaType, *, base: str, limits: Limits) -> GraphEdit:
    """The edit that a patch body asks for; `base` is the IRI of the target (N3-15).

    Raises UnsupportedMedia, TooLarge, Malformed (it cannot be read) or Unprocessable (it can, and is no patch of ours).
    """
    reader = _READERS.get(media_type.essence)
    if reader is None:
        raise UnsupportedMedia("patch-media-type", "This is not a patch.", accepted=tuple(map(str, PATCH_TYPES)))
    check_size(data, limits.patch_bytes)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Malformed("patch-syntax", "The patch is not UTF-8.") from None
    return reader(text, base, limits)
