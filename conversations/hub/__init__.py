"""The hub: committed changes to those who watch them. The methods of its one instance are what others use.

    writer, any thread:  commit -> hub.publish(conversation_id, envelopes)
    reader, the loop:    viewer = await hub.open(key, transport) -> read the history, which ends with seq N
                         -> viewer.seek(N) -> viewer.start(), or viewer.read() again and again

What is published is ordered by `seq` (sequence.py), encoded once (frames.py) and kept in a ring (log.py), in
which each viewer is a place (viewers.py). Frames are a hint and `seq` is the truth: who falls behind, or
misses one, is closed with 4408 and comes back by `seq` (watchdog.py). Processes that share Redis hear each
other (layer.py).
"""

from conversations import metrics
from conversations.hub.codes import Close
from conversations.hub.core import Hub, conversation_key, user_key
from conversations.hub.frames import Encoded, Entry, dumps, events_text
from conversations.hub.sockets import Credential
from conversations.hub.viewers import DirectViewer, StreamViewer, Transport, Viewer

hub = Hub()
metrics.SOCKETS.set_function(lambda: len(hub.sockets))

publish = hub.publish
watched = hub.watched
announce = hub.announce
register_activity = hub.register_activity
close_user = hub.close_user
close_conversation = hub.close_conversation
bind = hub.bind
open_log = hub.open
close_log = hub.close
connected = hub.connected

__all__ = [
    "Close",
    "Credential",
    "DirectViewer",
    "Encoded",
    "Entry",
    "Hub",
    "StreamViewer",
    "Transport",
    "Viewer",
    "announce",
    "bind",
    "close_conversation",
    "close_log",
    "close_user",
    "connected",
    "conversation_key",
    "dumps",
    "events_text",
    "hub",
    "open_log",
    "publish",
    "register_activity",
    "user_key",
    "watched",
]
