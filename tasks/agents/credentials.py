"""An agent's credential: read from the environment at each request, put into its header, and kept nowhere else."""

import os
from collections.abc import Generator

import httpx

from tasks.agents.errors import AgentRefused


class BearerFromEnvironment(httpx.Auth):
    """`Authorization: Bearer` with the value of an environment variable, for one host only."""

    def __init__(self, *, name: str, variable: str, host: str) -> None:
        """name: the agent's, for messages. variable: the environment variable's name. host: who may get it."""
        self._name = name
        self._variable = variable
        self._host = host

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the header. Raises AgentRefused where the variable is not set."""
        if request.url.host == self._host:
            # The one setting that settings.py cannot name: each agent's card names its own variable.
            secret = os.environ.get(self._variable, "").strip()
            if not secret:
                raise AgentRefused(f"{self._name} needs a credential: set the environment variable {self._variable}.")
            request.headers["Authorization"] = f"Bearer {secret}"
        yield request
