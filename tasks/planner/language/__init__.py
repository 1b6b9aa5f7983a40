"""When a text says that something shall run: schedules and moments in English and Chinese phrases, without a model.

Pure: no database, no clock, no Django. `understand` takes a person's text, their zone and `now`, and gives back the
schedule that it means, the text without the time phrase, and the next times; or a question, where a time was meant
but is not sure; or neither. It never guesses: a phrase that has two readings is asked about, with the likelier one as
a proposal. docs/schedules.md, *In your own words*, is the list of what is understood.

A reader's path: `english` and `chinese` find typed pieces in a text (a pace, days, clock times, a zone, a bound),
`phrases` groups neighbouring pieces, `english_context` and `chinese_context` judge whether the sentence means a group
or merely mentions it, `assemble` makes a schedule or doubts of it, `questions` puts the doubts into words, `replies`
reads what a person answers. `proposed` takes up a schedule that somebody else read in a text.
"""

from tasks.planner.language.proposed import proposed
from tasks.planner.language.replies import Reply, reply
from tasks.planner.language.understanding import Proposal, Understanding, says_when, understand
from tasks.planner.language.words import choice, confirmation, guidance, listed

__all__ = [
    "Proposal",
    "Reply",
    "Understanding",
    "choice",
    "confirmation",
    "guidance",
    "listed",
    "proposed",
    "reply",
    "says_when",
    "understand",
]
