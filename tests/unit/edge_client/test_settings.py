"""Settings come from the environment or `.env`; wrong ones are named."""

from pathlib import Path

import pytest

from edge_client.errors import ConfigurationError
from edge_client.settings import EdgeSettings, read_settings


def test_the_defaults_are_the_documented_ones() -> None:
    """C5, S1-051, S1-053, S1-054."""
    settings = read_settings()
    assert (settings.batch_min, settings.batch_max) == (100, 1_000)
    assert (settings.backoff_min_s, settings.backoff_max_s, settings.probe_interval_s) == (1, 300, 30)
    assert (settings.max_items, settings.discard_policy) == (10_000, "wait")
    assert settings.spool_path == Path(".millrace/edge/spool.sqlite")


def test_every_setting_is_described() -> None:
    assert all(field.description for field in EdgeSettings.model_fields.values())


def test_the_environment_and_the_command_line_are_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MILLRACE_EDGE_SITE_CODE=from-file\nMILLRACE_OTHER=1\n")
    monkeypatch.setenv("MILLRACE_EDGE_API_KEY", "secret")
    settings = read_settings(api_url="https://api", spool_path=None)
    assert (settings.site_code, settings.api_url) == ("from-file", "https://api")
    assert settings.api_key is not None and settings.api_key.get_secret_value() == "secret"
    assert "secret" not in repr(settings)


def test_an_empty_setting_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """As docs/reference/settings.md says of all of them."""
    for name in ("API_URL", "MAX_ITEMS", "MQTT_PASSWORD"):
        monkeypatch.setenv(f"MILLRACE_EDGE_{name}", "")
    settings = read_settings()
    assert (settings.api_url, settings.max_items) == ("http://127.0.0.1:8000", 10_000)
    assert settings.mqtt_password is None


@pytest.mark.parametrize(
    ("name", "value"),
    [("BATCH_MAX", "1001"), ("API_URL", "localhost:8000"), ("BACKOFF_MIN_S", "0"), ("DISCARD_POLICY", "shred")],
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"MILLRACE_EDGE_{name}", value)
    with pytest.raises(ConfigurationError, match=f"MILLRACE_EDGE_{name}: "):
        read_settings()
