"""The rules that keep a run from being lost, doubled or left, and how to break each."""

from tests.proof.rules import Mutation

LEASES, OUTCOMES, CLAIMING, CANCELLING, CREATION, HISTORY = (
    f"tasks/services/{name}.py" for name in ("leases", "outcomes", "claiming", "cancelling", "creation", "history")
)
RUN, RECOVERY, CONTEXT, MESSAGE, REJOINING, ANSWERING, FOLLOWING = (
    f"tasks/execution/{name}.py"
    for name in ("run", "recovery", "context", "message", "rejoining", "answering", "following")
)
GOING, JOURNAL, INCOMING = "tasks/runner/going.py", "conversations/journal.py", "tasks/hooks/incoming.py"

T_LEASES, T_RECOVERY, T_REJOINING, T_RUNNER, T_OUTCOMES, T_EXECUTION, T_CANCELLING, T_WALK = (
    f"tests/{name}.py"
    for name in (
        "tasks/test_leases",
        "tasks/test_recovery",
        "tasks/test_rejoining",
        "tasks/test_runner",
        "tasks/test_outcomes",
        "tasks/test_execution",
        "tasks/test_cancelling",
        "faults/test_walk",
    )
)

MUTATIONS = (
    # The gate
    Mutation(
        rule="gate: an older lease may not write",
        path=LEASES,
        old="for pk, token in rows if leases[pk].token == token}",
        new="for pk, token in rows}",
        tests=(T_LEASES, T_RECOVERY, T_RUNNER),
    ),
    Mutation(
        rule="gate: a run that was cancelled may not write",
        path=LEASES,
        old="""        .filter(pk__in=leases, status=RunStatus.RUNNING)
        .order_by("id")""",
        new="""        .filter(pk__in=leases)
        .order_by("id")""",
        tests=(T_LEASES, T_CANCELLING),
    ),
    Mutation(
        rule="gate: the journal keeps to it",
        path=JOURNAL,
        old="if entry.gate_pass is not None and entry.gate_pass not in admitted:",
        new="if False:",
        tests=("tests/conversations/test_journal.py",),
    ),
    Mutation(
        rule="gate: locks what it lets through",
        path=LEASES,
        old="TaskRun.objects.select_for_update(no_key=True)",
        new="TaskRun.objects",
        tests=(T_LEASES,),
        database="postgres",
    ),
    # Leases
    Mutation(
        rule="lease: two workers count one after the other",
        path=LEASES,
        old=".filter(name__in=names).select_for_update(no_key=True).order_by",
        new=".filter(name__in=names).order_by",
        tests=(T_LEASES,),
        database="postgres",
    ),
    Mutation(
        rule="lease: an agent's limit",
        path=LEASES,
        old="            room[run.agent_name] -= 1",
        new="",
        tests=(T_LEASES,),
    ),
    Mutation(
        rule="lease: each has a token of its own",
        path=LEASES,
        old="""        token=F("token") + 1,""",
        new="",
        tests=(T_LEASES,),
    ),
    Mutation(
        rule="lease: one run of a task at once",
        path=LEASES,
        old="        .exclude(Exists(goes_on))",
        new="",
        tests=(T_LEASES,),
    ),
    Mutation(
        rule="lease: handed back by its holder only",
        path=LEASES,
        old="filter(pk=lease.run_id, token=lease.token, status=RunStatus.RUNNING).update(",
        new="filter(pk=lease.run_id).update(",
        tests=(T_LEASES, T_RECOVERY),
    ),
    # One row, one run
    Mutation(
        rule="run_slot_once: a slot has one run an attempt",
        path="tasks/migrations/0001_initial.py",
        old="fields=('task', 'scheduled_for', 'attempt'), name='run_slot_once'",
        new="fields=('task', 'scheduled_for', 'attempt', 'id'), name='run_slot_once'",
        tests=("tests/site/test_database.py",),
    ),
    Mutation(
        rule="claim: due tasks are locked",
        path=CLAIMING,
        old="""            .select_for_update(skip_locked=True, of=("self",))
            .annotate(owner_active=F("user__is_active"))
            .order_by("-priority", "next_run_at", "id")[:limit]""",
        new="""            .annotate(owner_active=F("user__is_active"))
            .order_by("-priority", "next_run_at", "id")[:limit]""",
        tests=(T_RUNNER, "tests/proof/test_skewed_runners.py", "tests/races/test_two_runners.py"),
        database="postgres",
    ),
    Mutation(
        rule="hook: a redelivery starts nothing",
        path=INCOMING,
        old="if first.received_at > now - REMEMBERED:",
        new="if False:",
        tests=("tests/tasks/hooks", T_WALK),
    ),
    # Final statuses
    Mutation(
        rule="end: a task's status changes from the one that was read",
        path=HISTORY,
        old="Task.objects.filter(pk=task.pk, status=old).update(**wanted)",
        new="Task.objects.filter(pk=task.pk).update(**wanted)",
        tests=("tests/tasks/test_states.py", T_OUTCOMES, T_CANCELLING, "tests/tasks/test_plans.py"),
    ),
    Mutation(
        rule="end: what was armed, started or cancelled meanwhile is not armed again",
        path=CREATION,
        old=".filter(pk=task.pk, behind=True)",
        new=".filter(pk=task.pk)",
        tests=("tests/tasks/test_plans.py", "tests/tasks/test_order.py", T_CANCELLING),
    ),
    Mutation(
        rule="end: by the lease that holds",
        path=OUTCOMES,
        old="""get(pk=lease.run_id, token=lease.token)
    return run.task, run""",
        new="""get(pk=lease.run_id)
    return run.task, run""",
        tests=(T_OUTCOMES,),
    ),
    Mutation(
        rule="end: the next task of a plan begins",
        path=OUTCOMES,
        old="return [*changes, *transcript.ending([task]), *_successors(task, now)]\n\n\ndef _successors",
        new="return [*changes, *transcript.ending([task])]\n\n\ndef _successors",
        tests=("tests/tasks/test_plans.py", T_EXECUTION),
    ),
    # Heartbeats
    Mutation(
        rule="heartbeat: a silent worker is dead",
        path=RECOVERY,
        old="heartbeat < now - STALE_AFTER or",
        new="",
        tests=(T_RECOVERY,),
    ),
    Mutation(
        rule="heartbeat: a process of this host that is gone is dead at once",
        path=RECOVERY,
        old="or _died_here(worker)\n    }",
        new="\n    }",
        tests=(T_RECOVERY,),
    ),
    Mutation(
        rule="heartbeat: renews",
        path=LEASES,
        old="return held.update(heartbeat_at=now)",
        new="return held.count()",
        tests=(T_LEASES, T_RECOVERY),
    ),
    Mutation(
        rule="turn: what somebody has going counts in each of their queues",
        path="tasks/services/turns.py",
        old="now_turn = run.ready_at - AGEING * priority + SHARE * going[user]",
        new="now_turn = run.ready_at - AGEING * priority",
        tests=("tests/tasks/test_turns.py",),
    ),
    Mutation(
        rule="hand back: by the lease that holds",
        path=LEASES,
        old="filter(pk=lease.run_id, token=lease.token, status=RunStatus.RUNNING).update(\n                status=",
        new="filter(pk=lease.run_id, status=RunStatus.RUNNING).update(\n                status=",
        tests=(T_LEASES,),
    ),
    Mutation(
        rule="heartbeat: of its own runs only",
        path=LEASES,
        old="filter(pk__in=[lease.run_id for lease in leases], worker=worker, status",
        new="filter(pk__in=[lease.run_id for lease in leases], status",
        tests=(T_LEASES,),
    ),
    # Recovery
    Mutation(
        rule="recovery: looks again under the lock",
        path=RECOVERY,
        old="filter(pk=pk, status=RunStatus.RUNNING, **columns)",
        new="filter(pk=pk, status=RunStatus.RUNNING)",
        tests=(T_RECOVERY,),
    ),
    Mutation(
        rule="recovery: what may have arrived is not sent again after a crash",
        path=RUN,
        old="            await following.find(CRASHED)",
        new="            pass",
        tests=(T_REJOINING,),
    ),
    Mutation(
        rule="recovery: nor after a cut",
        path=FOLLOWING,
        old="if not error.unanswered:",
        new="if True:",
        tests=(T_REJOINING,),
    ),
    Mutation(
        rule="recovery: nor where nobody can tell",
        path=RUN,
        old="return unknown(error.message)",
        new="return failed(error.message, True, kind='x')",
        tests=(T_REJOINING,),
    ),
    Mutation(
        rule="recovery: the message may have left with an earlier lease",
        path=MESSAGE,
        old="for token in range(1, run.lease.token + 1)",
        new="for token in [run.lease.token]",
        tests=(T_REJOINING,),
    ),
    Mutation(
        rule="recovery: the task that was found is remembered",
        path=FOLLOWING,
        old='faults.reached("run.found")\n        self._ears.remember(task.id, task.context_id)',
        new='faults.reached("run.found")',
        tests=(T_REJOINING, T_WALK),
    ),
    Mutation(
        rule="recovery: rerun makes it again",
        path=OUTCOMES,
        old="if task.on_interrupt == OnInterrupt.RERUN and",
        new="if False and",
        tests=(T_OUTCOMES,),
    ),
    Mutation(
        rule="recovery: rerun has an end",
        path=OUTCOMES,
        old="OnInterrupt.RERUN and run.attempt < task.max_attempts",
        new="OnInterrupt.RERUN",
        tests=(T_REJOINING,),
    ),
    Mutation(
        rule="recovery: a schedule goes on",
        path=CREATION,
        old="task.on_interrupt = OnInterrupt.NEXT",
        new="task.on_interrupt = OnInterrupt.FAIL",
        tests=(T_OUTCOMES,),
    ),
    Mutation(
        rule="recovery: a tick that its agent cut has failed",
        path=OUTCOMES,
        old="    if not ours:",
        new="    if False:",
        tests=(T_REJOINING,),
    ),
    Mutation(
        rule="recovery: what is stored is not said again",
        path=RUN,
        old="        if found.was_sent:\n            self._router.resume(",
        new="        if False:\n            self._router.resume(",
        tests=(T_WALK, "tests/races/test_sigkill.py"),
    ),
    Mutation(
        rule="recovery: an answer that arrived is not sent again",
        path=ANSWERING,
        old="if self._arrived(task):",
        new="if False:",
        tests=(T_WALK,),
    ),
    # Cancels and drains
    Mutation(
        rule="cancel: a second one does not cut the first",
        path=RUN,
        old="await asyncio.shield(self._stop())",
        new="await self._stop()",
        tests=(T_RUNNER,),
    ),
    Mutation(
        rule="cancel: the agent is told",
        path="tasks/services/stopping.py",
        old='.exclude(remote_task_id="").update(cancel_due=True)',
        new='.exclude(remote_task_id="").count()',
        tests=(T_CANCELLING, T_RECOVERY),
    ),
    Mutation(
        rule="cancel: before the agent named its task too",
        path=RUN,
        old="self._remote_task_id = task.id if task is not None else",
        new="self._remote_task_id =",
        tests=(T_REJOINING,),
    ),
    Mutation(
        rule="drain: what another goes on with is not cancelled at its agent",
        path=GOING,
        old="            execution.leave()",
        new="            pass",
        tests=(T_RUNNER,),
    ),
    Mutation(
        rule="drain: nor where another has it already",
        path=RUN,
        old="if not await self._in_thread(contexts.goes_on_elsewhere, self.lease):",
        new="if True:",
        tests=(T_RUNNER,),
    ),
)
