"""The agent card: what A2A's clients learn of this application. The public one shows nothing private."""

import hashlib
import json
from typing import Any

from a2a.server.request_handlers.response_helpers import agent_card_to_dict
from a2a.types import a2a_pb2
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from google.protobuf.json_format import MessageToDict

from tasks.gateways.a2a.asked import RUN_BY, Skill
from tasks.gateways.a2a.versions import HEADER, V1
from tasks.models import Agent

ADDRESS = "/a2a/"
VERSION = "1.0.0"
PLAIN, JSON = "text/plain", "application/json"
MAX_AGE = 300
"""Seconds for which a client may keep the card before it asks again whether it changed."""
DESCRIPTION = (
    "Runs work on remote AI agents, once or on a schedule, and keeps every word of it. Say what is to be done, and "
    "when if it shall repeat; ask for lists, results and cancels in plain words or by a data part that names a skill."
)
EXAMPLES = {
    Skill.RUN: ["Report the load of this machine", '{"skill": "run", "agent_name": "NAME", "text": "Report"}'],
    Skill.SCHEDULE: [
        "Every day at 09:00 report the load of this machine",
        '{"skill": "schedule", "text": "Report the load", "schedule": {"daily_time": "09:00"}}',
    ],
    Skill.LIST: ["List my tasks", '{"skill": "list", "phase": "scheduled"}'],
    Skill.CANCEL: ['{"skill": "cancel", "task_id": "…"}', "Cancel task ID"],
    Skill.RESULTS: ['{"skill": "results", "task_id": "…", "limit": 3}', "Results of task ID"],
}
SKILLS = (
    (Skill.RUN, "Run now", "Gives a request to an agent, or to several, and streams what they say.", ["run", "agents"]),
    (
        Skill.SCHEDULE,
        "Schedule",
        "Puts a request on a schedule: every N minutes, daily, cron.",
        ["schedule", "cron"],
    ),
    (Skill.LIST, "List tasks", "Lists your tasks with what they do now.", ["tasks"]),
    (Skill.CANCEL, "Cancel a task", "Stops a task or a schedule for good.", ["tasks", "cancel"]),
    (Skill.RESULTS, "Results", "Shows the newest results of a task.", ["tasks", "results"]),
)


def card(*, agents: tuple[Agent, ...] | None = None) -> a2a_pb2.AgentCard:
    """The public card; with `agents` the extended one, in which each of them is a skill."""
    url = f"{settings.PUBLIC_URL}{ADDRESS}"
    made = a2a_pb2.AgentCard(
        name="ValueCell Tasks",
        description=DESCRIPTION,
        version=VERSION,
        supported_interfaces=[
            a2a_pb2.AgentInterface(url=url, protocol_binding="JSONRPC", protocol_version="1.0"),
            a2a_pb2.AgentInterface(url=url, protocol_binding="HTTP+JSON", protocol_version="1.0"),
            a2a_pb2.AgentInterface(url=url, protocol_binding="JSONRPC", protocol_version="0.3"),
        ],
        capabilities=a2a_pb2.AgentCapabilities(streaming=True, push_notifications=False, extended_agent_card=True),
        default_input_modes=[PLAIN, JSON],
        default_output_modes=[PLAIN, JSON],
    )
    made.security_schemes["bearer"].http_auth_security_scheme.CopyFrom(
        a2a_pb2.HTTPAuthSecurityScheme(
            scheme="bearer", description="Its owner makes it, and it does what its scopes say."
        )
    )
    made.security_requirements.append(a2a_pb2.SecurityRequirement(schemes={"bearer": a2a_pb2.StringList()}))
    for skill, name, words, tags in SKILLS:
        made.skills.append(
            a2a_pb2.AgentSkill(id=skill, name=name, description=words, tags=tags, examples=EXAMPLES[skill])
        )
    for agent in agents or ():
        made.skills.append(
            a2a_pb2.AgentSkill(
                id=f"{RUN_BY}{agent.name}",
                name=agent.display_name or agent.name,
                description=agent.description or f"Asks {agent.name}.",
                tags=["run", "agent"],
            )
        )
    return made


def extended() -> a2a_pb2.AgentCard:
    """The card for who is signed in: with the agents that may be asked. Reads the database."""
    return card(agents=tuple(Agent.objects.offered().order_by("name")))


def in_json(made: a2a_pb2.AgentCard, version: str = "") -> dict[str, Any]:
    """The card in the form of `version`; where none is named as both read it, with what 0.3 names otherwise beside."""
    told: dict[str, Any] = MessageToDict(made) if version == V1 else agent_card_to_dict(made)
    return told


@require_safe
def agent_card(request: HttpRequest) -> HttpResponse:
    """`/.well-known/agent-card.json`: for everybody, in every browser."""
    version = request.headers.get(HEADER, "")
    content = json.dumps(in_json(card(), version), ensure_ascii=False).encode()
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    if etag in (tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")):
        response = HttpResponse(status=304)
    else:
        response = HttpResponse(content, content_type="application/json")
    response["ETag"] = etag
    response["Cache-Control"] = f"public, max-age={MAX_AGE}"
    response["Vary"] = HEADER
    response["Access-Control-Allow-Origin"] = "*"
    return response
