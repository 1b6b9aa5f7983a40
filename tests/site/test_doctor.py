"""`manage.py doctor` and the commands for agents say the truth, and what to do."""

import io
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone

from sample_agents.base import BaseAgent
from sample_agents.server import serve_in_thread
from tasks.models import Agent
from tests.helpers.agents import Asking, Echo, Failing, Waiting
from tests.helpers.tasks import TaskMaker
from valuecell_site.diagnosis import Finding, Level, examine

ROOT = Path(__file__).resolve().parents[2]
Serve = Callable[..., Agent]


def found(what: str) -> list[Finding]:
    return [finding for finding in examine() if finding.what == what]


@pytest.mark.django_db(transaction=True)
def test_a_deployment_that_is_well_is_told_so(serve_agent: Serve) -> None:
    serve_agent(Echo())
    User.objects.create_superuser("root")
    assert [finding for finding in examine() if finding.level == Level.WRONG] == []
    assert {finding.what for finding in examine()} >= {"data folder", "database", "schema", "people", "runner", "Echo"}


@pytest.mark.django_db(transaction=True)
def test_what_nobody_claims_and_whom_nobody_reaches_is_told_with_what_mends_it(
    make_task: TaskMaker, agent: Agent
) -> None:
    make_task(now=timezone.now() - timedelta(minutes=5))
    (runner,) = found("runner")
    assert runner.level == Level.WRONG
    assert "nobody claims it" in runner.words
    Agent.objects.filter(pk=agent.pk).update(url="http://127.0.0.1:9/")
    (unreachable,) = found(agent.name)
    assert unreachable.level == Level.WRONG
    assert "check_agent" in unreachable.mend


@pytest.mark.django_db
def test_a_credential_that_is_not_set_here_is_told_by_its_variables_name(agent: Agent) -> None:
    Agent.objects.filter(pk=agent.pk).update(credential_env="THE_ECHOS_TOKEN")
    (finding,) = found(agent.name)
    assert "THE_ECHOS_TOKEN" in finding.words


@pytest.mark.django_db
def test_a_folder_that_cannot_be_written_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert [finding.level for finding in found("data folder")] == [Level.WRONG]


def report(agent: BaseAgent, *options: str) -> tuple[dict[str, str], int]:
    """What `check_agent` says of an agent, by check, and its exit status."""
    url, stop = serve_in_thread(agent)
    out = io.StringIO()
    status = 0
    try:
        call_command("check_agent", url, *options, stdout=out)
    except SystemExit as ended:
        status = int(ended.code or 0)
    finally:
        stop()
    return {line.split()[1]: line for line in out.getvalue().splitlines()}, status


@pytest.mark.database_independent
def test_an_agent_that_does_everything_is_said_to() -> None:
    waiting = Waiting()
    lines, status = report(waiting, "--timeout", "1")
    # It never ends by itself: that is what is found.
    assert status == 1
    assert "not done after 1 s" in lines["send"]
    waiting = Waiting()
    waiting.go.set()
    lines, status = report(waiting)
    assert status == 0
    assert "completed" in lines["send"]
    assert lines["card"].startswith("✓")
    assert lines["look-up"].startswith("✓")


@pytest.mark.database_independent
def test_a_question_is_answered_and_the_same_task_goes_on() -> None:
    lines, status = report(Asking(), "--answer", "blue")
    assert status == 0
    assert lines["question"].startswith("✓")
    assert "completed after the answer" in lines["question"]


@pytest.mark.database_independent
def test_an_agent_that_fails_is_said_to_with_its_words() -> None:
    lines, status = report(Failing())
    assert status == 1
    assert lines["send"].startswith("✗")
    assert "The well is dry." in lines["send"]


@pytest.mark.database_independent
def test_where_nobody_is_the_card_is_the_finding() -> None:
    out = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("check_agent", "http://127.0.0.1:9/", stdout=out)
    assert out.getvalue().startswith("✗ card")


@pytest.mark.database_independent
def test_a_new_agent_runs_as_it_was_written_and_is_not_written_twice(
    tmp_path: Path, settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.AGENT_CARDS_DIR = tmp_path / "cards"  # type: ignore[attr-defined]
    monkeypatch.chdir(tmp_path)
    call_command("new_agent", "NightOwl", stdout=io.StringIO())
    card = (tmp_path / "cards" / "NightOwl.json").read_text()
    port = card.split("127.0.0.1:")[1].split("/")[0]
    process = subprocess.Popen(
        [sys.executable, "night_owl.py"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert f":{port}/" in process.stdout.readline()
        out = io.StringIO()
        call_command("check_agent", f"http://127.0.0.1:{port}/", stdout=out)
        assert "✓ send" in out.getvalue()
    finally:
        process.kill()
        process.wait()
    with pytest.raises(CommandError, match="is there already"):
        call_command("new_agent", "NightOwl", stdout=io.StringIO())
    with pytest.raises(CommandError, match="no name for a class"):
        call_command("new_agent", "night owl", stdout=io.StringIO())
