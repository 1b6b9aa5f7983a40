"""Agents by the JSON API: everybody sees them, staff adds and changes them."""

import re
from dataclasses import asdict
from typing import Annotated, Literal

import httpx
from django.db import transaction
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from ninja import Router
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from conversations.described import described
from conversations.wire import (
    Absent,
    Forbidden,
    PageQuery,
    Patch,
    answer,
    cursor_of,
    cursor_parts,
    page,
    person,
    read_body,
    read_query,
)
from tasks.agents import adding, noting
from tasks.models import Agent
from tasks.schemas.agents import AgentOut, AgentPage, AgentPreviewOut, agent_out

router = Router(tags=["agents"])
previews = Router(tags=["agents"])
"""At an address of its own: below `/agents/` any word may be an agent's slug."""


def _address(url: str) -> str:
    try:
        read = httpx.URL(url)
        if read.scheme in ("http", "https") and read.host:
            return url
    except (httpx.InvalidURL, ValueError):  # a host name of letters that none may have is a UnicodeError, a ValueError
        pass
    raise ValueError("Write the agent's address: http:// or https://, a host name, and its port and path if any.")


Address = Annotated[str, Field(max_length=2000, json_schema_extra={"pattern": "^https?://."}), AfterValidator(_address)]


class AgentPreviewIn(BaseModel):
    """`POST /agent-previews`: where the agent is."""

    model_config = ConfigDict(extra="forbid")

    url: Address


class AgentIn(BaseModel):
    """`POST /agents`: where the agent is; the rest its card says."""

    model_config = ConfigDict(extra="forbid")

    url: Address
    digest: Annotated[str, Field(max_length=64)] = ""
    """That of the preview: where the card is another by now, it is not added (409 `card_changed`)."""
    enabled: bool = True


class AgentPatch(Patch):
    """`PATCH /agents/{slug}`: what the operator decides; what the agent says of itself comes from its card."""

    removable = frozenset({"display_name", "max_concurrency"})

    display_name: Annotated[str, Field(max_length=200)] | None = None
    enabled: bool | None = None
    max_concurrency: Annotated[int, Field(ge=1, le=10_000)] | None = None
    send_mode: Literal["stream", "detached"] | None = None


def _known_agent(slug: str) -> Agent:
    # A slug is letters, digits, - and _; anything else (a NUL, which PostgreSQL refuses to compare) is nobody's.
    found = Agent.objects.filter(slug=slug).first() if re.fullmatch(r"[-\w.~]{1,220}", slug) else None
    if found is None:
        raise Absent("There is no such agent here: GET /api/v1/agents lists them.")
    return found


def _staff_only(request: HttpRequest) -> None:
    if not person(request).is_staff:
        raise Forbidden("Only staff may add and change agents.")


@router.get("", response={200: AgentPage}, openapi_extra=described(query=PageQuery))
def list_agents(request: HttpRequest) -> JsonResponse:
    """The agents that may be offered to people, by name; those that are switched off say so."""
    query = read_query(request, PageQuery)
    agents = Agent.objects.filter(hidden=False).order_by("name")
    if query.cursor is not None:
        agents = agents.filter(name__gt=cursor_parts(query.cursor, "agents", 1)[0].replace("\0", ""))
    return page(
        agents[: query.limit + 1], query.limit, show=agent_out, cursor=lambda agent: cursor_of("agents", agent.name)
    )


@router.post("", response={201: AgentOut}, openapi_extra=described(body=AgentIn))
def add_agent(request: HttpRequest) -> JsonResponse:
    """Fetch the card at an address and add its agent. For staff."""
    _staff_only(request)
    sent = read_body(request, AgentIn)
    now = timezone.now()
    agent = adding.fetch_and_add(
        sent.url,
        digest=sent.digest,
        enabled=sent.enabled,
        now=now,
        noted=lambda added: noting.added(added, request=request, now=now),
    )
    return answer(agent_out(agent), 201)


@previews.post("", response={200: AgentPreviewOut}, openapi_extra=described(body=AgentPreviewIn))
def preview_agent(request: HttpRequest) -> JsonResponse:
    """Fetch the card at an address and say what it says; nothing is added. For staff."""
    _staff_only(request)
    return answer(asdict(adding.preview(read_body(request, AgentPreviewIn).url)))


@router.get("/{slug}", response={200: AgentOut})
def get_agent(request: HttpRequest, slug: str) -> JsonResponse:  # noqa: ARG001 (the framework passes it)
    """One agent."""
    return answer(agent_out(_known_agent(slug)))


@router.patch("/{slug}", response={200: AgentOut}, openapi_extra=described(body=AgentPatch))
def update_agent(request: HttpRequest, slug: str) -> JsonResponse:
    """Switch it on or off, rename it, or limit it. For staff."""
    agent = _known_agent(slug)
    _staff_only(request)
    sent = read_body(request, AgentPatch)
    changes = {name: getattr(sent, name) for name in sent.model_fields_set}
    if "display_name" in changes:
        changes["display_name"] = changes["display_name"] or ""
    for name, value in changes.items():
        setattr(agent, name, value)
    if changes:
        with transaction.atomic():
            agent.save(update_fields=[*changes, "updated_at"])
            noting.changed(agent, changes, request=request, now=timezone.now())
    return answer(agent_out(agent))
