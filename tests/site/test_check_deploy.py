"""A deployment behind TLS passes Django's own checks for deployments without a word."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.database_independent  # Settings only.
ROOT = Path(__file__).resolve().parents[2]


def check(data_dir: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    values = {**os.environ, "DATA_DIR": str(data_dir), "DATABASE_URL": "", "REDIS_URL": "", "SECRET_KEY": ""}
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    return subprocess.run(command, cwd=ROOT, env={**values, **environment}, capture_output=True, text=True, check=False)


def test_check_deploy_is_clean_with_a_public_address_of_https(tmp_path: Path) -> None:
    done = check(tmp_path, PUBLIC_URL="https://tasks.example.com", TRUSTED_PROXIES="127.0.0.1")
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


def test_it_would_say_so_if_cookies_went_unencrypted_over_a_network(tmp_path: Path) -> None:
    done = check(tmp_path, PUBLIC_URL="http://tasks.example.com")
    assert done.returncode != 0
    assert "security.W012" in done.stderr and "security.W016" in done.stderr
