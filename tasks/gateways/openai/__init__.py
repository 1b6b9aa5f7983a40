"""OpenAI's chat completions: each enabled agent is a model by its name."""
