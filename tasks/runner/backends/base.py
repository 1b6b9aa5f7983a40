"""The interface between the clock, which knows that runs are ready, and whatever carries them out."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID


class RunBackend(ABC):
    """Carries out ready runs. Lives in the runner's event loop; all methods are called there."""

    def __init__(self, *, worker: str, slot_freed: Callable[[], None]) -> None:
        """`worker` names this process in its leases; `slot_freed` is to be called when more could be taken."""
        self.worker = worker
        self.slot_freed = slot_freed

    @property
    @abstractmethod
    def concurrency(self) -> int:
        """Runs that this process carries out at once; 0: it gives them away."""

    @abstractmethod
    async def submit(self, *, now: datetime) -> int:
        """Take up ready runs as far as there is room; returns how many it were."""

    @abstractmethod
    async def abort(self, run_ids: Sequence[UUID]) -> None:
        """Stop those of `run_ids` that go on here. Their state has changed already."""

    @abstractmethod
    async def beat(self, *, now: datetime) -> None:
        """Say that this process is alive."""

    @abstractmethod
    async def watch(self) -> None:
        """Stop what another process has decided about."""

    @abstractmethod
    async def drain(self, timeout: float) -> None:
        """Take nothing more; end what ends within `timeout` seconds, and hand the rest back."""
