"""`LLMPlanner`: asks a model first, and is the planner by rules wherever the model gives nothing usable."""

import logging
import time
from collections.abc import Sequence

from django.conf import settings

from tasks.planner.base import Candidate, Inquiry, Planned
from tasks.planner.llm import prompt
from tasks.planner.llm.answer import AnswerError, read, schema
from tasks.planner.llm.endpoint import Endpoint, EndpointError
from tasks.planner.rules import RulesPlanner

logger = logging.getLogger(__name__)


class LLMPlanner(RulesPlanner):
    """Splits a request over several agents by asking the endpoint of `LLM_BASE_URL`.

    `consult` asks; `plan` and `resolve` are the rules', which decide whenever there is no advice.
    """

    consults = True
    seconds = 6.0
    """For a question in all: a message is answered within ten, and what follows must fit as well."""

    def __init__(self) -> None:
        self._endpoint = Endpoint(
            base_url=settings.LLM_BASE_URL, api_key=settings.LLM_API_KEY, model=settings.LLM_MODEL
        )

    def consult(self, inquiry: Inquiry, agents: Sequence[Candidate]) -> Planned | None:
        """What the model makes of `inquiry`; None, and a line in the log that says why, where that is not usable.

        Agents with `passthrough` are not offered: they are given whole messages, by the rules.
        """
        offered = [agent for agent in self.ranked(inquiry.text, agents) if not agent.passthrough][: prompt.MAX_AGENTS]
        if not offered:
            return None
        names = [agent.name for agent in offered]
        began = time.monotonic()
        try:
            said = self._endpoint.ask(prompt.messages(inquiry, offered), schema=schema(names), seconds=self.seconds)
            planned = read(said, inquiry, agent_names=names)
        except (EndpointError, AnswerError) as error:
            logger.warning(
                "The model gave no usable plan after %.1f s, so the rules decide: %s",
                time.monotonic() - began,
                error,
                extra={"event": "planner.fell_back", "reason": str(error)},
            )
            return None
        except Exception:  # whatever it is, the message of a person must not fail for it
            logger.exception("Asking the model failed, so the rules decide", extra={"event": "planner.fell_back"})
            return None
        logger.info(
            "The model answered after %.1f s: %s",
            time.monotonic() - began,
            "a question" if planned.question else f"{len(planned.tasks)} task(s)",
            extra={"event": "planner.consulted"},
        )
        return planned
