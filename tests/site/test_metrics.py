"""`/metrics`: for this machine and for staff, what was counted and what waits."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from tasks.services import TaskService
from tests.helpers.tasks import TaskMaker
from valuecell_site.models import ApiToken

pytestmark = pytest.mark.django_db


def read(client: Client, **headers: str) -> dict[str, float]:
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200, answer.content
    families = text_string_to_metric_families(answer.content.decode())
    return {sample.name: sample.value for family in families for sample in family.samples if not sample.labels}


def test_what_is_due_and_what_waits_is_told(client: Client, make_task: TaskMaker) -> None:
    now = timezone.now()
    make_task(now=now - timedelta(seconds=90))
    make_task(now=now, schedule={"interval_minutes": 10, "start_at": (now + timedelta(hours=1)).isoformat()})
    told = read(client)
    assert told["valuecell_tasks_due"] == 1
    assert 90 <= told["valuecell_tasks_due_age_seconds"] < 120
    before = told["valuecell_tasks_claimed_total"]
    TaskService.claim_due(now=now)
    told = read(client)
    assert (told["valuecell_tasks_due"], told["valuecell_runs_ready"]) == (0, 1)
    assert told["valuecell_tasks_claimed_total"] == before + 1


def test_through_a_proxy_only_staff_may_read(client: Client, user: User, settings: object) -> None:
    far = {"X-Forwarded-For": "203.0.113.7"}
    assert client.get("/metrics", headers=far).status_code == 401
    token = ApiToken.issue(user_id=user.pk)[1]
    assert client.get("/metrics", headers={**far, "Authorization": f"Bearer {token}"}).status_code == 403
    User.objects.filter(pk=user.pk).update(is_staff=True)
    assert "valuecell_tasks_due" in read(client, **far, Authorization=f"Bearer {token}")


def test_from_another_machine_nobody_may_read(client: Client) -> None:
    assert client.get("/metrics", REMOTE_ADDR="203.0.113.7").status_code == 401
