"""What a browser calls itself, as people call it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from vault.identity.accounts import Session
from vault.values import AccountId
from vault.web.devices import device_of

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("said", "browser", "system"),
    [
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/142.0 Safari/537.36", "Chrome", "Windows"),
        (f"Mozilla/5.0 (Windows NT 10.0) {WEBKIT} Chrome/142.0 Safari/537.36 Edg/142.0", "Edge", "Windows"),
        (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Version/19.0 Safari/605.1.15", "Safari", "Mac"),
        (f"Mozilla/5.0 (Linux; Android 15; SM-A536B) {WEBKIT} SamsungBrowser/28.0 Chrome/130.0 Mobile Safari/537.36",
         "Samsung Internet", "Android"),
        (f"Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) {WEBKIT} CriOS/142.0 Mobile", "Chrome", "iPhone"),
        ("Mozilla/5.0 (Android 15; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0", "Firefox", "Android"),
        (f"Mozilla/5.0 (X11; CrOS x86_64) {WEBKIT} Chrome/142.0 Safari/537.36 OPR/120.0", "Opera", "ChromeOS"),
        ("curl/8.5.0", "", ""),
        ("", "", ""),
    ],
)  # fmt: skip
def test_browser_and_system_are_told(said: str, browser: str, system: str) -> None:
    session = Session("hash", AccountId("a"), NOON, NOON, NOON, said, "192.0.2.0/24")
    device = device_of(session, this=False)
    assert (device.browser, device.system, device.network) == (browser, system, "192.0.2.0/24")
    assert "hash" not in device.handle
