"""A picture that a person sent along with a request: it goes to the task's agent with each of its runs."""

from __future__ import annotations

from django.db import models

from conversations.ids import new_id


class TaskFile(models.Model):
    """One file of a task. It stands apart from the task, which is read far more often than its files."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    task = models.ForeignKey("tasks.Task", models.CASCADE, related_name="files")
    name = models.CharField(max_length=200)
    media_type = models.CharField(max_length=100)
    content = models.BinaryField()

    class Meta:
        # In the order in which they were sent: ids are in the order of creation.
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name
