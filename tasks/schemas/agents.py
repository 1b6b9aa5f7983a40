"""What goes out of agents, key by key as the contract lists them."""

from typing import Any

from typing_extensions import TypedDict  # pydantic reads no other before Python 3.12

from conversations.schemas import Moment, moment_or_none
from tasks.models import Agent


class AgentOut(TypedDict):
    """An agent."""

    name: str
    slug: str
    display_name: str
    url: str
    description: str
    skills: list[dict[str, Any]]
    enabled: bool
    max_concurrency: int
    send_mode: str
    last_seen_at: Moment | None
    last_error: str | None


class AgentPage(TypedDict):
    """One page of agents, by name."""

    items: list[AgentOut]
    next_cursor: str | None


def agent_out(agent: Agent) -> AgentOut:
    """An agent as the API shows it."""
    return {
        "name": agent.name,
        "slug": agent.slug,
        "display_name": agent.display_name or agent.name,
        "url": agent.url,
        "description": agent.description,
        "skills": agent.skills,
        "enabled": agent.enabled,
        "max_concurrency": agent.concurrency,
        "send_mode": str(agent.send_mode),
        "last_seen_at": moment_or_none(agent.last_seen_at),
        "last_error": agent.last_error or None,
    }


class AgentPreviewOut(TypedDict):
    """What an agent's card says, before it is added."""

    name: str
    description: str
    address: str
    protocol: str
    version: str
    provider: str
    skills: list[dict[str, Any]]
    streaming: bool
    push_notifications: bool
    asks_for: list[str]
    """The credentials that it takes, in words."""
    notes: list[str]
    """What is worth a thought before it is enabled."""
    taken: bool
    """There is an agent of this name already."""
    digest: str
    """To be given to `POST /agents`, so that what is added is what was seen."""
