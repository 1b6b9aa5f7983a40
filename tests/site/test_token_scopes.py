"""Scopes limit what a token opens: each endpoint asks for one, and a token without it is told which."""

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from tasks.scopes import EVERYTHING, Scope, granted
from tests.api_client import Program
from valuecell_site.auth import holder_of
from valuecell_site.models import ApiToken


def limited(program: Program, *scopes: Scope) -> Program:
    """The same person with a token of these scopes only."""
    other = Program(program.user)
    other.token = ApiToken.issue(user_id=program.user.pk, scopes=scopes)[1]
    return other


def test_a_token_made_before_there_were_scopes_may_do_everything(ana: Program):
    assert holder_of(ana.token) == (ana.user, EVERYTHING)


def test_a_scope_of_a_later_version_grants_nothing_here():
    assert granted(["read", "administer"]) == {Scope.READ}
    assert granted(["administer"]) == frozenset()


@pytest.mark.parametrize(
    ("method", "path", "body", "needed"),
    [
        ("GET", "/tasks", None, "read"),
        ("GET", "/conversations/{conversation}", None, "read"),
        ("POST", "/schedules/preview", {"interval_minutes": 5}, "read"),
        ("POST", "/schedules/parse", {"text": "daily at 9"}, "read"),
        ("POST", "/tasks/preview-text", {"query": "hi", "task_id": "{task}"}, "read"),
        ("POST", "/conversations", {}, "run"),
        ("POST", "/conversations/{conversation}/messages", {"text": "hi", "agent_name": "Echo"}, "run"),
        ("POST", "/tasks", {"query": "hi", "agent_name": "Echo", "conversation_id": "{conversation}"}, "run"),
        ("POST", "/tasks/{task}/trigger", {}, "run"),
        ("PATCH", "/tasks/{task}", {"title": "new"}, "manage"),
        ("POST", "/tasks/{task}/pause", {}, "manage"),
        ("POST", "/tasks/{task}/resume", {}, "manage"),
        ("POST", "/tasks/{task}/hooks", {}, "manage"),
        ("POST", "/tasks/{task}/cancel", {}, "manage"),
        ("POST", "/webhooks", {"url": "https://example.com/"}, "manage"),
        ("DELETE", "/conversations/{conversation}", None, "manage"),
    ],
)
def test_each_endpoint_asks_for_one_scope(ana: Program, method, path, body, needed):
    conversation = ana.conversation()
    task = ana.task(conversation_id=conversation, schedule={"interval_minutes": 5})["id"]

    def filled(text: str) -> str:
        return text.replace("{conversation}", conversation).replace("{task}", task)

    path = filled(path)
    sent = {key: filled(value) if isinstance(value, str) else value for key, value in body.items()} if body else body
    others = [scope for scope in Scope if scope != needed]
    refused = limited(ana, *others)(method, path, sent)
    assert (refused.status, refused.error["code"]) == (403, "scope_missing")
    assert f"needs the scope “{needed}”" in refused.error["message"]
    assert f"--scope {needed}" in refused.error["message"]
    assert limited(ana, Scope(needed))(method, path, sent).status < 400


def test_the_command_makes_a_token_of_some_scopes_and_days(ana: Program, capsys):
    call_command("create_api_token", "ana", "--scope", "read", "--scope", "run", "--days", "3")
    told, token = capsys.readouterr().out.splitlines()
    assert holder_of(token) == (ana.user, {Scope.READ, Scope.RUN})
    assert "may read, run, until 20" in told
    row = ApiToken.objects.get(prefix=token[:10])
    assert 2.9 < (row.expires_at - timezone.now()).total_seconds() / 86_400 < 3


@pytest.mark.parametrize("days", ["0", "-1", "99999999"])
def test_days_that_make_no_sense_are_refused(ana: Program, days):
    with pytest.raises(CommandError, match="write a number from 1 to 36,500"):
        call_command("create_api_token", "ana", "--days", days)


def test_an_unknown_scope_is_refused_with_those_that_there_are(ana: Program):
    with pytest.raises(CommandError, match=r"read.*run.*manage"):
        call_command("create_api_token", "ana", "--scope", "write")
