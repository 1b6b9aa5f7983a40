"""TaskService: every way in which a task changes. No other code writes a status of a task or run.

Each method is atomic, takes `now` and (where a person may ask) `actor`, and raises the errors of `tasks.errors`.
The rooms behind it: `history` (the conditional update and its row), `creation`, `operations`, `resting`, `owners`,
`extra_runs`, `many`, `cancelling`, `leaving`, `claiming` (with the pure `ticks`), `events`, `leases`, `workers`,
`switches`, `outcomes`, `successes`, `questions`, `retention`, `queries`, and `transcript` (what a task says in
its conversation).
"""

from tasks.services import (
    cancelling,
    claiming,
    creation,
    events,
    extra_runs,
    history,
    leases,
    leaving,
    many,
    mending,
    operations,
    outcomes,
    owners,
    queries,
    resting,
    retention,
    successes,
    switches,
    texts,
    workers,
)
from tasks.services.cancelling import Cancelled
from tasks.services.creation import TaskDraft
from tasks.services.leases import Lease
from tasks.services.many import Many
from tasks.services.outcomes import Known
from tasks.services.successes import Success
from tasks.services.switches import Held

__all__ = ["Cancelled", "Held", "Known", "Lease", "Many", "Success", "TaskDraft", "TaskService"]


class TaskService:
    """The index: what can be done to tasks, by whom, and where it is written."""

    # Pages and programs
    get = staticmethod(queries.get)
    filtered = staticmethod(queries.filtered)
    previewed = staticmethod(texts.previewed)
    list_tasks = staticmethod(queries.list_tasks)

    # People
    create_plan = staticmethod(creation.create_plan)
    add_tasks = staticmethod(creation.add_tasks)
    update = staticmethod(operations.update)
    refusals = staticmethod(operations.refusals)
    snooze = staticmethod(operations.snooze)
    pause = staticmethod(resting.pause)
    resume = staticmethod(resting.resume)
    trigger = staticmethod(extra_runs.trigger)
    run_again = staticmethod(extra_runs.run_again)
    backfill = staticmethod(extra_runs.backfill)
    answer = staticmethod(operations.answer)
    cancel = staticmethod(cancelling.cancel)
    interrupt_conversation = staticmethod(cancelling.interrupt_conversation)
    cancel_many = staticmethod(cancelling.cancel_many)
    cancel_conversation_tasks = staticmethod(cancelling.cancel_conversation_tasks)
    cancel_plan = staticmethod(cancelling.cancel_plan)
    leave_conversation = staticmethod(leaving.leave_conversation)
    delete_conversation = staticmethod(leaving.delete_conversation)

    # People, to many at once
    pause_many = staticmethod(many.pause_many)
    resume_many = staticmethod(many.resume_many)
    snooze_many = staticmethod(many.snooze_many)
    trigger_many = staticmethod(many.trigger_many)
    run_again_many = staticmethod(many.run_again_many)
    cancel_chosen = staticmethod(many.cancel_chosen)

    # Operators, for all processes
    held = staticmethod(switches.held)
    hold = staticmethod(switches.hold)
    release = staticmethod(switches.release)
    drain = staticmethod(switches.drain)
    undrain = staticmethod(switches.undrain)

    # The runner: time
    stops = staticmethod(switches.stops)
    runner_present = staticmethod(switches.runner_present)
    runner_gone = staticmethod(switches.runner_gone)
    claim_due = staticmethod(claiming.claim_due)
    resume_due = staticmethod(resting.resume_due)
    resume_for_agents = staticmethod(resting.resume_for_agents)
    agents_back = staticmethod(resting.agents_back)
    rest_for_owner = staticmethod(owners.rest_for_owner)
    resume_for_owners = staticmethod(owners.resume_for_owners)
    owners_back = staticmethod(owners.owners_back)
    tell_cancelled = staticmethod(cancelling.tell_cancelled)
    mend_unplanned = staticmethod(mending.mend_unplanned)
    replan_calendars = staticmethod(mending.replan_calendars)
    miss_deadline = staticmethod(outcomes.miss_deadline)
    delete_due_conversations = staticmethod(leaving.delete_due_conversations)
    end_over = staticmethod(events.end_over)
    forget_old_runs = staticmethod(retention.forget_old_runs)
    forget_where_asked = staticmethod(retention.forget_where_asked)

    # What happens elsewhere
    start_by_event = staticmethod(events.start_by_event)

    # Workers: start, progress and end of runs (seed document: start, complete, fail)
    start = staticmethod(leases.lease_ready)
    hand_over = staticmethod(workers.hand_over)
    take_over = staticmethod(workers.take_over)
    worker_present = staticmethod(workers.present)
    worker_gone = staticmethod(workers.gone)
    beat = staticmethod(leases.beat)
    lost = staticmethod(leases.lost)
    hand_back = staticmethod(leases.hand_back)
    sent = staticmethod(outcomes.sent)
    known_at_agent = staticmethod(outcomes.known_at_agent)
    used = staticmethod(outcomes.used)
    complete = staticmethod(successes.succeed)
    complete_many = staticmethod(successes.succeed_many)
    fail = staticmethod(outcomes.fail)
    wait_for_input = staticmethod(outcomes.wait_for_input)
    stop_at_agent = staticmethod(outcomes.stop_at_agent)
    told_cancel = staticmethod(outcomes.told_cancel)
    interrupt = staticmethod(outcomes.interrupt)

    locked = staticmethod(history.locked)
    gate = staticmethod(leases.gate)
