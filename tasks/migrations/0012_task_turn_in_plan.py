"""Whether a task's turn in its plan has come is said by a column of its own, and so is what a run again revived."""

from django.db import migrations, models


def mark_behind(apps, schema_editor):
    """What waits behind others had no moment; of those that events start, only their controller said it."""
    Task = apps.get_model("tasks", "Task")
    Item = apps.get_model("conversations", "ConversationItem")
    waiting = Task.objects.filter(status="pending", next_run_at=None)
    waiting.filter(on_event=False).update(behind=True)
    for task in waiting.filter(on_event=True).iterator():
        shown = Item.objects.filter(conversation_id=task.conversation_id, event="component_generator", task_id=task.pk)
        if not shown.exists():
            Task.objects.filter(pk=task.pk).update(behind=True)


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0001_initial"),
        ("tasks", "0011_task_files"),
    ]

    operations = [
        migrations.AddField("task", "behind", models.BooleanField(db_default=False, default=False)),
        migrations.AddField("task", "revived_from", models.CharField(blank=True, db_default="", default="", max_length=14)),
        migrations.RunPython(mark_behind, migrations.RunPython.noop),
        migrations.RemoveIndex("task", "task_unplanned"),
        migrations.AddIndex(
            "task",
            models.Index(
                condition=models.Q(
                    ("behind", False),
                    ("completed_at", None),
                    ("next_run_at", None),
                    ("on_event", False),
                    ("pattern", "recurring"),
                    ("paused_at", None),
                ),
                fields=["id"],
                name="task_unplanned",
            ),
        ),
    ]
