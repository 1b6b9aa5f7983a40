"""The circuit breaker: opened by failures in a row, tried by one run, shared by all processes through the row."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from tasks.agents import circuit, health
from tasks.agents.circuit import FAILURES_MAX, OPEN_FIRST, OPEN_MOST, PROBE_FOR, Admission
from tasks.models import Agent, TaskRun
from tasks.models.agent import Circuit
from tests.helpers.tasks import NOW, TaskMaker
from tests.helpers.threads import together

SECOND = timedelta(seconds=1)


def fail(times: int, *, at: datetime = NOW) -> None:
    for _ in range(times):
        circuit.note_failure("Echo", now=at)


def admitted(now: datetime) -> Admission:
    return circuit.admit("Echo", now=now)[0]


def state(now: datetime) -> Circuit:
    return Agent.objects.get().circuit(now)


def test_an_agent_that_answers_is_asked(agent: Agent) -> None:
    fail(FAILURES_MAX - 1)
    assert (admitted(NOW), state(NOW)) == (Admission.GO, Circuit.CLOSED)


def test_failures_in_a_row_open_it_and_an_answer_between_them_does_not(agent: Agent) -> None:
    fail(FAILURES_MAX - 1)
    health.note_seen("Echo", now=NOW)
    fail(FAILURES_MAX - 1)
    assert state(NOW) is Circuit.CLOSED
    fail(1)
    assert (admitted(NOW), state(NOW)) == (Admission.REFUSED, Circuit.OPEN)


def test_one_run_alone_tries_when_the_time_is_over(agent: Agent) -> None:
    fail(FAILURES_MAX)
    then = NOW + OPEN_FIRST
    assert state(then) is Circuit.HALF_OPEN
    assert [admitted(then) for _ in range(3)] == [Admission.PROBE, Admission.WAIT, Admission.WAIT]
    assert admitted(then + PROBE_FOR) == Admission.PROBE, "a probe whose worker died does not hold it up for ever"


def test_a_probe_that_is_answered_closes_it(agent: Agent) -> None:
    fail(FAILURES_MAX)
    assert admitted(NOW + OPEN_FIRST) is Admission.PROBE
    health.note_seen("Echo", now=NOW + OPEN_FIRST)
    agent.refresh_from_db()
    assert (agent.failures, agent.open_until, agent.probe_until) == (0, None, None)
    assert admitted(NOW + OPEN_FIRST) is Admission.GO


def test_each_probe_that_fails_doubles_the_wait_up_to_the_most(agent: Agent) -> None:
    fail(FAILURES_MAX)
    waits, now = [], NOW
    for _ in range(6):
        agent.refresh_from_db()
        waits.append(agent.open_until - now)
        now = agent.open_until
        assert admitted(now) is Admission.PROBE
        fail(1, at=now)
    assert waits == [OPEN_FIRST, OPEN_FIRST * 2, OPEN_FIRST * 4, OPEN_MOST, OPEN_MOST, OPEN_MOST]


def test_what_was_under_way_when_it_opened_does_not_open_it_for_longer(agent: Agent) -> None:
    fail(FAILURES_MAX + 20)
    agent.refresh_from_db()
    assert (agent.failures, agent.open_until) == (FAILURES_MAX, NOW + OPEN_FIRST)


def test_an_agent_that_refuses_has_answered(agent: Agent) -> None:
    fail(FAILURES_MAX)
    health.note_error("Echo", "Echo did not accept our credential (HTTP 401).", now=NOW + OPEN_FIRST, failure=False)
    agent.refresh_from_db()
    assert (agent.failures, agent.last_error) == (0, "Echo did not accept our credential (HTTP 401).")


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_that_ask_at_once_one_probes(agent: Agent) -> None:
    fail(FAILURES_MAX)
    found = together(6, lambda _: admitted(NOW + OPEN_FIRST))
    assert sorted(found) == [Admission.PROBE] + [Admission.WAIT] * 5


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_that_fail_at_once_each_counts_until_it_opens(agent: Agent) -> None:
    together(FAILURES_MAX - 1, lambda _: fail(1))
    agent.refresh_from_db()
    assert agent.failures == FAILURES_MAX - 1


def test_an_agent_that_is_not_on_file_is_asked_and_its_failures_are_nobodys(db: None) -> None:
    fail(FAILURES_MAX + 1)
    assert admitted(NOW) is Admission.GO


@pytest.fixture
def make_finished(make_task: TaskMaker) -> Callable[..., None]:
    """Make a run that ended: `at`, its message sent so many seconds before, and answered so many before."""
    task = make_task()

    def make(status: str, *, at: datetime, sent: int, answered: int | None = None) -> None:
        TaskRun.objects.create(
            task=task,
            user=task.user,
            conversation=task.conversation,
            agent_name="Echo",
            trigger="manual",
            scheduled_for=at,
            status=status,
            sent_at=at - sent * SECOND,
            answered_at=None if answered is None else at - answered * SECOND,
            finished_at=at,
        )

    return make


def test_a_day_of_runs_is_added_up_by_agent(agent: Agent, make_finished: Callable[..., None]) -> None:
    now = timezone.now()
    make_finished("succeeded", at=now - timedelta(hours=1), sent=30, answered=28)
    make_finished("succeeded", at=now - timedelta(hours=2), sent=30, answered=24)
    make_finished("failed", at=now - timedelta(hours=3), sent=30)
    make_finished("cancelled", at=now - timedelta(hours=3), sent=30)
    make_finished("failed", at=now - timedelta(hours=25), sent=30)
    day = health.days(now=now)["Echo"]
    assert (day.succeeded, day.failed, round(day.rate)) == (2, 1, 67)
    assert (day.latency, day.slowest) == (4 * SECOND, 6 * SECOND)
