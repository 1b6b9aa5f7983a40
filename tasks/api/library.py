"""What a person does with a conversation besides talking in it: it is seen, restored, shared."""

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils import timezone

from conversations import audit
from conversations.api import own_conversation
from conversations.audit import Act
from conversations.described import described
from conversations.models import Conversation, ConversationShare
from conversations.schemas import ConversationOut, SeenIn, ShareOut, conversation_out, share_out
from conversations.services import ConversationService
from conversations.wire import Absent, answer, path_id, person, read_body, read_nothing
from tasks.api.conversations import router

__all__ = ["router"]


@router.post("/{conversation_id}/seen", response={200: ConversationOut}, openapi_extra=described(body=SeenIn))
def mark_seen(request: HttpRequest, conversation_id: str) -> JsonResponse:
    """Say up to which `seq` it was seen: its `unread` goes by that. An earlier one than before changes nothing."""
    conversation = own_conversation(request, conversation_id)
    sent = read_body(request, SeenIn)
    return answer(conversation_out(ConversationService.see(conversation, sent.seq)))


@router.post("/{conversation_id}/restore", response={200: ConversationOut})
def restore_conversation(request: HttpRequest, conversation_id: str) -> JsonResponse:
    """Take a deletion back while its `grace_seconds` last; again is harmless."""
    pk = path_id(conversation_id)
    # `own_conversation` would not see it: it is as good as deleted.
    if Conversation.objects.filter(pk=pk, user=person(request)).exists():
        read_nothing(request)
    conversation = ConversationService.restore(person(request), pk, now=timezone.now())
    if conversation is None:
        raise Absent("There is no such conversation here.")
    return answer(conversation_out(conversation))


@router.get("/{conversation_id}/share", response={200: ShareOut})
def get_share(request: HttpRequest, conversation_id: str) -> JsonResponse:
    """Its read-only link; nulls where it has none."""
    conversation = own_conversation(request, conversation_id)
    return answer(_shown(ConversationShare.objects.filter(conversation=conversation).first()))


@router.post("/{conversation_id}/share", response={200: ShareOut, 201: ShareOut})
def share_conversation(request: HttpRequest, conversation_id: str) -> JsonResponse:
    """Make a read-only link that needs no account; where there is one, let it show everything until now."""
    conversation = own_conversation(request, conversation_id)
    read_nothing(request)
    now = timezone.now()
    with transaction.atomic():
        share, made = ConversationService.share(conversation, now=now)
        audit.record(Act.SHARE_MADE, now=now, request=request, subject=conversation, named="", new=made)
    return answer(_shown(share), 201 if made else 200)


@router.delete("/{conversation_id}/share", response={204: None})
def unshare_conversation(request: HttpRequest, conversation_id: str) -> HttpResponse:
    """Revoke the link: it opens nothing any more."""
    conversation = own_conversation(request, conversation_id)
    with transaction.atomic():
        if ConversationService.unshare(conversation):
            audit.record(Act.SHARE_REVOKED, now=timezone.now(), request=request, subject=conversation, named="")
    return HttpResponse(status=204)


def _shown(share: ConversationShare | None) -> ShareOut:
    address = f"{settings.PUBLIC_URL}{reverse('tasks:shared', args=[share.token])}" if share else ""
    return share_out(share, address)
