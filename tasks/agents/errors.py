"""What can go wrong between us and an agent: one class a cause, each with words for the person who reads it.

AgentError
├── AgentUnreachable   nobody answered: refused, unknown host, TLS, no route         retry; nothing was sent
├── AgentTimeout       connected, and then silent for too long                       retry after a look-up
├── CircuitOpen        it was silent so often that it is not asked for a while       retry; nothing was sent
├── AgentBusy          429 or 503: asks to come back later (`retry_after`)           retry; nothing was taken
├── AgentBroken        garbled or oversized answer, HTML, 5xx, internal error        retry after a look-up
│   └── AgentCut       the connection broke before an answer said anything           look it up; else nobody can tell
├── AgentLost          joined again after a cut, and nothing has come since          retry; it may have acted
└── AgentRefused       declined, or of a version that we do not speak                no retry can mend it
"""


class AgentError(Exception):
    """Something failed at an agent. `message` names the agent and says what happened, in plain words."""

    retryable = True
    """Whether the same request may succeed later."""
    may_have_arrived = True
    """Whether the agent may have taken the message: look the task up before it is sent again."""
    unanswered = False
    """Whether nothing came back that says what became of the message: it is not sent again on a guess."""
    silent = False
    """Whether nobody answered, or what answered is no agent: such failures in a row open its circuit (`circuit`)."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class AgentUnreachable(AgentError):
    """No connection came about, so nothing was sent."""

    silent = True
    may_have_arrived = False

    def __init__(self, message: str, *, slow: bool = False) -> None:
        """slow: it took the whole connect timeout to find out, so that trying again at once only adds to the wait."""
        super().__init__(message)
        self.slow = slow


class CircuitOpen(AgentError):
    """Nothing was sent, because the agent did not answer several times in a row (`circuit`)."""

    may_have_arrived = False


class AgentTimeout(AgentError):
    """The agent took the connection and then said nothing for longer than we wait."""

    silent = True


class AgentBusy(AgentError):
    """The agent asks to come back later."""

    may_have_arrived = False

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        """retry_after: seconds that the agent asked for, None where it named none."""
        super().__init__(message)
        self.retry_after = retry_after


class AgentBroken(AgentError):
    """What came back cannot be read, or ended in the middle."""

    silent = True


class AgentCut(AgentBroken):
    """The connection broke, or the answer ended, before the agent named its task: nobody can tell whether it has it."""

    unanswered = True


class AgentLost(AgentError):
    """The agent still lists the task, and nobody seems to work on it any more."""

    silent = True


class AgentRefused(AgentError):
    """The agent, or our own rules, decline the request; sending it again changes nothing."""

    retryable = False
    may_have_arrived = False
