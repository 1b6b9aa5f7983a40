"""Whose turn it is: ready runs in a fair order, over people and priorities, without reading more than is taken.

A run's turn is a moment: when it became ready, minus a minute for each step of priority, plus ten seconds for each run
that its owner has going already. So a higher priority goes first, a low one that has waited long enough goes before it
(ageing), and somebody's ten thousand due runs hold up nobody else's one.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from uuid import UUID

from tasks.models import TaskRun
from tasks.models.run import TaskRunQuerySet
from tasks.states import RunStatus

AGEING = timedelta(seconds=60)
"""What a step of priority is worth: a run of priority 0 waits at most nine minutes behind those of priority 9 that come
later."""
SHARE = timedelta(seconds=10)
"""What each run that somebody has going costs their next one."""
PAGE = 64
"""Runs of one person and priority that are read at once."""


def in_turn(
    now: datetime,
    startable: Callable[[], TaskRunQuerySet],
    fits: Callable[[TaskRun], bool],
    *,
    user_limit: int,
) -> Iterator[TaskRun]:
    """Yield ready runs, the next turn first; its owner is charged for each. Who has `user_limit` going is passed over.

    `startable` gives the runs that may be taken as things stand (asked again for each page), `fits` says of one of them
    whether it still may. `user_limit` 0: no limit.

    1. List the (person, priority) pairs that have ready runs: an index holds them in order.
    2. Hold the head of each pair's queue in a heap, by its turn; read a queue's next page when its head is used up.
    """
    # Counted here, and in the order of the index of running runs: grouped by the database, SQLite reads every run.
    running = TaskRun.objects.filter(status=RunStatus.RUNNING).order_by("agent_name")
    going = Counter(running.values_list("user_id", flat=True))
    pairs = TaskRun.objects.ready(now).order_by().values_list("user", "priority").distinct()
    heap: list[tuple[datetime, int, int, int, TaskRun, Iterator[TaskRun]]] = []
    number = 0

    def push(user: int, priority: int, queue: Iterator[TaskRun]) -> None:
        nonlocal number
        run = next(queue, None)
        if run is not None:
            number += 1
            turn = run.ready_at - AGEING * priority + SHARE * going[user]
            heapq.heappush(heap, (turn, number, user, priority, run, queue))

    for user, priority in pairs:
        push(user, priority, _queue(startable, user, priority))
    while heap:
        turn, _, user, priority, run, queue = heapq.heappop(heap)
        now_turn = run.ready_at - AGEING * priority + SHARE * going[user]
        if now_turn > turn:
            # Its owner got others meanwhile: it goes back to where it belongs now.
            number += 1
            heapq.heappush(heap, (now_turn, number, user, priority, run, queue))
            continue
        if user_limit and going[user] >= user_limit:
            continue
        if fits(run):
            going[user] += 1
            yield run
        push(user, priority, queue)


def _queue(startable: Callable[[], TaskRunQuerySet], user: int, priority: int) -> Iterator[TaskRun]:
    """One person's ready runs of one priority, oldest first, page by page."""
    seen: list[UUID] = []
    while True:
        page = list(
            startable()
            .filter(user=user, priority=priority)
            .exclude(pk__in=seen)
            .select_for_update(skip_locked=True, of=("self",))
            .select_related("task")
            .order_by("ready_at", "id")[:PAGE]
        )
        yield from page
        if len(page) < PAGE:
            return
        seen.extend(run.pk for run in page)
