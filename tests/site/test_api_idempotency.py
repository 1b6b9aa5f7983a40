"""A POST that carries an Idempotency-Key is carried out once, whoever sends it again, and when."""

import threading

import pytest
from django.db import connection
from django.utils import timezone

from conversations.models import Conversation
from tasks.models import Task
from tests.api_client import Program
from valuecell_site import idempotency
from valuecell_site.models import IdempotencyKey


def test_a_repeated_post_is_answered_as_the_first_one_and_makes_nothing(ana: Program):
    first = ana("POST", "/conversations", {"title": "Größe"}, Idempotency_Key="k1")
    again = ana("POST", "/conversations", {"title": "Größe"}, Idempotency_Key="k1")
    assert first.status == again.status == 201
    assert first.content == again.content
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert Conversation.objects.count() == 1


def test_another_body_with_the_same_key_is_409(ana: Program):
    ana("POST", "/conversations", {"title": "a"}, Idempotency_Key="k")
    refused = ana("POST", "/conversations", {"title": "b"}, Idempotency_Key="k")
    assert (refused.status, refused.error["code"]) == (409, "idempotency_key_reused")


def test_a_key_belongs_to_its_person_and_path(ana: Program, ben: Program):
    first = ana.conversation()
    body = {"query": "say it", "agent_name": "Echo", "conversation_id": first}
    assert ana("POST", "/tasks", body, Idempotency_Key="k").status == 201
    assert ana("POST", "/conversations", {}, Idempotency_Key="k").status == 201
    assert ben("POST", "/conversations", {}, Idempotency_Key="k").status == 201
    assert Conversation.objects.count() == 3


def test_after_24_hours_a_key_is_new_again(ana: Program):
    ana("POST", "/conversations", {"title": "a"}, Idempotency_Key="k")
    IdempotencyKey.objects.update(created_at=timezone.now() - idempotency.KEPT)
    assert ana("POST", "/conversations", {"title": "b"}, Idempotency_Key="k").status == 201
    assert Conversation.objects.count() == 2


def test_old_keys_are_forgotten_when_new_ones_come(ana: Program, monkeypatch):
    ana("POST", "/conversations", {}, Idempotency_Key="old")
    now = timezone.now()
    assert idempotency.forget_old(now) == 0
    IdempotencyKey.objects.update(created_at=now - idempotency.KEPT)
    monkeypatch.setattr(idempotency, "_sweep", idempotency._Sweep())
    ana("POST", "/conversations", {}, Idempotency_Key="new")
    assert IdempotencyKey.objects.get().key == "new"


def test_a_refused_post_may_be_mended_and_sent_with_the_same_key(ana: Program):
    body = {"conversation_id": ana.conversation(), "agent_name": "Echo", "query": ""}
    assert ana("POST", "/tasks", body, Idempotency_Key="k").status == 422
    assert ana("POST", "/tasks", {**body, "query": "say it"}, Idempotency_Key="k").status == 201
    assert Task.objects.count() == 1


def test_a_refusal_after_rows_were_written_leaves_none_of_them(ana: Program):
    body = {"conversation_id": ana.conversation(), "tasks": [{"query": "a", "agent_name": "Nobody"}]}
    assert ana("POST", "/plans", body, Idempotency_Key="k").status == 422
    assert IdempotencyKey.objects.count() == 0


@pytest.mark.parametrize("key", ["", "é", "a" * 256])
def test_a_key_that_cannot_be_kept_is_422(ana: Program, key):
    assert ana("POST", "/conversations", {}, Idempotency_Key=key).status == 422


def test_while_the_first_is_being_answered_the_second_is_told_so(ana: Program, monkeypatch):
    monkeypatch.setattr(idempotency, "PATIENCE", 0.1)
    ana("POST", "/conversations", {"title": "a"}, Idempotency_Key="k")
    IdempotencyKey.objects.update(status=None)
    refused = ana("POST", "/conversations", {"title": "a"}, Idempotency_Key="k")
    assert (refused.status, refused.error["code"]) == (409, "in_progress")


def test_what_a_dead_process_began_is_taken_over(ana: Program):
    ana("POST", "/conversations", {"title": "a"}, Idempotency_Key="k")
    IdempotencyKey.objects.update(status=None, created_at=timezone.now() - idempotency.ABANDONED)
    assert ana("POST", "/conversations", {"title": "a"}, Idempotency_Key="k").status == 201
    assert Conversation.objects.count() == 2
    assert IdempotencyKey.objects.get().status == 201


@pytest.mark.django_db(transaction=True)
def test_of_ten_at_the_same_moment_one_is_carried_out_and_all_get_its_answer(ana: Program):
    body = {"query": "say it", "agent_name": "Echo", "conversation_id": ana.conversation()}
    start = threading.Barrier(10)
    answers = []

    def send() -> None:
        start.wait()
        try:
            answers.append(ana("POST", "/tasks", body, Idempotency_Key="k"))
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status for answer in answers] == [201] * 10
    assert len({answer.content for answer in answers}) == 1
    assert Task.objects.count() == 1


@pytest.mark.parametrize("kind", ["hook", "webhook"])
def test_a_secret_is_shown_again_and_never_stored_and_gone_with_what_it_belongs_to(ana: Program, kind: str, settings):
    settings.ALLOW_PRIVATE_AGENTS = True
    if kind == "hook":
        address, body = f"/tasks/{ana.task(schedule={'on_event': True})['id']}/hooks", {}
    else:
        address, body = "/webhooks", {"url": "http://127.0.0.1:9/"}
    first = ana("POST", address, body, Idempotency_Key="k")
    assert first.status == 201
    secret = first.data["secret"]
    assert secret not in IdempotencyKey.objects.get().answer
    assert ana("POST", address, body, Idempotency_Key="k").data == first.data
    assert ana("DELETE", f"{address}/{first.data['id']}").status == 204
    gone = ana("POST", address, body, Idempotency_Key="k")
    assert (gone.status, gone.data) == (201, {name: first.data[name] for name in first.data if name != "secret"})
