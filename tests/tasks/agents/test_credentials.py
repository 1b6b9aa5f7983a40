"""Credentials: of four kinds, by the name of a variable, to the agent's own origin only, and nowhere else."""

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import pytest

from tasks.agents.connections import RemoteConnections
from tasks.agents.credentials import NOT_FOR_AGENTS, ClientCredentials, fault, scrubber
from tasks.agents.errors import AgentBroken, AgentError, AgentRefused
from tasks.agents.remote import AgentRef, CredentialUse
from tests.tasks.agents.conftest import message, ref
from tests.tasks.agents.raw_server import Answer, Asked, RawServer, answered, http, streamed

pytestmark = pytest.mark.database_independent

Start = Callable[[Callable[[Asked], Answer]], RawServer]
DONE = {"statusUpdate": {"taskId": "t", "contextId": "c", "status": {"state": "TASK_STATE_COMPLETED"}}}
SECRET = "s3cret-välue"
PLAIN = "s3cret-value"


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROBE_TOKEN", PLAIN)
    monkeypatch.setenv("PROBE_PAIR", f"probe:{SECRET}")


async def ask(remote: RemoteConnections, agent: AgentRef) -> None:
    connection = await remote.get(agent)
    async for _ in connection.send(message()):
        pass


def basic(text: str) -> str:
    return f"Basic {base64.b64encode(text.encode()).decode()}"


@pytest.mark.parametrize(
    ("variable", "use", "header", "value"),
    [
        ("PROBE_TOKEN", CredentialUse(), "authorization", f"Bearer {PLAIN}"),
        ("PROBE_TOKEN", CredentialUse(scheme="api_key"), "x-api-key", PLAIN),
        ("PROBE_TOKEN", CredentialUse(scheme="api_key", header="X-Probe"), "x-probe", PLAIN),
        ("PROBE_PAIR", CredentialUse(scheme="basic"), "authorization", basic(f"probe:{SECRET}")),
    ],
)
async def test_each_kind_goes_into_its_header(
    raw: Start, remote: RemoteConnections, variable: str, use: CredentialUse, header: str, value: str
) -> None:
    server = raw(lambda _: streamed(DONE))
    await ask(remote, ref(server.url, credential_env=variable, use=use))
    assert server.asked[0].headers[header] == value


@pytest.mark.parametrize(
    ("scheme", "header"),
    [
        ({"apiKeySecurityScheme": {"location": "header", "name": "X-Of-The-Card"}}, "x-of-the-card"),
        ({"type": "apiKey", "in": "header", "name": "X-Of-The-Card"}, "x-of-the-card"),
        ({"type": "apiKey", "in": "query", "name": "key"}, "x-api-key"),
        ({"type": "apiKey", "in": "header", "name": "Host"}, "x-api-key"),
        ({"type": "apiKey", "in": "header", "name": "X\r\nY: z"}, "x-api-key"),
    ],
)
async def test_the_card_may_name_the_header_of_a_key(
    raw: Start, remote: RemoteConnections, scheme: dict[str, Any], header: str
) -> None:
    server = raw(lambda _: streamed(DONE))
    agent = ref(server.url, credential_env="PROBE_TOKEN", use=CredentialUse(scheme="api_key"))
    await ask(remote, AgentRef(**{**vars(agent), "card": {**agent.card, "securitySchemes": {"key": scheme}}}))
    assert server.asked[0].headers[header] == PLAIN


async def test_another_port_of_the_same_host_gets_none(raw: Start, remote: RemoteConnections) -> None:
    server = raw(lambda _: streamed(DONE))
    agent = ref(server.url, credential_env="PROBE_TOKEN")
    connection = await remote.get(agent)
    connection.card.supported_interfaces[0].url = server.url
    other = raw(lambda _: answered({}))
    await connection._http.get(other.url)
    assert "authorization" not in other.asked[0].headers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed_with_it(raw: Start, remote: RemoteConnections, status: int) -> None:
    other = raw(lambda _: streamed(DONE))
    server = raw(lambda _: http(status, b"", headers=[f"Location: {other.url}"]))
    with pytest.raises(AgentRefused, match="sends us on"):
        await ask(remote, ref(server.url, credential_env="PROBE_TOKEN"))
    assert other.connections == 0


@pytest.mark.parametrize(
    ("variable", "value", "use", "words"),
    [
        ("UNSET", None, CredentialUse(), "set the environment variable UNSET"),
        ("P", "no colon", CredentialUse(scheme="basic"), "must hold name:password"),
        ("P", "no colon", CredentialUse(scheme="oauth2", token_url="http://127.0.0.1:9/"), "client_id:client_secret"),
        ("P", "ünicode", CredentialUse(), "holds none for a header"),
        ("P", "two\nlines", CredentialUse(scheme="api_key"), "holds none for a header"),
        ("SECRET_KEY", "x", CredentialUse(), "set the environment variable SECRET_KEY"),
    ],
)
async def test_what_is_wrong_is_said_by_the_variables_name_and_nothing_is_sent(
    raw: Start,
    remote: RemoteConnections,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str | None,
    use: CredentialUse,
    words: str,
) -> None:
    if value is not None:
        monkeypatch.setenv(variable, value)
    server = raw(lambda _: streamed(DONE))
    with pytest.raises(AgentRefused, match=words) as raised:
        await ask(remote, ref(server.url, credential_env=variable, use=use))
    assert value is None or len(value) < 2 or value not in str(raised.value)
    assert server.asked == []


class Tokens:
    """An OAuth 2 server and the agent that takes its tokens, on one host."""

    def __init__(self, raw: Start, *, life: float | None = 3600, basic_only: bool = True) -> None:
        self.asked: list[dict[str, list[str]]] = []
        self.given = 0
        self.life = life
        self.basic_only = basic_only
        self.taken: set[str] = set()
        """Tokens that the agent takes; those that it is given are added."""
        self.used: list[str] = []
        self.giver, self.server = raw(self.give), raw(self.answer)

    def give(self, asked: Asked) -> Answer:
        form = parse_qs(str(asked.body))
        self.asked.append(form)
        in_header = asked.headers.get("authorization") == basic("probe:s3cret-v%C3%A4lue")
        in_body = form.get("client_secret") == [SECRET] and form.get("client_id") == ["probe"]
        if not (in_header if self.basic_only else in_body):
            return http(401, b'{"error": "invalid_client"}')
        self.given += 1
        token = f"token-{self.given}"
        self.taken.add(token)
        said = {"access_token": token, "token_type": "bearer"}
        return answered(said if self.life is None else {**said, "expires_in": self.life})

    def answer(self, asked: Asked) -> Answer:
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        self.used.append(token)
        return streamed(DONE) if token in self.taken else http(401, b"")

    @property
    def agent(self) -> AgentRef:
        use = CredentialUse(scheme="oauth2", token_url=f"{self.giver.url}token", scope="run read")
        return ref(self.server.url, credential_env="PROBE_PAIR", use=use)


async def test_a_token_is_fetched_once_and_used_by_all(raw: Start, remote: RemoteConnections) -> None:
    tokens = Tokens(raw)
    await asyncio.gather(*(ask(remote, tokens.agent) for _ in range(5)))
    assert tokens.asked == [{"grant_type": ["client_credentials"], "scope": ["run read"]}]
    assert tokens.used == ["token-1"] * 5


async def test_a_token_that_has_ended_is_fetched_anew_before_it_is_refused(
    raw: Start, remote: RemoteConnections
) -> None:
    tokens = Tokens(raw, life=100)
    connection, now = await remote.get(tokens.agent), 0.0
    connection._http.auth = ClientCredentials(tokens.agent, clock=lambda: now)
    await ask(remote, tokens.agent)
    now = 69.0
    await ask(remote, tokens.agent)
    now = 70.5
    await ask(remote, tokens.agent)
    assert tokens.used == ["token-1", "token-1", "token-2"]


async def test_a_token_that_the_agent_takes_no_more_is_replaced_once(raw: Start, remote: RemoteConnections) -> None:
    tokens = Tokens(raw, life=None)
    await ask(remote, tokens.agent)
    tokens.taken.clear()
    await ask(remote, tokens.agent)
    assert tokens.used == ["token-1", "token-1", "token-2"]


async def test_an_agent_that_takes_no_token_is_asked_twice_and_no_more(raw: Start, remote: RemoteConnections) -> None:
    tokens = Tokens(raw)
    tokens.server.respond = lambda _: http(401, b"")
    with pytest.raises(AgentRefused, match="did not accept our credential"):
        await ask(remote, tokens.agent)
    assert (len(tokens.server.asked), tokens.given) == (2, 2)


async def test_a_server_that_takes_the_secret_in_the_body_alone_gets_it_there(
    raw: Start, remote: RemoteConnections
) -> None:
    tokens = Tokens(raw, basic_only=False)
    await ask(remote, tokens.agent)
    assert (len(tokens.asked), tokens.used) == (2, ["token-1"])


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (http(401, b""), AgentRefused, "gives no token for what the environment variable PROBE_PAIR holds"),
        (http(400, b'{"error": "invalid_client"}'), AgentRefused, "gives no token"),
        (http(200, b"not json"), AgentBroken, "is no token"),
        (answered({"access_token": 3}), AgentBroken, "no bearer token"),
        (answered({"access_token": "a\r\nb"}), AgentBroken, "no bearer token"),
        (answered({"access_token": "x", "token_type": "mac"}), AgentBroken, "no bearer token"),
        (answered({"access_token": "x", "expires_in": "soon"}), AgentBroken, "is no token"),
        (answered([]), AgentBroken, "is no token"),
        (http(302, b"", headers=["Location: http://127.0.0.1:9/"]), AgentRefused, "sends us on"),
        (http(200, b"x" * 100_000), AgentBroken, "more than"),
        (http(500, b""), AgentBroken, "HTTP 500"),
    ],
)
async def test_a_token_server_that_gives_none_is_said(
    raw: Start, remote: RemoteConnections, answer: list[bytes], error: type[AgentError], words: str
) -> None:
    tokens = Tokens(raw)
    tokens.giver.respond = lambda _: answer
    with pytest.raises(error, match=words) as raised:
        await ask(remote, tokens.agent)
    assert SECRET not in str(raised.value)
    assert tokens.server.asked == []


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ({"variable": "sk-live-1"}, "variable"),
        *(({"variable": name}, "variable") for name in sorted(NOT_FOR_AGENTS)),
        ({"variable": "A", "scheme": "digest"}, "scheme"),
        ({"variable": "A", "scheme": "api_key", "header": "Host"}, "header"),
        ({"variable": "A", "scheme": "api_key", "header": "X Y"}, "header"),
        ({"variable": "A", "scheme": "oauth2"}, "token_url"),
        ({"variable": "A", "scheme": "oauth2", "token_url": "ftp://x/"}, "token_url"),
        ({"variable": "A", "scheme": "oauth2", "token_url": "http://u:p@x/"}, "token_url"),
        ({"variable": "A", "scheme": "oauth2", "token_url": "http://x/", "scope": "a\nb"}, "scope"),
    ],
)
def test_what_cannot_be_a_credential_is_refused_by_its_part(given: dict[str, str], part: str) -> None:
    found = fault(**given)
    assert found is not None and found[0] == part


def test_what_an_agent_quotes_of_its_secret_is_taken_out() -> None:
    scrub = scrubber(ref("http://x/", credential_env="PROBE_PAIR", use=CredentialUse(scheme="basic")))
    assert scrub is not None
    quoted = json.dumps({"you sent": basic(f"probe:{SECRET}"), "password": SECRET}, ensure_ascii=False)
    assert SECRET not in scrub(quoted) and basic(f"probe:{SECRET}") not in scrub(quoted)
    assert scrubber(ref("http://x/")) is None
