"""Pages show times in the browser's zone, which the cookie `tz` names."""

import pytest
from django.utils import timezone

from valuecell_site.middleware import person_time_zone


def zone_for(rf, cookie: str) -> str:
    request = rf.get("/")
    request.COOKIES["tz"] = cookie
    return str(person_time_zone(lambda _: timezone.get_current_timezone_name())(request))


@pytest.fixture(autouse=True)
def put_back():
    yield
    timezone.deactivate()


def test_the_cookies_zone_is_active(rf):
    assert zone_for(rf, "Asia/Tokyo") == "Asia/Tokyo"


@pytest.mark.parametrize("cookie", ["", "Nowhere/Land", "../../etc/passwd", "/etc/passwd", "\0", "America", "a" * 5000])
def test_anything_else_is_the_sites_zone(rf, cookie, settings):
    settings.TIME_ZONE = "Europe/Berlin"
    timezone.activate("Asia/Tokyo")
    assert zone_for(rf, cookie) == "Europe/Berlin"
