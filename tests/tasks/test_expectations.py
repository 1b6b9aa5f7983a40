"""What users of fourteen such products expect of schedules and runs: each line of that list has a test, named here.

Those that are short stand in `test_expectations_of_….py`, with the number of their line; the others where the rest
of their subject is tested; `ELSEWHERE` names them, and `test_every_line_has_its_test` sees to it that they are there.
"""

import ast
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]

ELSEWHERE: dict[int, list[str]] = {
    1: ["browser/test_composer.py::test_a_later_moment_is_sent_in_its_zone"],
    2: ["browser/test_composer.py::test_clock_changes_are_named_before_anything_starts"],
    4: ["tasks/test_schedules_preview.py::test_a_gap_is_told_with_the_time_that_takes_its_place"],
    5: ["tasks/test_ticks.py::test_after_a_downtime_catch_up_decides"],
    8: [
        "races/test_two_runners.py::test_every_tick_runs_once_whoever_takes_it",
        "proof/test_skewed_runners.py::test_runners_whose_clocks_differ_make_the_same_ticks_once_each",
    ],
    9: ["tasks/views/test_pace.py::test_nothing_planned_is_a_fault_that_list_and_page_show_until_it_is_mended"],
    11: ["tasks/views/test_pace.py::test_runs_longer_than_the_interval_are_told_with_figures"],
    12: ["proof/test_tick_properties.py::test_every_due_slot_is_in_exactly_one_row"],
    14: [
        "browser/test_tasks_pages.py::test_filters_live_in_the_address_and_survive_reload_and_live_rows",
        "browser/test_tasks_pages.py::test_many_are_paused_resumed_and_cancelled_with_their_number",
    ],
    15: [
        "tasks/hooks/test_the_owner_is_told.py::test_after_five_failed_ticks_the_owner_is_told_once_where_it_runs_and_by_mail"
    ],
    16: [
        "tasks/views/test_pace.py::test_the_next_five_times_stand_before_the_runs",
        "tasks/views/test_task_and_run_pages.py::test_a_tasks_page_lists_its_runs_and_its_history",
    ],
    18: [
        "tasks/hooks/test_what_webhooks_are_told.py"
        "::test_a_schedule_tells_of_all_its_runs_of_findings_or_of_failures_only"
    ],
    19: ["browser/test_tasks_pages.py::test_filters_live_in_the_address_and_survive_reload_and_live_rows"],
    20: ["browser/test_schedules_pages.py::test_a_run_runs_again_from_its_row_with_the_same_or_another_text"],
    21: [
        "browser/test_schedules_pages.py::test_all_that_match_are_chosen_beyond_the_page",
        "browser/test_schedules_pages.py::test_ended_ones_run_again_with_the_others",
    ],
    22: ["tasks/views/test_task_and_run_pages.py::test_a_run_says_how_late_how_long_queued_and_how_long_it_took"],
    23: [
        "faults/test_every_point.py::test_whatever_dies_nothing_is_lost_doubled_or_left_running",
        "races/test_sigkill.py::test_a_cancel_while_no_process_lives_reaches_the_agent_after_the_restart",
    ],
    24: ["tasks/views/test_query_counts.py::test_a_page_asks_as_often_for_many_as_for_one"],
    25: [
        "tasks/test_retention.py::test_the_runner_deletes_what_is_old_by_the_sites_time_and_by_the_tasks",
        "tasks/test_retention.py::test_the_latest_run_and_the_result_that_the_page_shows_stay",
    ],
    26: ["tasks/test_budgets.py::test_a_month_comes_to_what_was_used_and_the_mean_for_each_run_to_come"],
    28: ["tasks/test_bad_agents.py::test_a_stream_that_is_cut_is_joined_again_and_nothing_is_doubled_or_missing"],
    29: [
        "tasks/test_meanwhile.py::test_a_message_that_waits_starts_when_what_was_asked_before_has_ended",
        "browser/test_meanwhile.py::test_a_message_sent_while_something_runs_waits_by_choice",
    ],
    30: ["tasks/test_execution.py::test_each_run_of_a_task_that_chose_so_has_a_conversation_of_its_own"],
    31: ["tasks/test_schedules_oracle.py"],
    33: ["tasks/test_leases.py::test_a_retry_of_a_paused_schedule_waits_too"],
    35: [
        "tasks/test_outcomes.py::test_a_run_that_said_nothing_is_marked_so_and_shown_in_valuecells_words",
        "tasks/test_execution.py::test_a_run_that_takes_too_long_is_stopped_and_the_agent_told",
    ],
    36: ["tasks/views/test_pace.py::test_a_pause_says_until_when_and_why"],
    37: [
        "tasks/hooks/test_who_may_send.py::test_a_signature_as_github_makes_it_starts_a_run",
        "tasks/hooks/test_what_becomes_of_a_delivery.py::test_a_redelivery_is_known_for_thirty_days",
    ],
    38: [
        "tasks/test_texts.py::test_from_its_second_result_on_it_is_given_the_answer_before",
        "tasks/test_texts.py::test_results_are_compared_without_their_whitespace",
    ],
    39: [
        "tasks/test_limits.py::test_a_budget_that_is_reached_skips_the_slot_pauses_and_tells_its_owner_once",
        "tasks/test_limits.py::test_two_runners_at_once_do_not_exceed_the_runs_of_a_day",
    ],
    41: ["tasks/test_limits.py::test_no_slot_vanishes_whatever_the_limit_the_overlap_and_the_catch_up"],
    42: ["tasks/agents/test_router_artifacts.py"],
}
"""Line of the list → where it is tested besides."""

LINES = {
    1: "A zone per schedule, the browser's as default; a bad zone refused",
    2: "The form previews the next five times in that zone",
    3: "Summary in words, next run and actual run agree",
    4: "The preview marks daylight-saving gaps and repeats and says what will happen",
    5: "Missed runs: a choice for each schedule, with a window",
    6: "Enabling or editing never fires at once",
    7: "A weekly interval survives daily restarts",
    8: "Two schedulers, one run a slot; creation by the API takes a deduplication key",
    9: '"Enabled, but nothing is planned" shows as a fault and mends itself',
    10: "Overlap policy, default skip, the skip recorded",
    11: "A warning when the real cadence differs from the configured one",
    12: "Every due slot leaves a visible row: ran, skipped or missed, and why",
    13: '"Run now" works while paused and never uses up the next slot',
    14: "Type to find a schedule; bulk pause and resume",
    15: "Pause after N failures; recovery is announced",
    16: "A schedule's page lists its past and coming runs",
    17: "A deleted or edited schedule never fires its old version",
    18: "Notifications per schedule: always, failures, or only findings",
    19: "Filters live in the URL and survive reload and live refresh",
    20: "Any run, a scheduled one included, runs again with the same or an edited input",
    21: "Bulk run-again and cancel by filter, with count and progress",
    22: "A run's page separates due, queued, started and finished",
    23: "After a crash nothing stays running; cancel always reaches a terminal state",
    24: "List and detail agree; no query per row",
    25: "Retention is on by default",
    26: "Cost of a run where the agent reports it, projected per schedule",
    28: "A stream that is cut is joined again",
    29: "A message sent while a run goes on visibly waits or interrupts",
    30: "A schedule appends to its conversation or opens a new one for each run",
    31: "Fixed times fire once through clock changes; steady ones keep their pace",
    32: "The zone belongs to the schedule",
    33: '"Paused" and "cancelled" are looked at again at the moment of starting',
    34: "Every way to start leaves the same row; nothing is enabled with its only time in the past",
    35: "Success is what the agent said; a run that said nothing is marked",
    36: "A pause has a reason; resuming plans from now",
    37: "An event starts a run",
    38: "A run can be given the result of the one before, and asked what changed",
    39: "A limit per schedule; reaching it pauses with that reason",
    40: "Waiting on something that fails backs off",
    41: "Due work is never lost to a limit",
    42: "An artifact arrives as it was sent",
}
"""The lines that speak of schedules, plans and runs; those of conversations alone are tested with them."""


def test_every_line_has_its_test() -> None:
    files = Path(__file__).parent.glob("test_expectations_of_*.py")
    names = [name for path in files for name in _functions(path) if name.startswith("test_line_")]
    here = {int(name.split("_")[2]) for name in names}
    assert set(LINES) == here | set(ELSEWHERE)
    for places in ELSEWHERE.values():
        for place in places:
            path, _, name = place.partition("::")
            assert (TESTS / path).exists(), place
            assert not name or name in _functions(TESTS / path), place


def _functions(path: Path) -> set[str]:
    nodes = ast.walk(ast.parse(path.read_text()))
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
