"""The JSON form of a schedule, and what a PATCH does to it."""

from datetime import UTC, datetime, time

import pytest

from tasks.schedules import Schedule, ScheduleError, from_dict, merge, parse, to_dict

NOW = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)


def schedule(**data: object) -> Schedule:
    return parse({"timezone": "Europe/Berlin", **data}, now=NOW, default_timezone="UTC")


def refused(old: Schedule, patch: dict[str, object]) -> dict[str, list[str]]:
    with pytest.raises(ScheduleError) as error:
        merge(old, patch, now=NOW)
    return error.value.fields


def test_absent_keys_are_left_out_and_never_null() -> None:
    assert to_dict(schedule(interval_minutes=30)) == {"interval_minutes": 30, "timezone": "Europe/Berlin"}
    assert to_dict(schedule()) == {"timezone": "Europe/Berlin"}
    assert to_dict(schedule(on_event=True)) == {"on_event": True, "timezone": "Europe/Berlin"}


def test_one_time_stands_bare_and_several_in_a_sorted_list() -> None:
    assert to_dict(schedule(daily_time=["09:05"]))["daily_time"] == "09:05"
    assert to_dict(schedule(daily_time=["17:00", "09:05", "17:00"]))["daily_time"] == ["09:05", "17:00"]
    assert to_dict(schedule(cron="0 9  * * 1-5"))["cron"] == "0 9 * * 1-5"
    assert to_dict(schedule(cron=["@daily", "0 9 * * Mon"]))["cron"] == ["@daily", "0 9 * * Mon"]


def test_times_carry_the_offset_of_the_zone() -> None:
    data = to_dict(schedule(daily_time="09:00", start_at="2026-12-01T00:00:00Z", end_at="2027-07-01T00:00:00Z"))
    assert data["start_at"] == "2026-12-01T01:00:00+01:00"
    assert data["end_at"] == "2027-07-01T02:00:00+02:00"


def test_what_was_written_reads_back_the_same_at_any_later_time() -> None:
    value = schedule(
        cron="0 9 * * 1-5",
        start_at="2026-12-01T00:00:00.25Z",
        end_at="2027-01-01T00:00:00Z",
        max_runs=5,
        jitter_seconds=60,
        exclude=["sat", "2026-12-25"],
    )
    assert value.exclude == ("SAT", "2026-12-25")
    assert from_dict(to_dict(value)) == value
    assert from_dict(to_dict(schedule(exclude=["THU"]))) == schedule(exclude=["THU"])


def test_a_new_kind_takes_the_place_of_the_old_one() -> None:
    old = schedule(daily_time="09:00", jitter_seconds=30)
    assert merge(old, {"interval_minutes": 45}, now=NOW) == schedule(interval_minutes=45, jitter_seconds=30)
    assert merge(old, {"cron": "@daily", "daily_time": None}, now=NOW).daily_times == ()


def test_the_zone_stays_unless_it_is_named() -> None:
    old = schedule(daily_time="09:00")
    assert merge(old, {"daily_time": "10:00"}, now=NOW).timezone == "Europe/Berlin"
    assert merge(old, {"timezone": None}, now=NOW).timezone == "Europe/Berlin"
    moved = merge(old, {"timezone": "Asia/Tokyo"}, now=NOW)
    assert (moved.timezone, moved.daily_times) == ("Asia/Tokyo", (time(9),))


def test_null_removes_a_key() -> None:
    old = schedule(daily_time="09:00", end_at="2027-01-01T00:00:00Z", max_runs=5, exclude=["SAT"], jitter_seconds=9)
    patch = {"end_at": None, "max_runs": None, "exclude": None, "jitter_seconds": None}
    assert merge(old, patch, now=NOW) == schedule(daily_time="09:00")


def test_an_empty_patch_changes_nothing() -> None:
    old = schedule(daily_time="09:00", start_at="2026-12-01T00:00:00Z", max_runs=2)
    assert merge(old, {}, now=NOW) == old


def test_taking_the_kind_away_needs_another_or_a_moment() -> None:
    old = schedule(daily_time="09:00")
    kinds = "interval_minutes, daily_time, cron and on_event"
    text = f"Taken away without another: name one of {kinds}, or start_at for a single run."
    assert refused(old, {"daily_time": None}) == {"daily_time": [text]}
    once = merge(old, {"daily_time": None, "start_at": "2026-12-01T09:00"}, now=NOW)
    assert (once.recurring, once.start_at) == (False, datetime(2026, 12, 1, 8, tzinfo=UTC))
    assert "start_at" in refused(old, {"daily_time": None, "start_at": "2026-11-01T09:00:00Z"})


def test_on_event_false_takes_an_event_schedule_away() -> None:
    assert "on_event" in refused(schedule(on_event=True), {"on_event": False})
    assert merge(schedule(daily_time="09:00"), {"on_event": False}, now=NOW) == schedule(daily_time="09:00")


def test_only_what_the_patch_touches_may_not_lie_in_the_past() -> None:
    started = from_dict({"interval_minutes": 5, "start_at": "2026-01-01T00:00:00Z"})
    assert merge(started, {"max_runs": 3}, now=NOW).start_at == datetime(2026, 1, 1, tzinfo=UTC)
    once = from_dict({"start_at": "2026-01-01T00:00:00Z"})
    assert merge(once, {"jitter_seconds": 5}, now=NOW).jitter_seconds == 5
    assert "start_at" in refused(once, {"start_at": "2026-01-02T00:00:00Z"})


def test_a_patch_is_checked_like_a_new_schedule() -> None:
    old = schedule(daily_time="09:00")
    assert set(refused(old, {"cron": "0 25 * * *", "foo": 1, "max_runs": 0})) == {"cron", "foo", "max_runs"}
    assert set(refused(old, {"cron": "@daily", "interval_minutes": 5})) == {"cron", "interval_minutes"}
    assert set(refused(old, {"exclude": ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]})) == {"exclude"}


def test_an_interval_keeps_counting_from_its_creation_when_exclusions_are_added() -> None:
    weekly = schedule(interval_minutes=10_080)  # NOW is a Wednesday, the task was created on a Tuesday
    created = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
    assert merge(weekly, {"exclude": ["WED"]}, now=NOW, anchor=created).exclude == ("WED",)
    with pytest.raises(ScheduleError):
        merge(weekly, {"exclude": ["TUE"]}, now=NOW, anchor=created)
