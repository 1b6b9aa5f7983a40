"""So many requests a minute and person, and no more; the answer says when to come back."""

from tests.api_client import Program
from valuecell_site.ratelimit import RateLimit


def test_over_the_limit_is_429_with_a_time_to_come_back_and_only_for_that_person(ana: Program, ben: Program, settings):
    settings.API_RATE = 3
    for path in ("/tasks", "/no-such-thing", "/tasks/no-uuid"):
        assert ana("GET", path).status in (200, 404)
    refused = ana("GET", "/tasks/no-uuid")
    assert (refused.status, refused.error["code"]) == (429, "too_many_requests")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert ben("GET", "/tasks").status == 200


def test_nobody_is_401_and_never_429(ana: Program, settings):
    settings.API_RATE = 1
    assert ana("GET", "/tasks").status == 200
    ana.token = "nonsense"
    assert [ana("GET", "/tasks").status for _ in range(3)] == [401] * 3


def test_zero_lets_everything_pass():
    rate = RateLimit()
    assert all(rate.retry_after(1, 0, now=0.0) is None for _ in range(10_000))


def test_a_new_minute_begins_at_zero():
    rate = RateLimit()
    assert [rate.retry_after(1, 2, now=59.0) for _ in range(3)] == [None, None, 1]
    assert rate.retry_after(1, 2, now=60.0) is None
    assert rate.retry_after(1, 1, now=60.0) == 60
