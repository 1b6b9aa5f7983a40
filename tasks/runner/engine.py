"""The job that the engine (Procrastinate) carries to a worker, and how runs become jobs.

A job names a run and the token of its lease, nothing else: what there is to do is in the database, and a job that comes
late, twice or after a cancel finds a lease that holds no more, and ends. So nothing of the engine's own about retries,
stalled jobs or results is used (docs/decisions/0008).
"""

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from procrastinate import App, JobContext
from procrastinate.contrib.django import app
from procrastinate.jobs import Status
from procrastinate.types import JSONValue

from tasks.services import Lease

logger = logging.getLogger(__name__)

QUEUE = "runs"
JOB = "tasks.carry_out"
STALLED_AFTER = timedelta(minutes=2)
"""Age of the last sign of a worker whose jobs are dropped: its runs were taken up long before, by their heartbeats."""


class Carrier(Protocol):
    """What a worker puts into each job's context."""

    async def carry_out(self, lease: Lease) -> None:
        """Carry the run out to its end, if the lease still holds."""


@app.task(name=JOB, queue=QUEUE, pass_context=True)
async def carry_out(context: JobContext, run_id: str, token: int) -> None:
    """Hand a job's run to the worker that the job has reached."""
    carrier: Carrier = context.additional_context["carrier"]
    await carrier.carry_out(Lease(run_id=UUID(run_id), token=token))


def defer(leases: Sequence[Lease]) -> None:
    """Write a job for each lease, in this transaction and one statement, in the order of `leases`."""
    jobs: list[dict[str, JSONValue]] = [{"run_id": str(lease.run_id), "token": lease.token} for lease in leases]
    carry_out.batch_defer(*jobs)


async def drop_stalled(worker_app: App) -> int:
    """Delete jobs whose worker died over them; returns how many it were. Their runs are not theirs any more."""
    manager = worker_app.job_manager
    jobs = await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER.total_seconds())
    stalled = [job.id for job in jobs if job.id is not None]
    for job_id in stalled:
        await manager.finish_job_by_id_async(job_id=job_id, status=Status.FAILED, delete_job=True)
    if stalled:
        logger.info("%d jobs of dead workers were dropped", len(stalled), extra={"event": "engine.stalled"})
    return len(stalled)
