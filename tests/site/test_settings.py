"""A setting that cannot be used ends the start in one line: which variable, its value, and what to write instead."""

import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from valuecell_site.environment import WrongSetting

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.database_independent


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Reads the settings anew, with these variables set and no others of ours."""
    for name in ("DATABASE_URL", "REDIS_URL", "EMAIL_URL", "HOST", "PORT", "PUBLIC_URL", "TIME_ZONE", "SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))

    def read(**variables: str) -> dict[str, Any]:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return runpy.run_path(str(ROOT / "valuecell_site" / "settings.py"))

    return read


WRONG = [
    ("PORT", "abc", "from 1 to 65535"),
    ("PORT", "0", "from 1 to 65535"),
    ("PORT", "99999", "from 1 to 65535"),
    ("PORT", "80.5", "from 1 to 65535"),
    ("RUN_CONCURRENCY", "x", "from 1 to 10000"),
    ("RUN_CONCURRENCY", "0", "from 1 to 10000"),
    ("USER_RUN_CONCURRENCY", "-1", "0 or more"),
    ("RETENTION_DAYS", "-1", "from 0 to 36500"),
    ("API_RATE", "-1", "0 or more"),
    ("MAX_SOCKETS_PER_USER", "many", "0 or more"),
    ("DEBUG", "maybe", "true or false"),
    ("ALLOW_PRIVATE_AGENTS", "2", "true or false"),
    ("TIME_ZONE", "Nowhere/Else", "Europe/Berlin"),
    ("TIME_ZONE", "../UTC", "Europe/Berlin"),
    ("PUBLIC_URL", "tasks.example.com", "https://"),
    ("PUBLIC_URL", "http://host:port", "https://"),
    ("CSRF_TRUSTED_ORIGINS", "tasks.example.com", "https://"),
    ("LLM_BASE_URL", "localhost:11434", "https://"),
    ("LOG_LEVEL", "loud", "DEBUG, INFO"),
    ("AGENT_CARDS_DIR", "/no/such/folder", "another"),
    ("DATA_DIR", __file__, "another"),
]


@pytest.mark.parametrize(("name", "value", "instead"), WRONG)
def test_a_value_that_cannot_be_used_is_named_with_what_to_write(
    read: Any, name: str, value: str, instead: str
) -> None:
    with pytest.raises(WrongSetting) as refused:
        read(**{name: value})
    said = str(refused.value)
    assert said.startswith(f"{name}={value} ")
    assert instead in said.partition(": write ")[2]
    assert "\n" not in said


SECRET_ONES = [
    ("DATABASE_URL", "mysql://me:hidden@host/name"),
    ("DATABASE_URL", "postgres://me:hidden@host:54x/name"),
    ("DATABASE_URL", "postgres://me:hidden@host"),
    ("DATABASE_URL", "hidden"),
    ("REDIS_URL", "http://:hidden@host"),
    ("REDIS_URL", "redis://:hidden@host:x"),
    ("EMAIL_URL", "smpt://me:hidden@host"),
    ("EMAIL_URL", "smtp://me:hidden@host:x"),
]


@pytest.mark.parametrize(("name", "value"), SECRET_ONES)
def test_an_address_that_may_hold_a_password_is_not_quoted(read: Any, name: str, value: str, recwarn: Any) -> None:
    with pytest.raises(WrongSetting) as refused:
        read(**{name: value})
    assert str(refused.value).startswith(f"{name} is not the address of a ")
    assert "hidden" not in str(refused.value)
    assert not [warning for warning in recwarn if "hidden" in str(warning.message)]


def test_right_values_are_taken(read: Any, tmp_path: Path) -> None:
    found = read(
        PORT=" 9000 ",
        HOST="::1",
        DEBUG="Yes",
        API_RATE="0",
        TIME_ZONE="Asia/Kathmandu",
        ALLOWED_HOSTS="a.example, b.example,",
        CSRF_TRUSTED_ORIGINS="https://*.example",
        DATABASE_URL="postgres://me:p%40ss@host/name",
        REDIS_URL="redis://host:6379/0",
        EMAIL_URL="smtp+tls://me:pass@host:587",
        LOG_LEVEL="warning",
    )
    assert (found["PORT"], found["DEBUG"], found["API_RATE"]) == (9000, True, 0)
    assert found["PUBLIC_URL"] == "http://[::1]:9000"
    assert found["TIME_ZONE"] == "Asia/Kathmandu"
    assert found["ALLOWED_HOSTS"] == ["a.example", "b.example"]
    assert found["DATABASES"]["default"]["PASSWORD"] == "p@ss"
    assert (found["EMAIL_HOST"], found["EMAIL_PORT"], found["EMAIL_USE_TLS"]) == ("host", 587, True)
    assert found["LOGGING"]["root"]["level"] == "WARNING"


def test_an_empty_variable_counts_as_none(read: Any, tmp_path: Path) -> None:
    found = read(PORT="", DEBUG="", TIME_ZONE="", DATABASE_URL="", EMAIL_URL="", RUN_CONCURRENCY="", PUBLIC_URL="")
    assert (found["PORT"], found["DEBUG"], found["RUN_CONCURRENCY"]) == (8000, False, 100)
    assert found["DATABASES"]["default"]["NAME"] == tmp_path / "db.sqlite3"
    assert found["PUBLIC_URL"] == "http://127.0.0.1:8000"


def test_the_key_is_made_once_and_readable_by_its_owner_only(read: Any, tmp_path: Path) -> None:
    first = read()["SECRET_KEY"]
    assert len(first) >= 50
    assert read()["SECRET_KEY"] == first
    assert [(path.name, path.stat().st_mode & 0o777) for path in tmp_path.iterdir()] == [("secret_key", 0o600)]


def test_an_empty_key_is_said(read: Any, tmp_path: Path) -> None:
    (tmp_path / "secret_key").touch()
    with pytest.raises(WrongSetting, match="secret_key is empty: delete it"):
        read()


def manage(*command: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "DATABASE_URL": "", "REDIS_URL": "", **variables}
    return subprocess.run(
        [sys.executable, "manage.py", *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("command", ["serve", "create_api_token"])
def test_every_command_says_it_in_one_line(command: str) -> None:
    ended = manage(command, PORT="abc")
    assert ended.returncode == 1
    assert ended.stdout + ended.stderr == "PORT=abc is not a whole number: write a number from 1 to 65535.\n"


def test_djangos_own_check_before_going_live_finds_nothing() -> None:
    key = "k" * 25 + "0123456789abcdefghijklmnop"
    for variables in ({}, {"PUBLIC_URL": "https://tasks.example.com", "TRUSTED_PROXIES": "127.0.0.1"}):
        ended = manage("check", "--deploy", "--fail-level", "WARNING", SECRET_KEY=key, **variables)
        assert ended.returncode == 0, ended.stderr
    plain = manage("check", "--deploy", SECRET_KEY=key, PUBLIC_URL="http://tasks.example.com")
    assert "security.W012" in plain.stderr
