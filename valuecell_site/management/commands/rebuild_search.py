"""`manage.py rebuild_search`: the search's index made anew from what the conversations say."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from conversations import search
from conversations.models import Conversation


class Command(BaseCommand):
    """Empties the index and fills it again, in small transactions: pages and runs go on meanwhile."""

    help = "Make the search's index anew. Needed after a database was put together by hand; it keeps itself otherwise."

    def handle(self, *_: Any, **options: Any) -> None:
        """Say how far it is."""
        search.forget_all()
        total, place = 0, None
        while True:
            taken, place = search.index_pending(now=timezone.now(), after=place)
            total += taken
            if options["verbosity"] and taken:
                self.stdout.write(f"{total:>13,} items, {Conversation.objects.to_index().count():,} conversations left")
                self.stdout.flush()
            if place is None:
                return
