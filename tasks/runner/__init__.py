"""The runner: a clock that says when, and a backend that carries out what is due. See `clock.Runner`."""

from tasks.runner.clock import Runner

__all__ = ["Runner"]
