"""Agents by the API: everybody sees those that are offered, staff adds and changes them."""

import pytest

from tasks.models import Agent
from tests.api_client import Program


def test_the_list_is_by_name_with_those_switched_off_and_without_the_hidden(ana: Program, echo: Agent):
    Agent.objects.create(name="Able", slug="Able", url="http://127.0.0.1:9/", enabled=False)
    Agent.objects.create(name="Secret", slug="Secret", url="http://127.0.0.1:9/", hidden=True)
    first = ana("GET", "/agents?limit=1").data
    assert [(agent["name"], agent["enabled"]) for agent in first["items"]] == [("Able", False)]
    second = ana("GET", f"/agents?cursor={first['next_cursor']}").data
    assert [agent["name"] for agent in second["items"]] == ["Echo"]
    assert second["next_cursor"] is None


@pytest.mark.parametrize("slug", ["Nobody", "%00", "a" * 300, "é", "..", "%2e%2e%2f", "Echo%20"])
def test_an_agent_that_is_not_there_is_404_also_for_those_who_may_not_change_it(ana: Program, slug):
    assert ana("GET", f"/agents/{slug}").status == 404
    assert ana("PATCH", f"/agents/{slug}", b"{broken").status == 404


def test_what_is_looked_at_is_not_added_and_only_staff_looks(ana: Program, boss: Program, db: None):
    assert ana("POST", "/agent-previews", {"url": "http://127.0.0.1:9/"}).status == 403
    refused = boss("POST", "/agent-previews", {"url": "http://127.0.0.1:9/"})
    assert (refused.status, "private address" in refused.fields["url"][0]) == (422, True)
    assert list(boss("POST", "/agent-previews", {"url": "nonsense"}).fields) == ["url"]
    assert list(boss("POST", "/agent-previews", {"url": "http://x/", "digest": "x"}).fields) == ["digest"]


def test_only_staff_adds_and_changes(ana: Program):
    for body in ({"url": "http://127.0.0.1:9/"}, {}, b"{broken"):
        assert (ana("POST", "/agents", body).status, ana("PATCH", "/agents/Echo", body).status) == (403, 403)


def test_staff_switches_an_agent_off_and_limits_it(boss: Program):
    changed = boss("PATCH", "/agents/Echo", {"enabled": False, "max_concurrency": 3, "send_mode": "detached"})
    assert changed.status == 200
    assert (changed.data["enabled"], changed.data["max_concurrency"], changed.data["send_mode"]) == (
        False,
        3,
        "detached",
    )
    assert boss("GET", "/agents/Echo").data == changed.data
    assert boss("PATCH", "/agents/Echo", {"max_concurrency": None}).data["max_concurrency"] == 20
    assert boss("PATCH", "/agents/Echo", {"display_name": None}).status == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "x"}, "name"),
        ({"enabled": "yes"}, "enabled"),
        ({"enabled": None}, "enabled"),
        ({"max_concurrency": 0}, "max_concurrency"),
        ({"max_concurrency": 2**40}, "max_concurrency"),
        ({"send_mode": "pigeon"}, "send_mode"),
        ({"display_name": "a" * 201}, "display_name"),
    ],
)
def test_a_wrong_change_is_422_on_its_field(boss: Program, body, field):
    assert list(boss("PATCH", "/agents/Echo", body).fields) == [field]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "ftp://example.org/",
        "http://",
        "http://127.0.0.1:9/",
        "http://localhost:9/",
        "http://[::1]:9/",
        "http://10.0.0.1/",
        "http://169.254.169.254/latest",
        "http://user:secret@127.0.0.1:9/",
        "http://127.0.0.1:99999/",
        "http://no.such.host.invalid/",
        "http://\u00fc\u00df.invalid/",
        "javascript:alert(1)",
        "http://127.1/",
        "http://2130706433/",
        "http://\U000e41a1F\x7fæ÷Ü",
        "http://xn--a/",
        "http://[::1",
        "http://a b/",
    ],
)
def test_an_address_that_leads_to_no_agent_is_422(boss: Program, settings, url):
    settings.ALLOW_PRIVATE_AGENTS = False
    assert list(boss("POST", "/agents", {"url": url}).fields) == ["url"]
    assert Agent.objects.count() == 1


def test_a_dead_address_is_422_where_private_ones_are_allowed(boss: Program, settings):
    settings.ALLOW_PRIVATE_AGENTS = True
    assert list(boss("POST", "/agents", {"url": "http://127.0.0.1:9/"}, Idempotency_Key="k").fields) == ["url"]
