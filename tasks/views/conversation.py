"""A conversation: its newest items, its tasks for the rail, and where the live connection goes on."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import Case, IntegerField, Value, When
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from conversations import feed
from conversations.models import Conversation
from conversations.schemas import moment_or_none
from tasks.models import Task
from tasks.states import TASK_UNFINISHED
from tasks.views.frame import entry, frame, last_runs, offered_agents, person, with_nth_run
from tasks.views.words import when_words

NEWEST = 60
"""Items in the page itself; earlier ones come on demand."""
RAIL = 40
"""Tasks in the rail: unfinished ones first; the list of tasks has the rest."""


@login_required
@require_GET
def conversation(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """`/conversations/{id}/`; 404 for none and for another person's."""
    user = person(request)
    found = Conversation.objects.for_user(user).filter(pk=conversation_id).first()
    if found is None:
        raise Http404
    # `last_seq` was read with the row, before the items: what changes between comes again, whole.
    envelopes = feed.page_before(found.id, None, NEWEST + 1)
    unfinished_first = Case(
        When(status__in=TASK_UNFINISHED, then=Value(0)), default=Value(1), output_field=IntegerField()
    )
    tasks = list(
        with_nth_run(Task.objects.for_user(user).filter(conversation=found).with_phase()).order_by(
            unfinished_first, "-id"
        )[:RAIL]
    )
    runs = last_runs(tasks)
    page = {
        "conversation": {
            "id": str(found.id),
            "title": found.title,
            "status": str(found.status),
            "agent_name": found.agent_name,
            "unread": found.unread,
            "pinned_at": moment_or_none(found.pinned_at),
            "archived_at": moment_or_none(found.archived_at),
        },
        "seq": found.last_seq,
        "envelopes": envelopes[-NEWEST:],
        "more": len(envelopes) > NEWEST,
        "tasks": [{**entry(task, runs[task.id]), "words": when_words(task)} for task in tasks],
    }
    context = {
        **frame(request, "conversation"),
        "conversation": found,
        "page": page,
        "agents": offered_agents(),
    }
    return render(request, "conversations/conversation.html", context)
