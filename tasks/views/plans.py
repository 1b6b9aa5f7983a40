"""The plan that a task belongs to, as pages show it: its tasks in order, what each waits for, and how far it is."""

from typing import Any

from django.utils.translation import gettext as _

from tasks.models import Task
from tasks.services import order
from tasks.states import TASK_ENDED
from tasks.views.words import named, phase_word


def plan_of(task: Task) -> dict[str, Any] | None:
    """The other tasks of its plan, with it; None where it is alone. One query."""
    steps = list(Task.objects.with_phase().filter(plan=task.plan_id).order_by("place"))
    if len(steps) < 2:
        return None
    done = sum(step.status in TASK_ENDED for step in steps)
    return {
        "progress": _("%(done)d of %(all)d done") % {"done": done, "all": len(steps)},
        "unfinished": len(steps) - done,
        "steps": [
            {
                "id": step.pk,
                "title": step.title,
                "here": step.pk == task.pk,
                "phase": step.phase,  # type: ignore[attr-defined]
                "word": phase_word(step.phase, step.paused_reason),  # type: ignore[attr-defined]
                "waits": ", ".join(named(one.title) for one in waited_for(step, steps)),
            }
            for step in steps
        ],
    }


def waited_for(task: Task, steps: list[Task]) -> list[Task]:
    """Those of its plan that hold `task` up now."""
    if not task.behind or task.status in TASK_ENDED:
        return []
    return [other for other in order.before(task, steps) if order.holds_up(other)]
