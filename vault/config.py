"""Settings: one TOML file, the same keys as DATAKLUIS_… in the environment and as options of `serve`.

The fields and their defaults are the frozen dataclasses below; `load_settings()` reads, checks and reports every
mistake at once. Only this module reads the environment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


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
    accept_unmatched_national_numbers: bool = False  # sample mode: see connectors; never in production


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
class Settings:
    """Everything an operator can set."""

    server: ServerSettings = field(default_factory=ServerSettings)
    storage: StorageSettings = field(default_factory=StorageSettings)
    identity: IdentitySettings = field(default_factory=IdentitySettings)
    datasluis: DatasluisSettings = field(default_factory=DatasluisSettings)
    outbound: OutboundSettings = field(default_factory=OutboundSettings)
    limits: Limits = field(default_factory=Limits)
    observe: ObserveSettings = field(default_factory=ObserveSettings)
