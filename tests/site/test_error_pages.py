"""Whatever goes wrong is answered in the look of the pages, without the database; in the API in the one error shape."""

import pytest
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.test import Client
from django.urls import path

from tests.api_client import Program
from valuecell_site import urls
from valuecell_site.urls import handler400, handler403, handler404, handler500  # noqa: F401 (read by Django)


def breaks(_request: HttpRequest) -> None:
    raise ZeroDivisionError("nobody foresaw this")


def forbids(_request: HttpRequest) -> None:
    raise PermissionDenied


urlpatterns = [
    path("breaks/", breaks),
    path("forbids/", forbids),
    path("api/v1/breaks", breaks),
    *urls.urlpatterns,
]


@pytest.fixture
def browser(settings) -> Client:
    settings.ROOT_URLCONF = __name__
    return Client(raise_request_exception=False)


@pytest.mark.parametrize(
    ("address", "status", "words"),
    [
        ("/breaks/", 500, "The server made a mistake"),
        ("/forbids/", 403, "Not for you"),
        ("/nowhere/", 404, "There is nothing here"),
        ("/" + "x" * 5000, 404, "There is nothing here"),
    ],
)
def test_a_person_sees_a_page_in_the_look_that_asks_no_database(browser: Client, address: str, status: int, words: str):
    # Without the fixture `db` any query would fail here.
    answer = browser.get(address)
    text = answer.content.decode()
    assert answer.status_code == status
    assert words in text
    assert "/site/tokens.css" in text
    assert "ZeroDivisionError" not in text


def test_a_page_that_cannot_be_made_is_a_plain_text(browser: Client, settings):
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [], "APP_DIRS": False}]
    answer = browser.get("/breaks/")
    assert (answer.status_code, answer["Content-Type"]) == (500, "text/plain; charset=utf-8")
    assert "The server made a mistake" in answer.content.decode()


def test_what_nobody_foresaw_in_the_api_is_in_the_one_error_shape(ana: Program, settings):
    settings.ROOT_URLCONF = __name__
    answer = ana("GET", "/breaks")
    assert (answer.status, answer.error["code"]) == (500, "internal")
    assert "ZeroDivisionError" not in answer.content.decode()


@pytest.mark.parametrize("address", ["/nowhere", "/tasks/", "/" + "x" * 5000, "/tasks//pause", "/%00", "/%ff"])
def test_an_unknown_address_of_the_api_is_404_in_the_one_error_shape(ana: Program, address: str):
    answer = ana("GET", address)
    assert (answer.status, answer.error["code"]) == (404, "not_found")


def test_an_address_with_a_slash_too_many_is_told_so(ana: Program):
    assert "slash" in ana("GET", "/tasks/").error["message"]
