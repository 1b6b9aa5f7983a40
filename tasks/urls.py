"""The addresses of the pages (contract, section 4)."""

from django.urls import path, re_path

from tasks import views

app_name = "tasks"
urlpatterns = [
    path("", views.home, name="home"),
    path("conversations/<uuid:conversation_id>/", views.conversation, name="conversation"),
    path("shared/<str:token>/", views.shared, name="shared"),
    path("shared/<str:token>/items/", views.shared_items, name="shared_items"),
    path("tasks/", views.tasks, name="tasks"),
    path("tasks/<uuid:task_id>/", views.task, name="task"),
    path("tasks/<uuid:task_id>/slots/", views.slots, name="slots"),
    path("tasks/<uuid:task_id>/feed/", views.make_results_feed, name="make_results_feed"),
    path("runs/<uuid:run_id>/", views.run, name="run"),
    path("calendar/", views.calendar, name="calendar"),
    path("calendar/feed/", views.change_feed, name="change_feed"),
    path("feeds/<str:token>.ics", views.feed, name="feed"),
    path("feeds/<uuid:task_id>/<str:token>.atom", views.results_feed, name="results_feed"),
    path("insights/", views.insights, name="insights"),
    path("agents/", views.agents, name="agents"),
    path("settings/", views.settings, name="settings"),
    re_path(r"^push/(?P<run_id>[^/]+)/?$", views.receive_push, name="push"),
    # With and without the slash: a sender that is redirected loses what it sent.
    re_path(r"^hooks/(?P<hook_id>[^/]+)/?$", views.receive_event, name="hook"),
]
