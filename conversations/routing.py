"""The addresses of the sockets (the contract's section 4)."""

from django.urls import path, re_path

from conversations.consumers import activity_socket, conversation_socket, unknown_socket

websocket_urlpatterns = [
    path("ws/conversations/<str:conversation_id>/", conversation_socket),  # type: ignore[arg-type]
    path("ws/activity/", activity_socket),  # type: ignore[arg-type]
    re_path(r"", unknown_socket),  # type: ignore[arg-type]
]
