"""What is measured of the transcript's way: commits of the journal, and how long a word takes from its agent to the
sockets. Read by `/metrics`.
"""

from prometheus_client import Counter, Gauge, Histogram

SHORT = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

COMMIT_SECONDS = Histogram(
    "valuecell_journal_commit_seconds", "How long a group commit took in the database.", buckets=SHORT
)
COMMIT_CHANGES = Histogram(
    "valuecell_journal_commit_changes",
    "Changes that went into one group commit.",
    buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 5_000),
)
PUSH_SECONDS = Histogram(
    "valuecell_journal_push_seconds",
    "From the moment at which the oldest change of a commit was heard until its frames left.",
    buckets=SHORT,
)
PENDING = Gauge("valuecell_journal_pending_characters", "Text that waits for its commit.")
COMMIT_RETRIES = Counter("valuecell_journal_retries", "Commits tried again: the database was busy or away.")
SOCKETS = Gauge("valuecell_sockets", "Open sockets and event streams of this process.")
