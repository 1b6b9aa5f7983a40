"""An agent's credential: read from the environment at each request, put into its header, and kept nowhere else.

The row and the card file name the variable, never the value. The value goes to the agent's own origin (scheme, host and
port) and, with OAuth 2, to the token address that the operator named; a redirect is never followed with it.
"""

import asyncio
import base64
import os
import re
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from tasks.agents.card_format import CardError, parse
from tasks.agents.errors import AgentBroken, AgentRefused
from tasks.agents.remote import AgentRef, CredentialUse
from tasks.agents.security_schemes import api_key_header
from tasks.agents.transport import CALL_TIMEOUT, CONNECT_TIMEOUT, LIMIT, PASSED_ON
from tasks.models.agent import CredentialScheme

API_KEY_HEADER = "X-API-Key"
"""Of an API key, where neither the operator nor the card names another."""
NOT_FOR_AGENTS = frozenset({"SECRET_KEY", "DATABASE_URL", "REDIS_URL", "ADMIN_PASSWORD", "EMAIL_URL", "LLM_API_KEY"})
"""Variables whose values are this application's own: no agent gets them, whoever asks for it."""
NOT_FOR_KEYS = frozenset({"host", "content-length", "transfer-encoding", "connection", "content-type", "cookie"})
"""Headers that a request needs for itself."""
MAX_TOKEN_BYTES = 64 * 1024
TOKEN_LIFE = 300.0
"""Seconds that a token counts for whose server does not say how long."""
EARLY = 30.0
"""Seconds before its end from which on a token is not used any more: the request takes time too."""
TOKENS_KEPT = 3
"""Of a token's predecessors: a run that began with one may still quote it."""
SHORTEST = 4
"""Characters from which on a secret is looked for in texts: shorter ones are found everywhere."""


def fault(
    *, variable: str, scheme: str = "bearer", header: str = "", token_url: str = "", scope: str = ""
) -> tuple[str, str] | None:
    """What is wrong with how a credential is to be given: the part (as the arguments are named) and words; or None."""
    if not re.fullmatch(r"([A-Za-z_][A-Za-z0-9_]*)?", variable):
        return "variable", "must be the name of an environment variable, never the credential itself"
    if variable in NOT_FOR_AGENTS:
        return "variable", f"cannot be {variable}: that is this application's own secret"
    if scheme not in CredentialScheme.values:
        return "scheme", f"must be one of {', '.join(CredentialScheme.values)}"
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{0,100}", header) or header.lower() in NOT_FOR_KEYS:
        return "header", "must be the name of a header that is free for it, as in X-API-Key"
    if not re.fullmatch(r"[\x20-\x7e]{0,500}", scope):
        return "scope", "must be words of plain letters, with spaces between"
    if token_url and (urlsplit(token_url).scheme not in ("http", "https") or not urlsplit(token_url).hostname):
        return "token_url", "must begin with http:// or https:// and name a host"
    if token_url and "@" in urlsplit(token_url).netloc:
        return "token_url", "must not hold a user or password"
    if scheme == CredentialScheme.OAUTH2 and variable and not token_url:
        return "token_url", "is needed with OAuth 2: the address that gives tokens"
    return None


def auth_for(ref: AgentRef) -> httpx.Auth | None:
    """What gives `ref`'s credential to its requests; None where it has none."""
    if not ref.credential_env:
        return None
    if ref.use.scheme == CredentialScheme.OAUTH2:
        return ClientCredentials(ref)
    return FromEnvironment(ref)


def scrubber(ref: AgentRef | None) -> Callable[[str], str] | None:
    """What takes the agent's secret out of a text that came from outside; None where there is no secret to take out.

    An agent may quote what it was given: in an error, in an answer. What it quotes is not to be stored or shown.
    """
    if ref is None or not ref.credential_env:
        return None
    value = os.environ.get(ref.credential_env, "").strip()
    secrets = {value, value.partition(":")[2]} if ref.use.scheme in _PAIRS else {value}
    secrets |= {base64.b64encode(one.encode()).decode() for one in secrets if one}
    found = sorted((one for one in secrets if len(one) >= SHORTEST), key=len, reverse=True)
    if not found:
        return None

    def scrub(text: str) -> str:
        for secret in (*found, *_tokens.get(ref.use, ())):
            if secret in text:
                text = text.replace(secret, "•••")
        return text

    return scrub


class FromEnvironment(httpx.Auth):
    """A header with the value of an environment variable: a bearer token, an API key, or a name and password."""

    def __init__(self, ref: AgentRef) -> None:
        """ref: whose credential it is, and whose origin may get it."""
        self._ref = ref

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Add the header. Raises AgentRefused where the variable is not set, or holds what is no such credential."""
        if _at_home(request.url, self._ref):
            name, value = self._header()
            request.headers[name] = value
        yield request

    def _header(self) -> tuple[str, str]:
        secret = _secret(self._ref)
        if self._ref.use.scheme == CredentialScheme.BASIC:
            _pair(self._ref, secret)
            return "Authorization", f"Basic {base64.b64encode(secret.encode()).decode()}"
        if not (secret.isascii() and secret.isprintable()):
            what = _variable(self._ref)
            raise AgentRefused(f"{self._ref.name} needs a credential, and {what} holds none for a header.")
        if self._ref.use.scheme == CredentialScheme.API_KEY:
            return self._ref.use.header or _of_card(self._ref.card), secret
        return "Authorization", f"Bearer {secret}"


class ClientCredentials(httpx.Auth):
    """OAuth 2 client credentials (RFC 6749 section 4.4): a token is fetched when it is needed, and anew when it ends.

    One object belongs to one connection; runs that need a token at the same moment wait for one request. The token is
    kept in memory only.
    """

    requires_response_body = False

    def __init__(self, ref: AgentRef, *, clock: Callable[[], float] = time.monotonic) -> None:
        """ref: whose credential it is. clock: seconds that only go forward."""
        self._ref = ref
        self._clock = clock
        self._token = ""
        self._until = 0.0
        self._lock = asyncio.Lock()

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Add a token; where the agent does not take it (401), a new one, once. Raises AgentRefused and AgentBroken."""
        if not _at_home(request.url, self._ref):
            yield request
            return
        used = ""
        for last in (False, True):
            async with self._lock:
                # Whoever was refused with another token than the present one needs no new one.
                if not self._token or self._token == used or self._clock() >= self._until:
                    self._token = ""
                    for secret_in_body in (False, True):
                        answer = yield self._ask_for_token(secret_in_body=secret_in_body)
                        await answer.aread()
                        if answer.status_code not in (400, 401):
                            break
                    self._take(answer)
                used = self._token
            request.headers["Authorization"] = f"Bearer {used}"
            request.extensions = {**request.extensions, PASSED_ON: () if last else (401,)}
            response = yield request
            if response.status_code != 401:
                return

    def _ask_for_token(self, *, secret_in_body: bool) -> httpx.Request:
        """A request for a token. Servers must take the secret by HTTP Basic; some take it in the body alone."""
        client, secret = _pair(self._ref, _secret(self._ref))
        form = {"grant_type": "client_credentials"}
        if self._ref.use.scope:
            form["scope"] = self._ref.use.scope
        headers = {"Accept": "application/json"}
        if secret_in_body:
            form |= {"client_id": client, "client_secret": secret}
        else:
            both = f"{quote(client, safe='')}:{quote(secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(both.encode()).decode()}"
        return httpx.Request(
            "POST",
            self._ref.use.token_url,
            data=form,
            headers=headers,
            extensions={
                "timeout": httpx.Timeout(CALL_TIMEOUT, connect=CONNECT_TIMEOUT).as_dict(),
                LIMIT: MAX_TOKEN_BYTES,
                PASSED_ON: (400, 401),
            },
        )

    def _take(self, answer: httpx.Response) -> None:
        name, where = self._ref.name, self._ref.use.token_url
        if answer.status_code in (400, 401):
            raise AgentRefused(
                f"{name} cannot be asked: {where} gives no token for what {_variable(self._ref)} holds "
                f"(HTTP {answer.status_code})."
            )
        try:
            said: Mapping[str, Any] = answer.json()
            token, kind = said["access_token"], said.get("token_type", "Bearer")
            life = float(said.get("expires_in", TOKEN_LIFE))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise AgentBroken(f"{name} cannot be asked: what {where} answers is no token.") from error
        usable = isinstance(token, str) and token and token.isascii() and token.isprintable()
        if not usable or str(kind).lower() != "bearer":
            raise AgentBroken(f"{name} cannot be asked: what {where} answers is no bearer token.")
        self._token = token
        _tokens[self._ref.use] = deque([*_tokens.get(self._ref.use, ()), token], maxlen=TOKENS_KEPT)
        self._until = self._clock() + max(life - EARLY, life / 2)


_tokens: dict[CredentialUse, deque[str]] = {}
"""The last tokens that this process was given, for `scrubber`: in memory only."""
_PAIRS = (CredentialScheme.BASIC, CredentialScheme.OAUTH2)
"""Schemes whose variable holds a name and a secret, with a colon between."""


def _secret(ref: AgentRef) -> str:
    # The one setting that settings.py cannot name: each agent's card names its own variable.
    secret = "" if ref.credential_env in NOT_FOR_AGENTS else os.environ.get(ref.credential_env, "").strip()
    if not secret:
        raise AgentRefused(f"{ref.name} needs a credential: set the environment variable {ref.credential_env}.")
    return secret


def _pair(ref: AgentRef, secret: str) -> tuple[str, str]:
    name, colon, password = secret.partition(":")
    if not colon:
        wanted = "name:password" if ref.use.scheme == CredentialScheme.BASIC else "client_id:client_secret"
        raise AgentRefused(f"{ref.name} needs a credential: {_variable(ref)} must hold {wanted}.")
    return name, password


def _variable(ref: AgentRef) -> str:
    return f"the environment variable {ref.credential_env}"


def _at_home(url: httpx.URL, ref: AgentRef) -> bool:
    home = httpx.URL(ref.url)
    return (url.scheme, url.host, url.port) == (home.scheme, home.host, home.port)


def _of_card(card: Mapping[str, Any]) -> str:
    try:
        header = api_key_header(parse(card))
    except CardError:
        header = ""
    usable = header and fault(variable="", header=header) is None
    return header if usable else API_KEY_HEADER
