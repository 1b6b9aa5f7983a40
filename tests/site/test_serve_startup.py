"""The admin whom a start provides, and what `/healthz` and `/readyz` say."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client

from valuecell_site import health
from valuecell_site.serve.startup import ensure_admin

pytestmark = pytest.mark.django_db


def test_a_given_password_is_set_and_set_again_only_when_it_differs(tmp_path: Path) -> None:
    assert ensure_admin(data_dir=tmp_path, password="first").password == "first"
    admin = User.objects.get(username="admin")
    assert admin.is_superuser and admin.is_staff
    ensure_admin(data_dir=tmp_path, password="first")
    assert User.objects.get(username="admin").password == admin.password
    ensure_admin(data_dir=tmp_path, password="second")
    assert User.objects.get(username="admin").check_password("second")
    assert not (tmp_path / "admin_password").exists()


def test_a_generated_password_is_kept(tmp_path: Path) -> None:
    first = ensure_admin(data_dir=tmp_path, password="")
    assert first.password and User.objects.get(username="admin").check_password(first.password)
    assert ensure_admin(data_dir=tmp_path, password="") == first


def test_a_kept_password_opens_a_new_database(tmp_path: Path) -> None:
    (tmp_path / "admin_password").write_text("kept-from-before\n")
    assert ensure_admin(data_dir=tmp_path, password="").password == "kept-from-before"
    assert User.objects.get(username="admin").check_password("kept-from-before")


def test_a_password_that_the_person_changed_is_left_alone(tmp_path: Path) -> None:
    ensure_admin(data_dir=tmp_path, password="")
    admin = User.objects.get(username="admin")
    admin.set_password("their own")
    admin.save()
    assert ensure_admin(data_dir=tmp_path, password="").password is None
    assert User.objects.get(username="admin").check_password("their own")


@pytest.fixture
def starting() -> Iterator[None]:
    health.starting("the test")
    yield
    health.started()


def test_health_is_answered_with_503_until_the_start_is_over(
    starting: None, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    assert client.get("/healthz").status_code == 503
    # Whoever waits for the start asks often, and nothing is wrong.
    assert caplog.records == []
    health.started()
    assert client.get("/healthz").status_code == 200


def test_readiness_names_what_fails_without_its_secrets(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> str:
        raise ConnectionError("redis://:secret@host refused")

    monkeypatch.setitem(health._checks, "queue", broken)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "failing",
        "checks": {"database": "ok", "queue": "does not answer (ConnectionError)"},
    }
