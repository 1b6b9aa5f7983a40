"""What is understood, what is asked, and how answers change it: cases that a line of the corpus cannot say."""

import random
import re
import string
import time
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tasks import schedules
from tasks.planner.language import Understanding, reply, understand
from tests.tasks.language.corpus import NOW, ZONE, lines

pytestmark = pytest.mark.database_independent

NEXT_DAY = NOW + timedelta(days=1)


def said(text: str, *changes: str, zone: str = ZONE) -> Understanding:
    return understand(text, timezone=zone, now=NOW, changes=[(change, NOW) for change in changes])


def data(understood: Understanding) -> dict[str, object]:
    assert understood.sure is not None, understood.question
    return understood.sure.data


def test_a_sure_schedule_comes_with_its_next_five_times_and_its_words() -> None:
    sure = said("Compare AAPL and MSFT every weekday at 9:05").sure
    assert sure is not None
    shown = [moment.astimezone(ZoneInfo(ZONE)).strftime("%a %d %H:%M") for moment in sure.times]
    assert shown == ["Thu 26 09:05", "Fri 27 09:05", "Mon 30 09:05", "Tue 01 09:05", "Wed 02 09:05"]
    assert sure.summary == "Weekdays at 09:05, Berlin"


def test_fewer_than_five_times_where_there_are_no_more() -> None:
    assert len(said("every hour for 3 times").as_dict()["times"]) == 3
    assert len(said("tomorrow at 9").as_dict()["times"]) == 1


def test_a_moment_is_start_at_alone() -> None:
    assert data(said("tomorrow at 9 Tokyo time")) == {"start_at": "2026-11-26T09:00:00+09:00"}


def test_what_is_sure_is_a_schedule_that_the_product_takes() -> None:
    for line in lines("english", "chinese"):
        understood = understand(line.text, timezone=ZONE, now=NOW)
        if understood.sure:
            zone = understood.sure.schedule.timezone
            parsed = schedules.parse(understood.sure.data, now=NOW, default_timezone=zone)
            assert parsed == understood.sure.schedule


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("every Monday", "At what time? I would take: Every Monday at 09:00, Berlin."),
        ("every day at 3", "Do you mean 03:00 or 15:00? I would take: Every day at 15:00, Berlin."),
        ("every day at 9 PST", "“PST” is not clear: do you mean the time in Los Angeles? "
         "I would take: Every day at 09:00, Los Angeles."),
        ("每周一和周四", "几点运行？建议：每周一、周四 09:00（柏林时间）。"),
        ("定期检查金价", "“定期”具体是多久一次？"),
    ],
)  # fmt: skip
def test_a_question_says_what_is_not_sure_and_what_would_be_taken(text: str, question: str) -> None:
    understood = said(text)
    assert understood.question == question
    assert understood.sure is None
    assert understood.as_dict()["schedule"] is None


def test_the_zone_of_the_person_counts_unless_one_is_named() -> None:
    assert data(said("every day at 9", zone="Asia/Tokyo")) == {"daily_time": "09:00", "timezone": "Asia/Tokyo"}
    assert data(said("every day at 9 Berlin time", zone="Asia/Tokyo"))["timezone"] == "Europe/Berlin"


def test_a_city_that_is_the_persons_own_zone_is_no_question() -> None:
    assert said("every day at 9 in New York", zone="America/New_York").question is None
    assert said("every day at 9 in New York").question is not None


@pytest.mark.parametrize(
    ("text", "changes", "expected"),
    [
        ("Compare A every day at 9", ["make it 10am"], {"daily_time": "10:00"}),
        ("Compare A every day at 9", ["make it 10"], {"daily_time": "10:00"}),
        ("Compare A every day at 9", ["weekdays only"], {"cron": "0 9 * * 1-5"}),
        ("Compare A every day at 9", ["every hour instead"], {"interval_minutes": 60}),
        ("Compare A every evening", ["8"], {"daily_time": "20:00"}),
        ("Compare A every morning", ["7:30"], {"daily_time": "07:30"}),
        ("Compare A every Monday", ["at 9 and 17"], {"cron": "0 9,17 * * 1"}),
        ("Compare A every week", ["Tuesday at 10"], {"cron": "0 10 * * 2"}),
        ("Compare A every week", ["on Tuesdays", "at 10"], {"cron": "0 10 * * 2"}),
        ("Compare A every day at 9", ["until Friday"], {"daily_time": "09:00", "end_at": "2026-11-27T23:59:00+01:00"}),
        ("Compare A regularly", ["every day at 8"], {"daily_time": "08:00"}),
        ("Compare A every day at 3", ["3pm"], {"daily_time": "15:00"}),
        ("对比A每天早上9点", ["改成十点"], {"daily_time": "10:00"}),
        ("对比A每天早上9点", ["改成工作日"], {"cron": "0 9 * * 1-5"}),
        ("对比A每天晚上", ["八点"], {"daily_time": "20:00"}),
    ],
)
def test_an_answer_amends_what_was_understood(text: str, changes: list[str], expected: dict[str, object]) -> None:
    assert data(said(text, *changes)) == {**expected, "timezone": ZONE}


def test_a_zone_is_amended_and_the_rest_stays() -> None:
    understood = said("Compare A every weekday at 9", "on Mondays", "at 10", "New York time")
    assert data(understood) == {"cron": "0 10 * * 1", "timezone": "America/New_York"}


def test_an_answer_that_settles_nothing_leaves_the_question() -> None:
    understood = said("Compare A every other Monday", "at 8")
    assert understood.question is not None
    assert understood.proposal is not None
    assert understood.proposal.data["start_at"] == "2026-11-30T08:00:00+01:00"


def test_tomorrow_counts_from_the_day_on_which_it_was_said() -> None:
    text = "Remind me tomorrow to call Bob"
    late = NOW + timedelta(hours=20)
    understood = understand(text, timezone=ZONE, now=late, said_at=NOW, changes=[("at 9", late)])
    assert data(understood) == {"start_at": "2026-11-26T09:00:00+01:00"}
    its_own = understand(text, timezone=ZONE, now=late, said_at=NOW, changes=[("tomorrow at 9", late)])
    assert data(its_own) == {"start_at": "2026-11-27T09:00:00+01:00"}


def test_in_twenty_minutes_counts_from_the_moment_at_which_it_was_said() -> None:
    later = NOW + timedelta(minutes=5)
    understood = understand("Check A in 20 minutes", timezone=ZONE, now=later, said_at=NOW)
    assert data(understood) == {"start_at": "2026-11-25T10:20:00+01:00"}


@pytest.mark.parametrize(
    "text", ["yes", "OK!", "ok, go ahead", "Yes please", "确认", "好的", "可以", "👍", "do it", "looks good"]
)
def test_yes_in_many_words(text: str) -> None:
    assert reply(text) == "yes"


@pytest.mark.parametrize("text", ["no", "No, thanks", "nope", "不用了", "不是"])
def test_no_in_many_words(text: str) -> None:
    assert reply(text) == "no"


@pytest.mark.parametrize("text", ["cancel", "never mind", "Cancel it please", "取消", "算了"])
def test_cancel_in_many_words(text: str) -> None:
    assert reply(text) == "cancel"


@pytest.mark.parametrize("text", ["now", "just once", "run it once now", "only once please", "现在运行", "只运行一次"])
def test_once_in_many_words(text: str) -> None:
    assert reply(text) == "once"


@pytest.mark.parametrize(
    "text", ["yes, but at 10", "no, at 10", "10am", "maybe", "what do you mean?", "", "好几天", "不同的时间"]
)
def test_what_is_neither_is_neither(text: str) -> None:
    assert reply(text) is None


def test_what_stands_in_quotes_code_or_addresses_is_not_said() -> None:
    for text in (
        "Translate “every day at 9”",
        "Explain `every 5 minutes`",
        "翻译《每天早上9点》",
        "Open https://a.example/daily-at-9am",
    ):
        assert not said(text).meant, text


def test_long_texts_are_documents_whose_times_are_their_own() -> None:
    assert not said("Summarise this. " + "It rains every day at 9. " * 400).meant


def test_it_never_fails_and_never_takes_long() -> None:
    dice = random.Random(5)
    words = [word for line in lines() for word in line.text.split()]
    texts = [" ".join(dice.choices(words, k=dice.randint(1, 40))) for _ in range(300)]
    texts += [
        "".join(dice.choices(string.printable + "每天周一早上点半个月号时分后", k=dice.randint(1, 300)))
        for _ in range(300)
    ]
    texts += [
        "every " * 600,
        "at 9 and " * 400,
        "1" * 3000,
        "每" * 3000,
        "一" * 2000,
        "mon, " * 700,
        "yes " * 900,
        ("a " * 1900) + "time",
        *(f"每天9点，持续{run}天" for run in ("九" * 3900, "9" * 3900, " " * 3900, "一十" * 1900, "不要" * 1900)),
        *(f"every day at 9 for {run} times" for run in ("9" * 3900, " " * 3900, "until " * 650, "stop " * 700)),
    ]
    slowest = 0.0
    for text in texts:
        begun = time.perf_counter()
        understood = said(text)
        reply(text)
        slowest = max(slowest, time.perf_counter() - begun)
        assert understood.question is None or understood.question
    # Far above what a phrase takes (a benchmark says how long), far below what a backtracking pattern would.
    assert slowest < 1.0


@pytest.mark.parametrize(
    "text",
    [
        "in 99999999999 days",
        "every 99999999999999 minutes",
        "in 9999999999999999999999 hours",
        "every day at 9 for 9999999 years",
    ],
)
def test_what_lies_beyond_every_calendar_is_asked(text: str) -> None:
    assert said(text).question is not None


@pytest.mark.parametrize("figures", ["9" * 320, "0"])
def test_no_number_is_too_great_wherever_it_stands(figures: str) -> None:
    for line in lines():
        for text in (
            re.sub(r"\d+", figures, line.text),
            re.sub("[一二两三四五六七八九十]+", "九" * len(figures), line.text),
        ):
            heard = understand(text, timezone=ZONE, now=NEXT_DAY, said_at=NOW, changes=[(text, NOW)])
            assert heard.sure is None or len(heard.sure.times) <= 5


@pytest.mark.parametrize("year", [1970, 9989])
def test_it_may_be_said_in_the_first_and_the_last_year_of_schedules(year: int) -> None:
    for line in lines():
        understand(line.text, timezone="Pacific/Kiritimati", now=NOW.replace(year=year, month=12, day=31, hour=23))


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        ("Check A every day at 9. Check B every Monday at 10.", "every day at 9", "every Monday at 10"),
        ("Send news every day at 9, and the report every Friday at 5pm", "every day at 9", "every Friday at 5pm"),
        ("Send news every day at 9. Stop the report every Friday at 17:00.", "every day at 9", "every Friday at 17:00"),
        ("每天9点发日报，每周一10点发周报", "每天9点", "每周一10点"),
    ],
)
def test_two_schedules_in_one_text_are_asked_about(text: str, first: str, second: str) -> None:
    understood = said(text)
    assert understood.doubt == "two"
    assert understood.question is not None
    assert understood.question.index(f"“{first}”") < understood.question.index(f"“{second}”")


def test_what_shall_stop_is_asked_about_and_says_where_a_schedule_is_ended() -> None:
    for text in ("stop sending me the report every day at 9am", "不要每天9点提醒我"):
        assert said(text).doubt == "against"
    assert said("stop sending me the report every day at 9am").question == (
        "This sounds like something to stop, or not to do. A schedule that goes on is paused or cancelled on its "
        "task's page. Shall a new one run this (“every day at 9am”)? I would take: Every day at 09:00, Berlin."
    )


@pytest.mark.parametrize(
    "verb", ["stop", "cancel", "disable", "quit", "cease", "don't", "do not", "never", "no longer"]
)
@pytest.mark.parametrize("when", ["every day at 9", "every 10 minutes", "tomorrow at 9", "on weekdays at 18:30"])
def test_nothing_is_set_up_where_something_shall_not_be(verb: str, when: str) -> None:
    doing = "sending" if verb in ("stop", "cancel", "disable", "quit", "cease") else "send"
    for text in (
        f"{verb} {doing} me the report {when}",
        f"Please {verb} {doing} news {when}",
        f"{when}, {verb} {doing} it",
    ):
        assert said(text).sure is None, text


@pytest.mark.parametrize(
    "verb", ["不要", "别", "不用", "不必", "无需", "不再", "请勿", "停止", "取消", "禁止", "不希望"]
)
@pytest.mark.parametrize("when", ["每天9点", "每10分钟", "明天9点", "工作日18:30"])
def test_nothing_is_set_up_where_something_shall_not_be_in_chinese(verb: str, when: str) -> None:
    for text in (f"{verb}{when}提醒我", f"{when}{verb}发日报", f"请{verb}在{when}给我发新闻", f"{verb}，{when}发日报"):
        assert said(text).sure is None, text


def test_now_may_be_in_any_zone() -> None:
    utc = datetime(2026, 11, 25, 23, 30, tzinfo=ZoneInfo("UTC"))
    # In Berlin it is the 26th already.
    assert data(understand("tomorrow at 9", timezone=ZONE, now=utc)) == {"start_at": "2026-11-27T09:00:00+01:00"}
