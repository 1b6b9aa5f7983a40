"""What agents say: each way to answer as a script, and what our database should have of it.

A script is A2A 0.3's JSON, event by event; the servers say it in the version that they speak.
"""

from tests.conformance.agents.record import Json
from tests.conformance.case import Case
from tests.conformance.events import (
    artifact,
    data,
    file_bytes,
    file_url,
    message,
    more,
    now,
    said,
    status,
    task,
    text,
    working,
)

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(64))
NESTED: Json = {"n": 7, "nested": {"list": [1, 2.5, None, "ü"], "empty": {}}, "yes": True}


def _plain(*words: str) -> list[Json]:
    return [working(word) for word in words]


HTML = "<script>alert(1)</script>"
WORDS = ("One ", "two ", "three.")

CASES: dict[str, Case] = {
    case.name: case
    for case in (
        # --- a message alone ---
        Case(
            name="message_only",
            about="A message and no task.",
            turns=[[message("Hello there.")]],
            answer="Hello there.",
        ),
        Case(
            name="message_only_parts",
            about="A message of several parts and no task.",
            turns=[[message("Look: ", data(NESTED), file_url("https://example.org/a.pdf", "a.pdf", "application/pdf"),
                            "done.", id="mp")]],
            answer="Look: done.",
            artifacts={"mp:1": NESTED, "mp:2": ["a.pdf"]},
        ),
        # --- status texts ---
        Case(
            name="texts",
            about="Status texts without metadata, and an end without a word.",
            turns=[[task(), working(), *_plain(*WORDS), status("completed")]],
            answer="One two three.",
        ),
        Case(
            name="texts_whole_again",
            about="The whole text once more in the final status: shown once.",
            turns=[[task(), *_plain(*WORDS), status("completed", "One two three.")]],
            answer="One two three.",
        ),
        Case(
            name="texts_and_closing",
            about="The final status says something new: a paragraph of its own.",
            turns=[[task(), *_plain(*WORDS), status("completed", "That is all.")]],
            answer="One two three.That is all.",
        ),
        Case(
            name="closing_alone",
            about="Only the final status says anything.",
            turns=[[task(), working(), status("completed", "All of it at once.")]],
            answer="All of it at once.",
        ),
        Case(
            name="same_text_twice",
            about="The same words twice are said twice.",
            turns=[[task(), working("ha ", id="h1"), working("ha ", id="h2"), working("ha.", id="h3"),
                    status("completed")]],
            answer="ha ha ha.",
        ),
        Case(
            name="unicode",
            about="Characters outside of the basic plane, joined emoji, right to left, line ends, HTML.",
            turns=[[task(), working("Grüße 👩‍👩‍👧 "), working("שלום\r\nline\u2028next "), working(HTML),
                    artifact("𝛂 ≤ 𝛃", id="greek"), status("completed")]],
            answer="Grüße 👩‍👩‍👧 שלום\r\nline\u2028next " + HTML,
            artifacts={"greek": "𝛂 ≤ 𝛃"},
        ),
        Case(name="nothing", about="Completed without a word.", turns=[[task(), working(), status("completed")]]),
        # --- status texts with response_event ---
        Case(
            name="kinds",
            about="Reasoning, a tool call, text and a component, as ValueCell's agents say them.",
            turns=[[
                task(), working(),
                said("reasoning_started"), said("reasoning", "I think. "), said("reasoning", "I know."),
                said("reasoning_completed"),
                said("tool_call_started", tool_call_id="c1", tool_name="look"),
                said("tool_call_completed", tool_call_id="c1", tool_name="look", tool_result="seen"),
                said("message_chunk", "First "), said("message_chunk", "part."),
                said("component_generator", '{"title": "R", "data": "x"}', component_type="report", component_id="r1"),
                said("message_chunk", " Second part."), status("completed"),
            ]],
            answer="First part. Second part.",
            others=[("tool_call_completed", "look", "seen"),
                    ("component_generator", "report", '{"title": "R", "data": "x"}')],
        ),
        Case(
            name="kinds_live",
            about="The same kinds on the updates alone, as most agents put them.",
            turns=[[
                task(), working(),
                said("reasoning", "I think.", kept=False), said("message_chunk", "First ", kept=False),
                said("message_chunk", "part.", kept=False), status("completed"),
            ]],
            answer="First part.",
            kinds_lost=True,
        ),
        Case(
            name="progress_then_kinds",
            about="A plain text that turns out to be progress.",
            turns=[[task(), working("Reading the file …"), said("message_chunk", "It is "), working("Still at it …"),
                    said("message_chunk", "empty."), status("completed")]],
            answer="It is empty.",
        ),
        # --- artifacts ---
        Case(
            name="artifact",
            about="One artifact, whole.",
            turns=[[task(), artifact("The report.", name="report.md", last=True), status("completed")]],
            artifacts={"a1": "The report."},
        ),
        Case(
            name="artifact_appended",
            about="An artifact in pieces, closed by its last chunk.",
            turns=[[task(), artifact("One ", name="r"), more("two "), more("three."), more("", last=True),
                    status("completed")]],
            artifacts={"a1": "One two three."},
        ),
        Case(
            name="artifact_unknown",
            about="A piece for an artifact that was not begun begins it.",
            turns=[[task(), more("One "), more("two."), status("completed")]],
            artifacts={"a1": "One two."},
            raw_only=True,
        ),
        Case(
            name="artifact_replaced",
            about="A draft that grows, then the whole in its place.",
            turns=[[task(), artifact("Draft", name="r"), more(", more draft"), artifact("Final.", name="r"),
                    more(" And more.", last=True), status("completed")]],
            artifacts={"a1": "Final. And more."},
        ),
        Case(
            name="artifact_whole_again",
            about="The whole once more at the end, in its place: shown once.",
            turns=[[task(), artifact("One ", name="r"), more("two "), more("three."),
                    artifact("One two three.", name="r", last=True), status("completed", "One two three.")]],
            artifacts={"a1": "One two three."},
        ),
        Case(
            name="artifact_last_again",
            about="The whole once more as the last piece: shown once.",
            turns=[[task(), artifact("One "), more("two "), more("three."), more("One two three.", last=True),
                    status("completed")]],
            artifacts={"a1": "One two three."},
            raw_only=True,
            live_only=True,
        ),
        Case(
            name="artifacts_mixed",
            about="Two artifacts that grow in turn, and text between them.",
            turns=[[task(), artifact("A1 ", id="a"), artifact("B1 ", id="b"), working("Both begun. "),
                    more("A2", id="a", last=True), more("B2", id="b", last=True), working("Both done."),
                    status("completed")]],
            answer="Both begun. Both done.",
            artifacts={"a": "A1 A2", "b": "B1 B2"},
        ),
        Case(
            name="data",
            about="Structured data, nested, with nulls and whole numbers, in artifact and message.",
            turns=[[task(), artifact(data(NESTED), id="d"), working("See: ", data({"k": 1}), id="ms"),
                    status("completed")]],
            answer="See: ",
            artifacts={"d": NESTED, "ms:1": {"k": 1}},
        ),
        Case(
            name="files",
            about="Files by bytes and by URL, in artifacts and in a message.",
            turns=[[
                task(),
                artifact(file_bytes(PNG, "chart.png", "image/png"), id="f1", name="Chart"),
                artifact(file_url("https://example.org/r.csv", "r.csv", "text/csv"), id="f2"),
                working("Two files. ", file_bytes(b"a,b\n", "t.csv", "text/csv"), id="mf"),
                status("completed"),
            ]],
            answer="Two files. ",
            artifacts={"f1": ["chart.png"], "f2": ["r.csv"], "mf:1": ["t.csv"]},
        ),
        Case(
            name="parts_in_order",
            about="One message of texts, data and a file between them.",
            turns=[[
                task(),
                working("Before ", data({"a": 1}), text("between "),
                        file_url("https://example.org/x.txt", "x.txt", "text/plain"), "after.", id="mo"),
                status("completed"),
            ]],
            answer="Before between after.",
            artifacts={"mo:1": {"a": 1}, "mo:3": ["x.txt"]},
        ),
        Case(
            name="artifact_parts",
            about="An artifact of text, data and a file, and more of it.",
            turns=[[task(), artifact("T1 ", data({"a": 1}), id="x"),
                    more("T2", file_url("https://example.org/y.txt", "y.txt", "text/plain"), id="x", last=True),
                    status("completed")]],
            artifacts={"x": ["T1 T2", {"a": 1}, "y.txt"]},
        ),
        # --- questions ---
        Case(
            name="input_required",
            about="A question, its answer, and the rest.",
            turns=[[task(), *_plain("Let me see. "), status("input-required", "Which colour?")],
                   [working("It is "), working("blue."), status("completed")]],
            answer="Let me see. It is blue.",
            questions=["Which colour?"],
        ),
        Case(
            name="input_required_twice",
            about="Two questions, one after the other, and one that says nothing.",
            turns=[[task(), status("input-required", "Which colour?")],
                   [working("Hm. "), status("input-required")],
                   [working("Fine."), status("completed")]],
            answer="Hm. Fine.",
            questions=["Which colour?", "Echo waits for your answer."],
        ),
        Case(
            name="auth_required",
            about="A credential is missing; the agent goes on when it is there.",
            turns=[[task(), working("Opening. "), status("auth-required", "Sign in at https://example.org/ first.")],
                   [working("Opened."), status("completed")]],
            answer="Opening. Opened.",
            questions=["Sign in at https://example.org/ first."],
        ),
        # --- ends ---
        Case(
            name="rejected",
            about="Declined, with a reason.",
            turns=[[task(), status("rejected", "Not my job.")]],
            ends="failed",
            error="Not my job.",
        ),
        Case(
            name="rejected_silent",
            about="Declined, without a word.",
            turns=[[task(), status("rejected")]],
            ends="failed",
            error="rejected",
        ),
        Case(
            name="canceled",
            about="Cancelled by the agent, in mid-answer.",
            turns=[[task(), working("Half of "), status("canceled", "Out of hours.")]],
            ends="cancelled",
            answer="Half of ",
            error="Out of hours.",
        ),
        Case(
            name="failed",
            about="Failed in mid-answer, with a reason.",
            turns=[[task(), working("Half of "), artifact("A draft."), status("failed", "The disk is full.")]],
            ends="failed",
            answer="Half of ",
            artifacts={"a1": "A draft."},
            error="The disk is full.",
        ),
        Case(
            name="failed_silent",
            about="Failed without a word.",
            turns=[[task(), working("Half of "), status("failed")]],
            ends="failed",
            answer="Half of ",
            error="failed without saying why",
        ),
        # --- snapshots ---
        Case(
            name="snapshots",
            about="The task as a whole in mid-stream: it wipes and doubles nothing.",
            turns=[[task(), working("One "), artifact("A ", id="a"), now(), working("two "), more("B", id="a"), now(),
                    working("three."), status("completed")]],
            answer="One two three.",
            artifacts={"a": "A B"},
        ),
        Case(
            name="snapshot_at_last",
            about="The end is a snapshot.",
            turns=[[task(), working("One "), artifact("A", id="a"), working("two."), task("completed", "Good bye.")]],
            answer="One two.Good bye.",
            artifacts={"a": "A"},
            raw_only=True,
        ),
        Case(
            name="snapshot_alone",
            about="The one event is the finished task.",
            turns=[[task("completed", "All done.",
                         artifacts=[{"artifactId": "a", "parts": [{"kind": "text", "text": "The report."}]}])]],
            answer="All done.",
            artifacts={"a": "The report."},
            raw_only=True,
        ),
        # --- what no SDK would send ---
        Case(
            name="no_task_first",
            about="Updates without a task before them.",
            turns=[[working("One "), working("two."), status("completed")]],
            answer="One two.",
            raw_only=True,
        ),
        Case(
            name="unknown_state",
            about="A state of a later version, in mid-stream.",
            turns=[[task(), working("One "), status("out-for-lunch", "Back soon. "), working("two."),
                    status("completed")]],
            answer="One Back soon. two.",
            raw_only=True,
        ),
        Case(
            name="after_the_end",
            about="Events after the terminal one: their words count, their states do not.",
            turns=[[task(), working("One "), status("completed"), working("two."), artifact("Late.", id="late"),
                    status("failed")]],
            answer="One two.",
            artifacts={"late": "Late."},
            raw_only=True,
            live_only=True,
        ),
        Case(
            name="ends_twice",
            about="Failed, and then completed once more (ValueCell's `finally: complete()`).",
            turns=[[task(), working("One."), status("failed", "It broke."), status("completed")]],
            ends="failed",
            answer="One.",
            error="It broke.",
            raw_only=True,
        ),
        Case(
            name="duplicated",
            about="Every event twice.",
            turns=[[event for event in (
                task(), said("tool_call_started", tool_call_id="c1", tool_name="look"),
                said("message_chunk", "One "), said("message_chunk", "two."), artifact("A", id="a"),
                status("completed"),
            ) for _ in range(2)]],
            answer="One two.",
            artifacts={"a": "A"},
            others=[("tool_call_started", "look", None)],
            raw_only=True,
        ),
        Case(
            name="out_of_order",
            about="A completion before its start, a piece before its artifact, and an old state late.",
            turns=[[
                task(), said("tool_call_completed", tool_call_id="c1", tool_name="look", tool_result="seen"),
                said("tool_call_started", tool_call_id="c1", tool_name="look"),
                more("two", id="a"), artifact("One ", id="a"), status("submitted"), said("message_chunk", "Done."),
                status("completed"),
            ]],
            answer="Done.",
            artifacts={"a": "One "},
            others=[("tool_call_completed", "look", "seen")],
            raw_only=True,
        ),
        Case(
            name="no_ids",
            about="Messages without ids, and the same words twice.",
            turns=[[task(), working("ha ", id=""), working("ha ", id=""), working("ho.", id=""), status("completed")]],
            answer="ha ha ho.",
            raw_only=True,
        ),
        Case(
            name="one_id",
            about="All messages with one id.",
            turns=[[task(), working("One ", id="x"), working("two ", id="x"), working("three.", id="x"),
                    status("completed")]],
            answer="One two three.",
            raw_only=True,
        ),
    )
}  # fmt: skip


def scripts() -> dict[str, list[list[Json]]]:
    """What a server needs of the cases."""
    return {case.name: [list(turn) for turn in case.turns] for case in CASES.values()}
