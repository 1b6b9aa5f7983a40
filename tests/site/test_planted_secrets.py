"""Secrets of every kind, planted, then looked for: in logs, answers to mistakes, pages of admin, metrics, the audit."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from conversations.models import Conversation
from tasks.models import Agent
from tests.api_client import Program
from tests.helpers.tasks import TaskMaker
from valuecell_site.auditing import as_plain
from valuecell_site.models import AuditRecord

PASSWORD = "pl4nted password of ana"
CREDENTIAL = "pl4nted-agent-credential"
LLM_KEY = "sk-pl4nted-language-model"
LISTS = (
    *("tasks/task", "tasks/taskrun", "tasks/agent", "tasks/executionplan", "tasks/tasktransition", "tasks/switches"),
    *("conversations/conversation", "conversations/conversationitem"),
    *("auth/user", "valuecell_site/apitoken", "valuecell_site/auditrecord"),
)


@pytest.mark.django_db(transaction=True)
def test_planted_secrets_are_found_nowhere(
    ana: Program,
    echo: Agent,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level("INFO")
    settings.LLM_API_KEY = LLM_KEY
    monkeypatch.setenv("PLANTED", CREDENTIAL)
    Agent.objects.update(credential_env="PLANTED")
    ana.user.set_password(PASSWORD)
    ana.user.save()
    conversation = Conversation.objects.create(user=ana.user)
    task = TaskMaker(conversation)(schedule={"interval_minutes": 60})
    token = ana("POST", "/tokens", {"name": "nightly"}).data["secret"]
    hook = ana("POST", f"/tasks/{task.pk}/hooks", {}).data
    webhook = ana("POST", "/webhooks", {"url": "https://hooks.example.com/T0/pl4ntedpath"}).data
    call_command("create_api_token", "ana", "--name", "by command")
    printed = capfd.readouterr().out.split()[-1]
    key = settings.SECRET_KEY
    secrets = [PASSWORD, CREDENTIAL, LLM_KEY, token, printed, hook["secret"], webhook["secret"], "pl4ntedpath", key]

    answers = mistakes(token, hook, webhook)
    boss = Client()
    boss.force_login(User.objects.create_superuser("boss"))
    pages = [boss.get(f"/admin/{name}/") for name in LISTS]
    pages += [boss.get(f"/admin/tasks/agent/{echo.pk}/change/"), boss.get(f"/admin/auth/user/{ana.user.pk}/change/")]
    pages += [boss.get(f"/admin/tasks/task/{task.pk}/change/"), boss.get("/metrics"), boss.get("/readyz")]
    assert {page.status_code for page in pages} == {200}
    audit = json.dumps([as_plain(row) for row in AuditRecord.objects.all()], ensure_ascii=False)
    places = {
        "answers": "".join(answer.content.decode() for answer in answers),
        "admin and metrics": "".join(page.content.decode() for page in pages),
        "audit": audit,
        "log": caplog.text + "".join(str(vars(record)) for record in caplog.records),
        "output": "".join(capfd.readouterr()),
    }
    found = [(where, secret) for where, text in places.items() for secret in secrets if secret in text]
    assert found == []
    assert "token_made" in audit and "sign_in_failed" in audit and "audit.sign_in_failed" in places["log"]


def mistakes(token: str, hook: dict[str, Any], webhook: dict[str, Any]) -> list[Any]:
    """Requests that carry a secret and are refused, or fail: each answer may quote what came."""
    client = Client(raise_request_exception=False)
    bearer = {"Authorization": f"Bearer {token}"}
    call = {"content_type": "application/json", "headers": bearer}
    half = {"Authorization": f"Bearer {token[:-1]}x"}
    path = f"/hooks/{hook['id']}/"
    answers = [
        client.post("/accounts/login/", {"username": PASSWORD, "password": PASSWORD}),
        client.post("/accounts/login/", {"username": "ana", "password": PASSWORD + "!"}),
        client.post("/admin/login/", {"username": "ana", "password": PASSWORD + "!"}),
        client.get("/api/v1/tasks/nonsense", headers=bearer),
        client.get("/api/v1/tasks", headers=half),
        client.get("/api/v1/tasks?status=nonsense", headers=bearer),
        client.post("/api/v1/tokens", "{", **call),
        client.post("/api/v1/webhooks", json.dumps({"url": "nonsense", "events": ["x"]}), **call),
        client.patch(f"/api/v1/webhooks/{webhook['id']}", json.dumps({"enabled": "perhaps"}), **call),
        client.post(path, "{}", content_type="application/json", headers={"Authorization": "Bearer wrong"}),
        client.post(path, "{", content_type="application/json", headers={"Authorization": f"Bearer {hook['secret']}"}),
        client.get("/metrics", headers={**half, "X-Forwarded-For": "203.0.113.7"}),
        client.get("/no/such/page", headers=bearer),
    ]
    # The sign-in page keeps the name that was typed in its field, for the one who typed it.
    assert PASSWORD in answers[0].content.decode()
    assert all(answer.status_code < 500 for answer in answers)
    return answers[1:]
