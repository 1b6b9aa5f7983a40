"""Django's entry to the project's own app, and the place where the apps are joined."""

from django.apps import AppConfig


class SiteConfig(AppConfig):
    """Ways in, addresses, and what is announced to open pages."""

    name = "valuecell_site"
    label = "valuecell_site"
    verbose_name = "Access"

    def ready(self) -> None:
        """Say how a changed object is shown to the pages that its owner has open, follow changed accounts, and keep
        the audit.
        """
        from django.contrib.auth.models import User
        from django.db.models.signals import post_save

        from conversations.hub import hub
        from tasks.schemas import outputs
        from valuecell_site import auditing
        from valuecell_site.people import account_saved

        auditing.connect()
        hub.register_activity("conversation_changed", outputs.conversations_by_id)
        hub.register_activity("task_changed", outputs.tasks_by_id)
        hub.register_activity("run_changed", outputs.runs_by_id)
        post_save.connect(account_saved, sender=User, dispatch_uid="account_saved")
