"""What helps while a request is written: agents by "@", samples, times in words, files, and what was asked before."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.browser.conftest import PHONE, Live


def _text_file(name: str, text: str) -> FilePayload:
    return {"name": name, "mimeType": "text/plain", "buffer": text.encode()}


def test_an_agent_is_mentioned_with_the_keyboard_alone(open_page: Callable[..., Page], live: Live) -> None:
    conversation = live.conversation()
    page = open_page(f"/conversations/{conversation}/")
    area = page.locator("textarea[name=text]")
    area.press_sequentially("Tell me @agent")
    options = page.get_by_role("option")
    expect(options.first).to_have_attribute("aria-selected", "true")
    assert options.count() >= 3
    chosen = area.get_attribute("aria-activedescendant")
    page.keyboard.press("ArrowDown")
    assert area.get_attribute("aria-activedescendant") != chosen
    page.keyboard.press("Escape")
    expect(options).to_have_count(0)
    page.keyboard.press("Control+A")
    area.press_sequentially("Tell me @scri")
    expect(options).to_have_count(1)
    expect(options.first).to_contain_text("Says what it is told, for tests.")
    page.keyboard.press("Enter")
    expect(page.locator("[data-part=agent]")).to_have_text("ScriptedAgent")
    expect(area).to_have_value("Tell me ")
    area.press_sequentially("a joke")
    page.keyboard.press("Enter")
    expect(page.locator(".prose")).to_have_text("You said: Tell me a joke")


def test_a_request_that_begins_with_an_agents_name_goes_to_it(open_page: Callable[..., Page], live: Live) -> None:
    page = open_page(f"/conversations/{live.conversation()}/")
    page.fill("textarea[name=text]", "@scriptedagent who is it?")
    page.click("[data-part=send]")
    expect(page.locator(".prose")).to_have_text("You said: who is it?")
    expect(page.locator(".by")).to_contain_text("ScriptedAgent")


def test_an_address_or_an_unknown_name_behind_an_at_sign_is_text(open_page: Callable[..., Page], live: Live) -> None:
    page = open_page(f"/conversations/{live.conversation()}/")
    page.click("[data-part=agent]")
    page.get_by_role("menuitemradio", name=re.compile("^ScriptedAgent")).click()
    page.locator("textarea[name=text]").press_sequentially("@nobody write to me@scripted")
    expect(page.get_by_role("option")).to_have_count(0)
    page.keyboard.press("Enter")
    expect(page.locator(".prose")).to_have_text("You said: @nobody write to me@scripted")


@pytest.mark.parametrize("width", [1280, 390])
def test_the_chosen_agents_samples_are_written_with_one_press(
    open_page: Callable[..., Page], live: Live, width: int
) -> None:
    page = open_page(f"/conversations/{live.conversation()}/", viewport={"width": width, "height": 844})
    page.click("[data-part=agent]")
    page.get_by_role("menuitemradio", name=re.compile("^Market")).click()
    samples = page.get_by_role("group", name=re.compile("^Samples of Market"))
    sample = samples.get_by_role("button").first
    text = sample.inner_text()
    sample.click()
    expect(page.locator("textarea[name=text]")).to_have_value(text)
    expect(page.locator("textarea[name=text]")).to_be_focused()
    expect(samples).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_picker_understands_a_time_in_words(open_page: Callable[..., Page], live: Live) -> None:
    conversation = live.conversation()
    page = open_page(f"/conversations/{conversation}/", timezone_id="Europe/Berlin")
    page.fill("textarea[name=text]", "In the morning")
    page.click("[data-part=agent]")
    page.get_by_role("menuitemradio", name=re.compile("^ScriptedAgent")).click()
    page.click("[data-part=when]")
    say = page.get_by_label("Say when")
    say.fill("blue elephants")
    expect(page.locator(".phrase")).to_contain_text("No time was found in this.")
    say.fill("每天早上8点")
    expect(page.locator("input[type=time]")).to_have_value("08:00")
    say.fill("every weekday at 9:05")
    expect(page.locator(".summary")).to_have_text("Weekdays at 09:05")
    expect(page.locator(".times li")).to_have_count(5)
    expect(page.locator(".zone select")).to_have_value("Europe/Berlin")
    page.click("[data-part=send]")
    expect(page.locator("#rail-tasks .pill")).to_have_text("scheduled")
    (task,) = live.call("GET", f"/tasks?conversation_id={conversation}")["items"]
    assert (task["query"], task["schedule"]["timezone"]) == ("In the morning", "Europe/Berlin")
    page.goto(f"{live.url}/tasks/{task['id']}/")
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Say when").fill("tomorrow at 7")
    expect(page.locator(".phrase")).to_contain_text("This is a schedule: say when it comes again.")


def test_text_files_go_with_a_request_and_are_kept_in_its_draft(
    open_page: Callable[..., Page], live: Live, tmp_path: Path
) -> None:
    conversation = live.conversation()
    page = open_page(f"/conversations/{conversation}/")
    page.click("[data-part=agent]")
    page.get_by_role("menuitemradio", name=re.compile("^ScriptedAgent")).click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Attach a file").click()
    archive = tmp_path / "archive.zip"
    archive.write_bytes(b"PK\x03\x04\x00\xff")
    chooser.value.set_files(archive)
    expect(page.locator("#composer-wrong")).to_contain_text(
        "“archive.zip” is neither a text file (UTF-8) nor a picture"
    )
    field = page.locator("#composer input[type=file]")
    field.set_input_files([_text_file("figures.csv", "a,b\n1,2\n"), _text_file("notes.md", "```\ncode\n```\n")])
    chips = page.locator(".file-chip")
    expect(chips).to_have_text(["figures.csv", "notes.md"])
    expect(page.locator("#composer-wrong")).to_be_empty()
    field.set_input_files([_text_file("long.txt", "x" * 40_000)])
    page.fill("textarea[name=text]", "Add these up")
    page.click("[data-part=send]")
    expect(page.locator("#composer-wrong")).to_contain_text("With its files the message has 40,")
    page.get_by_role("button", name="Remove long.txt").click()
    page.reload()
    expect(chips).to_have_text(["figures.csv", "notes.md"])
    page.click("[data-part=send]")
    expect(page.locator(".asked")).to_contain_text("a,b\n1,2")
    expect(chips).to_have_count(0)
    (task,) = live.call("GET", f"/tasks?conversation_id={conversation}")["items"]
    assert task["query"] == (
        "Add these up\n\nFile “figures.csv”:\n```\na,b\n1,2\n```\n\nFile “notes.md”:\n````\n```\ncode\n```\n````"
    )


PICTURE: FilePayload = {"name": "map.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\n" + bytes(range(256))}


def test_a_picture_goes_to_an_agent_that_takes_it_and_to_no_other(open_page: Callable[..., Page], live: Live) -> None:
    page = open_page(f"/conversations/{live.conversation()}/")
    field, wrong = page.locator("#composer input[type=file]"), page.locator("#composer-wrong")
    field.set_input_files(PICTURE)
    expect(wrong).to_contain_text("Choose an agent that takes pictures")
    page.click("[data-part=agent]")
    page.get_by_role("menuitemradio", name=re.compile("^Machine")).click()
    field.set_input_files(PICTURE)
    expect(wrong).to_have_text("“map.png” is a picture, and Machine does not take its kind.")
    page.click("[data-part=agent]")
    page.get_by_role("menuitemradio", name=re.compile("^ScriptedAgent")).click()
    field.set_input_files(PICTURE)
    expect(page.locator(".file-chip")).to_have_text("map.png")
    page.click("[data-part=send]")
    expect(wrong).to_have_text("Write what should be done.")
    page.reload()
    page.fill("textarea[name=text]", '[["files"]]')
    page.click("[data-part=send]")
    expect(page.locator(".prose")).to_have_text("map.png: image/png, 264 bytes.")
    expect(page.locator(".asked .sent-file")).to_have_text("map.png")
    expect(page.locator(".file-chip")).to_have_count(0)


def test_a_dropped_file_is_attached(open_page: Callable[..., Page], live: Live) -> None:
    page = open_page(f"/conversations/{live.conversation()}/")
    data = page.evaluate_handle(
        "() => { const data = new DataTransfer(); data.items.add(new File(['one'], 'one.txt')); return data; }"
    )
    page.dispatch_event("#composer", "drop", {"dataTransfer": data})
    expect(page.locator(".file-chip")).to_have_text("one.txt")


def test_what_was_asked_is_edited_and_sent_again(open_page: Callable[..., Page], live: Live) -> None:
    conversation = live.conversation("Again")
    body = {"text": "Tell me one thing", "agent_name": "ScriptedAgent"}
    plan = live.call("POST", f"/conversations/{conversation}/messages", body)
    live.wait_for_task(plan["tasks"][0]["id"], "completed")
    page = open_page(f"/conversations/{conversation}/")
    area = page.locator("textarea[name=text]")
    area.fill("half a thought")
    page.locator(".mine").hover()
    page.get_by_role("button", name="Edit and ask again").click()
    expect(area).to_have_value("Tell me one thing")
    page.get_by_role("status").get_by_role("button", name="Undo").click()
    expect(area).to_have_value("half a thought")
    page.get_by_role("button", name="Edit and ask again").click()
    area.fill("Tell me two things")
    expect(page.locator("[data-part=agent]")).to_have_text("ScriptedAgent")
    page.keyboard.press("Enter")
    expect(page.locator(".prose").last).to_have_text("You said: Tell me two things")


def test_a_schedule_that_is_asked_for_again_is_a_schedule_and_answers_no_question(
    open_page: Callable[..., Page], live: Live
) -> None:
    conversation = live.conversation("Again, later")
    body = {"text": "Now and then", "agent_name": "ScriptedAgent", "schedule": {"daily_time": "09:00"}}
    live.call("POST", f"/conversations/{conversation}/messages", body)
    waiting = live.tell(conversation, ["ask", "Which one?"])["tasks"][0]["id"]
    live.wait_for_task(waiting, "waiting_input")
    page = open_page(f"/conversations/{conversation}/", viewport=PHONE, has_touch=True)
    expect(page.locator("[data-part=answering]")).to_be_visible()
    page.get_by_role("button", name="Edit and ask again").first.click()
    expect(page.locator("[data-part=when]")).to_contain_text("Every day at 09:00")
    page.fill("textarea[name=text]", "Now and then, once more")
    page.click("[data-part=send]")
    expect(page.locator(".asked").last).to_have_text("Now and then, once more")
    tasks = live.call("GET", f"/tasks?conversation_id={conversation}")["items"]
    again = {task["query"]: task["schedule"] for task in tasks if task["pattern"] == "recurring"}
    assert again["Now and then, once more"]["daily_time"] == "09:00"
    assert live.call("GET", f"/tasks/{waiting}")["phase"] == "waiting_input"
