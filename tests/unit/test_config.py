"""Settings: every way in, and every mistake at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from vault.config import Settings, SettingsError, in_force, insecure_settings, load_settings, setting_names


def test_without_anything_the_defaults_hold() -> None:
    assert load_settings(environment={}) == Settings()


def test_the_port_alone_moves_the_base_url_with_it() -> None:
    settings = load_settings(environment={"DATAKLUIS_PORT": "4000"})
    assert settings.server.base_url == "http://localhost:4000/"


def test_options_win_over_environment_and_environment_over_file(tmp_path: Path) -> None:
    file = tmp_path / "vault.toml"
    file.write_text('[server]\nport = 1001\nworkers = 3\nhost = "0.0.0.0"\n')
    settings = load_settings(
        file=file, environment={"DATAKLUIS_PORT": "1002", "DATAKLUIS_WORKERS": "2"}, options={"port": 1003}
    )
    assert (settings.server.port, settings.server.workers, settings.server.host) == (1003, 2, "0.0.0.0")


def test_the_file_may_be_named_in_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "vault.toml"
    file.write_text("[limits]\nrdf_bytes = 2048\n")
    assert load_settings(environment={"DATAKLUIS_CONFIG": str(file)}).limits.rdf_bytes == 2048


def test_all_mistakes_are_told_together(tmp_path: Path) -> None:
    file = tmp_path / "vault.toml"
    file.write_text('[server]\nbase_urll = "https://x/"\nport = "many"\n[nonsense]\na = 1\n')
    with pytest.raises(SettingsError) as caught:
        load_settings(file=file, environment={"DATAKLUIS_WORKER": "2", "DATAKLUIS_LOG_LEVEL": "loud"})
    text = str(caught.value)
    assert "server.base_urll: unknown setting; did you mean base_url?" in text
    assert "server.port: 'many' is not a whole number" in text
    assert "nonsense: unknown section" in text
    assert "DATAKLUIS_WORKER: unknown setting; did you mean workers?" in text
    assert "observe.log_level" in text


def test_a_setting_in_the_wrong_section_is_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "vault.toml"
    file.write_text("[identity]\nport = 1\n")
    with pytest.raises(SettingsError, match=r"identity\.port: unknown setting"):
        load_settings(file=file, environment={})


@pytest.mark.parametrize(
    "url", ["http://vault.example/", "https://vault.example/path/", "ftp://x/", "https://u@x/", "https://x/?a=b", "x"]
)
def test_a_base_url_that_is_no_safe_origin_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match=r"server\.base_url"):
        load_settings(environment={}, options={"base_url": url})


@pytest.mark.parametrize("url", ["https://vault.example", "http://localhost:3000/", "http://alice.localhost:3000/"])
def test_a_base_url_that_is_an_origin_gets_its_slash(url: str) -> None:
    settings = load_settings(environment={}, options={"base_url": url})
    assert settings.server.base_url.endswith("/")


@pytest.mark.parametrize(
    ("variable", "value"),
    [("DATAKLUIS_PORT", "70000"), ("DATAKLUIS_WORKERS", "0"), ("DATAKLUIS_RDF_BYTES", "-1"), ("DATAKLUIS_SIGN_UP", "x"),
     ("DATAKLUIS_REQUIRE_ATH", "perhaps"), ("DATAKLUIS_LOG_FORMAT", "xml"), ("DATAKLUIS_DRAIN_SECONDS", "soon")],
)  # fmt: skip
def test_a_value_out_of_range_is_refused(variable: str, value: str) -> None:
    with pytest.raises(SettingsError):
        load_settings(environment={variable: value})


def test_lists_and_switches_are_read_from_text() -> None:
    settings = load_settings(
        environment={"DATAKLUIS_TRUSTED_PROXIES": "10.0.0.1, 10.0.0.2", "DATAKLUIS_REQUIRE_ATH": "true"}
    )
    assert settings.server.trusted_proxies == ("10.0.0.1", "10.0.0.2")
    assert settings.identity.require_ath is True


def test_a_file_that_is_missing_or_broken_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(file=tmp_path / "none.toml", environment={})
    broken = tmp_path / "broken.toml"
    broken.write_text("[server\n")
    with pytest.raises(SettingsError, match="is not TOML"):
        load_settings(file=broken, environment={})


def test_every_setting_has_one_name_over_all_sections() -> None:
    total = sum(len(values) for values in in_force(Settings()).values())
    assert len(setting_names()) == total


def test_an_insecure_setting_is_listed_and_a_default_one_is_not() -> None:
    assert insecure_settings(Settings()) == []
    opened = load_settings(environment={"DATAKLUIS_INSECURE_ALLOW_LOOPBACK": "1"})
    assert insecure_settings(opened) == ["insecure_allow_loopback"]


def test_a_secret_is_never_shown_and_may_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("hush\n")
    settings = load_settings(environment={"DATAKLUIS_SMTP_PASSWORD_FILE": str(secret)})
    assert settings.mail.smtp_password.reveal() == "hush"
    assert in_force(settings)["mail"]["smtp_password"] == "***"
    assert "hush" not in repr(settings)
    with pytest.raises(SettingsError) as refused:
        load_settings(environment={"DATAKLUIS_SMTP_PASSWORD_FILE": str(tmp_path / "none")})
    assert "cannot be read" in refused.value.mistakes[0]


def test_only_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(environment={"DATAKLUIS_SMTP_HOST_FILE": str(tmp_path)})
    assert "unknown setting" in refused.value.mistakes[0]


UPSTREAM = {"DATAKLUIS_UPSTREAM_ISSUER": "https://up.example", "DATAKLUIS_UPSTREAM_CLIENT_ID": "us"}


@pytest.mark.parametrize(
    ("environment", "mistake"),
    [
        ({"DATAKLUIS_SIGN_UP": "perhaps"}, "identity.sign_up"),
        ({"DATAKLUIS_SMTP_HOST": "mail.example"}, "mail.mail_from"),
        ({"DATAKLUIS_SMTP_SECURITY": "maybe"}, "mail.smtp_security"),
        (
            {"DATAKLUIS_SMTP_HOST": "mail.example", "DATAKLUIS_MAIL_FROM": "a@b.example"}
            | {"DATAKLUIS_SMTP_SECURITY": "none"},
            "mail.smtp_security",
        ),
        ({"DATAKLUIS_LEVEL_TO_MANAGE": "high"}, "upstream.level_to_manage"),
        ({"DATAKLUIS_UPSTREAM_ISSUER": "http://localhost:3000"}, "upstream.upstream_issuer"),
        ({"DATAKLUIS_UPSTREAM_ISSUER": "https://up.example"}, "upstream.upstream_client_id"),
        ({**UPSTREAM, "DATAKLUIS_UPSTREAM_CLIENT_AUTH": "tls"}, "upstream.upstream_client_auth"),
        (
            {
                **UPSTREAM,
                "DATAKLUIS_UPSTREAM_CLIENT_AUTH": "private_key_jwt",
                "DATAKLUIS_UPSTREAM_CLIENT_SECRET": "s",
            },
            "upstream.upstream_client_secret",
        ),
        (
            {"DATAKLUIS_UPSTREAM_ISSUER": "https://up.example", "DATAKLUIS_UPSTREAM_CLIENT_ID": "us"}
            | {"DATAKLUIS_LEVEL_TO_SHARE": "high"},
            "upstream.level_to_share",
        ),
    ],
)
def test_mail_and_another_provider_are_set_whole_or_not_at_all(environment: dict[str, str], mistake: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(environment=environment)
    assert any(line.startswith(mistake) for line in refused.value.mistakes)
