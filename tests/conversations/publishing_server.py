"""A server of its own for the tests of real sockets: told over a pipe what to publish.

Each line of standard input is JSON: {"do": NAME, …}; each is answered with a line of JSON when it is done.
"""

import asyncio
import json
import os
import resource
import sys
import threading
from typing import Any
from uuid import UUID

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "valuecell_site.settings"
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.db import transaction  # noqa: E402

from conversations.changes import Put, Scope  # noqa: E402
from conversations.events import Event, Role  # noqa: E402
from conversations.hub import Close, hub  # noqa: E402
from conversations.ids import new_id  # noqa: E402
from conversations.journal import journal, write  # noqa: E402
from conversations.models import Conversation  # noqa: E402
from valuecell_site.asgi import application  # noqa: E402
from valuecell_site.models import ApiToken  # noqa: E402
from valuecell_site.serve import startup  # noqa: E402
from valuecell_site.serve.server import Server  # noqa: E402


def put(conversation: str, text: str) -> Put:
    """A message of an agent."""
    return Put(
        scope=Scope(conversation_id=UUID(conversation), role=Role.AGENT),
        item_id=new_id(),
        event=Event.MESSAGE,
        payload={"content": text},
    )


def commit(conversation: str, size: int) -> None:
    """Write one item in a transaction of its own."""
    with transaction.atomic():
        write([put(conversation, "x" * size)])


class Commands:
    """What a test may ask for."""

    def __init__(self, user: User) -> None:
        self._user = user

    async def conversation(self) -> str:
        return str((await Conversation.objects.acreate(user=self._user)).pk)

    async def token(self) -> str:
        return (await asyncio.to_thread(ApiToken.issue, user_id=self._user.pk))[1]

    async def revoke(self, token: str) -> None:
        await ApiToken.objects.filter(prefix=token[:10]).adelete()

    async def commit(self, conversation: str, count: int, size: int, pause: float = 0.0) -> None:
        for _ in range(count):
            await asyncio.to_thread(commit, conversation, size)
            await asyncio.sleep(pause)

    async def publish(self, conversation: str, first: int, count: int, size: int, pause: float = 0.0) -> None:
        """Frames without rows, as fast as they can be made."""
        await Conversation.objects.filter(pk=conversation).aupdate(last_seq=first + count - 1)
        for seq in range(first, first + count):
            hub.publish(UUID(conversation), [{"seq": seq, "event": "message", "data": {"text": "x" * size}}])  # type: ignore[typeddict-item]
            await asyncio.sleep(pause)

    async def journal(self, conversation: str, count: int) -> None:
        """Through the group commit, as a run does."""
        for number in range(count):
            journal.add([put(conversation, f"number {number}")])
        await journal.flush()

    async def delete(self, conversation: str) -> None:
        await Conversation.objects.filter(pk=conversation).adelete()
        hub.close_conversation(UUID(conversation), Close.NOT_FOUND)

    async def sign_out(self) -> None:
        hub.close_user(self._user.pk, Close.SIGNED_OUT)

    async def announce(self, conversation: str) -> None:
        hub.announce(self._user.pk, "conversation_changed", [UUID(conversation)])

    async def memory(self) -> int:
        """Kilobytes at the most so far."""
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    async def state(self) -> dict[str, int]:
        return {"logs": len(hub.logs), "sockets": len(hub.sockets)}


def main() -> None:
    """Serve until the pipe ends or SIGTERM."""
    startup.raise_open_file_limit()
    startup.migrate()
    user, _ = User.objects.get_or_create(username="ana")  # Several servers may share the file.
    commands = Commands(user)
    lines: asyncio.Queue[str] = asyncio.Queue()

    async def obey() -> None:
        while line := await lines.get():
            order: dict[str, Any] = json.loads(line)
            answer = await getattr(commands, order.pop("do"))(**order)
            print(json.dumps(answer), flush=True)
        server.stop()

    def listen(loop: asyncio.AbstractEventLoop) -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(lines.put_nowait, line)
        loop.call_soon_threadsafe(lines.put_nowait, "")

    async def start() -> None:
        # A thread that nobody waits for: it may still be reading when everything else has ended.
        threading.Thread(target=listen, args=(asyncio.get_running_loop(),), daemon=True).start()
        obeying.append(asyncio.create_task(obey()))
        print(json.dumps(server.listening_addresses[0][1]), flush=True)

    async def stop() -> None:
        await journal.close()

    obeying: list[asyncio.Task[None]] = []
    server = Server(application, host="127.0.0.1", port=0, start=start, stop=stop)
    server.run()


if __name__ == "__main__":
    main()
