"""The tools and resources, as models read them (the contract's section 5)."""

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from functools import wraps
from typing import Annotated, Any, Literal, ParamSpec, TypeVar

from django.utils import timezone
from mcp.server import MCPServer, ServerRequestContext
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ResourceError, ToolError
from mcp_types import ListResourcesResult, PaginatedRequestParams, Resource, ToolAnnotations
from pydantic import Field

from tasks.gateways.caller import CALLER, Caller, in_thread
from tasks.gateways.following import Followed, Said, Settled, follow, submit
from tasks.gateways.mcp import work
from tasks.gateways.refusals import FORESEEN, refusal
from tasks.gateways.speech import Kind, Speech
from tasks.schemas.inputs import MessageIn
from tasks.scopes import Scope

P = ParamSpec("P")
T = TypeVar("T")
Json = dict[str, Any]

WAIT_SECONDS = 570.0
"""How long `run_task` waits; the run goes on after it, and `get_task` tells."""

INSTRUCTIONS = """\
ValueCell Tasks runs work on remote AI agents, once or on a schedule, and keeps every word of it.
Ask an agent something now with run_task. Put it on a schedule with schedule_task: look at the times with
preview_schedule first, or let parse_schedule read what the person said ("every weekday at 9"), and show the person the
next times before you schedule anything that repeats. Where a task waits for input, answer with answer_question.
"""

TaskId = Annotated[str, Field(description="The task's id, from list_tasks, run_task or schedule_task.")]
AgentName = Annotated[
    str | None, Field(description="An agent's `name` from list_agents. Left out: the best match for the text.")
]
Keys = Annotated[
    Json,
    Field(
        description=(
            'When, by one of: {"interval_minutes": 30}; {"daily_time": "09:00"} or a list of times; '
            '{"cron": "0 9 * * 1-5"}; {"start_at": "2027-01-31T09:00:00+01:00"} alone for once at a moment. Optional '
            'beside them: "timezone" (IANA name), "start_at", "end_at", "max_runs", "jitter_seconds", "exclude" '
            "(dates or weekdays such as SAT)."
        )
    ),
]
Limit = Annotated[int, Field(ge=1, le=200, description="The most to return.")]
Status = Literal["pending", "running", "waiting_input", "completed", "failed", "cancelled"]
Phase = Literal["scheduled", "queued", "running", "waiting_input", "paused", "completed", "failed", "cancelled"]

LOOKS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
ASKS = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=True)
CHANGES = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
ENDS = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False)


def make_server() -> MCPServer:
    """A server with all tools and resources. It holds no state: each request brings its caller."""
    server = _Server("valuecell-tasks", title="ValueCell Tasks", instructions=INSTRUCTIONS)

    @server.tool(annotations=LOOKS)
    @_worded
    async def list_agents(ctx: Context) -> Json:
        """List the agents that can be asked: name, description, skills."""
        _caller(ctx, Scope.READ)
        return {"items": await in_thread(work.agents)}

    @server.tool(annotations=ASKS)
    @_worded
    async def run_task(
        ctx: Context,
        text: Annotated[str, Field(description="What the agent should do, in the person's words.")],
        agent_name: AgentName = None,
    ) -> Json:
        """Ask an agent now and wait for its answer, with progress. `status` waiting_input: `question` is what it asks;
        answer with answer_question. `status` running: it takes long; look with get_task and get_results.
        """
        caller = _caller(ctx, Scope.RUN)
        caller.need_room()
        message = MessageIn(text=text, agent_name=agent_name)
        return await _followed(ctx, caller, await submit(caller, message, now=timezone.now(), title=text[:80]))

    @server.tool(annotations=ASKS)
    @_worded
    async def schedule_task(
        ctx: Context,
        text: Annotated[str, Field(description="What the agent should do each time, without the words about when.")],
        schedule: Keys,
        agent_name: AgentName = None,
        title: Annotated[str | None, Field(description="A short name for it.")] = None,
    ) -> Json:
        """Put a request on a schedule, at once and without another question: show the person the times before."""
        caller = _caller(ctx, Scope.RUN)
        return await in_thread(work.schedule, caller, text=text, keys=schedule, agent_name=agent_name, title=title)

    @server.tool(annotations=LOOKS)
    @_worded
    async def preview_schedule(
        ctx: Context,
        schedule: Keys,
        count: Annotated[int, Field(ge=1, le=100, description="How many times to show.")] = 10,
    ) -> Json:
        """Show when a schedule would run: its next times, a summary in words, and notes on clock changes."""
        _caller(ctx, Scope.READ)
        return await in_thread(work.preview, schedule, count)

    @server.tool(annotations=LOOKS)
    @_worded
    async def parse_schedule(
        ctx: Context,
        text: Annotated[str, Field(description="The person's words, in English or Chinese, time phrase included.")],
        timezone: Annotated[str | None, Field(description="IANA name of the person's zone.")] = None,
    ) -> Json:
        """Read when something is meant from a person's words. `schedule` is what schedule_task takes, `request` the
        text without the time; a `question` means that it is not sure: ask the person.
        """
        _caller(ctx, Scope.READ)
        return await in_thread(work.parse, text, timezone)

    @server.tool(annotations=LOOKS)
    @_worded
    async def list_tasks(
        ctx: Context,
        status: Status | None = None,
        phase: Phase | None = None,
        agent_name: Annotated[str | None, Field(description="An agent's `name`.")] = None,
        limit: Limit = 50,
    ) -> Json:
        """List the person's tasks, newest first. `phase` says what each does now; a schedule between runs is
        `scheduled`.
        """
        caller = _caller(ctx, Scope.READ)
        found = await in_thread(work.tasks, caller, status=status, phase=phase, agent_name=agent_name, limit=limit)
        return {"items": found}

    @server.tool(annotations=LOOKS)
    @_worded
    async def get_task(ctx: Context, task_id: TaskId) -> Json:
        """One task: its schedule, phase, next run, and why it failed or rests."""
        return await in_thread(work.task, _caller(ctx, Scope.READ), task_id)

    @server.tool(annotations=LOOKS)
    @_worded
    async def get_results(ctx: Context, task_id: TaskId, limit: Limit = 10) -> Json:
        """A task's runs, newest first, each with its status, `result` or `error`."""
        return {"items": await in_thread(work.results, _caller(ctx, Scope.READ), task_id, limit)}

    @server.tool(annotations=CHANGES)
    @_worded
    async def pause_task(ctx: Context, task_id: TaskId) -> Json:
        """Let a schedule rest until resume_task."""
        return await in_thread(work.pause, _caller(ctx, Scope.MANAGE), task_id)

    @server.tool(annotations=CHANGES)
    @_worded
    async def resume_task(ctx: Context, task_id: TaskId) -> Json:
        """Let a paused schedule go on from now."""
        return await in_thread(work.resume, _caller(ctx, Scope.MANAGE), task_id)

    @server.tool(annotations=ASKS)
    @_worded
    async def trigger_task(ctx: Context, task_id: TaskId) -> Json:
        """Run a schedule once now, beside its times. Returns the run; get_results tells what came of it."""
        return await in_thread(work.trigger, _caller(ctx, Scope.RUN), task_id)

    @server.tool(annotations=ENDS)
    @_worded
    async def cancel_task(ctx: Context, task_id: TaskId) -> Json:
        """Stop a task for good; what it said stays."""
        return await in_thread(work.cancel, _caller(ctx, Scope.MANAGE), task_id)

    @server.tool(annotations=ASKS)
    @_worded
    async def answer_question(
        ctx: Context, task_id: TaskId, text: Annotated[str, Field(description="The person's answer.")]
    ) -> Json:
        """Answer what a task that is waiting_input asked, and wait for what follows, as run_task does."""
        caller = _caller(ctx, Scope.RUN)
        caller.need_room()
        return await _followed(ctx, caller, await in_thread(work.answer, caller, task_id, text))

    @server.resource("valuecell://conversations/{conversation_id}", mime_type="text/markdown")
    async def conversation(ctx: Context, conversation_id: str) -> str:
        """A conversation's transcript as Markdown."""
        try:
            return await in_thread(work.transcript, _caller(ctx, Scope.READ), conversation_id)
        except FORESEEN as error:
            raise ResourceError(refusal(error).message) from error

    return server


class _Server(MCPServer[Any]):
    """Lists as resources what is the caller's: the SDK lists what is the same for everybody."""

    async def _handle_list_resources(
        self,
        ctx: ServerRequestContext[Any, Any],
        params: PaginatedRequestParams | None,  # noqa: ARG002
    ) -> ListResourcesResult:
        caller: Caller = ctx.request.scope[CALLER]  # type: ignore[union-attr]
        caller.need(Scope.READ)
        rows = await in_thread(work.conversations, caller)
        return ListResourcesResult(
            resources=[
                Resource(uri=row["uri"], name=row["title"] or "Untitled", mime_type="text/markdown") for row in rows
            ]
        )


async def _followed(ctx: Context, caller: Caller, followed: Followed) -> Json:
    """Follow a plan to its end, or to its question, and tell how far it is meanwhile."""
    speech, pieces = Speech(), 0
    async with aclosing(follow(followed, caller=caller, seconds=WAIT_SECONDS)) as steps:
        async for step in steps:
            if isinstance(step, Said):
                piece = speech.take(step.envelope)
                if piece is not None and piece.kind != Kind.TOOL:
                    pieces += 1
                    await ctx.report_progress(pieces, message=piece.text)
            elif isinstance(step, Settled):
                outcome = step.outcome
    told: Json = {
        "task_id": str(outcome.task_ids[0]) if outcome.task_ids else None,
        "status": str(outcome.status),
        "result": outcome.result or speech.text(),
        "conversation_id": str(outcome.conversation_id),
    }
    if outcome.question:
        told["question"] = outcome.question
    if outcome.error:
        told["error"] = outcome.error
    return told


def _caller(ctx: Context, scope: Scope) -> Caller:
    """Who calls, by the token that the gate looked at. Raises ScopeMissing."""
    request = ctx.request_context.request
    caller: Caller = request.scope[CALLER]  # type: ignore[union-attr]
    caller.need(scope)
    return caller


def _worded(tool: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """What was foreseen to go wrong is told to the model in words that say what to change."""

    @wraps(tool)
    async def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await tool(*args, **kwargs)
        except FORESEEN as error:
            raise ToolError(refusal(error).message) from error

    return wrapped
