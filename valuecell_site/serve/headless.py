"""A process without the web: a runner or a worker, in a loop of its own, until it is told to end."""

import asyncio
import signal
from collections.abc import Callable

from django.conf import settings
from django.core.management.base import OutputWrapper
from prometheus_client import start_http_server

from conversations.hub import hub
from valuecell_site import metrics  # noqa: F401  (registers what the database holds)
from valuecell_site.serve.ending import DEADLINE, die_with_parent, end_by
from valuecell_site.serve.work import Work


def run(make: Callable[[], Work], words: str, out: OutputWrapper) -> bool:
    """Do the work that `make` gives until SIGTERM or SIGINT; `words` say on `out` that it has begun.

    Returns False if it ended by itself. Everything is over DEADLINE after the signal, whatever hangs.
    """
    die_with_parent()
    return asyncio.run(_run(make, words, out))


async def _run(make: Callable[[], Work], words: str, out: OutputWrapper) -> bool:
    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    hub.bind()
    if settings.METRICS_PORT:
        start_http_server(settings.METRICS_PORT, addr=settings.HOST)
    work = make()
    await work.start()
    out.write(words + "\n")
    out.flush()
    broken = asyncio.create_task(work.broken())
    told = asyncio.create_task(over.wait())
    await asyncio.wait([broken, told], return_when=asyncio.FIRST_COMPLETED)
    end_by(DEADLINE)
    await work.stop()
    broken.cancel()
    told.cancel()
    return over.is_set()
