"""The settings: every field, its default and what it means, and what a value alone cannot tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from ipaddress import ip_network
from pathlib import Path
from typing import get_type_hints
from urllib.parse import urlsplit

from vault.values import Secret


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where the server listens and what it calls itself. `base_url` always ends in a slash (D10)."""

    base_url: str = "http://localhost:3000/"
    host: str = "127.0.0.1"
    port: int = 3000
    workers: int = 1
    trusted_proxies: tuple[str, ...] = ()
    drain_seconds: float = 30.0
    strict_origins: bool = False  # D5: an acl:origin then counts against what scripts of other origins ask


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
    require_nonce: bool = False  # RFC 9449 §8, §9
    insecure_accept_unbound_tokens: bool = False  # RS-8: identity tokens as Bearer, without a proof
    key_overlap_seconds: int = 600  # a new signing key is published this long before it signs
    sign_up: str = "open"  # open, invitation or closed
    link_seconds: int = 3600  # how long a mailed link leads somewhere
    invitation_days: int = 14
    closing_days: int = 14  # an account that is to be closed can be kept until then


@dataclass(frozen=True, slots=True)
class MailSettings:
    """Where mail leaves (SMTP, RFC 5321). Without a host there is no mail, and what needs it is not offered."""

    smtp_host: str = ""
    smtp_port: int = 587
    smtp_security: str = "starttls"  # starttls, tls, or none for a relay on this machine
    smtp_user: str = ""
    smtp_password: Secret = Secret("")  # noqa: RUF009 - immutable
    mail_from: str = ""
    mail_tries: int = 8  # of one letter; the wait doubles each time, from
    mail_retry_seconds: int = 60


@dataclass(frozen=True, slots=True)
class UpstreamSettings:
    """Another OpenID provider that people may sign in with, such as the government's (ACM/IDM, itsme, eID). Without an
    issuer there is none. Claims are named as that provider names them."""

    upstream_issuer: str = ""
    upstream_name: str = ""  # on the button
    upstream_client_id: str = ""
    upstream_client_auth: str = "client_secret"  # or private_key_jwt, by this server's own keys
    upstream_client_secret: Secret = Secret("")  # noqa: RUF009 - immutable
    upstream_encrypted: bool = False  # its ID tokens are encrypted to a key of this server; no other is taken
    upstream_scope: str = "openid profile email"
    upstream_email_claim: str = "email"
    upstream_name_claim: str = "name"
    upstream_number_claim: str = ""  # the national number; kept as a keyed hash only
    upstream_levels: tuple[str, ...] = ()  # values of acr, the weakest first
    upstream_sign_up: bool = True  # somebody who comes for the first time gets a vault
    level_to_share: str = ""  # the level asked for before an access request is approved
    level_to_manage: str = ""  # before the account itself is changed or closed


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
    requests_per_minute: int = 6000  # per address and worker


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
    mail: MailSettings = field(default_factory=MailSettings)
    upstream: UpstreamSettings = field(default_factory=UpstreamSettings)
    datasluis: DatasluisSettings = field(default_factory=DatasluisSettings)
    notify: NotifySettings = field(default_factory=NotifySettings)
    outbound: OutboundSettings = field(default_factory=OutboundSettings)
    limits: Limits = field(default_factory=Limits)
    observe: ObserveSettings = field(default_factory=ObserveSettings)
    operator: OperatorSettings = field(default_factory=OperatorSettings)


SECTIONS = [
    "server",
    "storage",
    "identity",
    "mail",
    "upstream",
    "datasluis",
    "notify",
    "outbound",
    "limits",
    "observe",
] + ["operator"]


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
    for section in SECTIONS:
        part = getattr(settings, section)
        found += [f.name for f in fields(part) if f.name.startswith("insecure_") and getattr(part, f.name)]
    return found


def in_force(settings: Settings) -> dict[str, dict[str, object]]:
    """What is in force, by section, for `datakluis config`. A secret is shown as set or not, never as what it is."""
    return {
        section: {
            f.name: _plain(getattr(getattr(settings, section), f.name)) for f in fields(getattr(settings, section))
        }
        for section in SECTIONS
    }


def contradictions(settings: Settings) -> Iterator[str]:
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
    if identity.sign_up not in ("open", "invitation", "closed"):
        yield "identity.sign_up: must be open, invitation or closed"
    yield from _mail_contradictions(settings.mail)
    yield from _upstream_contradictions(settings.upstream)
    if settings.upstream.upstream_issuer.rstrip("/") == server.base_url.rstrip("/"):
        yield "upstream.upstream_issuer: must be another provider than this server itself"
    if settings.observe.log_level not in ("debug", "info", "warning", "error"):
        yield "observe.log_level: must be debug, info, warning or error"
    if settings.observe.log_format not in ("json", "console"):
        yield "observe.log_format: must be json or console"
    for section in SECTIONS:
        for entry in fields(getattr(settings, section)):
            value = getattr(getattr(settings, section), entry.name)
            if isinstance(value, (int, float)) and not isinstance(value, bool) and value < 0:
                yield f"{section}.{entry.name}: must not be negative"


def _mail_contradictions(mail: MailSettings) -> Iterator[str]:
    if mail.smtp_security not in ("starttls", "tls", "none"):
        yield "mail.smtp_security: must be starttls, tls or none"
    if mail.smtp_host and "@" not in mail.mail_from:
        yield "mail.mail_from: must be the address mail comes from, such as datakluis@vault.example"
    if mail.smtp_security == "none" and mail.smtp_host not in ("", "localhost", "127.0.0.1", "::1"):
        yield "mail.smtp_security: none is for a relay on this machine only; links travel in these letters"


def _upstream_contradictions(upstream: UpstreamSettings) -> Iterator[str]:
    if not upstream.upstream_issuer:
        for name in ("level_to_share", "level_to_manage"):
            if getattr(upstream, name):  # nobody could ever do it
                yield f"upstream.{name}: needs upstream_issuer, since only another provider gives a level"
        return
    if not upstream.upstream_issuer.startswith(("https://", "http://")):
        yield "upstream.upstream_issuer: must be the provider's own issuer, such as https://login.example"
    if not upstream.upstream_client_id:
        yield "upstream.upstream_client_id: must be what the provider calls this server"
    if upstream.upstream_client_auth not in ("client_secret", "private_key_jwt"):
        yield "upstream.upstream_client_auth: must be client_secret or private_key_jwt"
    elif upstream.upstream_client_auth == "private_key_jwt" and upstream.upstream_client_secret.reveal():
        yield "upstream.upstream_client_secret: is not for private_key_jwt; take it away, at the provider too"
    for name in ("level_to_share", "level_to_manage"):
        if (level := getattr(upstream, name)) and level not in upstream.upstream_levels:
            yield f"upstream.{name}: must be one of upstream_levels"


def _is_network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _plain(value: object) -> object:
    if isinstance(value, Secret):
        return "***" if value.reveal() else ""
    return str(value) if isinstance(value, Path) else list(value) if isinstance(value, tuple) else value
