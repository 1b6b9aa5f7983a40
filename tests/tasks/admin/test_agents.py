"""What the operator decides about agents."""

from datetime import timedelta

import pytest

from tasks.models import Agent, Task


def form(agent, **changes):
    fields = ("slug", "display_name", "url", "description", "send_mode", "credential_env")
    data = {name: getattr(agent, name) for name in fields} | {"max_concurrency": agent.max_concurrency or ""}
    return data | {name: "on" for name in ("enabled", "hidden") if getattr(agent, name)} | changes


@pytest.fixture
def path(agent):
    return f"/admin/tasks/agent/{agent.pk}/change/"


def test_a_saved_agent_is_connected_to_anew(signed_in, agent, path):
    Agent.objects.update(updated_at=agent.updated_at - timedelta(days=1))
    before = Agent.objects.get().updated_at
    assert signed_in.post(path, form(agent, url="http://127.0.0.1:7/", max_concurrency="3")).status_code == 302
    saved = Agent.objects.get()
    assert (saved.url, saved.concurrency) == ("http://127.0.0.1:7/", 3)
    assert saved.updated_at > before


def test_what_the_agent_wrote_meanwhile_stays(signed_in, agent, path, monkeypatch):
    save = Agent.save

    def answered_meanwhile(self, *arguments, **named):
        Agent.objects.update(last_error="refused", card={"name": "Echo", "version": "2"})
        save(self, *arguments, **named)

    monkeypatch.setattr(Agent, "save", answered_meanwhile)
    signed_in.post(path, form(agent, display_name="Echo, echo"))
    saved = Agent.objects.get()
    assert (saved.display_name, saved.last_error, saved.card["version"]) == ("Echo, echo", "refused", "2")


def test_its_name_stays(signed_in, agent, path):
    signed_in.post(path, form(agent, name="Renamed"))
    assert Agent.objects.get().name == "Echo"


@pytest.mark.parametrize("text", ["sk-live-1234", "two words", "Ünicode", "1TOKEN"])
def test_a_token_in_the_place_of_its_name_is_refused(signed_in, agent, path, text):
    page = signed_in.post(path, form(agent, credential_env=text))
    assert page.status_code == 200 and "never the credential itself" in page.content.decode()
    assert Agent.objects.get().credential_env == ""


def test_the_card_is_shown_and_not_written(signed_in, agent, path):
    Agent.objects.update(card={"skills": [{"id": "greet"}]})
    assert "greet" in signed_in.get(path).content.decode()
    signed_in.post(path, form(agent, card="{}"))
    assert Agent.objects.get().card == {"skills": [{"id": "greet"}]}


def test_an_agent_is_added_with_an_address_of_this_network(signed_in, db):
    blank = Agent(name="Mine", slug="mine", url="http://10.0.0.5:9000/")
    response = signed_in.post("/admin/tasks/agent/add/", form(blank, name="Mine", enabled="on"))
    assert response.status_code == 302
    assert Agent.objects.get().enabled


def test_deleting_an_agent_leaves_its_tasks(signed_in, make_task, agent):
    make_task()
    assert signed_in.get(f"/admin/tasks/agent/{agent.pk}/delete/").status_code == 200
    assert signed_in.post(f"/admin/tasks/agent/{agent.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Agent.objects.exists() and Task.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"credential_env": "SECRET_KEY"}, "own secret"),
        ({"credential_env": "TOKEN", "credential_scheme": "oauth2"}, "the address that gives tokens"),
        ({"credential_env": "TOKEN", "credential_scheme": "api_key", "credential_header": "Host"}, "free for it"),
    ],
)
def test_a_credential_that_cannot_be_given_so_is_refused(signed_in, agent, path, changes, words):
    assert words in signed_in.post(path, form(agent, **changes)).content.decode()
    assert Agent.objects.get().credential_env == ""


def test_how_a_credential_is_given_is_kept(signed_in, agent, path):
    given = {
        "credential_env": "TOKEN",
        "credential_scheme": "oauth2",
        "credential_token_url": "https://x.example/token",
        "credential_scope": "run",
    }
    assert signed_in.post(path, form(agent, **given)).status_code == 302
    saved = Agent.objects.get()
    assert {name: getattr(saved, name) for name in given} == given
