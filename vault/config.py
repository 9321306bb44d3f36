"""Settings: one TOML file, the same keys as DATAKLUIS_… in the environment and as options of `serve`.

The fields and their defaults are the frozen dataclasses below; `load_settings()` reads, checks and reports every
mistake at once. Only this module reads the environment.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import get_origin, get_type_hints
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where the server listens and what it calls itself. `base_url` always ends in a slash (D10)."""

    base_url: str = "http://localhost:3000/"
    host: str = "127.0.0.1"
    port: int = 3000
    workers: int = 1
    trusted_proxies: tuple[str, ...] = ()
    drain_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """The folder of the embedded store: database, blobs, and nothing else."""

    data: Path = Path("data")
    inline_bytes: int = 16 * 1024  # bodies up to this size stay in their row


@dataclass(frozen=True, slots=True)
class IdentitySettings:
    """Life times in seconds; tolerances as RS-5 has them."""

    access_token_seconds: int = 600
    id_token_seconds: int = 600
    code_seconds: int = 60
    refresh_token_seconds: int = 30 * 24 * 3600
    session_idle_seconds: int = 3600
    session_seconds: int = 12 * 3600
    step_up_seconds: int = 300
    clock_tolerance_seconds: int = 120
    proof_seconds: int = 120
    token_age_seconds: int = 24 * 3600
    require_ath: bool = False  # D6
    sign_up: str = "open"  # open or closed


@dataclass(frozen=True, slots=True)
class DatasluisSettings:
    """The data lock: which MAGDA messages it takes and how long an unanswered request stays."""

    request_days: int = 30
    pending_requests: int = 5  # unanswered requests of one organisation to one citizen
    accept_unmatched_national_numbers: bool = False  # sample mode: see connectors; never in production


@dataclass(frozen=True, slots=True)
class NotifySettings:
    """Channels: how long they last, how many there may be, and how patient we are with receivers."""

    channel_seconds: int = 14 * 24 * 3600  # NP-12
    anonymous_channel_seconds: int = 3600
    channels: int = 20_000  # of everybody together
    channels_per_agent: int = 200
    anonymous_channels: int = 1000
    connections: int = 2000  # open at once, in each worker
    ping_seconds: float = 30.0
    slow_seconds: float = 10.0  # a receiver that takes longer to take one message is let go
    recheck_seconds: float = 10.0  # a channel on which nothing happens is judged anew this often
    retries: int = 12
    retry_seconds: float = 1.0  # before the first; then twice as long each time, but never longer than
    longest_retry_seconds: float = 3600.0
    waiting_messages: int = 1000  # that one webhook has not taken; with more, its channel ends


@dataclass(frozen=True, slots=True)
class OutboundSettings:
    """The only HTTP to strangers (LIM-18)."""

    total_seconds: float = 5.0
    body_bytes: int = 256 * 1024
    redirects: int = 3
    insecure_allow_loopback: bool = False  # http and loopback addresses, for development and tests
    issuer_cache_seconds: int = 300
    negative_cache_seconds: int = 15


@dataclass(frozen=True, slots=True)
class Limits:
    """What a stranger may send (LIM-02 to LIM-19). Sizes in bytes."""

    rdf_bytes: int = 1024 * 1024  # LIM-02
    patch_bytes: int = 64 * 1024
    json_bytes: int = 256 * 1024
    form_bytes: int = 64 * 1024
    upload_bytes: int = 1024 * 1024 * 1024  # LIM-03
    quota_bytes: int = 10 * 1024 * 1024 * 1024  # per pod
    json_depth: int = 64  # LIM-04
    turtle_depth: int = 256  # LIM-05
    contexts: int = 64  # LIM-07
    context_terms: int = 256
    prefixes: int = 256  # LIM-09
    literal_bytes: int = 256 * 1024  # LIM-10
    iri_bytes: int = 4 * 1024
    language_characters: int = 64
    triples: int = 100_000  # LIM-11
    blank_nodes: int = 50_000
    where_patterns: int = 64  # LIM-12
    where_steps: int = 100_000
    sparql_depth: int = 16  # LIM-13
    canonical_steps: int = 200_000  # LIM-14
    xml_bytes: int = 2 * 1024 * 1024  # LIM-15
    xml_depth: int = 64
    inline_parse_bytes: int = 64 * 1024  # LIM-16: larger bodies go to a disposable process
    parse_seconds: float = 2.0
    parse_memory_bytes: int = 256 * 1024 * 1024
    password_characters: int = 256  # LIM-19
    jti_bytes: int = 256
    token_bytes: int = 8 * 1024
    url_bytes: int = 4 * 1024
    header_bytes: int = 32 * 1024
    header_seconds: float = 30.0
    body_seconds: float = 60.0
    sign_in_tries: int = 10  # per account and per address, within
    sign_in_window_seconds: int = 300
    requests_per_minute: int = 6000  # per address, over all workers of one process


@dataclass(frozen=True, slots=True)
class ObserveSettings:
    """Structured log lines on standard error; a truncated address and no names."""

    log_level: str = "info"
    log_format: str = "json"  # json or console


@dataclass(frozen=True, slots=True)
class OperatorSettings:
    """Who runs this vault, as every page says in its foot. An empty address is left out."""

    operator_name: str = "Datakluis"
    operator_email: str = ""
    dpo_email: str = ""  # the operator's data protection officer


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything an operator can set."""

    server: ServerSettings = field(default_factory=ServerSettings)
    storage: StorageSettings = field(default_factory=StorageSettings)
    identity: IdentitySettings = field(default_factory=IdentitySettings)
    datasluis: DatasluisSettings = field(default_factory=DatasluisSettings)
    notify: NotifySettings = field(default_factory=NotifySettings)
    outbound: OutboundSettings = field(default_factory=OutboundSettings)
    limits: Limits = field(default_factory=Limits)
    observe: ObserveSettings = field(default_factory=ObserveSettings)
    operator: OperatorSettings = field(default_factory=OperatorSettings)


class SettingsError(Exception):
    """Every mistake in the settings, together; each line names its key and shows an example."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = tuple(mistakes)


PREFIX = "DATAKLUIS_"
_SECTIONS = ("server", "storage", "identity", "datasluis", "notify", "outbound", "limits", "observe", "operator")


def load_settings(
    *,
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    options: Mapping[str, object] | None = None,
) -> Settings:
    """Defaults, then the TOML file, then DATAKLUIS_… in the environment, then command-line options.

    `environment` is the process environment unless one is given; `file` may also come from DATAKLUIS_CONFIG.
    `options` maps field names to values; None means "not given". Raises SettingsError with all mistakes at once.
    """
    environment = os.environ if environment is None else environment
    mistakes: list[str] = []
    given: dict[str, object] = {}
    if file is None and (named := environment.get(PREFIX + "CONFIG")):
        file = Path(named)
    if file is not None:
        given.update(_from_file(file, mistakes))
    given.update(_from_environment(environment, mistakes))
    given.update({key: value for key, value in (options or {}).items() if value is not None})
    settings = _assemble(given, mistakes)
    mistakes.extend(_contradictions(settings))
    if mistakes:
        raise SettingsError(mistakes)
    return settings


def setting_names() -> dict[str, tuple[str, type | object]]:
    """Every setting: its flat name → (section, type). Names are unique over all sections; a house test holds that."""
    found: dict[str, tuple[str, type | object]] = {}
    for section, kind in get_type_hints(Settings).items():
        for name, annotation in get_type_hints(kind).items():
            found[name] = (section, annotation)
    return found


def insecure_settings(settings: Settings) -> list[str]:
    """The settings that open something for development; each is warned about at every start."""
    found = []
    for section in _SECTIONS:
        part = getattr(settings, section)
        found += [f.name for f in fields(part) if f.name.startswith("insecure_") and getattr(part, f.name)]
    return found


def in_force(settings: Settings) -> dict[str, dict[str, object]]:
    """What is in force, by section, for `datakluis config`. No setting holds a secret's value."""
    return {
        section: {
            f.name: _plain(getattr(getattr(settings, section), f.name)) for f in fields(getattr(settings, section))
        }
        for section in _SECTIONS
    }


def _from_file(file: Path, mistakes: list[str]) -> dict[str, object]:
    try:
        tree = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError:
        mistakes.append(f"config: {file} cannot be read")
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        mistakes.append(f"config: {file} is not TOML: {error}")
        return {}
    known = setting_names()
    found: dict[str, object] = {}
    for section, values in tree.items():
        if section not in _SECTIONS or not isinstance(values, dict):
            mistakes.append(f"{section}: unknown section; the sections are {', '.join(_SECTIONS)}")
            continue
        for name, value in values.items():
            if known.get(name, ("",))[0] != section:
                mistakes.append(f"{section}.{name}: unknown setting{_hint(name, known)}")
            else:
                found[name] = value
    return found


def _from_environment(environment: Mapping[str, str], mistakes: list[str]) -> dict[str, object]:
    known = setting_names()
    found: dict[str, object] = {}
    for variable, text in environment.items():
        if not variable.startswith(PREFIX) or variable == PREFIX + "CONFIG":
            continue
        name = variable[len(PREFIX) :].lower()
        if name not in known:
            mistakes.append(f"{variable}: unknown setting{_hint(name, known)}")
        else:
            found[name] = text
    return found


def _assemble(given: Mapping[str, object], mistakes: list[str]) -> Settings:
    known = setting_names()
    parts: dict[str, dict[str, object]] = {section: {} for section in _SECTIONS}
    for name, value in given.items():
        section, annotation = known[name]
        try:
            parts[section][name] = _coerce(value, annotation)
        except (ValueError, TypeError, KeyError):
            mistakes.append(f"{section}.{name}: {value!r} is not {_described(annotation)}")
    server = parts["server"]
    if "base_url" not in server:
        server["base_url"] = f"http://localhost:{server.get('port', ServerSettings().port)}/"
    elif not str(server["base_url"]).endswith("/"):
        server["base_url"] = f"{server['base_url']}/"
    kinds = get_type_hints(Settings)
    return Settings(**{section: kinds[section](**values) for section, values in parts.items()})


def _contradictions(settings: Settings) -> Iterator[str]:
    """What each value alone cannot tell."""
    server, identity = settings.server, settings.identity
    parts = urlsplit(server.base_url)
    host = parts.hostname or ""
    loopback = host in ("localhost", "127.0.0.1", "::1") or host.endswith(".localhost")
    if parts.scheme not in ("http", "https") or not host or parts.path != "/" or parts.query or "@" in parts.netloc:
        yield "server.base_url: must be an origin such as https://vault.example/, without a path"
    elif parts.scheme == "http" and not loopback:
        yield "server.base_url: plain http is for localhost only (OP-15); put TLS in front and use https://vault.example/"
    if not 0 <= server.port <= 65535:
        yield "server.port: must be 0 to 65535, for instance 3000"
    if not 1 <= server.workers <= 64:
        yield "server.workers: must be 1 to 64, for instance 2"
    for proxy in server.trusted_proxies:
        if not _is_network(proxy):
            yield f"server.trusted_proxies: {proxy!r} is not an address or network such as 10.0.0.0/8"
    if identity.sign_up not in ("open", "closed"):
        yield "identity.sign_up: must be open or closed"
    if settings.observe.log_level not in ("debug", "info", "warning", "error"):
        yield "observe.log_level: must be debug, info, warning or error"
    if settings.observe.log_format not in ("json", "console"):
        yield "observe.log_format: must be json or console"
    for section in _SECTIONS:
        for entry in fields(getattr(settings, section)):
            value = getattr(getattr(settings, section), entry.name)
            if isinstance(value, (int, float)) and not isinstance(value, bool) and value < 0:
                yield f"{section}.{entry.name}: must not be negative"


def _is_network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _coerce(value: object, annotation: object) -> object:
    """One value from text (environment) or from TOML's own types."""
    if annotation is Path:
        return Path(str(value))
    if annotation is bool:
        if isinstance(value, bool):
            return value
        return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[str(value).lower()]
    if annotation in (int, float) and not isinstance(value, bool):
        return float(str(value)) if annotation is float else int(str(value))
    if annotation is str and isinstance(value, str):
        return value
    if get_origin(annotation) is tuple:
        pieces = value.split(",") if isinstance(value, str) else value
        if not isinstance(pieces, (list, tuple)):
            raise TypeError("not a list")
        return tuple(str(piece).strip() for piece in pieces if str(piece).strip())
    raise TypeError("unexpected type")


def _described(annotation: object) -> str:
    return {int: "a whole number", float: "a number", bool: "true or false", str: "text", Path: "a path"}.get(
        annotation if isinstance(annotation, type) else str, "a list of texts"
    )


def _hint(name: str, known: Mapping[str, object]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else list(value) if isinstance(value, tuple) else value
