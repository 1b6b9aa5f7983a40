"""The modules' own tests (tests/js), run where they will run: in Chromium, under the pages' policy."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route

from tests.browser.conftest import ROOT

FILES = sorted((ROOT / "tests" / "js").glob("*.test.js"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name.partition(".")[0])
def test_every_test_of_a_module_passes(open_page: Callable[..., Page], file: Path) -> None:
    page = open_page("/settings/")

    def from_disk(route: Route) -> None:
        name = route.request.url.rpartition("/")[2]
        route.fulfill(body=(ROOT / "tests" / "js" / name).read_bytes(), content_type="text/javascript")

    page.route("**/tests/js/*", from_disk)
    results = page.evaluate(f"import('/tests/js/{file.name}').then((module) => module.run())")
    assert results, "the file holds no test"
    assert {name: error for name, error in results.items() if error} == {}
