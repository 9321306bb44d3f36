"""Reads the catalogue's files from a folder: the one that travels with the product, and an operator's own beside it."""

from __future__ import annotations

from pathlib import Path

from vault.datasluis.catalogue import Catalogue, CatalogueError, parse_catalogue

_PACKAGE = Path(__file__).resolve().parents[1]


def default_folder() -> Path:
    """`shapes/` as installed inside the package, or beside it in a source tree."""
    installed = _PACKAGE / "shapes"
    return installed if installed.is_dir() else _PACKAGE.parent / "shapes"


def read_catalogue(*folders: Path) -> Catalogue:
    """The catalogue from the .json and .ttl files directly in these folders; a later folder adds, never replaces.

    Raises CatalogueError, also when two folders hold a file of one name. Without a folder: the product's own.
    """
    files: dict[str, bytes] = {}
    for folder in folders or (default_folder(),):
        for path in sorted(folder.iterdir()):
            if path.suffix not in (".json", ".ttl") or not path.is_file():
                continue
            if path.name in files:
                raise CatalogueError([f"{path.name}: stands in two folders"])
            files[path.name] = path.read_bytes()
    return parse_catalogue(files)
