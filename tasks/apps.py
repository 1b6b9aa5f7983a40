"""Django's entry to the tasks app."""

from django.apps import AppConfig


class TasksConfig(AppConfig):
    """Plans, tasks, runs and agents."""

    name = "tasks"
    verbose_name = "Tasks"
