"""What is kept of an agent's last error."""

from django.utils import timezone

from tasks.agents import health
from tasks.models import Agent


def test_of_an_endless_error_what_a_person_reads_is_kept_until_the_agent_answers(agent: Agent) -> None:
    health.note_error(agent.name, "<html>" * 1_000, now=timezone.now())
    agent.refresh_from_db()
    assert len(agent.last_error) == health.ERROR_MAX
    assert agent.last_error.endswith("…")
    health.note_seen(agent.name, now=timezone.now())
    agent.refresh_from_db()
    assert agent.last_error == ""
