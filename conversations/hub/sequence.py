"""Puts what several threads and processes publish back into the order of `seq`. Pure."""

from collections.abc import Iterable, Sequence

from conversations.hub.frames import Encoded

WAITING_LIMIT = 4 * 1024 * 1024
"""Characters of events that may wait for a gap to fill; beyond it the viewers have to come back by `seq`."""

Run = list[Encoded]
"""Events whose seqs follow one another, with passing events in their places."""


class DisorderError(Exception):
    """Too much waits for a `seq` that does not come."""


class Order:
    """The order of one conversation: takes runs as they come, gives them back as they follow.

    `head` is the last `seq` given out. It is None until `start` says which `seq` the first reader has seen;
    until then everything that has a `seq` waits.
    """

    def __init__(self) -> None:
        self.head: int | None = None
        self.base = 0
        """The `seq` with which it started: what came up to it was never given out."""
        self._waiting: dict[int, Run] = {}
        self._size = 0

    @property
    def gap(self) -> bool:
        """Whether something waits for a `seq` that has not come."""
        return self.head is not None and bool(self._waiting)

    def start(self, seq: int) -> list[Run]:
        """A reader has seen everything up to `seq`; the first one sets the head. Returns what follows it."""
        if self.head is not None:
            return []
        self.head = self.base = seq
        return self._release(seq)

    def offer(self, events: Sequence[Encoded]) -> list[Run]:
        """Take published events; returns the runs that can go out now. Raises DisorderError when too much
        waits.
        """
        ready: list[Run] = []
        for run in _runs(events):
            first = _first(run)
            if first is None:
                # Passing events ride behind what was published before them, also where that still waits.
                if self._waiting:
                    self._waiting[max(self._waiting)].extend(run)
                else:
                    ready.append(run)
            elif self.head is not None and first <= self.head + 1:
                ready += self._release_run(run, self.head)
            else:
                self._wait(first, run)
        return ready

    def _wait(self, first: int, run: Run) -> None:
        if len(self._waiting.get(first, ())) < len(run):
            self._waiting[first] = run
        self._size += sum(len(text) for _, text in run)
        if self._size > WAITING_LIMIT:
            raise DisorderError

    def _release_run(self, run: Run, head: int) -> list[Run]:
        fresh = [event for event in run if event[0] is None or event[0] > head]
        last = max((seq for seq, _ in fresh if seq is not None), default=None)
        if last is None:
            return []  # A repetition, its passing events included.
        self.head = last
        return [fresh, *self._release(last)]

    def _release(self, head: int) -> list[Run]:
        if self._waiting and (first := min(self._waiting)) <= head + 1:
            run = self._waiting.pop(first)
            if not self._waiting:
                self._size = 0
            return self._release_run(run, head) or self._release(head)
        return []


def _first(run: Run) -> int | None:
    return next((seq for seq, _ in run if seq is not None), None)


def _runs(events: Iterable[Encoded]) -> Iterable[Run]:
    """Cut events where a `seq` does not follow the one before."""
    run: Run = []
    last: int | None = None
    for event in events:
        seq = event[0]
        if seq is not None:
            if last is not None and seq != last + 1:
                yield run
                run = []
            last = seq
        run.append(event)
    if run:
        yield run
