"""The Flemish code lists of learning credentials: looked up by notation, never built from a label.

They stand in led_codes.json: list → notation as LED writes it → last part of the concept's IRI.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Final

from vault.rdf.graph import Iri

_TREE: Final = json.loads(files("vault.connectors").joinpath("led_codes.json").read_bytes())
_BASE: Final[str] = _TREE["base"]
_LISTS: Final[Mapping[str, Mapping[str, str]]] = _TREE["lists"]

# Elements that the mapping knows, at any depth below Bewijs; the others are read over, and counted.
ELEMENTS: Final[frozenset[str]] = frozenset(_TREE["elements"])

# What LED writes for "we do not know" and "that does not exist here": no triple.
PLACEHOLDERS: Final = frozenset(["", "Niet beschikbaar", "Niet van toepassing", "NBS", "NVT"])


def concept(list_name: str, notation: str) -> Iri | None:
    """The concept with this notation, or None when the list has none."""
    tail = _LISTS[list_name].get(notation)
    return None if tail is None else Iri(f"{_BASE}{list_name}/{tail}")
