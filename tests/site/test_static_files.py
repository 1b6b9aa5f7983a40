"""Static files: compressed for those who take it, whole for those who do not, and copied once."""

import gzip
import os
from pathlib import Path

from django.contrib.staticfiles import finders
from django.test import Client

from valuecell_site.static_files import compressed

STYLES = "/static/site/parts.css"


def whole() -> bytes:
    return Path(str(finders.find("site/parts.css"))).read_bytes()


def test_who_takes_gzip_gets_the_same_bytes_in_fewer(client: Client) -> None:
    answer = client.get(STYLES, headers={"Accept-Encoding": "gzip, deflate"})
    body = b"".join(answer.streaming_content)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(body) == whole()
    assert len(body) < len(whole()) / 2


def test_who_does_not_gets_the_file_as_it_is(client: Client) -> None:
    answer = client.get(STYLES)
    assert "Content-Encoding" not in answer.headers
    assert b"".join(answer.streaming_content) == whole()
    again = client.get(STYLES, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_what_is_compressed_already_is_left_alone(client: Client) -> None:
    font = "/static/site/vendor/fonts/inter-latin-wght-normal.woff2"
    answer = client.get(font, headers={"Accept-Encoding": "gzip"})
    assert answer.status_code == 200
    assert "Content-Encoding" not in answer.headers


def test_a_changed_file_gets_a_new_copy_and_an_old_one_is_taken_as_it_is(tmp_path: Path) -> None:
    file, folder = tmp_path / "words.txt", tmp_path / "copies"
    file.write_text("one " * 100)
    first = compressed(file, folder)
    assert first is not None
    made = first.stat().st_mtime_ns
    assert compressed(file, folder) == first
    assert first.stat().st_mtime_ns == made
    file.write_text("two " * 100)
    os.utime(file, ns=(1, 1))
    second = compressed(file, folder)
    assert second is not None
    assert gzip.decompress(second.read_bytes()) == b"two " * 100


def test_a_copy_that_saves_nothing_is_not_served(tmp_path: Path) -> None:
    file = tmp_path / "noise.txt"
    file.write_bytes(os.urandom(1000))
    assert compressed(file, tmp_path / "copies") is None
