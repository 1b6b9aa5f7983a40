"""A task: one request to one agent, once or on a schedule."""

from __future__ import annotations

from datetime import datetime, time
from enum import StrEnum
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, Value, When
from django.db.models.functions import Now
from django.utils.timezone import now as clock

from conversations.ids import new_id
from conversations.models import Conversation
from tasks import language
from tasks.models.plan import ExecutionPlan
from tasks.schedules import Schedule
from tasks.states import (
    TASK_ENDED,
    TASK_UNFINISHED,
    CatchUp,
    Notify,
    OnFailure,
    OnInterrupt,
    Overlap,
    Pattern,
    PausedReason,
    Phase,
    RunStatus,
    TaskStatus,
)

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def _choices(values: type[StrEnum]) -> list[tuple[str, str]]:
    return [(value.value, value.value.replace("_", " ")) for value in values]


class TaskQuerySet(models.QuerySet["Task"]):
    """The questions that runner, pages and API ask of tasks."""

    def for_user(self, user: User) -> TaskQuerySet:
        """Those that belong to `user`; other people's do not exist for them."""
        return self.filter(user=user)

    def unfinished(self) -> TaskQuerySet:
        """Those that may still run."""
        return self.filter(status__in=TASK_UNFINISHED)

    def due(self, moment: datetime) -> TaskQuerySet:
        """Those whose next run's moment has come. Served by the partial index `task_due`."""
        return self.armed().filter(next_run_at__lte=moment)

    def armed(self) -> TaskQuerySet:
        """Those that have a next run (an ended task has none, by `task_ended_is_not_armed`) and do not rest."""
        return self.filter(next_run_at__isnull=False, paused_at=None)

    def unplanned(self) -> TaskQuerySet:
        """Schedules whose turn has come, that do not rest and have no next run. By the index `task_unplanned`."""
        return self.filter(
            completed_at=None,
            pattern=Pattern.RECURRING,
            on_event=False,
            behind=False,
            next_run_at=None,
            paused_at=None,
        )

    def with_phase(self) -> TaskQuerySet:
        """Annotate `phase` (`tasks.states.Phase`): what each does now."""
        # The relation's other end, so that this module need not import the one that imports it.
        runs = self.model._meta.get_field("runs").related_model

        def has_run(status: RunStatus) -> Exists:
            return Exists(runs._default_manager.filter(task=OuterRef("pk"), status=status, finished_at=None))

        return self.annotate(
            phase=Case(
                When(status__in=[*TASK_ENDED, TaskStatus.WAITING_INPUT], then=F("status")),
                When(has_run(RunStatus.RUNNING), then=Value(Phase.RUNNING)),
                When(has_run(RunStatus.QUEUED), then=Value(Phase.QUEUED)),
                When(paused_at__isnull=False, then=Value(Phase.PAUSED)),
                # A task behind another one of its plan, and one whose moment has just come, wait for their turn.
                When(Q(next_run_at=None, on_event=False) | Q(next_run_at__lte=Now()), then=Value(Phase.QUEUED)),
                default=Value(Phase.SCHEDULED),
                output_field=models.CharField(),
            )
        )


class Task(models.Model):
    """One request to one agent. `next_run_at` is the truth about when; only TaskService changes a status."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    plan = models.ForeignKey(ExecutionPlan, models.CASCADE, related_name="tasks")
    place = models.PositiveSmallIntegerField(default=0)
    """Its place in the plan: tasks run in this order."""
    key = models.CharField(max_length=100, blank=True)
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="tasks")
    thread_id = models.UUIDField(default=new_id)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="tasks")
    agent_name = models.CharField(max_length=200)
    title = models.CharField(max_length=200)
    query = models.TextField()
    status = models.CharField(max_length=14, choices=_choices(TaskStatus), default=TaskStatus.PENDING)
    pattern = models.CharField(max_length=10, choices=_choices(Pattern), default=Pattern.ONCE)
    handoff_from_super_agent = models.BooleanField(default=False)
    """Runs in a conversation of its own; the plan's conversation shows a `subagent_conversation` card."""

    # The schedule: at most one of the first four (contract, "Schedule").
    interval_minutes = models.PositiveIntegerField(null=True, blank=True)
    daily_times = models.JSONField(null=True, blank=True)
    crons = models.JSONField(null=True, blank=True)
    on_event = models.BooleanField(default=False)
    language = models.CharField(max_length=language.LONGEST, default=language.DEFAULT)
    """Of who asked for it: its agent is told."""
    timezone = models.CharField(max_length=64, default="UTC")
    start_at = models.DateTimeField(null=True, blank=True)
    end_at = models.DateTimeField(null=True, blank=True)
    max_runs = models.PositiveIntegerField(null=True, blank=True)
    jitter_seconds = models.PositiveIntegerField(default=0)
    exclude = models.JSONField(default=list, blank=True)
    anchor_at = models.DateTimeField(default=clock)
    """Interval slots are exactly this plus k times the interval: `start_at`, or the moment of creation."""

    overlap = models.CharField(max_length=14, choices=_choices(Overlap), default=Overlap.SKIP)
    catch_up = models.CharField(max_length=4, choices=_choices(CatchUp), default=CatchUp.ONE)
    catch_up_window_minutes = models.PositiveIntegerField(default=1440)
    on_interrupt = models.CharField(max_length=5, choices=_choices(OnInterrupt), default=OnInterrupt.FAIL)
    priority = models.PositiveSmallIntegerField(default=5, validators=[MinValueValidator(0), MaxValueValidator(9)])
    max_attempts = models.PositiveSmallIntegerField(default=3)
    timeout_seconds = models.PositiveIntegerField(default=3600)
    deadline_at = models.DateTimeField(null=True, blank=True)
    conversation_mode = models.CharField(max_length=6, choices=[("append", "append"), ("new", "new")], default="append")
    only_changes = models.BooleanField(default=False)
    """Its agent is given the result before, and asked to speak only of what changed since."""
    notify = models.CharField(max_length=8, choices=_choices(Notify), default=Notify.NEWS, db_default="news")
    max_runs_per_day = models.PositiveIntegerField(null=True, blank=True)
    budget = models.JSONField(null=True, blank=True)
    """What it may use (`tasks.budgets.LIMITS`); None: no limit."""
    retention_days = models.PositiveIntegerField(null=True, blank=True)
    """How long its ended runs and their items are kept; 0: for ever; None: as everywhere (RETENTION_DAYS)."""
    depends_on = models.JSONField(null=True, blank=True)
    """Keys of the tasks of its plan that must have ended before it starts; None: its plan goes in order of `place`."""
    on_failure = models.CharField(max_length=8, choices=_choices(OnFailure), default=OnFailure.CONTINUE)

    behind = models.BooleanField(default=False, db_default=False)
    """Its turn in its plan has not come: nothing is planned for it."""
    in_line = models.BooleanField(default=False, db_default=False)
    """It was asked to wait: its runs start when nothing of an earlier plan of their conversation is active."""
    revived_from = models.CharField(max_length=14, blank=True, default="", db_default="")
    """The status of an ended schedule while a run again of it goes on. That run is no tick, and nothing else starts."""
    next_slot_at = models.DateTimeField(null=True, blank=True)
    """The slot that comes next; `next_run_at` is this plus its jitter."""
    next_run_at = models.DateTimeField(null=True, blank=True)
    run_count = models.PositiveIntegerField(default=0)
    """Slots that were given a run, for `max_runs`."""
    failures_in_a_row = models.PositiveSmallIntegerField(default=0)
    failure_told = models.BooleanField(default=False)
    """Its owner was told that it rests for its failures; its next success tells that it recovered, and clears this."""
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_until = models.DateTimeField(null=True, blank=True)
    paused_reason = models.CharField(max_length=16, choices=_choices(PausedReason), blank=True)
    paused_note = models.CharField(max_length=500, blank=True)
    error_message = models.TextField(blank=True)
    untold = models.BooleanField(default=False)
    """Cancelled with many others: its transcript does not say so yet. The runner tells, in batches, and clears it."""
    created_at = models.DateTimeField(default=clock, editable=False)
    started_at = models.DateTimeField(null=True, blank=True, editable=False)
    completed_at = models.DateTimeField(null=True, blank=True, editable=False)
    updated_at = models.DateTimeField(default=clock, editable=False)

    file_count = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)
    """Of its `files`: most tasks have none, and need not be asked."""

    objects = TaskQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=sorted(TaskStatus)), name="task_status_known"),
            models.CheckConstraint(
                condition=(
                    Q(pattern="once", interval_minutes=None, daily_times=None, crons=None, on_event=False)
                    | Q(
                        # "Not null" too: a comparison with null is neither true nor false, which a check lets pass.
                        pattern="recurring",
                        interval_minutes__isnull=False,
                        interval_minutes__gte=1,
                        daily_times=None,
                        crons=None,
                        on_event=False,
                    )
                    | Q(
                        pattern="recurring",
                        interval_minutes=None,
                        daily_times__isnull=False,
                        crons=None,
                        on_event=False,
                    )
                    | Q(
                        pattern="recurring",
                        interval_minutes=None,
                        daily_times=None,
                        crons__isnull=False,
                        on_event=False,
                    )
                    | Q(
                        pattern="recurring",
                        interval_minutes=None,
                        daily_times=None,
                        crons=None,
                        on_event=True,
                    )
                ),
                name="task_one_kind_of_schedule",
            ),
            models.CheckConstraint(condition=Q(overlap__in=sorted(Overlap)), name="task_overlap_known"),
            models.CheckConstraint(condition=Q(catch_up__in=sorted(CatchUp)), name="task_catch_up_known"),
            models.CheckConstraint(condition=Q(on_failure__in=sorted(OnFailure)), name="task_on_failure_known"),
            models.CheckConstraint(condition=Q(notify__in=sorted(Notify)), name="task_notify_known"),
            models.CheckConstraint(condition=Q(priority__lte=9), name="task_priority_0_to_9"),
            models.CheckConstraint(condition=Q(max_attempts__gte=1), name="task_max_attempts_positive"),
            # An ended task is never armed (expectations.md, line 34).
            models.CheckConstraint(
                condition=Q(next_run_at=None) | Q(status__in=sorted(TASK_UNFINISHED)),
                name="task_ended_is_not_armed",
            ),
            models.UniqueConstraint(fields=["plan", "key"], condition=~Q(key=""), name="task_key_once_in_its_plan"),
        ]
        # Conditions of partial indexes say "is null" or "= constant": SQLite does not see that a query's
        # `IN (?, ?)` means an index's `IN ('a', 'b')`, and reads the table instead.
        indexes = [
            # The wake-up (the earliest) and the claim (all due): `armed()`, `due()`.
            models.Index(
                fields=["next_run_at"],
                condition=Q(next_run_at__isnull=False, paused_at=None),
                name="task_due",
            ),
            # Lists of one person, by status; newest first, keyset by id.
            models.Index(fields=["user", "-id"], name="task_of_user"),
            models.Index(fields=["user", "status", "-id"], name="task_of_user_by_status"),
            models.Index(fields=["conversation", "-id"], name="task_of_conversation"),
            # Admin's filters and cancel everything unfinished.
            models.Index(fields=["status", "-id"], name="task_by_status"),
            models.Index(fields=["agent_name", "-id"], name="task_by_agent"),
            models.Index(fields=["paused_until"], condition=Q(paused_until__isnull=False), name="task_paused_until"),
            models.Index(fields=["id"], condition=Q(untold=True), name="task_untold"),
            # Those with a time of their own (`services.retention`).
            models.Index(fields=["id"], condition=Q(retention_days__gt=0), name="task_retention"),
            # Those that only events start, and whose time is over (`services.events.end_over`).
            models.Index(
                fields=["end_at"],
                condition=Q(on_event=True, end_at__isnull=False, completed_at=None),
                name="task_on_event_end",
            ),
            models.Index(
                fields=["id"],
                condition=Q(
                    completed_at=None,
                    pattern="recurring",
                    on_event=False,
                    behind=False,
                    next_run_at=None,
                    paused_at=None,
                ),
                name="task_unplanned",
            ),
            models.Index(
                fields=["deadline_at"],
                condition=Q(deadline_at__isnull=False, completed_at=None),
                name="task_deadline",
            ),
            # Whose agent may be back (`agents_back`).
            models.Index(fields=["agent_name"], condition=Q(paused_reason="agent_gone"), name="task_agent_gone"),
            # Whose owner may be back (`owners_back`).
            models.Index(fields=["user"], condition=Q(paused_reason="owner_inactive"), name="task_owner_inactive"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def schedule(self) -> Schedule:
        """The schedule as the value that `tasks.schedules` computes with."""
        return Schedule(
            interval_minutes=self.interval_minutes,
            daily_times=tuple(time.fromisoformat(text) for text in self.daily_times or ()),
            crons=tuple(self.crons or ()),
            on_event=self.on_event,
            timezone=self.timezone,
            start_at=self.start_at,
            end_at=self.end_at,
            max_runs=self.max_runs,
            jitter_seconds=self.jitter_seconds,
            exclude=tuple(self.exclude),
        )

    @schedule.setter
    def schedule(self, schedule: Schedule) -> None:
        self.interval_minutes = schedule.interval_minutes
        self.daily_times = [moment.strftime("%H:%M") for moment in schedule.daily_times] or None
        self.crons = list(schedule.crons) or None
        self.on_event = schedule.on_event
        self.timezone = schedule.timezone
        self.start_at = schedule.start_at
        self.end_at = schedule.end_at
        self.max_runs = schedule.max_runs
        self.jitter_seconds = schedule.jitter_seconds
        self.exclude = list(schedule.exclude)
        self.pattern = Pattern.RECURRING if schedule.recurring else Pattern.ONCE

    def listens(self, now: datetime) -> bool:
        """Whether events alone may still start it: no time is planned, and neither `end_at` nor `max_runs` is over."""
        if self.revived_from or not self.on_event or (self.end_at is not None and self.end_at < now):
            return False
        return self.max_runs is None or self.run_count < self.max_runs

    @property
    def recurring(self) -> bool:
        """Whether the task runs on a schedule (or on events) rather than once."""
        return self.pattern == Pattern.RECURRING
