"""Style sheets and scripts go out packed, are kept for ever under the address of their version, and are current."""

import gzip
import re

import pytest
from django.contrib.auth.models import User
from django.templatetags.static import static
from django.test import Client

from conversations.models import Conversation
from valuecell_site import static_files

SCRIPT = "site/dom.js"
WEIGHT = 150_000
"""Bytes that a conversation page may weigh besides its font, which the browser shows the page without."""


def test_a_script_is_packed_for_who_can_unpack_it(client: Client):
    packed = client.get(static(SCRIPT), headers={"Accept-Encoding": "br, gzip"})
    plain = client.get(static(SCRIPT))
    assert packed["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain
    assert gzip.decompress(packed.content) == plain.content
    assert len(packed.content) == int(packed["Content-Length"]) < len(plain.content)
    assert packed["Vary"] == plain["Vary"] == "Accept-Encoding"
    assert packed["ETag"] != plain["ETag"]
    assert packed["Content-Type"].startswith("text/javascript")


@pytest.mark.parametrize(
    ("header", "takes"),
    [("gzip", True), ("*", True), ("br;q=1.0, gzip;q=0.2", True), ("", False), ("br", False), ("gzip;q=0", False)],
)
def test_who_can_unpack_it_says_so(header: str, takes: bool):
    assert static_files.takes_gzip(header) is takes


def test_a_font_is_not_packed_again(client: Client):
    font = client.get(static("site/vendor/fonts/inter-latin-wght-normal.woff2"), headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in font
    assert font["Content-Type"] == "font/woff2"


def test_the_address_of_the_version_is_kept_for_ever_and_every_other_asked_for_again(client: Client):
    assert "immutable" in client.get(static(SCRIPT))["Cache-Control"]
    for other in (f"/static/{SCRIPT}", f"/static/v0123456789ab/{SCRIPT}"):
        answer = client.get(other)
        assert (answer.status_code, answer["Cache-Control"]) == (200, "public, no-cache")


def test_what_has_not_changed_is_a_304(client: Client):
    gzipped = {"Accept-Encoding": "gzip"}
    etag = client.get(static(SCRIPT), headers=gzipped)["ETag"]
    for known in (etag, f'"other", {etag}', f"W/{etag}", "*"):
        again = client.get(static(SCRIPT), headers={**gzipped, "If-None-Match": known})
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", etag)
        assert again["Vary"] == "Accept-Encoding"
    assert client.get(static(SCRIPT), headers={**gzipped, "If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize("name", ["site/none.js", "../manage.py", "site/../../settings.py", "", "v0123456789ab/"])
def test_what_is_no_static_file_is_not_found(client: Client, name: str):
    assert client.get(f"/static/{name}").status_code == 404


def test_files_are_only_read(client: Client):
    assert client.head(static(SCRIPT)).content == b""
    assert client.head(static(SCRIPT)).status_code == 200
    refused = client.post(static(SCRIPT))
    assert (refused.status_code, refused["Allow"]) == (405, "GET, HEAD")


def test_the_version_changes_when_a_file_does(monkeypatch: pytest.MonkeyPatch, tmp_path):
    file = tmp_path / "a.css"
    monkeypatch.setattr(static_files, "_listed", lambda: {"a.css": file})
    found = []
    for text in ("a {}", "b {}", "a {}"):
        file.write_text(text)
        static_files.version.cache_clear()
        found.append(static_files.version())
    static_files.version.cache_clear()
    assert found[0] == found[2] != found[1]


def test_while_files_are_being_changed_they_are_served_as_they_are_now(
    client: Client, settings, monkeypatch: pytest.MonkeyPatch, tmp_path
):
    settings.DEBUG = True
    folder = tmp_path / "edited"
    folder.mkdir()
    settings.STATICFILES_DIRS = [folder]
    static_files.finders.get_finder.cache_clear()
    static_files._listed.cache_clear()
    try:
        for text in ("a {}", "b { top: 0 }"):
            (folder / "now.css").write_text(text)
            answer = client.get(static("now.css"))
            assert (answer.content.decode(), answer["Cache-Control"]) == (text, "public, no-cache")
    finally:
        static_files.finders.get_finder.cache_clear()
        static_files._listed.cache_clear()


IMPORT = re.compile(r"""(?:from\s+|import\s+)["'](\.[^"']+)["']""")
"""What is imported by a call, `import("…")`, is loaded when somebody presses for it: not with the page."""
LINKED = re.compile(r"""(?:href|src)="(/static/[^"#]+)""")
STYLED = re.compile(r"""url\(["']?(\.[^"')]+)["']?\)""")


def weight_of(client: Client, path: str) -> tuple[int, int]:
    """Bytes that a browser loads for a page, the page itself included: as they go out, and unpacked."""
    page = client.get(path)
    waiting = [address for address in LINKED.findall(page.content.decode()) if address.startswith("/static/")]
    sent = bare = len(page.content)
    seen: set[str] = set()
    while waiting:
        address = waiting.pop()
        if address in seen:
            continue
        seen.add(address)
        answer = client.get(address, headers={"Accept-Encoding": "gzip"})
        assert answer.status_code == 200, address
        assert "immutable" in answer["Cache-Control"], address
        sent += len(answer.content)
        raw = gzip.decompress(answer.content) if "Content-Encoding" in answer else answer.content
        bare += len(raw)
        if address.endswith((".js", ".css")) and "/vendor/" not in address:
            for pattern in (IMPORT, STYLED):
                for found in pattern.findall(raw.decode()):
                    parts = address.rsplit("/", 1)[0].split("/")
                    for part in found.split("/"):
                        if part == "..":
                            parts.pop()
                        elif part != ".":
                            parts.append(part)
                    waiting.append("/".join(parts))
    return sent, bare


def test_a_conversation_page_weighs_less_than_150_kb_besides_its_font_and_charts(client: Client, user: User):
    client.force_login(user)
    conversation = Conversation.objects.create(user=user)
    sent, bare = weight_of(client, f"/conversations/{conversation.pk}/")
    font = len(client.get(static("site/vendor/fonts/inter-latin-wght-normal.woff2")).content)
    charts = len(client.get(static("conversations/chart.js"), headers={"Accept-Encoding": "gzip"}).content)
    assert sent - font - charts < WEIGHT
    assert sent < bare / 2
