"""An httpx transport for one agent: errors in plain words, bounded answers, and the guard on addresses.

Everything that the network can do wrong is turned into an `AgentError` here, where the response is at hand; the SDK
above would leave a bare status number of it.
"""

import codecs
import json
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from tasks.agents.addresses import PrivateAddress, send_to_public
from tasks.agents.errors import (
    AgentBroken,
    AgentBusy,
    AgentCut,
    AgentError,
    AgentRefused,
    AgentTimeout,
    AgentUnreachable,
)

CONNECT_TIMEOUT = 10.0
"""Seconds for a connection: a host that takes longer is down, and a person waits."""
STREAM_TIMEOUT = 3600.0
"""Seconds between two bytes of a stream. Agents think for minutes without a word, and not all send pings; the run's own
timeout is the limit that people set. A peer that vanished is found by TCP keepalive within about a minute."""
CALL_TIMEOUT = 30.0
"""Seconds for the answer to a question that needs no work (look up, cancel, card)."""
MAX_EVENT_BYTES = 4 * 1024 * 1024
"""Bytes of one event, or of one whole answer: no text that a person reads is as long, and it has to fit in memory for
each of a hundred runs at once."""
MAX_RUN_BYTES = 64 * 1024 * 1024
"""Bytes of all events of one stream, and of a task's snapshot, which holds all its messages."""
MAX_ERROR_BYTES = 64 * 1024
"""Bytes of an error's body that are read for its reason."""
LIMIT = "tasks.limit"
"""Key of a request's `extensions`: bytes that one event or answer may have instead of MAX_EVENT_BYTES."""
PASSED_ON = "tasks.passed_on"
"""Key of a request's `extensions`: statuses that come back to who asked, instead of an error."""

_KEEPALIVE: list[tuple[int, int, int]] = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
for _name, _value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
    if hasattr(socket, _name):  # Not on every system.
        _KEEPALIVE.append((socket.IPPROTO_TCP, getattr(socket, _name), _value))


class Redirected(AgentRefused):
    """The agent is somewhere else. Only a card's fetch follows, and only on the same host."""

    def __init__(self, message: str, *, location: str) -> None:
        super().__init__(message)
        self.location = location


class AgentTransport(httpx.AsyncBaseTransport):
    """Sends one agent's requests. `name` and `url` are for messages; `public_only` turns the address guard on."""

    def __init__(self, *, name: str, url: str, public_only: bool = False, max_bytes: int = MAX_RUN_BYTES) -> None:
        """max_bytes: the most that one answer or stream may have in all."""
        self._name = name
        self._url = url
        self._public_only = public_only
        self._max_bytes = min(max_bytes, MAX_RUN_BYTES)
        self._inner = httpx.AsyncHTTPTransport(
            trust_env=False,
            # Keep-alive below uvicorn's five seconds: a connection that the server is just closing fails the request.
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=4.0),
            socket_options=_KEEPALIVE,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send; returns an answer of 2xx whose body is bounded. Raises AgentError for everything else."""
        try:
            response = await self._send(request)
        except httpx.HTTPError as error:
            raise self._explained(error) from error
        limit = int(request.extensions.get(LIMIT, MAX_EVENT_BYTES))
        passed_on = (*request.extensions.get(PASSED_ON, ()), *([304] if "if-none-match" in request.headers else []))
        if response.status_code >= 300 and response.status_code not in passed_on:
            return await self._refused(request, response)
        kind = response.headers.get("content-type", "").split(";", 1)[0].strip().lower()
        if kind == "text/event-stream":
            response.headers["content-type"] = kind  # The SDK looks for it in small letters.
        if kind in ("text/html", "application/xhtml+xml"):
            await response.aclose()
            raise AgentBroken(f"{self._name} answered with a web page (HTML) instead of A2A at {request.url}.")
        if response.headers.get("content-encoding", "identity").lower() not in ("", "identity"):
            # Limits count what arrives, and a few compressed bytes unfold to any size; we ask for none.
            await response.aclose()
            raise AgentBroken(f"{self._name} answered compressed, although asked not to.")
        response.stream = _Bounded(
            self,
            response.stream,
            events=kind == "text/event-stream",
            limit=limit,
            # Of such a body its end alone tells whether it is all.
            unmeasured=kind == "application/json"
            and "content-length" not in response.headers
            and "transfer-encoding" not in response.headers,
        )
        return response

    async def aclose(self) -> None:
        """Close all connections."""
        await self._inner.aclose()

    async def _send(self, request: httpx.Request) -> httpx.Response:
        if not self._public_only:
            return await self._inner.handle_async_request(request)
        try:
            return await send_to_public(self._inner, request)
        except PrivateAddress as error:
            raise AgentRefused(
                f"{self._name} lies at {request.url.host} on the private address {error}, "
                "and agents added by address may only lie on public ones."
            ) from error
        except OSError as error:
            raise self._unreachable("its host name is not known") from error

    async def _refused(self, request: httpx.Request, response: httpx.Response) -> httpx.Response:
        """Turn a status of 300 and more into an error; a JSON-RPC error inside is left to the SDK to read."""
        status = response.status_code
        body = await self._head(response)
        if status < 400:
            where = response.headers.get("location", "another address")
            raise Redirected(
                f"{self._name} sends us on from {request.url} to {where}: give that address instead.",
                location=where,
            )
        if status in (429, 503):
            raise AgentBusy(
                f"{self._name} is busy (HTTP {status}).",
                retry_after=_retry_after(response.headers.get("retry-after")),
            )
        if _is_http_json_error(body):
            return httpx.Response(status, content=body, headers={"content-type": "application/json"}, request=request)
        if (answer := _json_rpc_error(body)) is not None:
            return httpx.Response(200, json=answer, request=request)
        if status in (401, 403):
            raise AgentRefused(f"{self._name} did not accept our credential (HTTP {status}).")
        if status in (408, 504):
            raise AgentTimeout(f"{self._name} or a server before it gave up waiting (HTTP {status}).")
        if status >= 500:
            raise AgentBroken(f"{self._name} failed on the request (HTTP {status}).")
        if status in (404, 405):
            raise AgentRefused(f"{self._name} has no A2A endpoint at {request.url} (HTTP {status}).")
        raise AgentRefused(f"{self._name} refused the request (HTTP {status}).")

    async def _head(self, response: httpx.Response) -> bytes:
        body = bytearray()
        try:
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) >= MAX_ERROR_BYTES:
                    break
        except httpx.HTTPError:
            pass  # The status alone says enough.
        finally:
            await response.aclose()
        return bytes(body)

    def _explained(self, error: httpx.HTTPError) -> AgentError:
        """The AgentError that a failure of the network means."""
        if isinstance(error, httpx.ConnectTimeout):
            return self._unreachable(f"no connection within {CONNECT_TIMEOUT:.0f} seconds", slow=True)
        if isinstance(error, httpx.TimeoutException):
            return AgentTimeout(f"{self._name} took the connection at {self._url} and then said nothing for too long.")
        if isinstance(error, httpx.ConnectError):
            return self._unreachable(_reason(error))
        if isinstance(error, httpx.UnsupportedProtocol | httpx.LocalProtocolError):
            return AgentRefused(f"{self._name} cannot be asked at {self._url}: {error}.")
        return AgentCut(f"{self._name} broke off its answer at {self._url}: {_reason(error)}.")

    def _unreachable(self, reason: str, *, slow: bool = False) -> AgentUnreachable:
        return AgentUnreachable(f"{self._name} did not answer at {self._url}: {reason}.", slow=slow)


class _Bounded(httpx.AsyncByteStream):
    """A response's bytes, counted and checked on their way: no event, answer or stream beyond its limit, no bad UTF-8.

    The SDK collects a line until its end, however long it is, and decodes with replacement characters.
    """

    def __init__(self, transport: AgentTransport, inner: Any, *, events: bool, limit: int, unmeasured: bool) -> None:
        self._transport = transport
        self._inner = inner
        self._events = events
        self._limit = limit
        self._unmeasured = unmeasured

    async def __aiter__(self) -> AsyncIterator[bytes]:
        name = self._transport._name
        check = codecs.getincrementaldecoder("utf-8")("strict").decode
        total = size = 0
        tail = cut = last = b""
        try:
            async for chunk in self._inner:
                total += len(chunk)
                if self._events:
                    seen = tail + chunk
                    end = max(seen.rfind(b"\n\n"), seen.rfind(b"\r\n\r\n"), seen.rfind(b"\r\r"))
                    size = len(seen) - end if end >= 0 else size + len(chunk)
                    tail = seen[-3:]
                else:
                    size = total
                most = self._transport._max_bytes
                if size > self._limit or total > most:
                    what = "event" if size > self._limit and self._events else "answer"
                    raise AgentBroken(f"{name} sent more than {min(self._limit, most):,} bytes in one {what}.")
                check(chunk)
                if self._events:
                    chunk, cut = _one_line(cut + chunk)  # noqa: PLW2901
                last = chunk.rstrip() or last
                yield chunk
            check(b"", True)
            if cut:
                yield cut
        except UnicodeDecodeError as error:
            raise AgentBroken(f"{name} sent bytes that are not UTF-8 text.") from error
        except httpx.HTTPError as error:
            raise self._transport._explained(error) from error
        if self._unmeasured and not last.rstrip().endswith((b"}", b"]")):
            raise AgentCut(f"{name} broke off its answer at {self._transport._url}: it ends in the middle.")
        if self._events and tail and not tail.endswith((b"\n\n", b"\r\n\r\n", b"\r\r")):
            # Some servers leave out the blank line after the last event, and the SDK would drop that event.
            yield b"\n\n"

    async def aclose(self) -> None:
        await self._inner.aclose()


def _one_line(content: bytes) -> tuple[bytes, bytes]:
    """Line separators that JSON allows in its strings, written as escapes; and what may be the half of one.

    The SDK ends lines at all that Unicode counts as one, where server-sent events end at CR and LF alone. What
    JavaScript's `JSON.stringify` writes has them as they are.
    """
    cut = next((content[-size:] for size in (2, 1) if content[-size:] in _HALVES), b"")
    whole = content.removesuffix(cut)
    for separator, escape in _SEPARATORS.items():
        if separator in whole:
            whole = whole.replace(separator, escape)
    return whole, cut


_SEPARATORS = {text.encode(): b"\\u%04x" % ord(text) for text in ("\x85", "\u2028", "\u2029")}
_HALVES = frozenset(separator[:size] for separator in _SEPARATORS for size in range(1, len(separator)))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what led to it, through causes and groups."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for inner in error.exceptions:
                yield from _causes(inner)
        error = error.__cause__ or error.__context__


def _reason(error: BaseException) -> str:
    """Why a connection failed, in words."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its TLS certificate is not valid ({cause.verify_message})"
        if isinstance(cause, ssl.SSLError):
            return "TLS failed (is it https at all?)"
        if isinstance(cause, socket.gaierror):
            return "its host name is not known"
        if isinstance(cause, ConnectionRefusedError):
            return "connection refused"
        if isinstance(cause, ConnectionResetError):
            return "connection reset"
    return str(error).rstrip(".") or type(error).__name__


def _retry_after(value: str | None) -> float | None:
    """Seconds that a Retry-After header asks for (RFC 9110 section 10.2.3): a number or a date."""
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def _json_rpc_error(body: bytes) -> dict[str, Any] | None:
    """The body where it is a JSON-RPC error response, as some servers send with a status of 4xx or 5xx."""
    try:
        answer = json.loads(body)
    except ValueError:
        return None
    error = answer.get("error") if isinstance(answer, dict) else None
    if not isinstance(error, dict) or "code" not in error:
        return None
    # Over HTTP+JSON, an error's code is the status of HTTP.
    negative = isinstance(error["code"], int) and error["code"] < 0
    return answer if "jsonrpc" in answer or negative else None


def _is_http_json_error(body: bytes) -> bool:
    """Whether the body is an error of A2A over HTTP+JSON: of 1.0 with its reason, or of 0.3 with its type."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return False
    if not isinstance(answer, dict):
        return False
    error = answer.get("error")
    details = error.get("details") if isinstance(error, dict) else None
    reasons = [one.get("reason") for one in details if isinstance(one, dict)] if isinstance(details, list) else []
    return any(isinstance(reason, str) for reason in reasons) or (
        isinstance(answer.get("type"), str) and answer["type"].endswith("Error") and "message" in answer
    )
