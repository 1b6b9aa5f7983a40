"""The addresses of the pages (contract, section 4)."""

from django.urls import path

from tasks import views

app_name = "tasks"
urlpatterns = [
    path("", views.home, name="home"),
    path("conversations/<uuid:conversation_id>/", views.conversation, name="conversation"),
    path("tasks/", views.tasks, name="tasks"),
    path("tasks/<uuid:task_id>/", views.task, name="task"),
    path("runs/<uuid:run_id>/", views.run, name="run"),
    path("agents/", views.agents, name="agents"),
    path("settings/", views.settings, name="settings"),
]
