"""The application over real HTTP with a runner at work, and people with tokens."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from django.contrib.auth.models import User

from tasks.gateways import following
from tasks.scopes import Scope
from tests.helpers.a2a_client import BINDINGS, connected
from tests.helpers.served import served
from valuecell_site import middleware
from valuecell_site.models import ApiToken
from valuecell_site.ratelimit import RateLimit


@pytest.fixture
async def site(running_runner: Any, monkeypatch: pytest.MonkeyPatch, settings: Any) -> AsyncIterator[str]:
    """The address of the application."""
    # People of different tests have the same number, and many tests fit into one minute.
    monkeypatch.setattr(middleware, "_rate", RateLimit())
    monkeypatch.setattr(following, "BEAT_SECONDS", 0.1)
    async with served() as address:
        settings.PUBLIC_URL = address  # which the A2A card names
        yield address


@pytest.fixture
def token_of(transactional_db: None) -> Callable[..., str]:
    """Makes a token: `token_of(user, "read", "run")`; without scopes it may do everything."""

    def make(user: User, *scopes: str, **columns: Any) -> str:
        row, token = ApiToken.issue(user_id=user.pk, scopes=[Scope(scope) for scope in scopes])
        if columns:
            ApiToken.objects.filter(pk=row.pk).update(**columns)
        return token

    return make


@pytest.fixture
def token(user: User, token_of: Callable[..., str]) -> str:
    """A token of `user` that may do everything."""
    return token_of(user)


@pytest.fixture(params=BINDINGS)
async def client(request: pytest.FixtureRequest, site: str, token: str) -> AsyncIterator[Any]:
    """A client with a token that may do everything; once for each binding."""
    async with connected(site, token, binding=request.param) as made:
        yield made
