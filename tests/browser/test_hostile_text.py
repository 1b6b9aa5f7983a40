"""Whatever agents and people write stays text: nothing of it runs, wherever it is shown."""

import json
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import Live

MARK = "window.__ran = (window.__ran || 0) + 1"
HTML = [
    "<script>%s</script>",
    "<img src=x onerror='%s'>",
    "<svg onload='%s'>",
    "<svg><script>%s</script></svg>",
    "<svg><animate onbegin='%s' attributeName=x dur=1s></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror='%s'></style></mglyph></table></mtext></math>",
    "<iframe srcdoc='<script>parent.%s</script>'></iframe>",
    "<iframe src='javascript:parent.%s'></iframe>",
    "<object data='javascript:%s'></object>",
    "<embed src='javascript:%s'>",
    "<a href='javascript:%s'>click</a>",
    "<a href='&#106;avascript:%s'>click</a>",
    "<a href='java\tscript:%s'>click</a>",
    "<form action='javascript:%s'><button>go</button></form>",
    "<details open ontoggle='%s'>x</details>",
    "<body onload='%s'>",
    "<input autofocus onfocus='%s'>",
    "<video><source onerror='%s'></video>",
    "<marquee onstart='%s'>x</marquee>",
    "<template><script>%s</script></template><noscript><p title='</noscript><img src=x onerror=%s>'>",
    "</textarea><script>%s</script>",
    "</script><script>%s</script>",
    "<!--><script>%s</script>-->",
    "<![CDATA[<script>%s</script>]]>",
    "<base href='javascript:%s//'>",
    "<link rel=stylesheet href='javascript:%s'>",
    "<meta http-equiv=refresh content='0;url=javascript:%s'>",
    "<style>@import 'javascript:%s';</style>",
    "<div style=\"background:url('javascript:%s')\">x</div>",
    "<x onclick='%s' autofocus tabindex=1 onfocus='%s'>x</x>",
]
MARKDOWN = [
    "[click](javascript:%s)",
    "[click](JaVaScRiPt:%s)",
    "[click](&#106;avascript:%s)",
    "[click](data:text/html,<script>%s</script>)",
    "[click](vbscript:%s)",
    "[click](<javascript:%s>)",
    "[click]: javascript:%s\n\n[click]",
    "<javascript:%s>",
    "![x](javascript:%s)",
    "![x](x' onerror='%s)",
    '![x" onerror="%s](https://example.org/x.png)',
    "[x](https://example.org \"' onmouseover='%s\")",
    "```x' onclick='%s\ncode\n```",
    "`<script>%s</script>`",
    "# <img src=x onerror='%s'>",
    "| <svg onload='%s'> | b |\n|---|---|\n| <svg onload='%s'> | 1 |",
    "**<script>%s</script>**",
    "- <details open ontoggle='%s'>x</details>",
    "> <iframe src='javascript:%s'></iframe>",
    "&lt;script&gt;%s&lt;/script&gt;",
]
FORBIDDEN = "script:not([type='application/json']), iframe, object, embed, form, base, style"
CORPUS = [text.replace("%s", MARK) for text in HTML + MARKDOWN]


def _nothing_ran(page: Page) -> None:
    page.wait_for_timeout(300)
    assert page.evaluate("window.__ran || 0") == 0
    addresses = page.locator("a[href]").evaluate_all("(links) => links.map((link) => link.protocol)")
    assert set(addresses) <= {"http:", "https:", "mailto:"}
    assert page.locator("#transcript, .page").locator(FORBIDDEN).count() == 0


def test_nothing_runs_in_a_transcript(open_page: Callable[..., Page], live: Live) -> None:
    conversation = live.conversation(CORPUS[1][:180])
    steps: list[list[object]] = []
    for text in CORPUS:
        steps += [["message", text], ["chunk", text], ["think", text], ["tool", text[:80], text]]
        steps += [["component", "report", json.dumps({"title": text, "data": text, "url": f"javascript:{MARK}"})]]
        steps += [["component", "profile", json.dumps({"name": text, text[:60]: text})]]
        steps += [
            ["component", "filtered_line_chart", json.dumps({"title": text, "data": str([[text, text], [text, 1]])})]
        ]
        steps += [
            [
                "component",
                "filtered_card_push_notification",
                json.dumps({"title": text, "filters": [text], "data": [{text: text}]}),
            ]
        ]
        steps += [["component", text[:60], text]]
    page = open_page(f"/conversations/{conversation}/")
    for begin in range(0, len(steps), 80):
        plan = live.tell(conversation, *steps[begin : begin + 80], ["fail", CORPUS[0]], max_attempts=1)
        live.wait_for_task(plan["tasks"][0]["id"], "failed", seconds=60)
    page.reload()
    for _ in range(12):
        page.locator("#scroll").evaluate("(scroller) => { scroller.scrollTop = 0; }")
        page.wait_for_timeout(150)
    page.locator("summary").evaluate_all("(all) => all.forEach((one) => one.parentElement.setAttribute('open', ''))")
    assert page.locator(".item").count() > 200
    _nothing_ran(page)


def test_nothing_runs_on_the_pages_of_tasks_and_runs(open_page: Callable[..., Page], live: Live) -> None:
    conversation = live.conversation(CORPUS[0])
    text = "\n\n".join(CORPUS)
    task = live.call(
        "POST",
        "/tasks",
        {"conversation_id": conversation, "agent_name": "ScriptedAgent", "title": CORPUS[1][:190], "query": text},
    )
    live.wait_for_task(task["id"], "completed")
    run = live.call("GET", f"/tasks/{task['id']}/runs")["items"][0]
    for path in ("/", "/tasks/?q=onerror", f"/tasks/{task['id']}/", f"/runs/{run['id']}/"):
        page = open_page(path)
        expect(page.locator("h1").first).to_be_visible()
        _nothing_ran(page)


def test_links_open_elsewhere_and_images_from_elsewhere_are_links(open_page: Callable[..., Page], live: Live) -> None:
    conversation = live.conversation("Links")
    plan = live.tell(conversation, ["chunk", "[here](https://example.org/a) ![spy](https://example.org/pixel.png)"])
    live.wait_for_task(plan["tasks"][0]["id"], "completed")
    page = open_page(f"/conversations/{conversation}/")
    for name in ("here", "spy"):
        link = page.get_by_role("link", name=name, exact=True)
        assert (link.get_attribute("target"), link.get_attribute("rel")) == ("_blank", "noopener noreferrer nofollow")
    assert page.locator(".prose img").count() == 0
