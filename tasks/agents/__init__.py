"""Remote agents: their cards, the connections to them, and what their words mean.

    cards         the operator's card files, kept as Agent rows (sync, ORM)
    adding        an agent by its address: its own card shown, then taken as it was shown (sync, ORM)
    connections   RemoteConnections: one Connection an agent; send, rejoin, look up, cancel (async, no ORM)
    router        what an agent sends -> responses, state, question, error (pure)

Below them: `remote` (the values that pass between these three), `errors`, `connection`, `transport` (httpx with limits,
the address guard and errors in plain words), `wire` (0.3 servers that leave fields out), `credentials`, `addresses`
(which of them may be reached), `fetching`, `own_cards`, `signatures`, `card_format` and `card_checks` (cards as they
come), `refreshing` (their news), `circuit` and `health` (how an agent does), `speech` and `artifacts` (the
router's rules), `said` (what was said already) and `plain` (protobuf values as plain ones).
"""

import os

# The A2A SDK opens a trace span for every call and queue operation. The switch is read when the SDK is first imported,
# so it is set in the package that every user of the SDK here imports first.
os.environ.setdefault("OTEL_INSTRUMENTATION_A2A_SDK_ENABLED", "false")
