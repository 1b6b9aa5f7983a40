"""One question to a chat-completions endpoint: bounded in time, in size, and in how many are asked at once."""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import httpx
from asgiref.sync import async_to_sync
from pydantic import BaseModel, Field, ValidationError

MAX_BYTES = 256 * 1024
"""Bytes of an answer: ten times the longest plan that is taken, with what a model may think aloud before it."""
CONCURRENT = 16
"""Questions at once in one process. Each holds a request's thread for as long as the model takes; who comes while all
are taken is served by the rules at once."""
NO_SCHEMA = frozenset({400, 415, 422, 501})
"""What servers answer that know no `json_schema`: they are asked again for a `json_object`."""

Message = dict[str, str]

_room = threading.BoundedSemaphore(CONCURRENT)


class EndpointError(Exception):
    """No usable answer. The text says why, for the log: it never holds what was asked or answered, nor the key."""


class _Words(BaseModel):
    content: str


class _Choice(BaseModel):
    message: _Words


class _Completion(BaseModel):
    choices: Annotated[list[_Choice], Field(min_length=1)]


class _Model(BaseModel):
    id: str


class _Models(BaseModel):
    data: Annotated[list[_Model], Field(min_length=1)]


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where a model is asked."""

    base_url: str
    """`/chat/completions` is appended to it."""
    api_key: str = ""
    """Sent as a bearer token."""
    model: str = ""
    """Empty: the first that the endpoint lists."""

    def ask(self, messages: Sequence[Message], *, schema: dict[str, Any], seconds: float) -> str:
        """What the model says to `messages`, as JSON of `schema` if the server heeds it. Raises EndpointError.

        Called in a thread without a running event loop (a view's). `seconds` bound all of it: looking up the name,
        connecting, a second attempt, an answer that drips.
        """
        if not _room.acquire(blocking=False):
            raise EndpointError(f"{CONCURRENT} questions are under way already")
        try:
            # Made here and not in the event loop, which would stand still while the certificates are read.
            client = httpx.AsyncClient(timeout=seconds, headers=self._headers())
            return async_to_sync(self._within)(client, messages, schema, seconds)
        except TimeoutError:
            raise EndpointError(f"no answer within {seconds:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise EndpointError(f"it could not be reached ({type(error).__name__})") from None
        except ValidationError:
            raise EndpointError("what came back is no chat completion") from None
        finally:
            _room.release()

    def _headers(self) -> dict[str, str]:
        # Not compressed, so that the bytes that are counted are those that are read.
        headers = {"Accept-Encoding": "identity"}
        return {**headers, "Authorization": f"Bearer {self.api_key}"} if self.api_key else headers

    async def _within(
        self, client: httpx.AsyncClient, messages: Sequence[Message], schema: dict[str, Any], seconds: float
    ) -> str:
        async with asyncio.timeout(seconds), client:
            body = {"model": self.model or await self._first_model(client), "messages": list(messages)}
            strict = {"type": "json_schema", "json_schema": {"name": "plan", "strict": True, "schema": schema}}
            status, answer = await self._send(client, "POST", "chat/completions", {**body, "response_format": strict})
            if status in NO_SCHEMA:
                loose = {**body, "response_format": {"type": "json_object"}}
                status, answer = await self._send(client, "POST", "chat/completions", loose)
            if status != httpx.codes.OK:
                raise EndpointError(f"HTTP {status}")
            return _Completion.model_validate_json(answer).choices[0].message.content

    async def _first_model(self, client: httpx.AsyncClient) -> str:
        status, answer = await self._send(client, "GET", "models", None)
        if status != httpx.codes.OK:
            raise EndpointError(f"no model is named in LLM_MODEL, and asking for a list gave HTTP {status}")
        return _Models.model_validate_json(answer).data[0].id

    async def _send(
        self, client: httpx.AsyncClient, method: str, path: str, body: dict[str, Any] | None
    ) -> tuple[int, bytes]:
        """Status and body of the answer."""
        read = bytearray()
        async with client.stream(method, f"{self.base_url}/{path}", json=body) as response:
            async for piece in response.aiter_raw():
                read += piece
                if len(read) > MAX_BYTES:
                    raise EndpointError(f"the answer has more than {MAX_BYTES:,} bytes")
            return response.status_code, bytes(read)
