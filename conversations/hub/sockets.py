"""Who is connected to this process, by which credential: for limits, sign-out and shutdown."""

from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

Credential = tuple[str, str]
"""How somebody signed in: ("bearer", token) or ("session", key). The project's check says which have
ended.
"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Socket:
    """An open socket or event stream."""

    user_id: int
    credential: Credential
    close: Callable[[int], None] = field(repr=False)
    """Close it with a code; harmless when it is closed already."""


class Sockets:
    """The open sockets of this process."""

    def __init__(self) -> None:
        self._by_user: defaultdict[int, set[Socket]] = defaultdict(set)

    def __len__(self) -> int:
        return sum(len(sockets) for sockets in self._by_user.values())

    def count(self, user_id: int) -> int:
        """How many `user_id` has open."""
        return len(self._by_user[user_id]) if user_id in self._by_user else 0

    def add(self, socket: Socket) -> None:
        """A socket was opened."""
        self._by_user[socket.user_id].add(socket)

    def remove(self, socket: Socket) -> None:
        """It is closed."""
        sockets = self._by_user.get(socket.user_id, set())
        sockets.discard(socket)
        if not sockets:
            self._by_user.pop(socket.user_id, None)

    def credentials(self) -> set[Credential]:
        """Each credential in use, once."""
        return {socket.credential for sockets in self._by_user.values() for socket in sockets}

    def close_user(self, user_id: int, code: int) -> None:
        """Close everything of one user."""
        for socket in tuple(self._by_user.get(user_id, ())):
            socket.close(code)

    def close_credentials(self, ended: Collection[Credential], code: int) -> None:
        """Close everything that was opened with one of `ended`."""
        for sockets in tuple(self._by_user.values()):
            for socket in tuple(sockets):
                if socket.credential in ended:
                    socket.close(code)

    def close_all(self, code: int) -> None:
        """Close everything."""
        for user_id in tuple(self._by_user):
            self.close_user(user_id, code)
