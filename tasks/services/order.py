"""Which tasks of a plan come before which: in the order of the plan, or by `depends_on`. Pure.

A plan is a graph as soon as one of its tasks says what it depends on (an empty list says it too); its other tasks
depend on nothing then. Otherwise each task comes after all that stand before it.
"""

from collections.abc import Iterable, Mapping, Sequence

from tasks.models import Task
from tasks.states import TASK_ENDED, OnFailure, TaskStatus


def is_graph(tasks: Sequence[Task]) -> bool:
    """Whether these tasks, all of one plan, go by `depends_on`."""
    return any(task.depends_on is not None for task in tasks)


def before(task: Task, tasks: Sequence[Task]) -> list[Task]:
    """Those of its plan's `tasks` that come before `task`, directly or through others, in the plan's order."""
    if not is_graph(tasks):
        return [other for other in sorted(tasks, key=_place) if other.place < task.place]
    by_key = {other.key: other for other in tasks if other.key}
    keys = closure({other.key: other.depends_on or [] for other in tasks if other.key}, task.depends_on or ())
    return sorted((by_key[key] for key in keys if key in by_key), key=_place)


def holds_up(task: Task) -> bool:
    """Whether the tasks after it wait for its end. A parked task holds them up, a recurring one does not."""
    return not task.recurring and task.status not in TASK_ENDED


def may_start(task: Task, tasks: Sequence[Task]) -> bool:
    """Whether nothing that comes before it holds it up."""
    return not any(holds_up(other) for other in before(task, tasks))


def stopped_by(task: Task, tasks: Sequence[Task]) -> Task | None:
    """The task before it that failed, or was cancelled, and stops those after it (`on_failure: stop`)."""
    bad = (TaskStatus.FAILED, TaskStatus.CANCELLED)
    return next(
        (one for one in before(task, tasks) if one.on_failure == OnFailure.STOP and one.status in bad),
        None,
    )


def closure(depends_on: Mapping[str, Sequence[str]], keys: Iterable[str]) -> set[str]:
    """`keys`, and all on which they depend, directly or through others."""
    found: set[str] = set()
    to_see = list(keys)
    while to_see:
        one = to_see.pop()
        if one not in found:
            found.add(one)
            to_see.extend(depends_on.get(one, ()))
    return found


def problems(keys: Sequence[str], depends_on: Sequence[Sequence[str]]) -> dict[int, list[str]]:
    """What is wrong with the dependencies of a plan's tasks, given in order: words by the task's number.

    An empty key is none. Unknown keys, a task that names itself, a key that is named twice, and cycles are wrong.
    """
    found: dict[int, list[str]] = {}
    known = {key for key in keys if key}
    for number, (key, wanted) in enumerate(zip(keys, depends_on, strict=True)):
        words = found.setdefault(number, [])
        for name in dict.fromkeys(wanted):
            if not name:
                words.append("Write the key of a task, not an empty text.")
            elif name == key:
                words.append(f"“{name}” cannot depend on itself.")
            elif name not in known:
                there = ", ".join(sorted(known)) or "none: give the tasks keys"
                words.append(f"No task of this plan has the key “{name}”. Keys here: {there}.")
        if len(set(wanted)) < len(wanted):
            words.append("Name each key once.")
    if not any(found.values()):
        graph = {key: wanted for key, wanted in zip(keys, depends_on, strict=True) if key}
        if cycle := _cycle(graph):
            number = list(keys).index(cycle[0])
            found[number] = [f"These tasks wait for each other: {' → '.join(cycle)}. Take one of them out."]
    return {number: words for number, words in found.items() if words}


def _cycle(graph: Mapping[str, Sequence[str]]) -> list[str]:
    """The keys of a cycle, its first also last; empty where there is none."""
    for start in graph:
        if start not in closure(graph, graph[start]):
            continue
        # Walk along keys that lead back to the start; it is on a cycle, so there always is one.
        path = [start]
        while len(path) == 1 or path[-1] != start:
            nearer = [key for key in graph[path[-1]] if start in closure(graph, [key])]
            back = [key for key in nearer if key == start]
            unseen = [key for key in nearer if key not in path]
            path.append((back or unseen or nearer)[0])
            if path[-1] in path[1:-1]:
                return path[path.index(path[-1]) :]
        return path
    return []


def _place(task: Task) -> int:
    return task.place
