"""The command `datakluis`: serve, seed, look after."""

from __future__ import annotations

import http.client
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import click

from vault.access.decide import explain
from vault.access.wac import origin_of
from vault.app import serve
from vault.audit import GENESIS, AuditLog, Broken, verify_chain
from vault.commands import CONFIG as _CONFIG
from vault.commands import DATA as _DATA
from vault.commands import account_group, client_group, mail_group
from vault.commands import fail as _fail
from vault.commands import looking as _looking
from vault.commands import settings_of as _settings
from vault.commands import with_vault as _with_vault
from vault.config import ServerSettings, Settings, in_force
from vault.datasluis.read import Look, explain_look
from vault.errors import Malformed, Unauthenticated
from vault.identity.rotate import KeyStatus, list_keys, rotate_keys
from vault.ports import Vault
from vault.seed import Laid, Plan, SeedError, read_plan, seed
from vault.solid.find import find_target
from vault.solid.operation import Content, Delete, Operation, Patch, Post, Put, Read, required_access
from vault.solid.paths import parse_target
from vault.solid.resource import Inline
from vault.values import ANONYMOUS, TURTLE, Agent, Caller, ClientId, GrantId, PodName, ResourceUrl, parse_webid


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="datakluis")
def main() -> None:
    """A personal data vault server."""


@main.command("serve")
@click.option("--base-url", help="The one address the vault is known by, for instance https://vault.example")
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=int, help="Port to listen on.")
@_DATA
@click.option("--workers", type=int, help="Server processes on one store.")
@_CONFIG
def serve_command(file: Path | None, **options: object) -> None:
    """Serve until SIGTERM or Ctrl-C; then finish what runs and exit 0."""
    sys.exit(serve(_settings(file, options)))


@main.command("seed")
@click.argument("plan", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--base-url", help="The address the seeded WebIDs stand under; the same as for serve.")
@click.option("--port", type=int, help="The port of the default address.")
@_DATA
@_CONFIG
def seed_command(plan: Path, file: Path | None, **options: object) -> None:
    """Lay down accounts and participants from a JSON file; the same result each time."""
    _, laid = _seed(_settings(file, options), plan)
    click.echo(json.dumps({"accounts": laid.accounts, "participants": laid.participants}, indent=2, ensure_ascii=False))


@main.command("demo")
@click.argument("plan", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--port", type=int, help="Port to listen on.")
@_DATA
def demo_command(plan: Path, **options: object) -> None:
    """Seed, say where to look, and serve."""
    settings = _settings(None, {**_DEMO, **options})
    read, laid = _seed(settings, plan)
    welcome = _welcome(settings, laid, read)
    sys.exit(serve(settings, listening=lambda: click.echo(welcome)))


@main.command("config")
@_CONFIG
def config_command(file: Path | None) -> None:
    """Print the settings in force."""
    click.echo(json.dumps(in_force(_settings(file, {})), indent=2))


@main.command("health")
@click.option("--port", type=int, help="Port the server listens on.")
def health_command(port: int | None) -> None:
    """Ask the server on this machine whether it is ready; exit code 1 when it is not."""
    settings = _settings(None, {"port": port})
    connection = http.client.HTTPConnection("127.0.0.1", settings.server.port, timeout=4)
    try:
        connection.request("GET", "/readyz", headers={"Host": _authority(settings)})
        ready = connection.getresponse().status == 200
    except OSError:
        ready = False
    finally:
        connection.close()
    click.echo("ready" if ready else "not ready")
    sys.exit(0 if ready else 1)


@main.group("audit")
def audit_group() -> None:
    """The audit log."""


@audit_group.command("verify")
@_DATA
@_CONFIG
def audit_verify_command(file: Path | None, **options: object) -> None:
    """Check every chain of the log; exit code 1 when one is broken."""
    verdicts = _looking(_settings(file, options), _verify)
    for line in verdicts:
        click.echo(json.dumps(line, ensure_ascii=False))
    sys.exit(1 if any(line["state"] == "broken" for line in verdicts) else 0)


@main.group("keys")
def keys_group() -> None:
    """The keys that the server signs its tokens with."""


@keys_group.command("rotate")
@_DATA
@_CONFIG
def keys_rotate_command(file: Path | None, **options: object) -> None:
    """Make new signing keys. They are published at once and sign after key_overlap_seconds; the ones before stay
    published until their last token has ended. Servers that run follow without a restart."""

    async def rotate(vault: Vault) -> list[KeyStatus]:
        async with vault.writing() as work:
            return await rotate_keys(work, settings=vault.settings.identity, now=vault.clock())

    _print_keys(_looking(_settings(file, options), rotate))


@keys_group.command("list")
@_DATA
@_CONFIG
def keys_list_command(file: Path | None, **options: object) -> None:
    """Show the signing keys, what each does now, and when it goes."""

    async def look(vault: Vault) -> list[KeyStatus]:
        async with vault.reading() as work:
            return await list_keys(work, settings=vault.settings.identity, now=vault.clock())

    _print_keys(_looking(_settings(file, options), look))


@main.group("access")
def access_group() -> None:
    """Who may do what."""


@access_group.command("explain")
@click.argument("webid")
@click.argument("method")
@click.argument("url")
@click.option("--client", help="The app it comes through, by its client id: the ceiling set for it counts then.")
@click.option("--origin", help="The web page it comes from, as its browser names it: https://app.example.")
@click.option("--base-url", help="The address the vault is served under; the same as for serve.")
@click.option("--port", type=int, help="The port of the default address.")
@_DATA
@_CONFIG
def access_explain_command(
    webid: str, method: str, url: str, *, client: str | None, origin: str | None, file: Path | None, **options: object
) -> None:
    """Say which rule allows or refuses METHOD on URL to WEBID ("public" for nobody in particular), and why."""

    async def ask(vault: Vault) -> list[str]:
        try:
            caller = await _caller(vault, webid, client)
        except Unauthenticated as refusal:
            return [f"Refused: {refusal.detail} A token of this client is answered with 401, whatever it asks."]
        return await _explain(vault, caller, method.upper(), url, origin)

    for line in _looking(_settings(file, options), ask):
        click.echo(line)


main.add_command(account_group)
main.add_command(client_group)
main.add_command(mail_group)


def _seed(settings: Settings, file: Path) -> tuple[Plan, Laid]:
    """The file is read before the store is opened: one that cannot be read makes no store."""

    async def lay(vault: Vault) -> Laid:
        return await seed(vault, plan, file.parent)

    try:
        plan = read_plan(file)
        return plan, _with_vault(settings, lay)
    except SeedError as error:
        _fail(str(error))


def _print_keys(statuses: list[KeyStatus]) -> None:
    for status in statuses:
        line = {
            "key": status.key_id,
            "algorithm": status.algorithm,
            "state": status.state.value,
            "signsFrom": status.signs_from.isoformat(),
            "ends": None if status.ends is None else status.ends.isoformat(),
        }
        click.echo(json.dumps(line))


async def _verify(vault: Vault) -> list[dict[str, object]]:
    async with vault.reading() as work:
        return [await _verdict(work.audit, pod) for pod in await work.audit.pods()]


async def _verdict(log: AuditLog, pod: PodName) -> dict[str, object]:
    """One chain, read in pages: a long log is never in memory whole."""
    number, head = 0, GENESIS
    while entries := await log.entries(pod, after=number):
        verdict = verify_chain(entries, after=number, previous=head)
        if isinstance(verdict, Broken):
            return {"pod": pod, "state": "broken", "entry": verdict.number, "because": verdict.because}
        number, head = entries[-1].number, entries[-1].digest
    return {"pod": pod, "state": "intact", "entries": number, "head": head}


def _authority(settings: Settings) -> str:
    return urlsplit(settings.server.base_url).netloc


def _welcome(settings: Settings, laid: Laid, plan: Plan) -> str:
    """The few calm lines of `make demo`."""
    base = settings.server.base_url
    machines = [entry for entry in plan.accounts if entry.credentials]
    people = [entry for entry in plan.accounts if not entry.credentials]
    lines = ["", f"Datakluis serves on {base}   (Ctrl-C ends it)", ""]
    for person in people:
        lines += [
            f"  {person.name}, citizen",
            f"    sign in    {base}my/",
            f"    e-mail     {person.email}",
            f"    password   {person.password}",
            f"    WebID      {laid.accounts[person.pod]['webId']}",
            "",
        ]
    lines += ["  Organisations (client id, secret), for programs:"]
    lines += [f"    {m.credentials.id:<20} {m.credentials.secret}" for m in machines if m.credentials]
    lines += [
        "",
        f"  The data lock describes itself at {base}datasluis/openapi.json",
        f"  {_flow(settings)} plays the whole story against this server",
        "",
    ]
    return "\n".join(lines)


def _flow(settings: Settings) -> str:
    """As it has to be typed: the address is not the usual one when the port is not."""
    port = settings.server.port
    return "make flow" if port == ServerSettings().port else f"make flow PORT={port}"


async def _caller(vault: Vault, webid: str, client: str | None) -> Caller:
    """Whose access is explained. With a client, as it stands now; raises Unauthenticated when it may not speak."""
    if webid == "public":
        return ANONYMOUS
    known = parse_webid(webid)
    if client is None:
        return Agent(known, None, vault.base_url)
    standing = await vault.issuers.standing(known, ClientId(client), None)
    return Agent(known, ClientId(client), vault.base_url, standing.ceiling)


async def _explain(vault: Vault, caller: Caller, method: str, url: str, origin: str | None) -> list[str]:
    """The decision as the server would take it. A patch counts as one that only inserts: its body decides the rest."""
    base = vault.base_url
    if not url.startswith(base):
        raise Malformed("url", f"The URL must begin with {base}")
    if view := _VIEW.fullmatch(url.removeprefix(base)):
        return await _explain_view(vault, caller, method, view)
    target = parse_target("/" + url.removeprefix(base))
    make = _OPERATIONS.get(method)
    if make is None:
        raise Malformed("method", f"The method must be one of {', '.join(_OPERATIONS)}.")
    operation = make(target)
    async with vault.reading() as work:
        standing = await find_target(work.resources, operation)
        needs = required_access(operation, exists=standing.exists, missing=standing.missing)
        return await explain(
            work.acls,
            vault.parsed_acls,
            caller,
            needs,
            groups=vault.groups,
            base_url=base,
            limits=vault.settings.limits,
            origin=origin_of(origin, strict=vault.settings.server.strict_origins),
        )


async def _explain_view(vault: Vault, caller: Caller, method: str, view: re.Match[str]) -> list[str]:
    """The data lock's own door: there the grant decides, and no ACL."""
    if method not in ("GET", "HEAD"):
        return [f"Refused: a view is only read; it does not take {method}."]
    if not isinstance(caller, Agent):
        return ["Refused: an organisation comes with its access token."]
    if caller.ceiling is not None:
        return ["Refused: the client works under a ceiling, and is no organisation."]
    look = Look(GrantId(view["grant"]), view["item"], TURTLE, method=method)
    async with vault.reading() as work:
        return await explain_look(work, agent=caller, look=look, catalogue=vault.catalogue, now=vault.clock())


_VIEW: Final = re.compile(r"datasluis/view/(?P<grant>[^/?#]+)/(?P<item>[^/?#]+)")

_DEMO: Final[dict[str, object]] = {
    "log_level": "warning",
    "log_format": "console",
    "operator_name": "Datakluis (demo)",
    "operator_email": "hallo@datakluis.example",
    "dpo_email": "dpo@datakluis.example",
}

_NO_CONTENT: Final = Content(Inline(b""), None)

_OPERATIONS: Final[dict[str, Callable[[ResourceUrl], Operation]]] = {
    "GET": Read,
    "HEAD": Read,
    "PUT": lambda target: Put(target, _NO_CONTENT),
    "POST": lambda target: Post(target, _NO_CONTENT),
    "PATCH": lambda target: Patch(target, fault=Malformed("no-body", "")),
    "DELETE": Delete,
}


if __name__ == "__main__":
    main()
