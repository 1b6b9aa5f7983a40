"""Signing in: guessing is slowed down by name and address together; passwords are changed, and set anew by mail."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client

from tests.helpers.threads import together
from valuecell_site import throttle
from valuecell_site.addresses import client_address
from valuecell_site.models import Attempt

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
PASSWORD = "a rather long password"


@pytest.fixture
def ann(db: None) -> User:
    return User.objects.create_user("ann", "ann@example.com", PASSWORD)


def sign_in(client: Client, password: str, name: str = "ann", address: str = "203.0.113.5", path: str = "") -> Any:
    fields = {"username": name, "password": password}
    return client.post(path or "/accounts/login/", fields, REMOTE_ADDR=address)


def test_after_five_wrong_passwords_the_next_has_to_wait_right_or_wrong(client: Client, ann: User) -> None:
    for _ in range(throttle.TRIES):
        assert sign_in(client, "wrong").status_code == 200
    refused = sign_in(client, PASSWORD)
    assert (refused.status_code, refused["Retry-After"]) == (429, "300")
    assert "Too many tries from here. Wait 5 min, then try again." in refused.content.decode()
    assert sign_in(client, PASSWORD, name="ANN").status_code == 429, "case makes no other name"
    assert "_auth_user_id" not in client.session


def test_its_owner_signs_in_from_elsewhere_meanwhile_and_others_from_there(client: Client, ann: User) -> None:
    for _ in range(throttle.TRIES + 1):
        sign_in(client, "wrong")
    assert sign_in(Client(), PASSWORD, address="198.51.100.7").status_code == 302
    User.objects.create_user("bob", password=PASSWORD)
    assert sign_in(Client(), PASSWORD, name="bob").status_code == 302


def test_unknown_names_are_refused_alike(client: Client, ann: User) -> None:
    answers = [sign_in(client, "wrong", name="nobody").status_code for _ in range(throttle.TRIES + 1)]
    assert answers == [200] * throttle.TRIES + [429]


def test_the_right_password_forgets_the_wrong_ones(client: Client, ann: User) -> None:
    for _ in range(throttle.TRIES - 1):
        sign_in(client, "wrong")
    assert sign_in(Client(), PASSWORD).status_code == 302
    assert Attempt.objects.count() == 0


def test_admins_own_form_counts_the_same_tries(client: Client, ann: User) -> None:
    User.objects.update(is_staff=True)
    for _ in range(throttle.TRIES):
        sign_in(client, "wrong", path="/admin/login/")
    assert "Too many tries" in sign_in(client, PASSWORD, path="/admin/login/").content.decode()
    assert sign_in(client, PASSWORD).status_code == 429


def test_the_wait_ends_five_minutes_after_the_first_and_trying_does_not_lengthen_it(db: None) -> None:
    for n in range(throttle.TRIES):
        throttle.begin("x", "ann", "a", now=NOW + timedelta(seconds=10 * n))
    for seconds in (60, 120, 299):
        with pytest.raises(throttle.MustWait) as wait:
            throttle.begin("x", "ann", "a", now=NOW + timedelta(seconds=seconds))
        assert wait.value.seconds == 300 - seconds
    throttle.begin("x", "ann", "a", now=NOW + timedelta(seconds=300))
    with pytest.raises(throttle.MustWait):
        throttle.begin("x", "ann", "a", now=NOW + timedelta(seconds=301))


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_no_more_get_through() -> None:
    came = together(12, lambda _n: throttle.begin("x", "ann", "a", now=NOW))
    refused = [answer for answer in came if isinstance(answer, throttle.MustWait)]
    assert len(came) - len(refused) <= throttle.TRIES


@pytest.mark.parametrize(
    ("remote", "forwarded", "trusted", "found"),
    [
        ("203.0.113.5", "198.51.100.7", [], "203.0.113.5"),
        ("10.0.0.2", "198.51.100.7", ["10.0.0.0/8"], "198.51.100.7"),
        ("10.0.0.2", "6.6.6.6, 198.51.100.7, 10.0.0.3", ["10.0.0.0/8"], "198.51.100.7"),
        ("203.0.113.5", "198.51.100.7", ["10.0.0.0/8"], "203.0.113.5"),
        ("10.0.0.2", "", ["10.0.0.2"], "10.0.0.2"),
        ("", "198.51.100.7", ["10.0.0.2"], ""),
        ("10.0.0.2", "x" * 500, ["10.0.0.2"], "x" * 45),
    ],
)
def test_the_address_is_what_trusted_proxies_say(
    rf: Any, settings: Any, remote: str, forwarded: str, trusted: list[str], found: str
) -> None:
    settings.TRUSTED_PROXIES = trusted
    assert client_address(rf.get("/", REMOTE_ADDR=remote, headers={"X-Forwarded-For": forwarded})) == found


def test_a_password_is_changed_by_who_knows_it(client: Client, ann: User) -> None:
    client.force_login(ann)
    wrong = {"old_password": "no", "new_password1": "another long one", "new_password2": "another long one"}
    for _ in range(throttle.TRIES):
        assert "was entered incorrectly" in client.post("/accounts/password/", wrong).content.decode()
    assert "Too many tries" in client.post("/accounts/password/", wrong).content.decode()
    Attempt.objects.all().delete()
    short = client.post("/accounts/password/", {**wrong, "old_password": PASSWORD, "new_password2": "x"})
    assert "didn’t match" in short.content.decode()
    assert client.post("/accounts/password/", {**wrong, "old_password": PASSWORD}).status_code == 302
    ann.refresh_from_db()
    assert ann.check_password("another long one")


def test_a_forgotten_password_is_set_anew_by_mail(client: Client, ann: User, settings: Any) -> None:
    settings.PUBLIC_URL = "https://tasks.example.com"
    sent = client.post("/accounts/password/forgotten/", {"email": "ann@example.com"}, headers={"Host": "localhost"})
    assert sent["Location"] == "/accounts/password/forgotten/sent/"
    (letter,) = mail.outbox
    (link,) = re.findall(r"https://tasks\.example\.com(/accounts/password/new/\S+)", letter.body)
    assert "“ann”" in letter.body and "60 minutes" in letter.body and letter.to == ["ann@example.com"]
    form = client.get(link, follow=True)
    where = form.redirect_chain[-1][0]
    assert "New password" in form.content.decode()
    fields = {"new_password1": "brand new and long", "new_password2": "brand new and long"}
    assert client.post(where, fields)["Location"] == "/accounts/password/new/done/"
    assert sign_in(Client(), "brand new and long").status_code == 302
    assert "This link holds no more" in Client().get(link, follow=True).content.decode()


def test_nobody_learns_who_has_an_account(client: Client, ann: User) -> None:
    User.objects.filter(pk=ann.pk).update(is_active=False)
    for email in ("nobody@example.com", "ann@example.com"):
        answer = client.post("/accounts/password/forgotten/", {"email": email})
        assert answer["Location"] == "/accounts/password/forgotten/sent/"
    assert mail.outbox == []


def test_one_address_gets_few_mails(client: Client, ann: User) -> None:
    for _ in range(throttle.TRIES + 3):
        client.post("/accounts/password/forgotten/", {"email": "ann@example.com"})
    assert len(mail.outbox) == throttle.TRIES


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/login/",
        "/accounts/password/forgotten/",
        "/accounts/password/forgotten/sent/",
        "/accounts/password/new/MQ/no-token/",
        "/accounts/password/new/done/",
    ],
)
def test_these_pages_need_nobody_and_are_in_the_look(client: Client, db: None, path: str) -> None:
    page = client.get(path)
    assert page.status_code == 200
    assert b"/site/parts.css" in page.content and b'class="alone"' in page.content


@pytest.mark.parametrize("path", ["/accounts/password/", "/accounts/password/changed/"])
def test_changing_a_password_needs_somebody(client: Client, ann: User, path: str) -> None:
    assert client.get(path)["Location"].startswith("/accounts/login/")
    client.force_login(ann)
    assert client.get(path).status_code == 200
