"""The pages: conversations, tasks, runs and agents, for people. One module a page; `frame` is around all."""

from tasks.views.agents import agents
from tasks.views.conversation import conversation
from tasks.views.home import home
from tasks.views.hooks import receive as receive_event
from tasks.views.runs import run
from tasks.views.settings import settings
from tasks.views.task import task
from tasks.views.tasks import tasks

__all__ = ["agents", "conversation", "home", "receive_event", "run", "settings", "task", "tasks"]
