"""A planner that asks a model on loopback, and the agents that it may choose from."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.utils import timezone

from conversations.models import Conversation
from tasks import requests
from tasks.models import Agent, ExecutionPlan
from tasks.schemas.inputs import MessageIn
from tests.api_client import ana, echo
from tests.helpers.models import ChatModel, chatting
from tests.helpers.tasks import NOW

__all__ = ["ana", "echo"]

AGENTS: dict[str, dict[str, Any]] = {
    "Weather": {"skills": [{"id": "forecast", "name": "Forecast", "tags": ["rain", "temperature"]}]},
    "Market": {"skills": [{"id": "price", "name": "Share prices", "tags": ["stocks"]}]},
}

Tell = Callable[..., ExecutionPlan]


@pytest.fixture
def model(settings: Any) -> Iterator[ChatModel]:
    """The model that the planner asks."""
    with chatting() as served:
        settings.PLANNER = "tasks.planner.llm.LLMPlanner"
        settings.LLM_BASE_URL = served.url
        settings.LLM_API_KEY = "sk-test"
        settings.LLM_MODEL = "planner-1"
        yield served


@pytest.fixture
def two_agents(db: None) -> list[Agent]:
    """Two agents that can do different things."""
    return [
        Agent.objects.create(name=name, slug=name, url="http://127.0.0.1:9/", card=card)
        for name, card in AGENTS.items()
    ]


@pytest.fixture
def tell(conversation: Conversation, two_agents: list[Agent]) -> Tell:
    """Somebody in Berlin says something: the planner consults, then it is carried out, as the API does it."""

    def say_it(text: str, **fields: Any) -> ExecutionPlan:
        now = fields.pop("now", NOW)
        message = MessageIn(text=text, **fields)
        with timezone.override("Europe/Berlin"):
            advice = requests.consult(conversation, message, now=now)
            return requests.submit_message(conversation, message, user=conversation.user, now=now, advice=advice)

    return say_it
