"""What the A2A SDK raises, in plain words: one AgentError for each cause."""

import json
import logging

import httpx
from a2a.client.errors import A2AClientError, A2AClientTimeoutError
from a2a.utils.errors import A2AError, InternalError, InvalidAgentResponseError, VersionNotSupportedError
from google.protobuf.json_format import ParseError

from tasks.agents.credentials import scrubber
from tasks.agents.errors import AgentBroken, AgentError, AgentRefused, AgentTimeout
from tasks.agents.remote import AgentRef

logger = logging.getLogger(__name__)

UNREADABLE = (
    A2AError,
    NotImplementedError,  # the SDK's subscribe, where the card says that the agent does not stream
    httpx.HTTPError,
    httpx.StreamError,
    ParseError,
    ValueError,  # json, pydantic, base64, Unicode
    TypeError,
    KeyError,
    AttributeError,
    RecursionError,  # JSON nested a thousand deep
)
"""What the SDK raises on answers that are errors, or are no A2A."""


def explained(error: Exception, ref: AgentRef) -> AgentError:
    """The AgentError for what the SDK raised, in plain words, without the credential that the agent may quote."""
    name = ref.name
    said = str(error).strip().rstrip(".")
    if (scrub := scrubber(ref)) is not None:
        said = scrub(said)
    said = said[:500]
    if isinstance(error, A2AClientTimeoutError):
        return AgentTimeout(f"{name} took the connection and then said nothing for too long.")
    if isinstance(error, VersionNotSupportedError):
        return AgentRefused(f"{name} does not speak this version of A2A: {said}.")
    if isinstance(error, InternalError | InvalidAgentResponseError):
        return AgentBroken(f"{name} failed on the request: {said}.")
    if isinstance(error, A2AClientError):
        return AgentBroken(f"{name} answered with an error: {said}.")
    if isinstance(error, A2AError | NotImplementedError):
        return AgentRefused(f"{name} refused the request: {said}.")
    if isinstance(error, json.JSONDecodeError):
        said = "it is not JSON"
    logger.info("unreadable answer of %s: %s", name, said, extra={"event": "agent_unreadable", "agent": name})
    return AgentBroken(f"{name} sent something that is not A2A: {said.splitlines()[0] if said else 'nothing'}.")
