"""The planner without a model: the agent whose card shares the most telling words with the request, or a question."""

import re
from collections.abc import Iterable, Sequence

from tasks.planner.base import Candidate, Planned, PlannedTask, Planner

_STOPPED = (
    "a about all an and any are as at be by can could do does every for from get give go has have how i in is it its "
    "let make me my new now of on or our please show tell than that the their them there these this to today us use "
    "was we what when which who will with would you your day daily hour minute minutes week task agent"
)
STOP_WORDS = frozenset(_STOPPED.split())
"""Words that every request has; they say nothing about who should take it."""
_SIGNS = r"\u3040-\u9fff\uac00-\ud7af"
"""Scripts without spaces between words."""
WEIGHTS = {"name": 6.0, "tags": 4.0, "skill": 3.0, "examples": 2.0, "description": 1.0}
"""What a word in common counts for, by where the card has it: what an agent is called says more than what it tells."""


class RulesPlanner(Planner):
    """One task with the text unchanged, for the best match; asks where no agent's card shares a word with it."""

    def plan(self, text: str, agents: Sequence[Candidate]) -> Planned:
        """Choose by words in common; a single agent needs no choice."""
        best = self.ranked(text, agents)[0]
        if len(agents) > 1 and _score(text, best) == 0:
            names = ", ".join(agent.label for agent in agents)
            return Planned(question=f"Which agent should do this? There are: {names}.")
        return Planned(tasks=[PlannedTask(agent_name=best.name, query=text)], guidance=f"{best.label} takes this.")

    @staticmethod
    def ranked(text: str, agents: Sequence[Candidate]) -> list[Candidate]:
        """`agents`, those that share the most telling words with `text` first."""
        return sorted(agents, key=lambda agent: _score(text, agent), reverse=True)

    def resolve(self, answer: str, agents: Sequence[Candidate]) -> str | None:
        """The one agent whose name or display name stands in the answer."""
        said = answer.casefold()
        named = [
            agent.name
            for agent in agents
            if agent.name.casefold() in said or (agent.display_name and agent.display_name.casefold() in said)
        ]
        return named[0] if len(named) == 1 else None


def _score(text: str, agent: Candidate) -> float:
    wanted = _words(text)
    parts: list[tuple[str, str]] = [
        ("name", _split_camel(agent.name)),
        ("name", agent.display_name),
        ("description", agent.description),
    ]
    for skill in agent.skills:
        parts.append(("skill", f"{skill.get('name', '')} {_split_camel(str(skill.get('id', '')))}"))
        parts.append(("description", str(skill.get("description", ""))))
        parts.append(("tags", " ".join(_texts(skill.get("tags")))))
        parts.append(("examples", " ".join(_texts(skill.get("examples")))))
    best: dict[str, float] = {}
    for place, words in parts:
        for word in wanted & _words(words):
            best[word] = max(best.get(word, 0.0), WEIGHTS[place])
    return sum(best.values())


def _words(text: str) -> set[str]:
    """The telling words of a text, in singular; Chinese and its like by pairs of characters."""
    words: set[str] = set()
    # A run of Chinese is a word of its own: “查看AAPL” names AAPL.
    for word in re.findall(rf"[{_SIGNS}]+|[^\W_{_SIGNS}]+", text.casefold()):
        if re.match(f"[{_SIGNS}]", word):
            words.update(word[i : i + 2] for i in range(max(1, len(word) - 1)))
        elif len(word) > 1 and word not in STOP_WORDS:
            words.add(word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word)
    return words


def _split_camel(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace("_", " ").replace("-", " ")


def _texts(value: object) -> Iterable[str]:
    return [part for part in value if isinstance(part, str)] if isinstance(value, list) else []
