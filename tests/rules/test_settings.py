"""What the desk refuses to start with, and that the paper names every variable there is."""

from __future__ import annotations

import re

import pytest

from config import ROOT, Settings, SettingsError

GOOD = {
    "SERVICEDESK_MODE": "production",
    "SECRET_KEY": "8f1c2e7ab0459d36fe6f0a1b2c3d4e5f60718293",
    "DATABASE_URL": "postgresql://desk@db.example/desk",
    "PUBLIC_URL": "https://desk.example",
}


def test_production_starts_with_what_the_paper_asks_for(tmp_path):
    settings = Settings.from_environment({**GOOD, "SERVICEDESK_INSTANCE": str(tmp_path)})

    assert settings.is_production
    assert settings.metrics_token is None
    assert GOOD["SECRET_KEY"] not in repr(settings)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY or SECRET_KEY_FILE must be set"),
        ({"SECRET_KEY": "short"}, "at least 32"),
        ({"SECRET_KEY": "a" * 40}, "placeholder"),
        ({"SECRET_KEY": "change-me-0123456789-abcdefghijklmnop"}, "placeholder"),
        ({"FLASK_DEBUG": "1"}, "FLASK_DEBUG is on"),
        ({"DATABASE_URL": ""}, "DATABASE_URL must be set"),
        ({"DATABASE_URL": "mysql://x"}, "postgresql://"),
        ({"PUBLIC_URL": ""}, "PUBLIC_URL must be set"),
        ({"METRICS_TOKEN": "short"}, "METRICS_TOKEN must have"),
        ({"METRICS_PORT": "9100"}, "METRICS_PORT needs METRICS_TOKEN"),
        ({"SERVICEDESK_MODE": "live"}, "must be one of"),
    ],
)
def test_production_refuses_and_names_the_variable(tmp_path, changed, says):
    with pytest.raises(SettingsError, match=says):
        Settings.from_environment({**GOOD, "SERVICEDESK_INSTANCE": str(tmp_path), **changed})


def test_a_secret_that_others_can_read_is_refused(tmp_path):
    file = tmp_path / "key"
    file.write_text(GOOD["SECRET_KEY"])
    told = {**GOOD, "SECRET_KEY": "", "SECRET_KEY_FILE": str(file)}
    file.chmod(0o640)
    with pytest.raises(SettingsError, match="can be read by others"):
        Settings.from_environment(told)
    file.chmod(0o600)

    assert Settings.from_environment(told).secret_key == GOOD["SECRET_KEY"]
    with pytest.raises(SettingsError, match="keep one"):
        Settings.from_environment({**GOOD, "SECRET_KEY_FILE": str(file)})
    with pytest.raises(SettingsError, match="cannot be read"):
        Settings.from_environment({**told, "SECRET_KEY_FILE": str(tmp_path / "none")})


def test_the_paper_for_whoever_runs_it_names_every_variable_and_no_other():
    source = (ROOT / "config.py").read_text(encoding="utf-8")
    read = set(re.findall(r'(?:env\.get\(|env, (?:mode, )?)"([A-Z_]+)"', source))
    paper = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `([A-Z_]+)` \|", paper, re.MULTILINE))

    assert {"SECRET_KEY", "PORT", "SERVICEDESK_MODE", "SANDBOX_DELAY_SCALE"} <= read
    assert told == read
