"""ResearchAgent: streams the answer of a language model behind any OpenAI-compatible endpoint."""

import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from sample_agents.base import BaseAgent, Event, Skill, fail, message_chunk, reasoning, reasoning_completed

SYSTEM_PROMPT = (
    "You are a careful research assistant. Answer in Markdown, as briefly as the question allows. "
    "Say what you do not know; never invent sources."
)
NOT_CONFIGURED = (
    "No language model is configured, so I cannot answer this. Whoever runs this server can set "
    "`LLM_BASE_URL` to an OpenAI-compatible endpoint (for instance `http://127.0.0.1:11434/v1` for a local "
    "Ollama), with `LLM_MODEL` and `LLM_API_KEY` where it needs them, and start it again."
)
JOIN_FOR = 0.03
"""Seconds over which a model's tokens are joined into one event: a fast model sends hundreds a second, and
the A2A server copies the whole task for each event."""


@dataclass(frozen=True, kw_only=True)
class Timeouts:
    """Bounds on the endpoint, in seconds, so that a task never hangs on it."""

    connect: float = 10.0
    silence: float = 120.0
    """Between two pieces: large models may think for a minute before the first."""
    total: float = 900.0


class EndpointError(Exception):
    """The endpoint gave no whole answer; the text says why, and what to change."""


class ResearchAgent(BaseAgent):
    description = (
        "Answers open questions with a language model, through the OpenAI-compatible endpoint that this "
        "server is configured with. Says so when none is."
    )
    skills = (
        Skill(
            id="research",
            name="Research and writing",
            description="Explains, compares, summarises and drafts text on any subject.",
            examples=(
                "Explain what a leap second is in three sentences",
                "Compare the advantages of heat pumps and gas heating",
                "Draft a polite reminder about an unpaid invoice",
            ),
            tags=("research", "explain", "summarise", "summarize", "compare", "write", "draft", "question"),
        ),
    )

    def __init__(
        self,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        model: str | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        """base_url: address that `/chat/completions` is appended to; None or empty: not configured.

        api_key: sent as a bearer token. model: None takes the first that the endpoint lists.
        """
        self._base_url = (base_url or "").rstrip("/")
        self._api_key = api_key
        self._model = model
        self._timeouts = timeouts or Timeouts()

    async def stream(
        self, query: str, conversation_id: str, task_id: str, dependencies: Mapping[str, Any]
    ) -> AsyncIterator[Event]:
        if not self._base_url:
            yield message_chunk(NOT_CONFIGURED)
            return
        thinking = False
        try:
            async for kind, text in _joined(self._completion(query, dependencies)):
                if kind == "reasoning":
                    thinking = True
                    yield reasoning(text)
                    continue
                if thinking:
                    thinking = False
                    yield reasoning_completed()
                yield message_chunk(text)
        except EndpointError as error:
            yield fail(str(error))
        except httpx.TimeoutException:
            yield fail(f"The language model at {self._host()} did not answer in time. Try again later.")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            yield fail(f"The language model at {self._host()} could not be reached: {_reason(error)}.")

    async def _completion(self, query: str, dependencies: Mapping[str, Any]) -> AsyncIterator[tuple[str, str]]:
        """Pieces of the answer: "message" or "reasoning", text. Raises EndpointError, httpx.HTTPError."""
        limits = self._timeouts
        ends_at = time.monotonic() + limits.total
        timeout = httpx.Timeout(limits.silence, connect=limits.connect)
        headers = {"Authorization": f"Bearer {self._api_key}"} if self._api_key else {}
        async with httpx.AsyncClient(timeout=timeout, headers=headers) as client:
            body = {
                "model": self._model or await self._first_model(client),
                "messages": [
                    {"role": "system", "content": _system_prompt(dependencies)},
                    {"role": "user", "content": query},
                ],
                "stream": True,
            }
            async with client.stream("POST", f"{self._base_url}/chat/completions", json=body) as response:
                if response.status_code != 200:
                    await response.aread()
                    raise EndpointError(self._refusal(response))
                said, finished = False, None
                async for chunk in _chunks(response):
                    if time.monotonic() > ends_at:
                        raise EndpointError(
                            f"The language model was stopped: it still answered after {limits.total:.0f} s."
                        )
                    for kind, text in _texts(chunk):
                        said = said or kind == "message"
                        yield kind, text
                    finished = _finish_reason(chunk) or finished
        if finished is None:
            raise EndpointError("The language model's answer broke off before its end. Try again.")
        if finished == "length":
            yield "message", "\n\n*(The model's limit on length cut this answer.)*"
        elif not said:
            raise EndpointError(f"The language model answered without any text (it stopped for: {finished}).")

    async def _first_model(self, client: httpx.AsyncClient) -> str:
        """The first model that the endpoint lists: what local servers with a single model need."""
        response = await client.get(f"{self._base_url}/models")
        try:
            return str(response.json()["data"][0]["id"])
        except (ValueError, LookupError, TypeError):
            if response.status_code in (401, 403):
                raise EndpointError(self._refusal(response)) from None
            raise EndpointError(
                f"No model is chosen and {self._host()} lists none: set LLM_MODEL to the name of one."
            ) from None

    def _refusal(self, response: httpx.Response) -> str:
        status = response.status_code
        what = {
            400: "did not accept the request",
            401: "refused the key: check LLM_API_KEY",
            403: "refused access: check LLM_API_KEY",
            404: "does not know this address or model: check LLM_BASE_URL and LLM_MODEL",
            429: "has had too many requests or its quota is used up: try again later",
        }.get(status, "has a problem of its own: try again later" if status >= 500 else "refused the request")
        detail = _error_text(response)
        return f"The language model at {self._host()} {what} (HTTP {status}{': ' + detail if detail else ''})."

    def _host(self) -> str:
        """The endpoint's host, without what an address may hide: a user name, a password, a key."""
        try:
            url = httpx.URL(self._base_url)
        except httpx.InvalidURL:
            return "the address in LLM_BASE_URL"
        return f"{url.host}:{url.port}" if url.port else url.host or "the address in LLM_BASE_URL"


async def _joined(texts: AsyncIterator[tuple[str, str]]) -> AsyncIterator[tuple[str, str]]:
    """Neighbouring pieces of one kind that arrive within JOIN_FOR, as one; the first of a kind at once."""
    kind, held, last = "", "", 0.0
    async for next_kind, text in texts:
        if held and next_kind != kind:
            yield kind, held
            held = ""
        if next_kind != kind:
            last = 0.0
        kind, held = next_kind, held + text
        if (now := time.monotonic()) - last >= JOIN_FOR:
            yield kind, held
            held, last = "", now
    if held:
        yield kind, held


async def _chunks(response: httpx.Response) -> AsyncIterator[Any]:
    """The JSON objects of an SSE stream, or the one object of an endpoint that does not stream."""
    if "json" in response.headers.get("content-type", ""):
        try:
            yield json.loads(await response.aread())
        except ValueError:
            raise EndpointError("The language model's answer is not JSON.") from None
        return
    async for line in response.aiter_lines():
        data = line.removeprefix("data:").strip() if line.startswith("data:") else ""
        if data == "[DONE]":
            return
        if not data:  # A comment, the name of an event, or the blank line between two.
            continue
        try:
            chunk = json.loads(data)
        except ValueError:
            raise EndpointError("The language model sent a piece that is not JSON.") from None
        if isinstance(chunk, dict) and chunk.get("error"):
            raise EndpointError(f"The language model stopped on an error: {_detail(chunk['error'])}")
        yield chunk


def _choice(chunk: Any) -> Mapping[str, Any]:
    choices = chunk.get("choices") if isinstance(chunk, dict) else None
    return choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}


def _texts(chunk: Any) -> list[tuple[str, str]]:
    """What a chunk says. Thoughts are `reasoning_content` to DeepSeek and vLLM, `reasoning` to Ollama."""
    choice = _choice(chunk)
    delta = choice.get("delta") or choice.get("message") or {}
    found = (
        ("reasoning", delta.get("reasoning_content") or delta.get("reasoning")),
        ("message", delta.get("content")),
    )
    return [(kind, text) for kind, text in found if isinstance(text, str) and text]


def _finish_reason(chunk: Any) -> str | None:
    return _choice(chunk).get("finish_reason")


def _error_text(response: httpx.Response) -> str:
    try:
        body = response.json()
    except ValueError:
        return ""
    return _detail(body.get("error", body)) if isinstance(body, dict) else ""


def _detail(error: Any) -> str:
    """The endpoint's own words, on one line and not longer than a person reads."""
    text = error.get("message") if isinstance(error, dict) else error
    return " ".join(str(text or "").split())[:300]


def _reason(error: Exception) -> str:
    return (str(error) or type(error).__name__).rstrip(".")


def _system_prompt(dependencies: Mapping[str, Any]) -> str:
    language = dependencies.get("language")
    return f"{SYSTEM_PROMPT} The person's language is {language}." if isinstance(language, str) else SYSTEM_PROMPT
