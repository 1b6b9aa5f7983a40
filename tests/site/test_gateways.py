"""The gate before the gateways: who, how much, how often, from where; each refusal in its protocol's form."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from tests.helpers.runners import sync, until
from tests.helpers.served import served
from valuecell_site import gateways, middleware
from valuecell_site.models import ApiToken
from valuecell_site.ratelimit import RateLimit

ADDRESSES = ["/a2a/", "/a2a", "/a2a/tasks", "/mcp/", "/mcp", "/v1/chat/completions", "/v1/models", "/v1/no-such-thing"]


@pytest.fixture
async def site(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    monkeypatch.setattr(middleware, "_rate", RateLimit())
    async with served() as address:
        yield address


@pytest.fixture
def issue(user: User) -> Callable[..., str]:
    def issue(**columns: Any) -> str:
        row, token = ApiToken.issue(user_id=user.pk)
        ApiToken.objects.filter(pk=row.pk).update(**columns)
        return token

    return issue


@pytest.fixture
async def http(site: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=site, timeout=20) as client:
        yield client


def told(answer: httpx.Response) -> tuple[str, str]:
    """Code and message of an error, in whichever of the two forms."""
    error = answer.json()["error"]
    return (error["data"]["code"] if "data" in error else error["code"]), error["message"]


@pytest.mark.parametrize("path", ADDRESSES)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
async def test_nobody_is_401_on_every_address_and_method(http: httpx.AsyncClient, path: str, method: str):
    answer = await http.request(method, path, content=b"{broken")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert told(answer)[0] == "not_signed_in"


@pytest.mark.parametrize("path", ["/mcp/", "/v1/models"])
async def test_an_ended_token_and_one_of_an_inactive_user_open_nothing(
    http: httpx.AsyncClient, path: str, issue: Callable[..., str], user: User
):
    now = timezone.now()
    expired = await sync(issue, expires_at=now - timedelta(seconds=1))
    revoked = await sync(issue, revoked_at=now)
    good = await sync(issue)
    for token, status in ((expired, 401), (revoked, 401), ("vct_nonsense", 401), (good, 405 if "mcp" in path else 200)):
        answer = await http.get(path, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == status
    await sync(User.objects.filter(pk=user.pk).update, is_active=False)
    assert (await http.get(path, headers={"Authorization": f"Bearer {good}"})).status_code == 401


async def test_a_cookie_opens_nothing(http: httpx.AsyncClient, user: User):
    from django.test import Client

    browser = Client()
    await sync(browser.force_login, user)
    session = browser.cookies["vct_session"].value
    assert (await http.get("/v1/models", headers={"Cookie": f"vct_session={session}"})).status_code == 401


async def test_pages_of_other_sites_are_refused_and_programs_pass(http: httpx.AsyncClient, issue: Callable[..., str]):
    headers = {"Authorization": f"Bearer {await sync(issue)}"}
    refused = await http.get("/v1/models", headers={**headers, "Origin": "https://elsewhere.example"})
    assert (refused.status_code, told(refused)[0]) == (403, "foreign_origin")
    own = await http.get("/v1/models", headers={**headers, "Origin": str(http.base_url).rstrip("/")})
    assert own.status_code == 200


async def test_too_many_requests_wait(http: httpx.AsyncClient, issue: Callable[..., str], settings: Any):
    settings.API_RATE = 2
    headers = {"Authorization": f"Bearer {await sync(issue)}"}
    answers = [await http.get("/v1/models", headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 1 <= int(answers[2].headers["retry-after"]) <= 60
    assert told(answers[2]) == (
        "too_many_requests",
        f"Too many requests: at most 2 a minute. Wait {answers[2].headers['retry-after']} s.",
    )


@pytest.mark.parametrize("path", ["/mcp/", "/v1/chat/completions"])
async def test_what_is_too_large_is_refused_before_it_is_read(
    http: httpx.AsyncClient, path: str, issue: Callable[..., str], settings: Any
):
    headers = {"Authorization": f"Bearer {await sync(issue)}"}
    answer = await http.post(path, content=b"x" * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1), headers=headers)
    assert (answer.status_code, told(answer)) == (413, ("too_large", "The request is too large: send at most 2 MB."))


async def test_a_request_that_does_not_arrive_is_not_waited_for(
    site: str, issue: Callable[..., str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(gateways, "BODY_SECONDS", 0.1)
    host, port = site.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    token = await sync(issue)
    head = f"POST /mcp/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 10\r\n\r\n{{"
    writer.write(head.encode())
    status = await asyncio.wait_for(reader.readline(), 5)
    writer.close()
    assert status.startswith(b"HTTP/1.1 408")


async def test_a_client_that_leaves_while_it_sends_breaks_nothing(
    site: str, http: httpx.AsyncClient, issue: Callable[..., str], caplog: pytest.LogCaptureFixture
):
    host, port = site.removeprefix("http://").split(":")
    token = await sync(issue)
    with socket.create_connection((host, int(port))) as client:
        head = f"POST /mcp/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 10\r\n\r\n{{"
        client.sendall(head.encode())
    assert (await http.get("/v1/models", headers={"Authorization": f"Bearer {token}"})).status_code == 200
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_answers_are_one_persons_and_of_one_type(http: httpx.AsyncClient, issue: Callable[..., str]):
    answer = await http.get("/v1/models", headers={"Authorization": f"Bearer {await sync(issue)}"})
    assert (answer.headers["cache-control"], answer.headers["x-content-type-options"]) == ("no-store", "nosniff")


async def test_the_last_use_of_a_token_is_noted(http: httpx.AsyncClient, issue: Callable[..., str]):
    token = await sync(issue)
    await http.get("/v1/models", headers={"Authorization": f"Bearer {token}"})
    await until(lambda: ApiToken.objects.filter(last_used_at__isnull=False).exists())


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b'{"a":' * 5000, b"null"])
@pytest.mark.parametrize("path", ["/mcp/", "/v1/chat/completions"])
async def test_no_body_makes_it_fail(http: httpx.AsyncClient, issue: Callable[..., str], path: str, body: bytes):
    headers = {
        "Authorization": f"Bearer {await sync(issue)}",
        "Accept": "application/json, text/event-stream",
        "Content-Type": "application/json",
    }
    answer = await http.post(path, content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]
