"""A growing answer drawn in a real browser: block by block, as the pages do, beside rendering all of it for each frame.

Each append is drawn at once (the pages draw at most once a frame, which would hide the cost). Left out, loudly, where
there is no Chromium.
"""

import functools
import http.server
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from playwright.sync_api import Page, sync_playwright

from benchmarks.harness import RUNS, Row, median_of

LENGTHS = (20_000, 60_000)
"""Characters of the answer; a frame brings 100 of them."""
FRAME = 100
LINEAR = 1.5

DRAW = """
async ([length, frame, whole]) => {
  const { GrowingProse, render } = await import("/conversations/markdown.js");
  const paragraph = "A line with **bold**, `code` and [a link](https://example.org), and then some more words.\\n\\n"
    + "- first point\\n- second point\\n\\n| a | b |\\n|---|---|\\n| 1 | 2 |\\n\\n";
  const text = paragraph.repeat(Math.ceil(length / paragraph.length)).slice(0, length);
  document.body.replaceChildren();
  const growing = new GrowingProse();
  const naive = document.createElement("div");
  document.body.append(whole ? naive : growing.element);
  const begun = performance.now();
  for (let at = 0; at < length; at += frame) {
    if (whole) naive.replaceChildren(render(text.slice(0, at + frame)));
    else { growing.tail += text.slice(at, at + frame); growing.draw(true); }
  }
  return performance.now() - begun;
}
"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Files, without a line of log for each."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def serve(directory: str) -> http.server.ThreadingHTTPServer:
    """The static files of the pages, as one tree on a free port."""
    for app, name in (("conversations", "conversations"), ("valuecell_site", "site")):
        (Path(directory) / name).symlink_to(Path(settings.BASE_DIR) / app / "static" / name)
    (Path(directory) / "index.html").write_text("<!doctype html><title>Benchmark</title>")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=directory))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def draw(page: Page, length: int, *, whole: bool, runs: int) -> float:
    """Milliseconds for an answer of `length` characters, the median of `runs`."""
    return median_of(float(page.evaluate(DRAW, [length, FRAME, whole])) for _ in range(runs))


def measure(*, quick: bool) -> Iterator[Row]:
    """The rows of the table."""
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    browser_path = next((path for path in found if path), None)
    if browser_path is None:
        print("NO CHROMIUM HERE: left out")
        return
    runs = 2 if quick else RUNS
    milliseconds: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as directory, sync_playwright() as playwright:
        server = serve(directory)
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/index.html")
        draw(page, LENGTHS[0], whole=False, runs=1)
        for length in LENGTHS:
            milliseconds[length] = draw(page, length, whole=False, runs=runs)
            naive = draw(page, length, whole=True, runs=1)
            yield Row(
                what=f"Markdown in Chromium: a growing answer of {length:,} characters",
                ours=f"{milliseconds[length]:,.0f} ms",
                baseline=f"{naive:,.0f} ms rendering all for each frame",
                ratio=f"1/{naive / milliseconds[length]:.0f}",
            )
        browser.close()
        server.shutdown()
    short, long = LENGTHS
    dearer = milliseconds[long] / milliseconds[short] / (long / short)
    yield Row(
        what=f"Markdown in Chromium: cost of a character of {long:,} to one of {short:,}",
        ours=f"{dearer:.2f}×",
        goal=f"≤ {LINEAR} (linear)",
        met=dearer <= LINEAR,
    )
