"""Words every package shares: parsed once at the door, trusted after.

Nothing here does I/O or reads a clock. A value that exists is valid: the `parse_*` functions are the only way in for
text that a stranger sent, and they raise `Malformed`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final, NewType
from urllib.parse import unquote_to_bytes, urlsplit

from vault.errors import Malformed

WebId = NewType("WebId", str)  # only parse_webid() makes one from outside text
ClientId = NewType("ClientId", str)
AccountId = NewType("AccountId", str)
ParticipantId = NewType("ParticipantId", str)
RequestId = NewType("RequestId", str)
GrantId = NewType("GrantId", str)
PodName = NewType("PodName", str)

WEBID_PATH: Final = "/profile/card"  # the WebID document of a pod's owner; the WebID is its #me

Clock = Callable[[], datetime]  # always aware, always UTC

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_PLAIN_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@/-]*")
_RECODE = re.compile(rb"%([0-9A-Fa-f]{2})|[^A-Za-z0-9._~!$&'()*+,;=:@/-]")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_POD_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{1,61}[a-z0-9])")

# First path segments that routes use or may come to use: never a pod (Solid §4.1 wants disjoint URI spaces).
RESERVED_NAMES = frozenset(
    ["account", "admin", "api", "app", "assets", "datasluis", "favicon", "healthz", "help", "idp", "login", "logout"]
    + ["metrics", "mijn", "my", "ns", "oidc", "readyz", "robots", "security", "settings", "static", "status"]
    + ["well-known", "www"]
)


@dataclass(frozen=True, slots=True)
class ResourceUrl:
    """The place of a resource: a pod and a canonical path below it. `solid.paths.parse_target` makes them.

    `path` starts with "/" and is percent-encoded in its one canonical form (PR-15); "/" is the storage itself.
    """

    pod: PodName
    path: str

    @property
    def is_container(self) -> bool:
        """A path ending in "/" is a container; nothing else is (PR-10)."""
        return self.path.endswith("/")

    @property
    def is_storage(self) -> bool:
        return self.path == "/"

    @property
    def name(self) -> str:
        """The last segment, with the final slash of a container."""
        cut = self.path.rstrip("/").rfind("/") + 1
        return self.path[cut:]

    @property
    def parent(self) -> ResourceUrl | None:
        """The container this stands in; None for a storage."""
        return None if self.path == "/" else _parent(self.pod, self.path)

    def iri(self, base_url: str) -> str:
        """The absolute URL; `base_url` ends in a slash."""
        return f"{base_url}{self.pod}{self.path}"


@lru_cache(maxsize=1024)
def canonical_path(raw: str) -> str:
    """The one canonical form of a URL path (PR-15): RFC 3986 §6.2.2, except that doubt is refused, never repaired.

    Takes the path as it was sent. Hex digits become upper case, unreserved characters are decoded and what may not
    stand in a path is encoded; reserved characters stay as they are, so `%2F` and `%5C` are never decoded. Refuses
    `.`, `..` and empty segments, control characters, raw backslashes and what is not UTF-8.
    canonical_path(canonical_path(x)) == canonical_path(x).
    """
    if not _PLAIN_PATH.fullmatch(raw):
        raw = _recoded(raw)
    if "//" in raw or "/." in raw:
        segments = raw.split("/")
        if "" in segments[1:-1] or "." in segments or ".." in segments:
            raise Malformed("path", "A path has no empty, `.` or `..` segments.")
    return raw


def normalise_url(url: str) -> str:
    """An absolute http(s) URL in its RFC 3986 §6.2 form: scheme and host in lower case, no default port, canonical
    path; query and fragment as they are. What cannot be normalised comes back as it is, and so equals nothing else.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
        path = canonical_path(parts.path or "/")
    except (ValueError, Malformed):
        return url
    scheme = parts.scheme.lower()
    if scheme not in ("http", "https") or not host or "@" in parts.netloc:
        return url
    place = f"[{host}]" if ":" in host else host
    if port is not None and port != (443 if scheme == "https" else 80):
        place = f"{place}:{port}"
    query = f"?{parts.query}" if parts.query else ""
    fragment = f"#{parts.fragment}" if parts.fragment else ""
    return f"{scheme}://{place}{path}{query}{fragment}"


def parse_pod_name(text: str) -> PodName:
    """A pod name: 3 to 63 lower-case letters, digits and inner hyphens, and not a name that routes use."""
    if not _POD_NAME.fullmatch(text) or text in RESERVED_NAMES:
        raise Malformed("pod-name", "A pod name has 3 to 63 letters a-z, digits or inner hyphens, and is not reserved.")
    return PodName(text)


def webid_of(pod: PodName, *, base_url: str) -> WebId:
    """The WebID that a pod's own profile document describes."""
    return WebId(f"{ResourceUrl(pod, WEBID_PATH).iri(base_url)}#me")


def parse_webid(text: str) -> WebId:
    """An absolute http(s) IRI without user info, white space or control characters (RS-11 decides on http)."""
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        host, parts = None, urlsplit("")
    clean = not any(ch <= " " or ch in '<>"{}|\\^`' or ch == "\x7f" for ch in text)
    if parts.scheme not in ("https", "http") or not host or "@" in parts.netloc or not clean or len(text) > 2048:
        raise Malformed("webid", "A WebID is an absolute http or https URL.")
    return WebId(text)


@dataclass(frozen=True, slots=True)
class MediaType:
    """A media type (RFC 9110 §8.3.1): `essence` in lower case, parameters with lower-case names, in order."""

    essence: str
    parameters: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        if not self.parameters:
            return self.essence
        return self.essence + "".join(f"; {name}={_quoted(value)}" for name, value in self.parameters)

    def parameter(self, name: str) -> str | None:
        return next((value for key, value in self.parameters if key == name), None)


@lru_cache(maxsize=1024)
def parse_media_type(text: str) -> MediaType:
    """Reads `type/subtype *(; name=value)`; raises Malformed. Linear in the length of the text."""
    head, *rest = _split_outside_quotes(text, ";")
    kind, slash, subtype = head.strip().partition("/")
    if not slash or not _TOKEN.fullmatch(kind) or not _TOKEN.fullmatch(subtype):
        raise Malformed("media-type", "The media type cannot be read.")
    parameters: list[tuple[str, str]] = []
    for piece in rest:
        if not piece.strip():
            continue
        name, equals, value = piece.strip().partition("=")
        if not equals or not _TOKEN.fullmatch(name.strip()):
            raise Malformed("media-type", "The media type has a parameter that cannot be read.")
        parameters.append((name.strip().lower(), _unquoted(value.strip())))
    return MediaType(f"{kind}/{subtype}".lower(), tuple(parameters))


TURTLE = MediaType("text/turtle")
NTRIPLES = MediaType("application/n-triples")
JSON_LD = MediaType("application/ld+json")
JSON = MediaType("application/json")
N3_PATCH = MediaType("text/n3")
SPARQL_UPDATE = MediaType("application/sparql-update")
PROBLEM_JSON = MediaType("application/problem+json")
XML = MediaType("application/xml")
HTML = MediaType("text/html")
OCTETS = MediaType("application/octet-stream")


@dataclass(frozen=True, slots=True)
class ETag:
    """An entity tag (RFC 9110 §8.8.3). Ours are always strong and never used twice."""

    opaque: str
    weak: bool = False

    def __str__(self) -> str:
        return f'W/"{self.opaque}"' if self.weak else f'"{self.opaque}"'


class Secret:
    """A value that must not appear in a log, a traceback or a repr. `reveal()` is the only way to it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


@dataclass(frozen=True, slots=True)
class Anonymous:
    """A request without credentials. One with bad credentials never becomes this (TR-2)."""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The most an app may do for the person who let it in, whatever the ACLs give that person (PAIN-05).

    `folders` are containers: the app reaches them and what stands below them; everywhere else it is nobody in
    particular. Without folders it knows who the person is, and nothing more. No Ceiling at all is the whole pod.
    """

    folders: tuple[ResourceUrl, ...] = ()

    def covers(self, target: ResourceUrl) -> bool:
        """Whether the target is one of the folders or stands below one."""
        return any(target.pod == folder.pod and target.path.startswith(folder.path) for folder in self.folders)


@dataclass(frozen=True, slots=True)
class Agent:
    """Somebody who proved a WebID by token: the WebID, the client it came through, the issuer that said so, and what
    the person set as that client's ceiling, if anything."""

    webid: WebId
    client: ClientId | None
    issuer: str
    ceiling: Ceiling | None = None


Caller = Anonymous | Agent
ANONYMOUS = Anonymous()


@dataclass(frozen=True, slots=True)
class Citizen:
    """A person in a browser session, never a token: only a Citizen answers requests and revokes grants.

    `pod` is the pod this WebID owns; `stepped_up` is True shortly after the password was given (again).
    """

    account: AccountId
    webid: WebId
    pod: PodName
    stepped_up: bool


@dataclass(frozen=True, slots=True)
class Notice:
    """What others are to be told after the commit: written to the outbox in the transaction that makes it true.

    `topic`: absolute IRI of the resource, request or grant. `kind`: an ActivityStreams type (Create, Update, Delete,
    Add, Remove) or a data lock event such as "datasluis:grant:revoked". `target`: the container of Add and Remove.
    """

    topic: str
    kind: str
    at: datetime
    target: str | None = None
    state: str | None = None  # the ETag after the change, unquoted; None after a deletion


@lru_cache(maxsize=4096)
def _parent(pod: PodName, path: str) -> ResourceUrl:
    """Asked for many times on the way of one request."""
    return ResourceUrl(pod, path[: path.rfind("/", 0, -1) + 1])


def _recoded(raw: str) -> str:
    """The percent-encoding of a path in its one form; refuses what has no safe reading."""
    try:
        sent = raw.encode("utf-8", "surrogateescape")
        text = _RECODE.sub(_one_octet, sent).decode("ascii")
        unquote_to_bytes(text).decode("utf-8")  # refuses overlong forms and surrogates (ATK-12)
    except UnicodeError:
        raise Malformed("path", "The path is not UTF-8.") from None
    if not text.startswith("/") or "%C2%8" in text or "%C2%9" in text:
        raise Malformed("path", "A path starts with a slash and holds no control characters.")
    return text


def _one_octet(found: re.Match[bytes]) -> bytes:
    """One escape or one raw octet outside the characters of a path."""
    octet = int(found[1], 16) if found[1] else found[0][0]
    if octet < 0x20 or octet == 0x7F or (not found[1] and found[0] in (b"%", b"\\", b"?", b"#")):
        raise Malformed("path", "The path holds a character that no path here may hold.")
    return bytes([octet]) if found[1] and octet in _UNRESERVED else b"%%%02X" % octet


def _quoted(value: str) -> str:
    if _TOKEN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] == '"':
        return re.sub(r"\\(.)", r"\1", value[1:-1])
    return value


def _split_outside_quotes(text: str, separator: str) -> list[str]:
    pieces, start, quoted, escaped = [], 0, False, False
    for index, ch in enumerate(text):
        if escaped:
            escaped = False
        elif quoted and ch == "\\":
            escaped = True
        elif ch == '"':
            quoted = not quoted
        elif ch == separator and not quoted:
            pieces.append(text[start:index])
            start = index + 1
    pieces.append(text[start:])
    return pieces
