"""A schedule that rests for its failures tells its owner, where it runs and by mail, and again when it recovers."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from conversations.models import Conversation
from tasks.models import Outgoing, Task
from tasks.services import TaskService
from tests.helpers.tasks import EVERY_MINUTE, MINUTE, NOW, TaskMaker, contents, fail, started, succeed
from tests.tasks.hooks.test_what_webhooks_are_told import send

pytestmark = pytest.mark.usefixtures("address")


@pytest.fixture
def address(user: User) -> None:
    User.objects.filter(pk=user.pk).update(email="ann@example.com")


def five_failures(task: Task, *, first: int = 0) -> None:
    for number in range(first, first + 5):
        fail(started(task, now=NOW + number * MINUTE), error="The well\nis dry.", now=NOW + number * MINUTE)


def test_after_five_failed_ticks_the_owner_is_told_once_where_it_runs_and_by_mail(
    make_task: TaskMaker, conversation: Conversation, mailoutbox: list[Any]
) -> None:
    task = make_task(schedule=EVERY_MINUTE, title="Water", conversation_mode="new")
    five_failures(task)
    [said] = contents(conversation, "message")
    assert said.startswith("“Water” was paused: 5 ticks in a row failed; the last: The well\nis dry.")
    assert mailoutbox == []  # never in the commit
    assert send() == 1
    [mail] = mailoutbox
    assert (mail.to, mail.subject) == (["ann@example.com"], "Paused: Water")
    assert said in mail.body and f"/tasks/{task.pk}/" in mail.body
    assert send() == 0


def test_and_told_again_at_its_first_success(
    make_task: TaskMaker, conversation: Conversation, mailoutbox: list[Any]
) -> None:
    task = make_task(schedule=EVERY_MINUTE, title="Water")
    five_failures(task)
    TaskService.resume(task.pk, actor=None, now=NOW + 10 * MINUTE)
    # One more failure is no news; the success is, once.
    fail(started(task, now=NOW + 11 * MINUTE), now=NOW + 11 * MINUTE)
    for number in (12, 13):
        succeed(started(task, now=NOW + number * MINUTE), now=NOW + number * MINUTE)
    assert contents(conversation, "message")[1:] == ["“Water” works again."]
    send()
    assert [mail.subject for mail in mailoutbox] == ["Paused: Water", "Recovered: Water"]


def test_who_was_not_told_of_failures_is_not_told_of_a_success(
    make_task: TaskMaker, conversation: Conversation
) -> None:
    task = make_task(schedule=EVERY_MINUTE)
    fail(started(task))
    succeed(started(task, now=NOW + MINUTE), now=NOW + MINUTE)
    assert contents(conversation, "message") == []
    assert not Outgoing.objects.exists()


def test_a_title_of_several_lines_makes_one_subject(make_task: TaskMaker, mailoutbox: list[Any]) -> None:
    task = make_task(schedule=EVERY_MINUTE, title="Water")
    Task.objects.filter(pk=task.pk).update(title="Water\r\nBcc: all@example.com")
    five_failures(task)
    send()
    assert mailoutbox[0].subject == "Paused: Water Bcc: all@example.com"
    assert mailoutbox[0].recipients() == ["ann@example.com"]


def test_who_has_no_address_reads_it_in_the_conversation(
    make_task: TaskMaker, conversation: Conversation, user: User
) -> None:
    User.objects.filter(pk=user.pk).update(email="")
    five_failures(make_task(schedule=EVERY_MINUTE))
    assert len(contents(conversation, "message")) == 1
    assert not Outgoing.objects.exists()


def test_a_mail_server_that_is_away_is_asked_again(make_task: TaskMaker, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    five_failures(make_task(schedule=EVERY_MINUTE))
    send()
    row = Outgoing.objects.get()
    assert (row.status, row.attempts) == ("pending", 1)
    assert "ConnectionRefusedError" in row.response_excerpt
