"""The pages, for people. One module a page; `frame` is around all."""

from tasks.views.agents import agents
from tasks.views.calendar import calendar
from tasks.views.conversation import conversation
from tasks.views.feeds import change_feed, feed
from tasks.views.home import home
from tasks.views.hooks import receive as receive_event
from tasks.views.insights import insights
from tasks.views.pushes import receive as receive_push
from tasks.views.results_feed import make_results_feed, results_feed
from tasks.views.runs import run
from tasks.views.settings import settings
from tasks.views.shared import shared, shared_items
from tasks.views.slots import slots
from tasks.views.task import task
from tasks.views.tasks import tasks

__all__ = [
    "agents",
    "calendar",
    "change_feed",
    "conversation",
    "feed",
    "home",
    "insights",
    "make_results_feed",
    "receive_event",
    "receive_push",
    "results_feed",
    "run",
    "settings",
    "shared",
    "shared_items",
    "slots",
    "task",
    "tasks",
]
