"""What is nobody's page: foreign host names, and a failure of ours, in the look and in the one error shape."""

import logging

import pytest
from django.test import Client, RequestFactory

from valuecell_site import views
from valuecell_site.logs import WithoutTraceback


def test_a_foreign_host_is_a_line_in_the_log_and_no_traceback(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert client.get("/", headers={"Host": "evil.example"}).status_code == 400
        answer = client.get("/api/v1/tasks", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "bad_request"
    told = [record for record in caplog.records if record.name == "django.security.DisallowedHost"]
    assert len(told) == 2
    assert all(WithoutTraceback().filter(record) for record in told)
    assert all(record.exc_info is None and record.levelno == logging.WARNING for record in told)


def test_a_failure_of_ours_is_a_page_in_the_look_without_the_database(rf: RequestFactory) -> None:
    # No database mark: a query would fail this test.
    answer = views.server_error(rf.get("/tasks/"))
    assert answer.status_code == 500
    assert "The server made a mistake" in answer.content.decode()  # type: ignore[attr-defined]
    assert "/site/parts.css" in answer.content.decode()  # type: ignore[attr-defined]


def test_a_failure_of_ours_in_the_api_has_the_one_shape(rf: RequestFactory) -> None:
    answer = views.server_error(rf.get("/api/v1/tasks"))
    assert answer.status_code == 500
    assert b'"code": "internal"' in answer.content  # type: ignore[attr-defined]
