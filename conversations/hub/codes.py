"""Why a socket is closed: the contract's close codes."""

from enum import IntEnum


class Close(IntEnum):
    """A WebSocket close code (RFC 6455 section 7.4; from 4000 on they are ours)."""

    RESTARTING = 1012
    """The server goes down; it will be back."""
    TOO_BIG = 1009
    """The client sent more than sockets are for."""
    BAD_REQUEST = 4400
    """`after_seq` is no number from 0 on, or the client floods."""
    SIGNED_OUT = 4401
    """Nobody, or the session or token has ended."""
    NOT_FOUND = 4404
    """No such conversation, or not theirs, or deleted meanwhile."""
    TOO_SLOW = 4408
    """Frames were lost on the way to this viewer: come back by `seq`."""
    TOO_MANY = 4429
    """The user's limit of open sockets."""
