"""Signed-in devices: each browser is listed once, and one, or all others, can be signed out."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from valuecell_site.devices import SEEN_EVERY, devices_of, words
from valuecell_site.models import Device

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PASSWORD = "a rather long password"


@pytest.fixture
def ann(db: None) -> User:
    return User.objects.create_user("ann", password=PASSWORD)


def browser(
    user: User, agent: str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
) -> Client:
    """A browser that is signed in and has opened a page."""
    made = Client(headers={"User-Agent": agent})
    made.login(username=user.username, password=PASSWORD)
    assert made.get("/settings/").status_code == 200
    return made


def signed_in(client: Client) -> bool:
    return client.get("/tasks/").status_code == 200


def test_each_browser_is_listed_once_with_this_one_first(ann: User) -> None:
    first, second = browser(ann), browser(ann, "curl/8")
    first.get("/tasks/")
    found = devices_of(ann, first.session.session_key)
    assert [(device.words, device.current, device.address) for device in found] == [
        ("Firefox on Linux", True, "127.0.0.1"),
        ("curl/8", False, "127.0.0.1"),
    ]
    page = second.get("/settings/").content.decode()
    assert page.count("data-device=") == 2 and "this device" in page


def test_one_is_signed_out_and_the_others_stay(ann: User) -> None:
    here, there, elsewhere = browser(ann), browser(ann), browser(ann)
    device = Device.objects.get(session_key=there.session.session_key)
    answer = here.post("/settings/devices/", {"device": str(device.pk)})
    assert (answer.status_code, answer["Location"]) == (302, "/settings/#devices")
    assert [signed_in(one) for one in (here, there, elsewhere)] == [True, False, True]
    assert len(devices_of(ann, None)) == 2


def test_all_others_are_signed_out_also_those_that_were_never_listed(ann: User) -> None:
    here, there = browser(ann), browser(ann)
    Device.objects.filter(session_key=there.session.session_key).delete()
    other = User.objects.create_user("bob", password=PASSWORD)
    bobs = browser(other)
    here.post("/settings/devices/", {"device": "others"})
    assert [signed_in(one) for one in (here, there, bobs)] == [True, False, True]


@pytest.mark.parametrize("wanted", ["", "no-uuid", "theirs"])
def test_nothing_of_somebody_elses_is_signed_out(ann: User, wanted: str) -> None:
    bobs = browser(User.objects.create_user("bob", password=PASSWORD))
    theirs = str(Device.objects.get(session_key=bobs.session.session_key).pk)
    here = browser(ann)
    here.post("/settings/devices/", {"device": theirs if wanted == "theirs" else wanted})
    assert signed_in(bobs) and signed_in(here)


def test_signing_out_needs_a_person_and_a_post(client: Client, ann: User) -> None:
    assert client.post("/settings/devices/", {"device": "others"}).status_code == 302
    assert browser(ann).get("/settings/devices/").status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ann)
    assert strict.post("/settings/devices/", {"device": "others"}).status_code == 403


def test_a_device_is_written_now_and_then_and_not_each_time(ann: User) -> None:
    here = browser(ann)
    seen = Device.objects.get().last_seen_at
    here.get("/agents/")
    assert Device.objects.get().last_seen_at == seen
    session = here.session
    key, _ = session["device"]
    session["device"] = (key, (timezone.now() - SEEN_EVERY - timedelta(seconds=1)).isoformat())
    session.save()
    here.get("/agents/")
    assert Device.objects.get().last_seen_at > seen


def test_what_asks_nothing_of_the_session_asks_nothing_of_the_database(ann: User, django_assert_num_queries) -> None:
    here = browser(ann)
    with django_assert_num_queries(0):
        here.get("/healthz")


def test_a_changed_password_keeps_this_device_and_drops_the_others(ann: User) -> None:
    here, there = browser(ann), browser(ann)
    device = Device.objects.get(session_key=here.session.session_key).pk
    fields = {"old_password": PASSWORD, "new_password1": "another long one", "new_password2": "another long one"}
    assert here.post("/accounts/password/", fields)["Location"] == "/accounts/password/changed/"
    assert [signed_in(one) for one in (here, there)] == [True, False]
    (found,) = devices_of(User.objects.get(pk=ann.pk), here.session.session_key)
    assert (found.id, found.current) == (device, True)


def test_sessions_that_are_over_leave_the_list_for_good_at_the_next_sign_in(ann: User) -> None:
    browser(ann)
    Session.objects.all().delete()
    browser(ann)
    assert Device.objects.count() == 1


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18 Safari/604.1",
            "Safari on iPhone",
        ),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko Firefox/140.0", "Firefox on macOS"),
        ("", "Unknown device"),
        ("<b>" * 200, ("<b>" * 20)),
    ],
)
def test_a_browser_is_named_by_what_it_says_of_itself(agent: str, said: str) -> None:
    assert words(agent) == said
