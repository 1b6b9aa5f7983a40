"""401 for nobody on every verb and path; a token before the cookie; a session needs its CSRF token."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tests.api_client import Program
from valuecell_site.auth import USE_NOTED_EVERY, user_for_bearer
from valuecell_site.models import ApiToken

VERBS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
PATHS = ["/conversations", "/tasks/00000000-0000-7000-8000-000000000000", "/agents", "/no-such-thing", "/"]


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("path", PATHS)
def test_nobody_is_401_on_every_verb_and_path(db, verb, path):
    response = Client().generic(verb, f"/api/v1{path}", b"{broken", content_type="application/json")
    assert response.status_code == 401
    assert response.json()["error"]["code"] == "not_signed_in"
    assert response["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Bearer nonsense", "bearer \u00fc", "Basic YTpi", "Token x", ""]
)
def test_what_is_no_valid_token_is_401(db, header):
    assert Client().get("/api/v1/tasks", headers={"Authorization": header}).status_code == 401


def test_a_valid_token_opens_and_the_scheme_is_read_in_any_case(ana: Program):
    for scheme in ("Bearer", "bearer", "BEARER"):
        response = Client().get("/api/v1/tasks", headers={"Authorization": f"{scheme} {ana.token}"})
        assert response.status_code == 200


def test_an_expired_or_revoked_token_and_one_of_an_inactive_user_are_401(ana: Program):
    now = timezone.now()
    token = ApiToken.objects.get(user=ana.user)
    ApiToken.objects.update(expires_at=now - timedelta(seconds=1))
    assert ana("GET", "/tasks").status == 401
    ApiToken.objects.update(expires_at=now + timedelta(hours=1))
    assert ana("GET", "/tasks").status == 200
    ApiToken.objects.update(revoked_at=now)
    assert ana("GET", "/tasks").status == 401
    ApiToken.objects.filter(pk=token.pk).update(revoked_at=None)
    ana.user.is_active = False
    ana.user.save()
    assert ana("GET", "/tasks").status == 401


def test_a_session_reads_without_and_writes_with_its_csrf_token(ana: Program):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(ana.user)
    assert browser.get("/api/v1/conversations").status_code == 200
    refused = browser.post("/api/v1/conversations", "{}", content_type="application/json")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "csrf_failed")
    refused = browser.delete("/api/v1/no-such-thing")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "csrf_failed")
    browser.get("/accounts/login/")
    browser.cookies["vct_csrf"] = "a" * 32
    made = browser.post(
        "/api/v1/conversations", "{}", content_type="application/json", headers={"X-CSRFToken": "a" * 32}
    )
    assert made.status_code == 201


def test_the_token_is_looked_at_before_the_cookie(ana: Program, ben: Program):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(ben.user)
    conversation = ana.conversation()
    bearer = {"Authorization": f"Bearer {ana.token}"}
    assert browser.get(f"/api/v1/conversations/{conversation}", headers=bearer).status_code == 200
    made = browser.post("/api/v1/conversations", "{}", content_type="application/json", headers=bearer)
    assert made.status_code == 201  # no CSRF token is needed beside a bearer token
    bad = browser.get("/api/v1/conversations", headers={"Authorization": "Bearer nonsense"})
    assert bad.status_code == 401


def test_a_session_of_a_user_who_was_made_inactive_is_401(ana: Program):
    browser = Client()
    browser.force_login(ana.user)
    ana.user.is_active = False
    ana.user.save()
    assert browser.get("/api/v1/tasks").status_code == 401


def test_the_use_of_a_token_is_noted_once_a_minute_and_not_for_each_request(ana: Program, django_assert_num_queries):
    now = timezone.now()
    ApiToken.objects.update(last_used_at=None)
    assert user_for_bearer(ana.token, now=now) == ana.user
    with django_assert_num_queries(1):
        user_for_bearer(ana.token, now=now + USE_NOTED_EVERY - timedelta(seconds=1))
    assert ApiToken.objects.get().last_used_at == now
    with django_assert_num_queries(2):
        user_for_bearer(ana.token, now=now + USE_NOTED_EVERY)
    assert ApiToken.objects.get().last_used_at == now + USE_NOTED_EVERY


def test_a_token_is_stored_as_a_digest_only(ana: Program):
    row = ApiToken.objects.get()
    assert ana.token not in repr(row.__dict__)
    assert ana.token.startswith(row.prefix)
    assert len(row.prefix) < len(ana.token) / 3
