"""A person at a browser without scripts: cookies, pages, forms, redirects; and the app that sent the person here."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from multidict import CIMultiDict

from tests.forge import Holder, encoded, new_key
from tests.people import Answer, Person, Visitor

WHOLE = (("reach", "whole"),)  # on the consent page: the app may do everything that the person may


@dataclass
class Form:
    """A form of a page: where it goes, and what it would send as it stands."""

    action: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    choices: list[tuple[str, str]] = field(default_factory=list)  # radio buttons and check boxes, chosen or not
    buttons: list[tuple[str, str]] = field(default_factory=list)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(given.get("action", ""), given.get("method", "get")))
        elif tag == "input" and self.forms and given.get("type") in ("radio", "checkbox"):
            self.forms[-1].choices.append((given["name"], given["value"]))
            if "checked" in given:
                self.forms[-1].fields.append((given["name"], given["value"]))
        elif tag == "input" and self.forms and "name" in given:
            self.forms[-1].fields.append((given["name"], given.get("value", "")))
        elif tag == "button" and self.forms and "name" in given and "hidden" not in given:
            self.forms[-1].buttons.append((given["name"], given.get("value", "")))


def forms_of(page: Answer) -> list[Form]:
    reader = _Forms()
    reader.feed(page.text)
    return reader.forms


class Browser:
    """Keeps cookies for one origin and follows redirects within it."""

    def __init__(self, visitor: Visitor, *, language: str = "en") -> None:
        self.visitor = visitor
        self.base_url = visitor.base_url
        self.cookies: dict[str, str] = {}
        self.set_cookies: list[str] = []
        self.language = language

    async def open(self, url: str, *, follow: bool = True) -> Answer:
        return await self._go("GET", urljoin(self.base_url, url), None, follow=follow)

    async def submit(
        self,
        page: Answer,
        action: str,
        choose: Sequence[tuple[str, str]] = (),
        /,
        *,
        press: str | None = None,
        follow: bool = True,
        **fields: str,
    ) -> Answer:
        """Sends the form of the page that goes to `action`, with these fields filled in and this button pressed.
        `choose`: the radio buttons and check boxes that are on, in place of those of the same name that were."""
        form = next(form for form in forms_of(page) if form.action == action)
        for choice in choose:
            assert choice in form.choices, f"the form does not offer {choice}"
        chosen = {name for name, _ in choose}
        pairs = [(name, fields.pop(name, value)) for name, value in form.fields if name not in chosen] + [*choose]
        assert not fields, f"the form has no {fields}"
        if press is not None:
            pairs.append(next(button for button in form.buttons if button[1] == press))
        body = urlencode(pairs)
        return await self._go("POST", urljoin(page.url, form.action), body, follow=follow)

    async def post(self, path: str, pairs: Sequence[tuple[str, str]]) -> Answer:
        """A form that no page of ours would send: the cookies and headers of a browser, and whatever fields."""
        return await self._go("POST", urljoin(self.base_url, path), urlencode(pairs), follow=True)

    async def sign_in(self, person: Person, page: Answer | None = None, *, follow: bool = True) -> Answer:
        page = page or await self.open("/idp/login")
        return await self.submit(page, "/idp/login", email=person.email, password=person.password, follow=follow)

    async def _go(self, method: str, url: str, body: str | None, *, follow: bool) -> Answer:
        for _ in range(8):
            answer = await self._once(method, url, body)
            location = answer.headers.get("Location")
            if not follow or location is None or answer.status not in (301, 302, 303):
                return answer
            url = urljoin(url, location)
            if not url.startswith(self.base_url):
                return answer
            method, body = "GET", None
        raise AssertionError("too many redirects")

    async def _once(self, method: str, url: str, body: str | None) -> Answer:
        headers: CIMultiDict[str] = CIMultiDict(
            {"Accept": "text/html,application/xhtml+xml", "Accept-Language": self.language}
        )
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if method == "POST":
            headers["Origin"] = self.base_url[:-1]
            headers["Sec-Fetch-Site"] = "same-origin"
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        answer = await self.visitor.send(method, url, body=body, headers=headers)
        self.keep(answer)
        return answer

    def keep(self, answer: Answer) -> None:
        """Takes the cookies of an answer."""
        for line in answer.headers.getall("Set-Cookie", ()):
            self.set_cookies.append(line)
            for name, morsel in SimpleCookie(line).items():
                if morsel.value and morsel["max-age"] != "0":
                    self.cookies[name] = morsel.value
                else:
                    self.cookies.pop(name, None)


@dataclass
class App:
    """An OAuth client with a key of its own."""

    visitor: Visitor
    client_id: str
    redirect_uri: str
    client_secret: str | None = None
    holder: Holder = field(default_factory=Holder)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    state: str = field(default_factory=lambda: secrets.token_urlsafe(8))

    @property
    def base_url(self) -> str:
        return self.visitor.base_url

    @property
    def token_url(self) -> str:
        return f"{self.base_url}idp/token"

    def authorization_url(self, **changes: str | None) -> str:
        """The authorization request; `changes` alter it, None takes a parameter away."""
        return f"{self.base_url}idp/auth?{urlencode(self.asked(**changes))}"

    def asked(self, **changes: str | None) -> dict[str, str]:
        """The parameters of the authorization request."""
        parameters: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": "openid webid offline_access",
            "state": self.state,
            "nonce": "n-0S6_WzA2Mj",
            "code_challenge": challenge(self.verifier),
            "code_challenge_method": "S256",
        }
        return {name: value for name, value in {**parameters, **changes}.items() if value is not None}

    async def post_token(
        self, *, proof: str | None = None, headers: dict[str, str] | None = None, **form: Any
    ) -> Answer:
        """A request to the token endpoint, with a proof of the app's key unless another is given."""
        text = self.holder.proof("POST", self.token_url) if proof is None else proof
        return await self.post("token", proof=text, headers=headers, **form)

    async def post(self, name: str, *, proof: str = "", headers: dict[str, str] | None = None, **form: Any) -> Answer:
        """A form to the provider's endpoint of this name, as it stands; a field that is None is left out."""
        sent: CIMultiDict[str] = CIMultiDict(headers or {})
        if proof:
            sent["DPoP"] = proof
        sent["Content-Type"] = "application/x-www-form-urlencoded"
        fields = {name: value for name, value in form.items() if value is not None}
        return await self.visitor.send("POST", f"{self.base_url}idp/{name}", body=urlencode(fields), headers=sent)

    @property
    def credentials(self) -> dict[str, Any]:
        """Who the app is, for a form."""
        return {"client_id": self.client_id, "client_secret": self.client_secret}

    async def push(self, *, proof: str = "", by: dict[str, Any] | None = None, **changes: str | None) -> Answer:
        """Pushes the authorization request (RFC 9126). `by` is how the app proves who it is, unless by its secret."""
        asked = {**self.asked(**changes), **(self.credentials if by is None else by)}
        return await self.post("par", proof=proof, **asked)

    async def redeem(self, code: str, **changes: Any) -> Answer:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "code_verifier": self.verifier,
        }
        return await self.post_token(**{**form, **changes})

    async def refresh(self, token: str, **changes: Any) -> Answer:
        form = {
            "grant_type": "refresh_token",
            "refresh_token": token,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        }
        return await self.post_token(**{**form, **changes})

    async def code_for(
        self,
        browser: Browser,
        person: Person,
        choose: Sequence[tuple[str, str]] = WHOLE,
        /,
        **changes: str | None,
    ) -> str:
        """The code that the person's yes brings; without a ceiling unless it is chosen."""
        answered = await self.answered(browser, person, "allow", choose, **changes)
        assert "code" in answered, answered
        return answered["code"]

    async def answered(
        self,
        browser: Browser,
        person: Person,
        choice: str = "allow",
        choose: Sequence[tuple[str, str]] = WHOLE,
        /,
        **changes: str | None,
    ) -> dict[str, str]:
        """Goes through sign-in and consent as far as they are asked; the parameters of the final redirect."""
        return await self.led(browser, person, self.authorization_url(**changes), choice, choose)

    async def led(
        self,
        browser: Browser,
        person: Person,
        url: str,
        choice: str = "allow",
        choose: Sequence[tuple[str, str]] = WHOLE,
    ) -> dict[str, str]:
        """Goes from an authorization URL to the app; the parameters of the final redirect."""
        page = await browser.open(url)
        if page.status == 200 and "/idp/login" in [form.action for form in forms_of(page)]:
            page = await browser.sign_in(person, page)
        if page.status == 200:
            page = await browser.submit(page, "/idp/consent", choose, press=choice)
        assert page.status == 303, page.text
        return returned(page, self.redirect_uri)


async def register(visitor: Visitor, **metadata: Any) -> App:
    """A dynamically registered client."""
    asked = {"client_name": "Test app", "redirect_uris": ["https://app.example/cb"], **metadata}
    answer = await visitor.post(f"{visitor.base_url}idp/register", json.dumps(asked), kind="application/json")
    assert answer.status == 201, answer.text
    return App(visitor, answer.json["client_id"], asked["redirect_uris"][0], answer.json.get("client_secret"))


def returned(answer: Answer, redirect_uri: str) -> dict[str, str]:
    """The parameters with which the browser comes back to the app."""
    location = answer.headers["Location"]
    assert location.startswith(redirect_uri), location
    return dict(parse_qsl(urlsplit(location).query, keep_blank_values=True))


def challenge(verifier: str) -> str:
    """PKCE's S256."""
    return encoded(hashlib.sha256(verifier.encode()).digest())


async def machine(visitor: Visitor, person: Person, *, algorithm: str = "ES256") -> Holder:
    """The person's machine login with a key of its own: an access token by client credentials, without a scope."""
    holder = Holder(algorithm=algorithm, key=new_key(algorithm))
    app = App(visitor, person.client_id, "", person.client_secret, holder)
    answer = await app.post_token(
        grant_type="client_credentials", client_id=person.client_id, client_secret=person.client_secret
    )
    assert answer.status == 200, answer.text
    holder.token = answer.json["access_token"]
    return holder


async def ask(
    visitor: Visitor, holder: Holder, url: str, *, method: str = "GET", proof: str | None = None, scheme: str = "DPoP"
) -> Answer:
    """One request with the holder's token and a proof; "" sends none."""
    text = holder.proof(method, url) if proof is None else proof
    headers = {"Authorization": f"{scheme} {holder.token}", **({"DPoP": text} if text else {})}
    return await visitor.send(method, url, headers=headers)


def refused(answer: Answer, error: str) -> bool:
    """401 with the error in the DPoP challenge and CORS on it (RS-9)."""
    challenge_line = answer.headers.get("WWW-Authenticate", "")
    shared = answer.headers.get("Access-Control-Allow-Origin") == "*"
    return answer.status == 401 and f'DPoP error="{error}", algs="' in challenge_line and shared
