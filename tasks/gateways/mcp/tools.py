"""The tools (the contract's section 5): for each its scope, its arguments, its answer, and words for models."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from mcp_types import Tool as DescribedTool
from mcp_types import ToolAnnotations

from tasks.gateways.caller import Caller, in_thread
from tasks.gateways.following import submit
from tasks.gateways.mcp import answers, arguments, work
from tasks.gateways.mcp.waiting import Context, wait_for
from tasks.schemas.inputs import MessageIn
from tasks.schemas.outputs import PreviewOut, RunOut, TaskOut
from tasks.schemas.parse import ParseOut
from tasks.scopes import Scope

Call = Callable[[Context, Caller, Any], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A tool. `call` is given arguments of the type `takes`."""

    name: str
    title: str
    words: str
    scope: Scope
    takes: type[arguments.Arguments]
    gives: Any
    call: Call
    hints: ToolAnnotations

    def described(self) -> DescribedTool:
        """As clients list it."""
        return DescribedTool(
            name=self.name,
            title=self.title,
            description=self.words,
            input_schema=arguments.plain_schema(self.takes),
            output_schema=answers.schema_of(self.gives),
            annotations=self.hints,
        )


LOOKS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
WORKS = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=True)
CHANGES = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
ENDS = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False)


def _in_thread(function: Callable[[Caller, Any], Any]) -> Call:
    async def call(_ctx: Context, caller: Caller, sent: Any) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = await in_thread(function, caller, sent)
        return answer

    return call


async def _run_task(ctx: Context, caller: Caller, sent: arguments.RunTask) -> Mapping[str, Any]:
    message = MessageIn(text=sent.text, agent_name=sent.agent_name)
    return await wait_for(ctx, caller, lambda: submit(caller, message, now=timezone.now()))


async def _answer_question(ctx: Context, caller: Caller, sent: arguments.AnswerQuestion) -> Mapping[str, Any]:
    return await wait_for(ctx, caller, lambda: in_thread(work.answer, caller, sent.task_id, sent.text))


TOOLS = (
    Tool(
        name="list_agents",
        title="List agents",
        words="List the agents that can be given work: name, what each does, its skills with examples.",
        scope=Scope.READ,
        takes=arguments.Nothing,
        gives=answers.Agents,
        call=_in_thread(lambda _caller, _sent: work.agents()),
        hints=LOOKS,
    ),
    Tool(
        name="run_task",
        title="Run a task now",
        words=(
            "Give an agent a request and wait for its answer; long ones report progress. `status` says how it ended: "
            "`completed`: `result` is the answer. `waiting_input`: `question` is asked; get the person's answer and "
            "call answer_question with this `task_id`. `failed`: `error` says why. `running` or `pending`: it goes on "
            "by itself (or is a schedule now); see get_task and get_results. For something that repeats use "
            "schedule_task."
        ),
        scope=Scope.RUN,
        takes=arguments.RunTask,
        gives=answers.Worked,
        call=_run_task,
        hints=WORKS,
    ),
    Tool(
        name="schedule_task",
        title="Put a task on a schedule",
        words=(
            "Let an agent do the same request again and again, or once at a later moment. It takes effect at once and "
            "asks nothing: show the person the times from preview_schedule first. Results are kept: see get_results."
        ),
        scope=Scope.RUN,
        takes=arguments.ScheduleTask,
        gives=TaskOut,
        call=_in_thread(work.schedule),
        hints=WORKS,
    ),
    Tool(
        name="preview_schedule",
        title="Preview a schedule",
        words="Show when a schedule would run, in words and as its next times, with notes on clock changes. Changes "
        "nothing.",
        scope=Scope.READ,
        takes=arguments.PreviewSchedule,
        gives=PreviewOut,
        call=_in_thread(work.preview),
        hints=LOOKS,
    ),
    Tool(
        name="parse_schedule",
        title="Understand when",
        words=(
            "Read from a person's words, English or Chinese, when something shall run. `schedule` is for "
            "schedule_task, `request` is the text without the time. `question` is set where the words leave it open: "
            "ask the person. All null: no time was meant. Changes nothing."
        ),
        scope=Scope.READ,
        takes=arguments.ParseSchedule,
        gives=ParseOut,
        call=_in_thread(work.parse),
        hints=LOOKS,
    ),
    Tool(
        name="list_tasks",
        title="List tasks",
        words="List the person's tasks, newest first, all or by a filter.",
        scope=Scope.READ,
        takes=arguments.ListTasks,
        gives=answers.Tasks,
        call=_in_thread(work.tasks),
        hints=LOOKS,
    ),
    Tool(
        name="get_task",
        title="Look at a task",
        words="One task: its request, schedule, status, phase and next run. What it answered: get_results.",
        scope=Scope.READ,
        takes=arguments.OneTask,
        gives=TaskOut,
        call=_in_thread(lambda caller, sent: work.task(caller, sent.task_id)),
        hints=LOOKS,
    ),
    Tool(
        name="get_results",
        title="Read a task's results",
        words=(
            "The task's runs, newest first: `result` is what the agent answered, `error` why it failed, `reason` why a "
            "slot did not run."
        ),
        scope=Scope.READ,
        takes=arguments.GetResults,
        gives=answers.Runs,
        call=_in_thread(lambda caller, sent: {"items": work.results(caller, sent.task_id, sent.limit)}),
        hints=LOOKS,
    ),
    Tool(
        name="pause_task",
        title="Pause a task",
        words="Let a task rest until resume_task; a run that is going ends first. Times that pass are not caught up.",
        scope=Scope.MANAGE,
        takes=arguments.OneTask,
        gives=TaskOut,
        call=_in_thread(lambda caller, sent: work.pause(caller, sent.task_id)),
        hints=CHANGES,
    ),
    Tool(
        name="resume_task",
        title="Resume a task",
        words="Let a paused task go on from now.",
        scope=Scope.MANAGE,
        takes=arguments.OneTask,
        gives=TaskOut,
        call=_in_thread(lambda caller, sent: work.resume(caller, sent.task_id)),
        hints=CHANGES,
    ),
    Tool(
        name="trigger_task",
        title="Run a scheduled task now",
        words="Run a scheduled task once now, besides its schedule. Returns the run at once; its end: get_results.",
        scope=Scope.RUN,
        takes=arguments.OneTask,
        gives=RunOut,
        call=_in_thread(lambda caller, sent: work.trigger(caller, sent.task_id)),
        hints=WORKS,
    ),
    Tool(
        name="cancel_task",
        title="Cancel a task",
        words="Stop a task for good, a run that is going too. To stop it for a while use pause_task.",
        scope=Scope.MANAGE,
        takes=arguments.OneTask,
        gives=answers.CancelledTask,
        call=_in_thread(lambda caller, sent: work.cancel(caller, sent.task_id)),
        hints=ENDS,
    ),
    Tool(
        name="answer_question",
        title="Answer a question",
        words=(
            "Answer what run_task, or a task with the phase `waiting_input`, asks; it goes on where it stopped. Waits "
            "and returns as run_task does."
        ),
        scope=Scope.RUN,
        takes=arguments.AnswerQuestion,
        gives=answers.Worked,
        call=_answer_question,
        hints=WORKS,
    ),
)
BY_NAME = {tool.name: tool for tool in TOOLS}
