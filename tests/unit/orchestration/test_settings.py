"""Sites and their keys come from the environment; one more site is one more entry."""

import json

import pytest

from orchestration.settings import OrchestrationSettings


def test_sites_are_json_and_each_may_have_a_key_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_SITES", json.dumps({"berlin": "http://b:8000", "pune": "https://p"}))
    monkeypatch.setenv("MILLRACE_PULL_KEY", "k1")
    monkeypatch.setenv("MILLRACE_PULL_KEYS", json.dumps({"pune": "k2"}))
    settings = OrchestrationSettings()
    assert settings.sites == {"berlin": "http://b:8000", "pune": "https://p"}
    assert [settings.pull_key_for(site) for site in settings.sites] == ["k1", "k2"]
    assert "k1" not in repr(settings)
    assert "k2" not in repr(settings)


def test_links_go_where_a_browser_reaches_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_MLFLOW_PORT", "5055")
    assert OrchestrationSettings().mlflow_base_url() == "http://127.0.0.1:5055"
    monkeypatch.setenv("MILLRACE_MLFLOW_URL", "https://mlflow.example.org/")
    assert OrchestrationSettings().mlflow_base_url() == "https://mlflow.example.org"
