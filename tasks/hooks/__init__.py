"""Events that come in and start tasks, and events that go out to people's webhooks and by mail.

`signatures` says whose words a delivery is, `bodies` reads it, `filters` says whether it is wanted, `incoming` decides
what becomes of it (and `keeping` makes and removes hooks); `outgoing` sends what waits in the outbox.
"""
