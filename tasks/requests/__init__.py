"""From what a person says to what will run: a message becomes a plan with tasks, or the answer to a question.

`messages` takes what is typed, `exchange` keeps what a plan asked and was answered, `plans` takes tasks that a program
sends, `drafts` makes tasks of either.
"""

from tasks.requests.drafts import PLANNER, refusals
from tasks.requests.messages import Advice, consult, submit_message
from tasks.requests.plans import submit_tasks

__all__ = ["PLANNER", "Advice", "consult", "refusals", "submit_message", "submit_tasks"]
