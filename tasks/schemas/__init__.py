"""JSON shapes of tasks, plans, runs and agents: what comes in (`inputs`) and what goes out (`outputs`)."""
