"""API tokens by the API: listed, made (shown once), revoked; one that a token makes may do no more than that."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tasks.scopes import EVERYTHING, Scope
from tests.api_client import Program
from tests.site.test_token_scopes import limited
from valuecell_site.auth import holder_of
from valuecell_site.models import ApiToken, IdempotencyKey

SOON = (timezone.now() + timedelta(days=3)).isoformat()


def test_a_token_is_made_shown_once_used_listed_and_revoked(ana: Program):
    made = ana("POST", "/tokens", {"name": "nightly", "scopes": ["read", "run"], "expires_at": SOON})
    assert made.status == 201
    secret = made.data["secret"]
    assert holder_of(secret) == (ana.user, {Scope.READ, Scope.RUN})
    (row,) = [item for item in ana("GET", "/tokens").data["items"] if item["name"] == "nightly"]
    assert row == {name: value for name, value in made.data.items() if name != "secret"} | {
        "last_used_at": row["last_used_at"]
    }
    assert row["last_used_at"] and row["prefix"] == secret[:10] and row["scopes"] == ["read", "run"]
    assert secret not in str(ana("GET", "/tokens").data)
    assert ana("DELETE", f"/tokens/{row['id']}").status == 204
    assert holder_of(secret) is None
    assert ana("DELETE", f"/tokens/{row['id']}").status == 404
    assert "nightly" not in str(ana("GET", "/tokens").data)


def test_without_scopes_it_may_do_what_its_maker_may(ana: Program):
    assert holder_of(ana("POST", "/tokens", {}).data["secret"]) == (ana.user, EVERYTHING)
    some = limited(ana, Scope.MANAGE, Scope.READ)
    assert holder_of(some("POST", "/tokens", {}).data["secret"]) == (ana.user, {Scope.MANAGE, Scope.READ})


def test_a_token_makes_none_that_may_do_more(ana: Program):
    some = limited(ana, Scope.MANAGE)
    before = ApiToken.objects.count()
    refused = some("POST", "/tokens", {"scopes": ["manage", "run"]})
    assert (refused.status, refused.error["code"]) == (403, "scope_missing")
    assert "needs the scope “run”" in refused.error["message"]
    assert ApiToken.objects.count() == before


def test_a_token_makes_none_that_outlives_it(ana: Program):
    end = timezone.now() + timedelta(days=1)
    ApiToken.objects.filter(user=ana.user).update(expires_at=end)
    for body in ({}, {"expires_at": SOON}):
        assert "outlives" in ana("POST", "/tokens", body).fields["expires_at"][0]
    assert ana("POST", "/tokens", {"expires_at": (end - timedelta(hours=1)).isoformat()}).status == 201


@pytest.mark.parametrize(("method", "path"), [("GET", "/tokens"), ("POST", "/tokens"), ("DELETE", "/tokens/{id}")])
def test_a_token_without_manage_learns_and_changes_nothing(ana: Program, method, path):
    row = ApiToken.objects.get(user=ana.user)
    refused = limited(ana, Scope.READ, Scope.RUN)(method, path.format(id=row.pk), {} if method == "POST" else None)
    assert (refused.status, refused.error["code"]) == (403, "scope_missing")
    row.refresh_from_db()
    assert row.revoked_at is None


def test_other_peoples_tokens_are_not_there(ana: Program, ben: Program):
    row = ApiToken.objects.get(user=ben.user)
    assert ana("DELETE", f"/tokens/{row.pk}").status == 404
    assert ana("DELETE", "/tokens/no-uuid").status == 404
    assert str(row.pk) not in str(ana("GET", "/tokens").data)
    assert ben("GET", "/tokens").status == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["write"]}, "scopes.0"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "tomorrow"}, "expires_at"),
        ({"name": "x" * 201}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"user": 1}, "user"),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_field(ana: Program, body, field):
    answer = ana("POST", "/tokens", body)
    assert (answer.status, list(answer.fields)) == (422, [field])


def test_the_secret_is_nowhere_after_it_was_shown(ana: Program):
    first = ana("POST", "/tokens", {"name": "once"}, Idempotency_Key="k")
    again = ana("POST", "/tokens", {"name": "once"}, Idempotency_Key="k")
    assert (again.status, again.headers["Idempotent-Replayed"], again.data["id"]) == (201, "true", first.data["id"])
    assert "secret" not in again.data
    assert first.data["secret"] not in IdempotencyKey.objects.get().answer
    assert ApiToken.objects.filter(name="once").count() == 1


def test_a_hundred_are_enough(ana: Program):
    ApiToken.objects.bulk_create(ApiToken(user=ana.user, digest=f"{n:064}", prefix="vct_") for n in range(99))
    refused = ana("POST", "/tokens", {})
    assert (refused.status, refused.error["code"]) == (409, "too_many_tokens")


def test_the_settings_page_lists_them_and_a_session_may_make_one(ana: Program):
    ApiToken.issue(user_id=ana.user.pk, name="<i>cron</i>", scopes=[Scope.READ])
    ApiToken.issue(user_id=ana.user.pk, name="gone")
    ApiToken.objects.filter(name="gone").update(revoked_at=timezone.now())
    browser = Client()
    browser.force_login(ana.user)
    page = browser.get("/settings/").content.decode()
    assert "&lt;i&gt;cron&lt;/i&gt;" in page and "gone" not in page
    assert browser.post("/api/v1/tokens", {}, content_type="application/json").status_code == 201
