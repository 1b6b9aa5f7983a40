"""What a request leads to, and what each answer does to it: pure, without a database."""

from datetime import timedelta

import pytest

from tasks.planner import Answer, Candidate, Request, Step, next_step
from tasks.planner.rules import RulesPlanner
from tests.tasks.language.corpus import NOW, ZONE

pytestmark = pytest.mark.database_independent

MARKET = Candidate(name="MarketDataAgent", display_name="Market data", skills=[{"id": "price", "tags": ["AAPL"]}])
NEWS = Candidate(name="NewsAgent", skills=[{"id": "news", "name": "News", "tags": ["headlines"]}])
DEEP = Candidate(name="DeepAgent", skills=[{"id": "deep", "tags": ["research"]}], passthrough=True)
AGENTS = [MARKET, NEWS, DEEP]
MINUTE = timedelta(minutes=1)


def talk(text: str, *answers: str, scheduled: bool = False, agent_name: str = "") -> Step:
    """The step after these answers, a minute between two of them; `agent_name` stands beside the last."""
    said = [
        Answer(text=answer, at=NOW + number * MINUTE, agent_name=agent_name if number == len(answers) else "")
        for number, answer in enumerate(answers, 1)
    ]
    request = Request(text=text, said_at=NOW, timezone=ZONE, scheduled=scheduled, answers=tuple(said))
    return next_step(request, AGENTS, RulesPlanner(), now=NOW + len(answers) * MINUTE)


def made(step: Step) -> tuple[str, str, dict[str, object] | None]:
    """The one task of a step that asks nothing any more."""
    assert step.question == ""
    (task,) = step.tasks
    return task.agent_name, task.query, step.schedule


def test_without_a_time_it_is_the_agents_at_once() -> None:
    step = talk("Price of AAPL")
    assert made(step) == ("MarketDataAgent", "Price of AAPL", None)
    assert step.guidance == "Market data takes this."


def test_what_comes_again_is_asked_about_with_its_next_five_times_and_zone() -> None:
    step = talk("Price of AAPL every weekday at 9:05")
    assert (step.asks, step.tasks, step.recurring) == ("confirm", [], True)
    assert "Weekdays at 09:05, Berlin" in step.question
    assert "Market data: “Price of AAPL”" in step.question
    assert "Berlin time" in step.question
    assert step.question.count("\n- ") == 5
    assert "Thu 26 Nov 2026 at 09:05" in step.question
    assert step.proposal is not None
    assert step.proposal["schedule"] == {"cron": "5 9 * * 1-5", "timezone": ZONE}


@pytest.mark.parametrize("yes", ["yes", "ok", "OK!", "确认", "好的"])
def test_yes_makes_it(yes: str) -> None:
    expected = {"cron": "5 9 * * 1-5", "timezone": ZONE}
    assert made(talk("Price of AAPL every weekday at 9:05", yes)) == ("MarketDataAgent", "Price of AAPL", expected)


@pytest.mark.parametrize("no", ["no", "No thanks", "cancel", "取消", "不用了"])
def test_no_makes_nothing(no: str) -> None:
    step = talk("Price of AAPL every weekday at 9:05", no)
    assert (step.declined, step.tasks, step.question) == (True, [], "")
    assert step.guidance == "Nothing was set up."


def test_a_change_is_asked_about_again() -> None:
    step = talk("Price of AAPL every day at 9", "make it 10am")
    assert step.asks == "confirm"
    assert "Every day at 10:00, Berlin" in step.question
    assert made(talk("Price of AAPL every day at 9", "make it 10am", "yes"))[2] == {
        "daily_time": "10:00",
        "timezone": ZONE,
    }


def test_changes_add_up_in_chinese_too() -> None:
    step = talk("每天早上9点查看AAPL", "改成十点", "改成工作日")
    assert "工作日 10:00（柏林时间）" in step.question
    assert made(talk("每天早上9点查看AAPL", "改成十点", "改成工作日", "确认")) == (
        "MarketDataAgent",
        "查看AAPL",
        {"cron": "0 10 * * 1-5", "timezone": ZONE},
    )


def test_once_instead_of_again_runs_it_now() -> None:
    assert made(talk("Price of AAPL every day at 9", "just once")) == ("MarketDataAgent", "Price of AAPL", None)


def test_what_is_not_understood_is_asked_again_and_need_not_be_kept() -> None:
    step = talk("Price of AAPL every day at 9", "hm, what do you mean?")
    assert (step.asks, step.moved) == ("confirm", False)


def test_an_answer_may_name_another_agent() -> None:
    assert "NewsAgent: “Price of AAPL”" in talk("Price of AAPL every day at 9", "let NewsAgent do it").question
    step = talk("Price of AAPL every day at 9", "yes", agent_name="NewsAgent")
    assert (step.asks, "NewsAgent" in step.question) == ("confirm", True)


def test_a_missing_time_is_asked_for_and_yes_takes_the_proposal() -> None:
    asked = talk("Price of AAPL every Monday")
    assert asked.asks == "time"
    assert "At what time?" in asked.question
    assert "Mon 30 Nov 2026 at 09:00" in asked.question
    assert made(talk("Price of AAPL every Monday", "yes"))[2] == {"cron": "0 9 * * 1", "timezone": ZONE}


def test_a_time_that_is_given_is_confirmed() -> None:
    step = talk("Price of AAPL every Monday", "at 8")
    assert (step.asks, "Every Monday at 08:00" in step.question) == ("confirm", True)
    assert made(talk("Price of AAPL every Monday", "at 8", "ok"))[2] == {"cron": "0 8 * * 1", "timezone": ZONE}


def test_yes_to_a_question_without_a_proposal_is_no_answer() -> None:
    step = talk("Check AAPL every now and then", "yes")
    assert (step.asks, step.moved, step.proposal) == ("time", False, None)


def test_no_to_whether_a_time_was_meant_runs_it_as_it_stands() -> None:
    text = "Why not explain AAPL in 5 minutes"
    asked = talk("Explain AAPL in 5 minutes")
    assert (asked.asks, "“no” to run it once" in asked.question) == ("time", True)
    assert made(talk("Explain AAPL in 5 minutes", "no")) == ("MarketDataAgent", "Explain AAPL in 5 minutes", None)
    assert made(talk(text, "no") if talk(text).question else talk(text))[1] == text


def test_what_shall_stop_is_no_schedule_unless_yes_is_said() -> None:
    text = "Stop sending me the price of AAPL every day at 9"
    assert (talk(text).asks, talk(text).tasks) == ("confirm", [])
    assert talk(text, "no").declined
    assert talk(text, "cancel").declined
    assert made(talk(text, "yes"))[2] == {"daily_time": "09:00", "timezone": ZONE}
    # What has no times to show cannot be taken by a yes.
    assert talk("Stop sending me the price of AAPL every few hours", "yes").tasks == []


def test_a_moment_without_doubt_needs_no_answer_and_is_said() -> None:
    step = talk("Check AAPL tomorrow at 9")
    assert made(step) == ("MarketDataAgent", "Check AAPL", {"start_at": "2026-11-26T09:00:00+01:00", "timezone": ZONE})
    assert step.guidance == "Market data takes this. Once, on Thu 26 Nov 2026 at 09:00, Berlin."


def test_a_moment_with_doubt_is_asked_about() -> None:
    assert talk("Check AAPL tomorrow").asks == "time"
    assert made(talk("Check AAPL tomorrow", "at 9"))[2] == {"start_at": "2026-11-26T09:00:00+01:00", "timezone": ZONE}


def test_a_time_alone_asks_what_shall_be_done_then() -> None:
    asked = talk("every day at 9")
    assert (asked.asks, asked.question) == ("request", "What shall be done then? Say it, or “cancel”.")
    assert talk("every day at 9", "Price of AAPL").asks == "confirm"
    assert made(talk("every day at 9", "Price of AAPL", "yes"))[1] == "Price of AAPL"
    assert talk("every day at 9", "cancel").declined


def test_who_is_asked_after_when_and_before_the_confirmation() -> None:
    assert talk("Bake bread every Monday").asks == "time"
    assert talk("Bake bread every Monday", "at 8").asks == "agent"
    assert talk("Bake bread every Monday", "at 8", "news agent? NewsAgent").asks == "confirm"
    assert made(talk("Bake bread every Monday", "at 8", "NewsAgent", "yes"))[0] == "NewsAgent"


def test_an_explicit_schedule_leaves_the_text_alone() -> None:
    text = "Price of AAPL every day at 9"
    assert made(talk(text, scheduled=True)) == ("MarketDataAgent", text, None)


def test_an_agent_with_passthrough_is_handed_everything() -> None:
    text = "Do research on batteries every day at 9"
    assert made(talk(text)) == ("DeepAgent", text, None)


def test_tomorrow_is_the_day_after_the_message_however_late_the_answer() -> None:
    late = NOW + timedelta(hours=20)
    answers = (Answer(text="at 9", at=late),)
    request = Request(text="Check AAPL tomorrow", said_at=NOW, timezone=ZONE, answers=answers)
    assert made(next_step(request, AGENTS, RulesPlanner(), now=late))[2] == {
        "start_at": "2026-11-26T09:00:00+01:00",
        "timezone": ZONE,
    }
