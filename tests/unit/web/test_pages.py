"""Pages: one frozen dataclass and one template each, escaped without exception, and nothing inlined."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

import vault.web
from vault.config import OperatorSettings, Settings
from vault.errors import Conflict, Forbidden, Missing
from vault.web import assets, forms, pages
from vault.web.routing import TABLE, VAULT, Credentials, Route

TEMPLATES = pages.TEMPLATES
SCRIPTED = {"SignInPage", "SignUpPage", "WelcomePage", "ConfirmPage", "NewPasskeyPage"}
FILES = sorted(TEMPLATES.rglob("*.html"))


def application(base_url: str = "http://localhost:3000/", **operator: str) -> web.Application:
    app = web.Application()
    settings = dataclasses.replace(Settings(), operator=OperatorSettings(**operator))
    # Pages look at the settings and the key of forms, and at nothing else of the vault.
    vault: Any = SimpleNamespace(settings=settings, base_url=base_url, secrets=SimpleNamespace(forms=b"k" * 32))
    app[VAULT] = vault
    return app


def asked(
    method: str = "GET", path: str = "/my/", *, app: web.Application | None = None, **headers: str
) -> web.Request:
    """A request that came to a page."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    app = app or application()
    request = make_mocked_request(method, path, app=app, headers=named)
    app[TABLE] = {request.match_info.route: Route(method, path, _nobody, Credentials.VISITOR)}
    return request


async def _nobody(request: web.Request) -> web.StreamResponse:
    raise web.HTTPNotFound(text=request.path)


def page_classes() -> list[type[Any]]:
    found = []
    for module in pkgutil.iter_modules(vault.web.__path__, "vault.web."):
        for _, one in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if one.__module__ == module.name and isinstance(getattr(one, "template", None), str):
                found.append(one)
    return found


def test_every_page_is_a_frozen_dataclass_of_its_own() -> None:
    for one in page_classes():
        assert dataclasses.is_dataclass(one), one
        assert one.__dataclass_params__.frozen, one  # type: ignore[attr-defined]


def test_every_template_belongs_to_a_page_and_every_page_has_its_template() -> None:
    named = {one.template for one in page_classes()}
    there = {str(file.relative_to(TEMPLATES)) for file in FILES}
    shared = {"base.html"} | {name for name in there if name.startswith("parts/")}
    assert named == there - shared


@pytest.mark.requirement("ATK-05")
def test_every_template_escapes_and_none_makes_an_exception() -> None:
    assert pages._environment().autoescape is True
    for file in FILES:
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"\|\s*safe\b|autoescape|Markup", text), file.name


@pytest.mark.requirement("ATK-04")
def test_nothing_is_inlined_and_nothing_comes_from_elsewhere() -> None:
    for file in FILES:
        text = file.read_text(encoding="utf-8")
        if file.name == "base.html":  # the one file of ours that a page may name, and nothing between the tags
            text = text.replace('<script src="{{ asset(script) }}" defer></script>', "", 1)
        assert not re.search(r"<script|<style|\sstyle=|\son[a-z]+=|javascript:", text), file.name
        assert not re.search(r"(?:src|href|action)=[\"'](?:https?:)?//", text), file.name


@pytest.mark.requirement("ATK-01", "ATK-04")
def test_a_page_runs_the_one_script_it_names_and_nothing_that_lies_in_a_pod() -> None:
    plain = pages.page_headers()["Content-Security-Policy"]
    assert "script" not in plain
    assert "default-src 'none'" in plain
    scripted = pages.page_headers(script="https://vault.example/static/passkey.js")["Content-Security-Policy"]
    assert "; script-src https://vault.example/static/passkey.js; connect-src 'self'; " in scripted
    assert {one.__name__ for one in page_classes() if hasattr(one, "script")} == SCRIPTED
    assert {one.script for one in page_classes() if hasattr(one, "script")} == {"passkey.js"}


def test_the_script_is_ours_alone_and_says_nothing_by_itself() -> None:
    script = (assets.FOLDER / "passkey.js").read_text(encoding="utf-8")
    assert not re.search(
        r"https?://|\beval\b|innerHTML|document\.write|Function\(|import\b|localStorage|cookie", script
    )


def test_the_stylesheet_asks_for_nothing_either() -> None:
    css = (assets.FOLDER / "page.css").read_text(encoding="utf-8")
    assert not re.search(r"url\(|@import|@font-face", css)
    for wanted in ("prefers-color-scheme: dark", "prefers-reduced-motion", "forced-colors", "@media print"):
        assert wanted in css


def test_every_form_that_changes_something_carries_the_token() -> None:
    for file in FILES:
        text = file.read_text(encoding="utf-8")
        for form in re.findall(r"<form[^>]*method=\"post\".*?</form>", text, re.S):
            assert "csrf()" in form, file.name


def test_forms_that_change_something_are_never_sent_by_get() -> None:
    for file in FILES:
        for form in re.findall(r"<form[^>]*>", file.read_text(encoding="utf-8")):
            assert 'method="post"' in form or ('method="get"' in form and "filters" in form), file.name


@pytest.mark.requirement("UX-30")
def test_an_error_tells_what_to_do_and_a_number_to_mention() -> None:
    page = pages.error_page(asked(Accept_Language="nl"), 404, Missing("nothing", "secret detail"), "abc123")
    assert page.status == 404
    assert page.text is not None
    assert "Deze pagina bestaat niet" in page.text
    assert "abc123" in page.text
    assert "secret detail" not in page.text


def test_an_error_without_words_of_its_own_takes_those_of_its_family() -> None:
    odd = pages.error_page(asked(Accept_Language="en"), 451, Forbidden("odd"), "n")
    ours = pages.error_page(asked(Accept_Language="en"), 502, None, "n")
    own = pages.error_page(asked(Accept_Language="en"), 403, Forbidden("form-token"), "n")
    assert "We could not read this" in (odd.text or "")
    assert "not your fault" in (ours.text or "")
    assert "no longer valid" in (own.text or "")


def test_try_again_is_offered_where_it_can_help() -> None:
    def offers(method: str, status: int) -> bool:
        page = pages.error_page(asked(method, "/my/log?x=1"), status, Conflict("busy"), "n")
        return 'href="/my/log?x=1"' in (page.text or "")

    assert offers("GET", 503)
    assert offers("GET", 429)
    assert not offers("GET", 404)
    assert not offers("POST", 503)


@pytest.mark.requirement("ATK-05")
def test_the_name_of_the_operator_is_escaped_like_everything() -> None:
    request = asked(app=application(operator_name="<b>Stad</b>", operator_email="help@stad.example"))
    text = pages.error_page(request, 404, None, "<i>1</i>").text or ""
    assert "&lt;b&gt;Stad&lt;/b&gt;" in text
    assert "&lt;i&gt;1&lt;/i&gt;" in text
    assert 'href="mailto:help@stad.example"' in text


def test_a_form_may_lead_to_the_app_that_asked_and_nowhere_else() -> None:
    assert "form-action 'self';" in pages.page_headers()["Content-Security-Policy"]
    policy = pages.page_headers(["https://app.example"])["Content-Security-Policy"]
    assert "form-action 'self' https://app.example;" in policy


@pytest.mark.requirement("ATK-02")
@pytest.mark.parametrize(
    ("base_url", "name", "secure"),
    [("https://vault.example/", "__Host-form", True), ("http://localhost/", "form", False)],
)
def test_the_form_cookie_is_bound_to_the_host_wherever_it_can_be(base_url: str, name: str, secure: bool) -> None:
    page = pages.error_page(asked(app=application(base_url)), 404, None, "n")
    cookie = page.cookies[name]
    assert (bool(cookie["secure"]), bool(cookie["httponly"]), cookie["samesite"]) == (secure, True, "Lax")
    assert (cookie["path"], cookie["domain"]) == ("/", "")


@pytest.mark.requirement("ATK-03")
def test_a_token_holds_for_the_browser_it_was_made_for_and_for_no_other() -> None:
    visitor = forms.new_visitor_key()
    mine = asked(Cookie=f"form={visitor}")
    token = forms.token_for(mine, visitor)
    forms.require_token(mine, token)
    assert token != forms.token_for(mine, visitor)  # never twice the same
    for request, forged in (
        (asked(), token),
        (asked(Cookie=f"form={forms.new_visitor_key()}"), token),
        (asked(Cookie="form=short"), token),
        (mine, token[:-1]),
        (mine, ""),
        (mine, "." + token.partition(".")[2]),
    ):
        with pytest.raises(Forbidden, match="form-token"):
            forms.require_token(request, forged)


def test_files_are_kept_for_a_year_under_an_address_that_changes_with_them() -> None:
    assert assets.asset_url("page.css") == f"/static/page.css?v={assets.assets()['page.css'].version}"
    assert {Path(name).suffix for name in assets.assets() if name != "passkey.js"} <= {".css", ".svg"}


async def test_a_file_is_sent_with_its_type_and_an_unknown_one_is_missing() -> None:
    def wanted(name: str, query: str = "", **headers: str) -> web.Request:
        return make_mocked_request("GET", f"/static/{name}{query}", match_info={"name": name}, headers=headers)

    version = assets.assets()["page.css"].version
    fresh = await assets.get_asset(wanted("page.css", f"?v={version}"))
    assert "immutable" in fresh.headers["Cache-Control"]
    assert fresh.headers["Content-Type"] == "text/css; charset=utf-8"
    stale = await assets.get_asset(wanted("page.css", "?v=old"))
    assert stale.headers["Cache-Control"] == "no-cache"
    same = await assets.get_asset(wanted("page.css", **{"If-None-Match": f'"{version}"'}))
    assert same.status == 304
    with pytest.raises(Missing):
        await assets.get_asset(wanted("../pages.py"))
