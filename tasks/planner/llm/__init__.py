"""The planner with a model: an OpenAI-compatible endpoint is asked how to split a request over the agents.

What it answers is data. `prompt` is what it is told, `endpoint` the exchange over HTTP, `answer` the reading of what
comes back, with every limit; `planner` puts them together and falls back to the rules wherever one of them gives up.
"""

from tasks.planner.llm.planner import LLMPlanner

__all__ = ["LLMPlanner"]
