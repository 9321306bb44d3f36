"""Where resources are: the one canonical form of a path, parents and twins, auxiliaries, and names for new children.

A path is a key and never becomes a file name; every access decision and every storage key uses the same form (PR-15).
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from vault.errors import Malformed, Missing
from vault.values import WEBID_PATH, PodName, ResourceUrl, canonical_path, parse_pod_name

MAX_PATH_BYTES: Final = 2048  # of the whole path, after normalisation
MAX_DEPTH: Final = 64  # segments below the storage: one PUT makes at most so many containers (PR-61)
MAX_SLUG: Final = 128  # characters of a slug that are kept

# The storage description of every pod (PR-22): the server's own document, never written by a client.
DESCRIPTION_PATH: Final = "/.well-known/solid"
INBOX_PATH: Final = "/inbox/"  # where others leave notes (LD-1); every pod is made with it


class Auxiliary(StrEnum):
    """What an auxiliary says of its subject; the value is the suffix without its dot (PR-40)."""

    ACL = "acl"
    META = "meta"


_ENDINGS: Final = tuple(f".{kind}" for kind in Auxiliary)
_SUFFIX_IN_NAME: Final = re.compile(r"\.(acl|meta)(?=$|/)")
_ENDS_IN_SUFFIX: Final = re.compile(r"\.(acl|meta)$", re.IGNORECASE)


@lru_cache(maxsize=1024)
def parse_target(raw_path: str) -> ResourceUrl:
    """The resource a request is about, from the path as it was sent (without query); raises Malformed.

    Raises Missing where no storage can ever be: that tells nothing about any storage.
    """
    path = canonical_path(raw_path)
    if len(path) > MAX_PATH_BYTES:
        raise Malformed("path-too-long", "The path is too long.")
    pod, slash, rest = path[1:].partition("/")
    if rest.count("/") > MAX_DEPTH:
        raise Malformed("path-too-deep", "The path has too many segments.")
    try:
        name = parse_pod_name(pod)
    except Malformed:
        raise Missing("no-such-storage", "There is no storage here.") from None
    if not slash:  # a storage is a container, and only a path ending in a slash is one (PR-10)
        raise Missing("no-such-storage", "There is no storage here; the path of a storage ends in a slash.")
    return ResourceUrl(name, "/" + rest)


def storage_of(pod: PodName) -> ResourceUrl:
    """The root container of a pod."""
    return ResourceUrl(pod, "/")


def acl_of(url: ResourceUrl) -> ResourceUrl:
    """The one ACL resource of a subject (PR-42)."""
    return ResourceUrl(url.pod, url.path + ".acl")


def meta_of(url: ResourceUrl) -> ResourceUrl:
    """The one description resource of a subject (PR-42)."""
    return ResourceUrl(url.pod, url.path + ".meta")


def auxiliary(url: ResourceUrl) -> tuple[Auxiliary, ResourceUrl] | None:
    """Which auxiliary this is, and of what; None for everything else.

    A name with two suffixes is neither: there is no ACL of an ACL and no description of a description (PR-46).
    """
    path = url.path
    if not path.endswith(_ENDINGS):
        return None
    stem, _, kind = path.rpartition(".")
    return None if _SUFFIX_IN_NAME.search(stem) else (Auxiliary(kind), ResourceUrl(url.pod, stem))


def is_acl(target: ResourceUrl) -> bool:
    """Whether the target is an ACL resource."""
    found = auxiliary(target)
    return found is not None and found[0] is Auxiliary.ACL


def is_forbidden(url: ResourceUrl) -> bool:
    """Whether no resource may ever be made here: a container named like an auxiliary, anything below one, or a name
    with two suffixes (PR-46, PR-47)."""
    return _SUFFIX_IN_NAME.search(url.path) is not None and auxiliary(url) is None


def is_description(url: ResourceUrl) -> bool:
    """Whether this is the storage description, which the server itself answers (PR-23)."""
    return url.path == DESCRIPTION_PATH


def is_reserved(url: ResourceUrl) -> bool:
    """Whether a resource here would be the storage description or stand in its way: above it, below it, its twin."""
    path = url.path
    return path in ("/.well-known", DESCRIPTION_PATH) or path.startswith(DESCRIPTION_PATH + "/")


def is_webid_document(url: ResourceUrl) -> bool:
    """Whether this is the document behind the WebID of the pod's owner (WP-3)."""
    return url.path == WEBID_PATH


def subject_of(url: ResourceUrl) -> ResourceUrl:
    """The subject of an auxiliary; anything else is its own subject."""
    found = auxiliary(url)
    return url if found is None else found[1]


def ancestors(url: ResourceUrl) -> tuple[ResourceUrl, ...]:
    """The containers above, nearest first, the storage last."""
    found = []
    above = url.parent
    while above is not None:
        found.append(above)
        above = above.parent
    return tuple(found)


def acl_candidates(url: ResourceUrl) -> tuple[ResourceUrl, ...]:
    """Where the effective ACL may be: the resource's own, then those of its ancestors up to the storage (WA-6).

    For an auxiliary: the candidates of its subject (PR-43, WA-13). Longest path first.
    """
    return tuple(ResourceUrl(url.pod, path) for path in acl_paths(url))


def acl_paths(url: ResourceUrl) -> list[str]:
    """The paths of `acl_candidates`."""
    path = subject_of(url).path
    found = [path + ".acl"]
    end = path.rfind("/", 0, len(path) - 1)  # the final slash of a container is no step up
    while end >= 0:
        found.append(path[: end + 1] + ".acl")
        end = path.rfind("/", 0, end)
    return found


def twin(url: ResourceUrl) -> ResourceUrl:
    """The URI that differs only in the final slash: the two never both exist (PR-11). A storage is its own twin."""
    if url.path == "/":
        return url
    return ResourceUrl(url.pod, url.path[:-1] if url.is_container else url.path + "/")


def safe_name(slug: str | None) -> str:
    """One segment that says what the slug says, and nothing a path could misread; "" when nothing is left."""
    clean = "".join("-" if ch in "/\\" or ch.isspace() else ch for ch in (slug or "").strip().strip("/\\"))
    clean = "".join(ch for ch in clean if ch.isprintable() and not "\ud800" <= ch <= "\udfff")[:MAX_SLUG]
    clean = _ENDS_IN_SUFFIX.sub(r"-\1", clean)
    return clean if clean.strip(".") else ""


def mint(container: ResourceUrl, slug: str | None, *, container_wanted: bool, unique: str) -> ResourceUrl:
    """A name for a new child: the slug made safe, `unique` added to it when that is not empty, or `unique` alone.

    Never an auxiliary, whatever the slug says: a suffix loses its dot (PR-47, ATK-13). The caller looks whether the
    name or its twin is taken, and asks again with something unique (PR-64).
    """
    stem = safe_name(slug)
    name = f"{stem}-{unique}" if stem and unique else stem or unique
    if not name:
        raise Malformed("slug", "A new resource needs a name.")
    path = container.path + quote(name, safe="~") + ("/" if container_wanted else "")
    if len(path) > MAX_PATH_BYTES:
        raise Malformed("path-too-long", "The path would be too long.")
    return ResourceUrl(container.pod, path)
