"""The JSON API of tasks, and what of conversations concerns their tasks; mounted by the project's NinjaAPI."""

from ninja import Router


def routers() -> list[tuple[str, Router]]:
    """Each router with its prefix under `/api/v1`, in the order in which the description lists them."""
    from tasks.api import agents, hooks, library, operations, plans, runs, schedules, tasks, texts, webhooks

    return [
        ("/conversations", library.router),
        ("/plans", plans.router),
        ("/tasks", texts.router),  # before the tasks, whose ids are any word
        ("/tasks", operations.router),  # its /bulk too
        ("/tasks", tasks.router),
        ("/tasks", hooks.router),
        ("/runs", runs.router),
        ("/schedules", schedules.router),
        ("/agents", agents.router),
        ("/agent-previews", agents.previews),
        ("/webhooks", webhooks.router),
    ]
