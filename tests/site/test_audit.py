"""The audit: who did what is written down with the act, never changed, never secret; and taken along as a file."""

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conversations import audit
from conversations.admin.lists import first_id_at
from conversations.audit import Act
from conversations.ids import new_id
from conversations.models import Conversation
from tasks.models import Agent
from tests.api_client import Program
from tests.helpers.tasks import TaskMaker
from valuecell_site import auditing
from valuecell_site.models import AppendOnly, AuditRecord

PASSWORD = "a rather long password"
AUDIT = "/admin/valuecell_site/auditrecord/"


@pytest.fixture
def ann(db: None) -> User:
    return User.objects.create_user("ann", "ann@example.com", PASSWORD, is_staff=True)


@pytest.fixture
def operator(db: None) -> Client:
    """The browser of somebody who may do everything."""
    client = Client(REMOTE_ADDR="203.0.113.5")
    client.force_login(User.objects.create_superuser("olga"))
    AuditRecord._base_manager.all().delete()
    return client


def acts() -> list[str]:
    return list(AuditRecord.objects.order_by("id").values_list("act", flat=True))


def only(act: Act) -> AuditRecord:
    return AuditRecord.objects.get(act=act)


# --- what is written ---


@pytest.mark.parametrize("path", ["/accounts/login/", "/admin/login/"])
def test_signing_in_and_out_and_failing_to_are_recorded(ann: User, path: str) -> None:
    client = Client(REMOTE_ADDR="203.0.113.5")
    client.post(path, {"username": "ann", "password": "wrong, hence not hers"})
    client.post(path, {"username": "ann", "password": PASSWORD})
    client.post("/accounts/logout/")
    assert acts() == ["sign_in_failed", "signed_in", "signed_out"]
    for row in AuditRecord.objects.all():
        assert (row.actor_name, row.subject_id, row.address) == ("ann", str(ann.pk), "203.0.113.5")
    assert only(Act.SIGN_IN_FAILED).actor is None, "whoever it was, it was not shown to be her"


def test_a_name_that_nobody_has_is_not_written_down_since_it_may_be_a_password(ann: User) -> None:
    Client().post("/accounts/login/", {"username": PASSWORD, "password": "x"})
    row = only(Act.SIGN_IN_FAILED)
    assert (row.actor_name, row.subject_name, row.details) == ("", "", {"known": False})


def test_tokens_made_and_revoked_are_recorded_with_how_they_begin(ana: Program) -> None:
    made = ana("POST", "/tokens", {"name": "nightly", "scopes": ["read"]}).data
    ana("DELETE", f"/tokens/{made['id']}")
    for act, row in zip((Act.TOKEN_MADE, Act.TOKEN_REVOKED), AuditRecord.objects.order_by("id"), strict=True):
        assert (row.act, row.actor, row.subject_id) == (act, ana.user, made["id"])
        assert row.subject_name.startswith(made["prefix"]) and made["secret"] not in str(auditing.as_plain(row))
        assert row.via.startswith("vct_") and len(row.via) == 10
    assert only(Act.TOKEN_MADE).details == {"scopes": ["read"]}


def test_a_token_made_by_command_and_one_revoked_in_admin_are_recorded(
    operator: Client, ann: User, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("create_api_token", "ann", "--name", "cron")
    secret = capsys.readouterr().out.split()[-1]
    row = only(Act.TOKEN_MADE)
    assert (row.via, row.actor, row.details["owner"]) == ("command", None, "ann")
    fields = {"action": "revoke", "_selected_action": [row.subject_id]}
    operator.post("/admin/valuecell_site/apitoken/", fields)
    assert only(Act.TOKEN_REVOKED).actor_name == "olga"
    assert secret not in json.dumps([auditing.as_plain(row) for row in AuditRecord.objects.all()])


def test_agents_added_changed_and_switched_are_recorded_by_name_of_the_column(boss: Program, echo: Agent) -> None:
    boss("PATCH", f"/agents/{echo.slug}", {"enabled": False, "display_name": "Echo, resting", "max_concurrency": 3})
    boss("PATCH", f"/agents/{echo.slug}", {"enabled": True})
    assert acts() == ["agent_disabled", "agent_changed", "agent_enabled"]
    assert only(Act.AGENT_CHANGED).details == {"changed": ["display_name", "max_concurrency"], "by": "person"}


def test_an_agent_changed_and_deleted_in_admin_is_recorded(operator: Client, agent: Agent) -> None:
    page = f"/admin/tasks/agent/{agent.pk}/change/"
    form = operator.get(page).context["adminform"].form
    fields = {name: value for name, value in form.initial.items() if value is not None and name in form.fields}
    fields |= {"enabled": "", "credential_env": "ECHO_TOKEN"}
    assert operator.post(page, fields).status_code == 302
    operator.post(f"/admin/tasks/agent/{agent.pk}/delete/", {"post": "yes"})
    assert acts() == ["agent_disabled", "agent_changed", "agent_deleted"]
    assert only(Act.AGENT_CHANGED).details["changed"] == ["credential_env"]


def test_agents_of_card_files_are_recorded_once(db: None, tmp_path: Any) -> None:
    card = {"name": "Filed", "url": "http://127.0.0.1:9/", "version": "1", "skills": [], "capabilities": {}}
    (tmp_path / "filed.json").write_text(json.dumps({**card, "supportedInterfaces": [{"url": card["url"]}]}))
    for _ in range(2):
        call_command("load_agent_cards", str(tmp_path), verbosity=0)
    row = only(Act.AGENT_ADDED)
    assert (row.subject_name, row.via, row.details["by"]) == ("Filed", "command", "card file")
    assert acts() == ["agent_added"]


def test_bulk_acts_by_the_api_are_recorded_with_their_count(ana: Program, echo: Agent) -> None:
    conversation = Conversation.objects.create(user=ana.user)
    tasks = [TaskMaker(conversation)(schedule={"interval_minutes": 60}) for _ in range(3)]
    ids = [str(task.pk) for task in tasks]
    ana("POST", "/tasks/bulk", {"action": "pause", "task_ids": ids, "count_only": True})
    assert acts() == [], "nothing was done"
    ana("POST", "/tasks/bulk", {"action": "pause", "task_ids": ids[:2]})
    ana("POST", f"/plans/{tasks[0].plan_id}/cancel")
    ana("POST", f"/conversations/{conversation.pk}/cancel")
    paused, plan, rest = AuditRecord.objects.order_by("id")
    assert (paused.count, paused.details["action"], paused.details["chosen"]) == (2, "pause", "ids")
    assert (plan.count, plan.subject_kind, plan.details["action"]) == (1, "tasks.executionplan", "cancel")
    assert (rest.count, rest.subject_id, rest.subject_name) == (2, str(conversation.pk), "")


def test_bulk_acts_in_admin_are_recorded_with_their_count(
    operator: Client, make_task: TaskMaker, conversation: Conversation
) -> None:
    tasks = [make_task(schedule={"interval_minutes": 60}) for _ in range(3)]
    chosen = {"action": "cancel_selected", "_selected_action": [str(task.pk) for task in tasks]}
    operator.post("/admin/tasks/task/", chosen)
    assert acts() == [], "it only asked"
    operator.post("/admin/tasks/task/", {**chosen, "confirmed": "yes"})
    row = only(Act.TASKS_ACTED_ON)
    assert (row.count, row.actor_name, row.details["action"]) == (3, "olga", "cancel")
    fields = {"action": "delete_selected", "_selected_action": [str(conversation.pk)], "post": "yes"}
    operator.post("/admin/conversations/conversation/", fields)
    row = only(Act.CONVERSATIONS_DELETED)
    assert (row.count, row.details["conversations"]) == (1, [str(conversation.pk)])


def test_people_added_changed_shut_out_and_deleted_are_recorded(operator: Client, ann: User) -> None:
    fields = {"username": "ann", "email": "ann@example.com", "first_name": "Ann", "is_staff": "on"}
    stamps = {"last_login_0": "", "last_login_1": "", "date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    page = f"/admin/auth/user/{ann.pk}/"
    assert operator.post(f"{page}change/", {**fields, **stamps}).status_code == 302
    assert acts() == ["person_deactivated", "person_changed"]
    assert "Active" in only(Act.PERSON_CHANGED).details["changed"]
    operator.post(
        f"{page}password/", {"password1": PASSWORD + "2", "password2": PASSWORD + "2", "usable_password": "true"}
    )
    operator.post(f"{page}delete/", {"post": "yes"})
    assert acts()[2:] == ["person_changed", "person_deleted"]
    assert only(Act.PERSON_DELETED).subject_name == "ann", "the row outlives the account"
    assert PASSWORD not in json.dumps([auditing.as_plain(row) for row in AuditRecord.objects.all()])


def test_shares_hooks_webhooks_and_feeds_are_recorded_without_their_secrets(ana: Program, echo: Agent) -> None:
    conversation = Conversation.objects.create(user=ana.user, title="Heirloom")
    task = TaskMaker(conversation)(schedule={"interval_minutes": 60})
    share = ana("POST", f"/conversations/{conversation.pk}/share").data
    ana("DELETE", f"/conversations/{conversation.pk}/share")
    ana("DELETE", f"/conversations/{conversation.pk}/share")
    hook = ana("POST", f"/tasks/{task.pk}/hooks", {}).data
    ana("DELETE", f"/tasks/{task.pk}/hooks/{hook['id']}")
    webhook = ana("POST", "/webhooks", {"url": "https://hooks.example.com/T0/s3cretpath"}).data
    ana("PATCH", f"/webhooks/{webhook['id']}", {"enabled": False})
    ana("DELETE", f"/webhooks/{webhook['id']}")
    browser = Client()
    browser.force_login(ana.user)
    browser.post("/calendar/feed/", {"act": "make"})
    browser.post("/calendar/feed/", {"act": "revoke"})
    assert [act for act in acts() if act != "signed_in"] == [
        *("share_made", "share_revoked", "hook_made", "hook_deleted"),
        *("webhook_made", "webhook_changed", "webhook_deleted", "feed_made", "feed_revoked"),
    ]
    assert only(Act.WEBHOOK_MADE).subject_name == "hooks.example.com"
    written = json.dumps([auditing.as_plain(row) for row in AuditRecord.objects.all()])
    for secret in (share["url"].rstrip("/").rsplit("/", 1)[-1], hook["secret"], webhook["secret"], "s3cretpath"):
        assert secret not in written
    assert "Heirloom" not in written


def test_a_password_changed_and_devices_signed_out_are_recorded(ann: User) -> None:
    client = Client()
    client.force_login(ann)
    client.get("/settings/")
    Client().post("/accounts/login/", {"username": "ann", "password": PASSWORD})
    client.post("/settings/devices/", {"device": "others"})
    new = {"old_password": PASSWORD, "new_password1": PASSWORD + "2", "new_password2": PASSWORD + "2"}
    assert client.post("/accounts/password/", new).status_code == 302
    assert acts()[-2:] == ["devices_signed_out", "password_changed"]


def test_what_is_rolled_back_was_not_done(ann: User) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        audit.record(Act.TOKEN_MADE, now=timezone.now(), actor=ann, subject=ann)
        raise DatabaseError
    assert acts() == []


def test_what_looks_like_a_secret_in_a_name_is_hidden(ann: User) -> None:
    held = ["vct_abcdefghijklmnop", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "sk-proj-abcdefghij", "hunter2"]
    named = f"for {held[0]} and {held[1]}, {held[2]} at https://me:{held[3]}@example.com/?token={held[3]}"
    audit.record(Act.AGENT_CHANGED, now=timezone.now(), actor=ann, subject=ann, named=named, changed=[named], why=named)
    written = json.dumps(auditing.as_plain(only(Act.AGENT_CHANGED)), ensure_ascii=False)
    assert not [secret for secret in held if secret in written]
    assert "example.com" in written


# --- that it stays ---


def test_a_row_is_neither_changed_nor_deleted(ann: User) -> None:
    audit.record(Act.SIGNED_IN, now=timezone.now(), actor=ann)
    row = only(Act.SIGNED_IN)
    for attempt in (
        row.save,
        row.delete,
        AuditRecord.objects.all().delete,
        lambda: AuditRecord.objects.update(act="x"),
        lambda: AuditRecord.objects.bulk_update([row], ["act"]),
    ):
        with pytest.raises(AppendOnly), transaction.atomic():
            attempt()
    assert only(Act.SIGNED_IN).at == row.at


def test_admin_shows_rows_and_changes_none(operator: Client, ann: User) -> None:
    audit.record(Act.SIGNED_IN, now=timezone.now(), actor=ann)
    row = AuditRecord.objects.get()
    assert operator.get(f"{AUDIT}{row.pk}/change/").status_code == 200
    assert operator.get(f"{AUDIT}add/").status_code == 403
    assert operator.post(f"{AUDIT}{row.pk}/change/", {"act": "signed_out"}).status_code == 403
    assert operator.post(f"{AUDIT}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    operator.post(AUDIT, {"action": "delete_selected", "_selected_action": [str(row.pk)], "post": "yes"})
    assert AuditRecord.objects.filter(pk=row.pk).exists()


def test_deleting_an_account_leaves_what_it_did(ann: User) -> None:
    audit.record(Act.SIGNED_IN, now=timezone.now(), actor=ann)
    pk = ann.pk
    ann.delete()
    row = only(Act.SIGNED_IN)
    assert (row.actor_id, row.actor_name) == (pk, "ann")


def test_rows_past_their_time_go_in_batches_as_new_ones_come(
    ann: User, settings: Any, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    settings.AUDIT_RETENTION_DAYS = 30
    monkeypatch.setattr(auditing, "FORGOTTEN_AT_ONCE", 2)
    now = timezone.now()
    for days in (33, 32, 31, 29):
        at = now - timedelta(days=days)
        AuditRecord.objects.create(pk=first_id_at(at), at=at, act=Act.SIGNED_IN, via="session")
    with django_capture_on_commit_callbacks(execute=True):
        audit.record(Act.SIGNED_IN, now=now, actor=ann)
    assert AuditRecord.objects.count() == 3
    assert auditing.forget_old(now=now) == 1
    settings.AUDIT_RETENTION_DAYS = 0
    assert auditing.forget_old(now=now + timedelta(days=10_000)) == 0
    assert AuditRecord.objects.count() == 2


# --- looking at it ---


@pytest.fixture
def rows(ann: User) -> int:
    """More than a page of them."""
    made = [
        AuditRecord(pk=new_id(), at=timezone.now(), act=act, actor=ann, actor_name="ann", via="session")
        for act in (Act.SIGNED_IN, Act.SIGNED_OUT) * 60
    ]
    AuditRecord.objects.bulk_create(made)
    return len(made)


def test_the_list_asks_as_much_of_many_rows_as_of_few_and_counts_none_to_the_end(
    operator: Client, ann: User, rows: int, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conversations.admin.lists.COUNT_AHEAD", 20)
    nobody = {"act__exact": "signed_in", "actor__id__exact": 0}
    operator.get(AUDIT, nobody)
    with CaptureQueriesContext(connection) as few:
        operator.get(AUDIT, nobody)
    with django_assert_num_queries(len(few)) as many:
        page = operator.get(AUDIT, {**nobody, "actor__id__exact": ann.pk})
    assert {row.act for row in page.context["cl"].result_list} == {"signed_in"}
    counts = [query["sql"] for query in many.captured_queries if "COUNT(" in query["sql"] and "audit" in query["sql"]]
    assert counts and all("LIMIT" in sql for sql in counts)


def test_it_is_exported_as_csv_and_json_and_that_is_recorded(operator: Client, ann: User) -> None:
    audit.record(Act.AGENT_CHANGED, now=timezone.now(), actor=ann, named="=cmd()", count=3, changed=["url"])
    row = AuditRecord.objects.get()
    chosen = {"_selected_action": [str(row.pk)], "select_across": "1", "index": "0"}
    table = operator.post(AUDIT, {**chosen, "action": "export_csv"})
    assert table["Content-Type"].startswith("text/csv") and "attachment" in table["Content-Disposition"]
    (read,) = csv.DictReader(io.StringIO(table.content.decode()))
    assert (read["act"], read["actor"], read["count"], read["subject"]) == ("agent_changed", "ann", "3", "'=cmd()")
    told = json.loads(operator.post(AUDIT, {**chosen, "action": "export_json"}).content)
    assert [one["act"] for one in told] == ["audit_exported", "agent_changed"]
    assert told[1]["details"] == {"changed": ["url"]} and told[0]["actor"] == "olga"


def test_more_than_a_file_takes_is_refused_with_what_to_do(
    operator: Client, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("valuecell_site.audit_pages.EXPORTED_MOST", 100)
    pk = str(AuditRecord.objects.first().pk)  # type: ignore[union-attr]
    answer = operator.post(
        AUDIT, {"action": "export_csv", "_selected_action": [pk], "select_across": "1", "index": "0"}, follow=True
    )
    assert "narrow the filter" in answer.content.decode()


def test_only_staff_with_the_permission_look_at_it(ann: User, client: Client) -> None:
    client.force_login(ann)
    assert client.get(AUDIT).status_code == 403


def test_the_command_prints_days_of_it(ann: User, capsys: pytest.CaptureFixture[str]) -> None:
    audit.record(Act.SIGNED_IN, now=timezone.now(), actor=ann)
    today = timezone.now().date()
    call_command("audit_log", "--since", str(today - timedelta(days=1)))
    assert [row["act"] for row in json.loads(capsys.readouterr().out)] == ["signed_in"]
    call_command("audit_log", "--format", "csv", "--until", str(today - timedelta(days=1)))
    assert len(capsys.readouterr().out.splitlines()) == 1
    with pytest.raises(CommandError, match="write a day as"):
        call_command("audit_log", "--since", "yesterday")
