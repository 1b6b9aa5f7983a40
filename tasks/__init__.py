"""Plans, tasks and runs: when they are due, who carries them out, and how they end."""
