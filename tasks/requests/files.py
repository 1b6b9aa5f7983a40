"""The pictures that come with a message: whether its agent takes them, and what the transcript says of them."""

from collections.abc import Sequence
from typing import Any

from tasks.errors import InvalidInput
from tasks.models import Agent
from tasks.schemas.files import FileIn


def check(files: Sequence[FileIn], agent_name: str) -> None:
    """Raises `InvalidInput` on `files` where nobody is named, or the named one does not take a file's kind."""
    if not files:
        return
    if not agent_name:
        raise InvalidInput({"files": ["Name the agent that shall get them: not every agent takes files."]})
    agent = Agent.objects.enabled().filter(name=agent_name).first()
    for file in files:
        if agent is not None and not agent.takes(file.media_type):
            takes = ", ".join(agent.input_modes)
            raise InvalidInput({"files": [f"{agent_name} does not take {file.media_type}. It takes: {takes}."]})


def refuse(files: Sequence[FileIn]) -> None:
    """Raises `InvalidInput` where an answer to a question carries files."""
    if files:
        raise InvalidInput({"files": ["Files go with a request, not with an answer: send them with a new one."]})


def told(files: Sequence[FileIn]) -> list[dict[str, Any]]:
    """What the transcript says of them."""
    return [{"name": file.name, "media_type": file.media_type, "size": len(file.content)} for file in files]
