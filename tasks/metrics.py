"""What is measured of due work: slots claimed and how late, how long runs wait and take, and how they end. Read by
`/metrics`.
"""

from prometheus_client import Counter, Histogram

LATE = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 3600.0)
LONG = (0.1, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)

CLAIMED = Counter("valuecell_tasks_claimed", "Tasks whose due slots this process decided about.")
STARTED = Counter("valuecell_runs_started", "Runs that were given to a worker.", ["trigger"])
LATENESS_SECONDS = Histogram(
    "valuecell_run_lateness_seconds", "From a slot until its run was given to a worker.", buckets=LATE
)
QUEUE_SECONDS = Histogram(
    "valuecell_run_queue_seconds", "From the moment at which a run was ready until a worker had it.", buckets=LATE
)
RUN_SECONDS = Histogram(
    "valuecell_run_seconds", "How long the exchange with the agent took.", ["agent", "outcome"], buckets=LONG
)
FAILURES = Counter("valuecell_run_failures", "Attempts that failed, by agent and kind.", ["agent", "kind"])


def ended(agent: str, outcome: str, kind: str, seconds: float) -> None:
    """An exchange with `agent` ended as `outcome` says; `kind`: what sort of failure, empty where the agent said it."""
    RUN_SECONDS.labels(agent=agent, outcome=outcome).observe(seconds)
    if kind or outcome == "failed":
        FAILURES.labels(agent=agent, kind=kind or "said by the agent").inc()
