"""The sockets under a server that offers no transport of ours: the same words, by a coroutine that awaits
each frame.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from conversations.events import Role
from conversations.hub import Close, hub
from conversations.models import Conversation, ConversationItem
from valuecell_site.asgi import application
from valuecell_site.models import ApiToken

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def ana() -> User:
    return await sync_to_async(User.objects.create_user)("ana", password="pw")


@pytest.fixture
async def conversation(ana: User) -> Conversation:
    return await Conversation.objects.acreate(user=ana)


async def bearer(user: User) -> dict[bytes, bytes]:
    token = (await sync_to_async(ApiToken.issue)(user_id=user.pk))[1]
    return {b"authorization": f"Bearer {token}".encode()}


class Communicator(WebsocketCommunicator):
    """Channels' own keeps every thread's database connection open while it talks, and a pool has only so many."""

    send_input = ApplicationCommunicator.send_input
    receive_output = ApplicationCommunicator.receive_output


@asynccontextmanager
async def socket(path: str, headers: dict[bytes, bytes]) -> AsyncIterator[Communicator]:
    communicator = Communicator(application, path, list(headers.items()))
    accepted, _ = await communicator.connect(timeout=5)
    assert accepted
    try:
        yield communicator
    finally:
        await communicator.disconnect()


async def closed(communicator: Communicator, within: float = 5) -> int:
    """The close code, and that nothing came before it."""
    message = await communicator.receive_output(timeout=within)
    assert message["type"] == "websocket.close", message
    code: int = message["code"]
    return code


async def said(communicator: Communicator) -> Any:
    return json.loads(await communicator.receive_from(timeout=5))


async def add_items(conversation: Conversation, *seqs: int) -> None:
    for seq in seqs:
        await ConversationItem.objects.acreate(
            conversation=conversation,
            position=seq,
            seq=seq,
            event="message",
            role=Role.AGENT,
            payload={"content": f"item {seq}"},
        )
    await Conversation.objects.filter(pk=conversation.pk).aupdate(last_seq=max(seqs))


async def test_history_then_ready_then_live(ana: User, conversation: Conversation) -> None:
    await add_items(conversation, 1, 2, 3)
    async with socket(f"/ws/conversations/{conversation.pk}/?after_seq=1", await bearer(ana)) as viewer:
        history = await said(viewer)
        assert [event["seq"] for event in history["events"]] == [2, 3]
        assert history["events"][0]["data"]["payload"] == {"content": "item 2"}
        assert await said(viewer) == {"ready": True, "seq": 3}
        live = {**history["events"][0], "seq": 4}
        hub.publish(conversation.pk, [live])  # type: ignore[list-item]
        assert await said(viewer) == {"events": [live]}


async def test_a_place_beyond_the_end_is_told_the_true_end(ana: User, conversation: Conversation) -> None:
    await add_items(conversation, 1, 2)
    headers = await bearer(ana)
    for after in ("2", "3", str(10**30), "0002"):
        async with socket(f"/ws/conversations/{conversation.pk}/?after_seq={after}", headers) as viewer:
            assert await said(viewer) == {"ready": True, "seq": 2}


@pytest.mark.parametrize("after", ["-1", "x", "", "1.5", "+1", "%D9%A3"])
async def test_a_wrong_after_seq_is_closed_with_4400(ana: User, conversation: Conversation, after: str) -> None:
    path = f"/ws/conversations/{conversation.pk}/?after_seq={after}"
    async with socket(path, await bearer(ana)) as viewer:
        assert await closed(viewer) == Close.BAD_REQUEST


@pytest.mark.parametrize(
    "header", [{}, {b"authorization": b"Bearer no-such-token"}, {b"cookie": b"vct_session=nothing"}]
)
async def test_nobody_is_closed_with_4401(conversation: Conversation, header: dict[bytes, bytes]) -> None:
    for path in (f"/ws/conversations/{conversation.pk}/", "/ws/activity/", "/ws/conversations/nonsense/"):
        async with socket(path, header) as viewer:
            assert await closed(viewer) == Close.SIGNED_OUT


async def test_a_bad_token_beside_a_good_session_is_nobody(ana: User, conversation: Conversation) -> None:
    headers = {**await session(ana), b"authorization": b"Bearer no-such-token"}
    async with socket(f"/ws/conversations/{conversation.pk}/", headers) as viewer:
        assert await closed(viewer) == Close.SIGNED_OUT


async def session(user: User) -> dict[bytes, bytes]:
    client = Client()
    await sync_to_async(client.force_login)(user)
    return {b"cookie": f"other=1; vct_session={client.cookies['vct_session'].value}".encode()}


async def test_a_session_opens_the_sockets(ana: User, conversation: Conversation) -> None:
    async with socket(f"/ws/conversations/{conversation.pk}/", await session(ana)) as viewer:
        assert await said(viewer) == {"ready": True, "seq": 0}


async def test_what_is_not_there_or_not_theirs_is_closed_with_4404(ana: User, conversation: Conversation) -> None:
    ben = await bearer(await User.objects.acreate(username="ben"))
    gone = "01900000-0000-7000-8000-000000000000"
    for path in (
        f"conversations/{conversation.pk}/?after_seq=x",
        f"conversations/{gone}/",
        "conversations/x/",
        "other/",
    ):
        async with socket(f"/ws/{path}", ben) as viewer:
            assert await closed(viewer) == Close.NOT_FOUND


async def test_sockets_beyond_the_limit_are_closed_with_4429(
    ana: User, conversation: Conversation, settings: Any
) -> None:
    settings.MAX_SOCKETS_PER_USER = 2
    headers, path = await bearer(ana), f"/ws/conversations/{conversation.pk}/"
    async with socket(path, headers) as first, socket("/ws/activity/", headers) as second:
        assert (await said(first))["ready"] and (await said(second))["ready"]
        async with socket(path, headers) as third:
            assert await closed(third) == Close.TOO_MANY
        async with socket(path, await bearer(await User.objects.acreate(username="ben"))) as other:
            assert await closed(other) == Close.NOT_FOUND
    async with socket(path, headers) as again:
        assert (await said(again))["ready"]


@pytest.mark.parametrize(
    ("origin", "accepted"),
    [
        (b"http://localhost:8000", True),
        (b"http://127.0.0.1:8000", True),
        (b"http://evil.example", False),
        (b"http://evil.example:8000", False),
        (b"http://127.0.0.1:9000", False),
        (b"http://localhost.evil.example:8000", False),
        (b"null", False),
        (b"", False),
        (b"http://[", False),
    ],
)
async def test_a_foreign_origin_is_refused_in_the_handshake(ana: User, origin: bytes, accepted: bool) -> None:
    headers = {**await bearer(ana), b"origin": origin, b"host": b"127.0.0.1:8000"}
    communicator = Communicator(application, "/ws/activity/", list(headers.items()))
    assert (await communicator.connect(timeout=5))[0] is accepted
    if accepted:
        await communicator.disconnect()


async def test_ended_credentials_close_their_sockets_and_no_others(ana: User, conversation: Conversation) -> None:
    path = f"/ws/conversations/{conversation.pk}/"
    signed_in, by_token, kept = await session(ana), await bearer(ana), await bearer(ana)
    async with socket(path, signed_in) as one, socket(path, by_token) as two, socket(path, kept) as three:
        for viewer in (one, two, three):
            assert (await said(viewer))["ready"]
        key = signed_in[b"cookie"].decode().rpartition("=")[2]
        await Session.objects.filter(pk=key).adelete()
        first = await ApiToken.objects.order_by("id").afirst()
        assert first is not None
        await ApiToken.objects.filter(pk=first.pk).aupdate(revoked_at=timezone.now())
        watchdog = hub._watchdog
        assert watchdog is not None
        await watchdog.check_credentials()
        assert await closed(one) == Close.SIGNED_OUT
        assert await closed(two) == Close.SIGNED_OUT
        assert await three.receive_nothing(timeout=0.1)


async def test_a_changed_password_ends_the_sessions(ana: User) -> None:
    async with socket("/ws/activity/", await session(ana)) as viewer:
        assert (await said(viewer))["ready"]
        ana.set_password("another")
        await ana.asave()
        watchdog = hub._watchdog
        assert watchdog is not None
        await watchdog.check_credentials()
        assert await closed(viewer) == Close.SIGNED_OUT


async def test_a_deactivated_person_is_signed_out(ana: User) -> None:
    async with socket("/ws/activity/", await bearer(ana)) as one, socket("/ws/activity/", await session(ana)) as two:
        assert (await said(one))["ready"] and (await said(two))["ready"]
        await User.objects.filter(pk=ana.pk).aupdate(is_active=False)
        watchdog = hub._watchdog
        assert watchdog is not None
        await watchdog.check_credentials()
        assert await closed(one) == await closed(two) == Close.SIGNED_OUT


async def test_a_deleted_conversation_is_closed_with_4404(ana: User, conversation: Conversation) -> None:
    async with socket(f"/ws/conversations/{conversation.pk}/", await bearer(ana)) as viewer:
        assert (await said(viewer))["ready"]
        hub.close_conversation(conversation.pk, Close.NOT_FOUND)
        assert await closed(viewer) == Close.NOT_FOUND


async def test_a_conversation_deleted_by_another_process_is_noticed(ana: User, conversation: Conversation) -> None:
    async with socket(f"/ws/conversations/{conversation.pk}/", await bearer(ana)) as viewer:
        assert (await said(viewer))["ready"]
        await Conversation.objects.filter(pk=conversation.pk).adelete()
        assert await closed(viewer) == Close.NOT_FOUND


async def test_commits_of_another_process_bring_the_viewer_back_by_seq(ana: User, conversation: Conversation) -> None:
    path, headers = f"/ws/conversations/{conversation.pk}/", await bearer(ana)
    async with socket(path, headers) as viewer:
        assert (await said(viewer))["ready"]
        await add_items(conversation, 1)  # Nobody publishes it here.
        assert await closed(viewer) == Close.TOO_SLOW
    async with socket(path, headers) as viewer:
        assert [event["seq"] for event in (await said(viewer))["events"]] == [1]


async def test_what_a_client_says_is_ignored_until_it_floods(ana: User, conversation: Conversation) -> None:
    async with socket(f"/ws/conversations/{conversation.pk}/", await bearer(ana)) as viewer:
        assert (await said(viewer))["ready"]
        for _ in range(50):
            await viewer.send_to(text_data="hello?")
        assert await viewer.receive_nothing(timeout=0.1)
        for _ in range(60):
            await viewer.send_to(text_data="hello?")
        assert await closed(viewer) == Close.BAD_REQUEST


async def test_a_long_history_comes_in_several_frames(
    ana: User, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conversations.hub.frames.FRAME_LIMIT", 2_000)
    await add_items(conversation, *range(1, 31))
    async with socket(f"/ws/conversations/{conversation.pk}/", await bearer(ana)) as viewer:
        frames = []
        while "ready" not in (frame := await said(viewer)):
            frames.append(frame["events"])
        assert [event["seq"] for events in frames for event in events] == list(range(1, 31))
        assert len(frames) > 3


async def test_an_announced_change_is_shown_as_the_object_that_it_is_now(ana: User, conversation: Conversation) -> None:
    ben = await User.objects.acreate(username="ben")
    async with socket("/ws/activity/", await bearer(ana)) as mine, socket("/ws/activity/", await bearer(ben)) as other:
        assert await said(mine) == await said(other) == {"ready": True}
        await Conversation.objects.filter(pk=conversation.pk).aupdate(title="first")
        hub.announce(ana.pk, "conversation_changed", [conversation.pk])
        await Conversation.objects.filter(pk=conversation.pk).aupdate(title="second")
        hub.announce(ana.pk, "conversation_changed", [conversation.pk])
        (event,) = (await said(mine))["events"]
        assert (event["seq"], event["event"]) == (None, "conversation_changed")
        assert (event["data"]["id"], event["data"]["title"]) == (str(conversation.pk), "second")
        assert await mine.receive_nothing(timeout=0.3)
        assert await other.receive_nothing(timeout=0.1)


async def test_everything_is_told_before_a_restart(ana: User, conversation: Conversation) -> None:
    async with socket(f"/ws/conversations/{conversation.pk}/", await bearer(ana)) as viewer:
        assert (await said(viewer))["ready"]
        hub.sockets.close_all(Close.RESTARTING)
        assert await closed(viewer) == Close.RESTARTING
    await asyncio.sleep(0)
    assert len(hub.sockets) == 0
