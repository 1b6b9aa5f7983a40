"""Conversations as a library: found with the keyboard, marked as new, put away and taken back, shared and exported."""

import json
import re
import uuid
from collections.abc import Callable

from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PHONE, Live, Watch

HOSTILE = "<img src=x onerror=\"document.title='XSS'\"> kryptonite"


def talk(live: Live, title: str, *texts: str) -> str:
    """A conversation in which ScriptedAgent said these texts."""
    conversation = live.conversation(title)
    for text in texts:
        plan = live.tell(conversation, ["message", text])
        live.wait_for_task(plan["tasks"][0]["id"], "completed")
    return conversation


def see(live: Live, conversation: str) -> None:
    live.call("POST", f"/conversations/{conversation}/seen", {"seq": 2**40})


def test_a_word_leads_by_the_keyboard_alone_to_the_place_where_it_was_said(
    open_page: Callable[..., Page], live: Live
) -> None:
    word = f"w{uuid.uuid4().hex[:10]}"
    conversation = talk(live, "A long talk", f"Here stands {word} 苹果股价", *(f"filler {n}" for n in range(3)))
    page = open_page("/agents/")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type(word[:8])
    expect(page.locator("mark").first).to_have_text(word)
    page.reload()
    expect(page.get_by_role("searchbox")).to_have_value(word[:8])
    expect(page.locator(".hit mark").first).to_have_text(word)
    page.get_by_role("searchbox").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(f"/conversations/{conversation}/#item-"))
    expect(page.locator(".item.sought")).to_contain_text(word)
    expect(page.locator(".item.sought")).to_be_in_viewport()


def test_chinese_is_found_and_what_is_found_is_never_markup(open_page: Callable[..., Page], live: Live) -> None:
    talk(live, HOSTILE, f"{HOSTILE} 珠穆朗玛峰的高度")
    page = open_page("/?q=朗玛峰")
    expect(page.locator(".hit mark")).to_have_text("朗玛峰")
    expect(page.locator(".found .hit").first).to_contain_text("<img src=x")
    page.get_by_role("searchbox").fill("kryptonite")
    expect(page.locator(".found .title mark").first).to_have_text("kryptonite")
    assert "XSS" not in page.title()
    page.get_by_role("searchbox").press("Escape")
    expect(page.locator(".talks [data-talk]").first).to_be_visible()


def test_an_item_of_long_ago_is_reached_by_its_address(open_page: Callable[..., Page], live: Live) -> None:
    conversation = live.conversation("Long")
    plan = live.tell(conversation, *(["message", f"line {n}"] for n in range(150)))
    live.wait_for_task(plan["tasks"][0]["id"], "completed")
    items = live.call("GET", f"/conversations/{conversation}/items?after_seq=0&limit=20")["items"]
    first = next(item for item in items if item["data"]["payload"].get("content") == "line 0")["data"]["item_id"]
    page = open_page(f"/conversations/{conversation}/#item-{first}")
    expect(page.locator(f"#item-{first}")).to_be_in_viewport()
    expect(page.locator(".item.sought")).to_contain_text("line 0")


def test_what_came_while_away_is_marked_and_counted_until_it_is_seen(
    open_page: Callable[..., Page], live: Live
) -> None:
    away = live.conversation(f"Away {uuid.uuid4().hex[:6]}")
    for one in live.call("GET", "/conversations?unread=true&limit=200")["items"]:
        see(live, one["id"])
    page = open_page("/tasks/")
    expect(page).to_have_title(re.compile(r"^Tasks"))
    live.tell(away, ["message", "It is done"])
    expect(page).to_have_title(re.compile(r"^\(1\) Tasks"))
    expect(page.locator(f"#recent [data-conversation='{away}'] .new")).to_be_visible()
    page.goto(f"{live.url}/?show=unread")
    expect(page.locator(f"[data-id='{away}'].unread .new")).to_be_visible()
    page.goto(f"{live.url}/conversations/{away}/")
    expect(page).to_have_title(re.compile(r"^Away"))
    with page.expect_response(re.compile(f"/conversations/{away}/seen$")):
        pass
    page.goto(f"{live.url}/?show=unread")
    expect(page.get_by_text("You have seen everything.")).to_be_visible()
    assert live.call("GET", f"/conversations/{away}")["unread"] is False


def test_a_conversation_is_pinned_and_archived_from_the_list_and_taken_back(
    open_page: Callable[..., Page], live: Live
) -> None:
    name = f"Shelf {uuid.uuid4().hex[:6]}"
    conversation = live.conversation(name)
    live.conversation("A later one")
    page = open_page("/")
    row = page.locator(f"[data-id='{conversation}']")
    row.get_by_role("button").click()
    page.get_by_role("menuitem", name="Pin").click()
    expect(page.locator("[data-talk]").first).to_have_attribute("data-id", conversation)
    row.get_by_role("button").click()
    page.get_by_role("menuitem", name="Archive").click()
    expect(row).to_have_count(0)
    page.get_by_role("status").get_by_role("button", name="Undo").click()
    expect(page.locator("[data-talk]").first).to_have_attribute("data-id", conversation)
    row.get_by_role("button").click()
    page.get_by_role("menuitem", name="Archive").click()
    page.get_by_role("link", name="Archived").click()
    expect(row).to_contain_text(name)
    row.get_by_role("button").click()
    page.get_by_role("menuitem", name="Take out of the archive").click()
    expect(row).to_have_count(0)
    assert live.call("GET", f"/conversations/{conversation}")["status"] == "active"


def test_a_deletion_can_be_undone_also_after_a_reload(open_page: Callable[..., Page], live: Live, watch: Watch) -> None:
    conversation = live.conversation("Doomed")
    page = open_page(f"/conversations/{conversation}/")
    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("menuitem", name="Delete conversation").click()
    page.wait_for_url(f"{live.url}/")
    expect(page.locator(f"[data-id='{conversation}']")).to_have_count(0)
    page.reload()
    page.get_by_role("status").get_by_role("button", name="Undo").click()
    expect(page.locator(f"[data-id='{conversation}']")).to_be_visible()
    assert live.call("GET", f"/conversations/{conversation}")["title"] == "Doomed"
    page.locator(f"[data-id='{conversation}']").get_by_role("button").click()
    page.get_by_role("menuitem", name="Delete conversation").click()
    expect(page.locator(f"[data-id='{conversation}']")).to_have_count(0)
    watch.expected.append("404")
    page.goto(f"{live.url}/conversations/{conversation}/")
    expect(page.locator("h1")).to_have_text("There is nothing here")


def test_a_shared_conversation_is_read_by_strangers_until_it_is_revoked(
    open_page: Callable[..., Page], browser: Browser, live: Live, watch: Watch
) -> None:
    conversation = live.conversation("For everybody")
    live.tell(conversation, ["message", HOSTILE])
    plan = live.tell(conversation, ["ask", "Which one?"])
    live.wait_for_task(plan["tasks"][0]["id"], "waiting_input")
    live.tell(conversation, ["chunk", "x"], schedule={"daily_time": "09:00"}, new_plan=True)
    page = open_page(f"/conversations/{conversation}/")
    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("menuitem", name="Share…").click()
    page.get_by_role("button", name="Make a link").click()
    address = page.get_by_role("textbox", name="Read-only link").input_value()
    context = browser.new_context(viewport=PHONE)
    stranger = watch.page(context.new_page())
    asked: list[str] = []
    stranger.on("request", lambda request: asked.append(request.url))
    stranger.goto(address)
    expect(stranger.locator("#transcript")).to_contain_text("kryptonite")
    expect(stranger.locator("#transcript")).to_contain_text("Which one?")
    assert stranger.title() == "For everybody · ValueCell Tasks"
    assert stranger.locator("textarea, form, .question button, .task button").count() == 0
    assert stranger.evaluate("document.cookie") == ""
    assert [url for url in asked if "/api/" in url or "/ws/" in url] == []
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("button", name="Make a link")).to_be_visible()
    watch.expected.append("404")
    stranger.reload()
    expect(stranger.locator("h1")).to_have_text("There is nothing here")
    context.close()


def test_a_conversation_is_kept_as_a_file(open_page: Callable[..., Page], live: Live) -> None:
    conversation = talk(live, "To keep", "Seven **metres**")
    page = open_page(f"/conversations/{conversation}/")
    for word, ending in (("Markdown", "md"), ("JSON", "json")):
        page.get_by_role("button", name="More", exact=True).click()
        with page.expect_download() as download:
            page.get_by_role("menuitem", name=f"Export as {word}").click()
        assert download.value.suggested_filename == f"To-keep.{ending}"
        text = download.value.path().read_text()
        assert "Seven **metres**" in text
        assert ending == "md" or len(json.loads(text)["items"]) >= 2
