"""An agent that says what it is told: the request is a JSON list of steps. Run as `python -m … PORT`.

Steps: ["chunk", text] ["message", text] ["think", text] ["tool", name, result] ["component", type, content]
["sleep", seconds] ["ask", text] ["fail", text] ["files"]: what came
with the request. Any other request is answered with itself; an answer to `ask` too.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping
from typing import Any

from sample_agents.base import (
    BaseAgent,
    Event,
    ask,
    component,
    fail,
    message,
    message_chunk,
    reasoning,
    reasoning_completed,
    serve,
    tool_call_completed,
    tool_call_started,
)


class ScriptedAgent(BaseAgent):
    """Says what it is told."""

    description = "Says what it is told, for tests."
    input_modes = ("text/plain", "image/png")

    async def stream(
        self,
        query: str,
        conversation_id: str,  # noqa: ARG002
        task_id: str,  # noqa: ARG002
        dependencies: Mapping[str, Any],
    ) -> AsyncIterator[Event]:
        """The steps of `query`, in order."""
        if dependencies.get("history"):
            yield message_chunk(f"You answered: {query}")
            return
        try:
            steps = json.loads(query)
        except ValueError:
            steps = [["chunk", f"You said: {query}"]]
        for kind, *words in steps:
            if kind == "sleep":
                await asyncio.sleep(words[0])
            elif kind == "files":
                for file in dependencies.get("files", ()):
                    yield message_chunk(f"{file['name']}: {file['media_type']}, {len(file['content'])} bytes. ")
            elif kind == "tool":
                yield tool_call_started("call", words[0])
                yield tool_call_completed("call", *words)
            elif kind == "think":
                yield reasoning(words[0])
                yield reasoning_completed()
            else:
                say = {"chunk": message_chunk, "message": message, "component": component, "ask": ask, "fail": fail}
                yield say[kind](*words)  # type: ignore[operator]


if __name__ == "__main__":
    serve(ScriptedAgent(), port=int(sys.argv[1]))
