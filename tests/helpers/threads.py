"""Several threads that do something at the same moment."""

import threading
from collections.abc import Callable
from typing import Any

from django.db import connections


def together(number: int, function: Callable[[int], Any]) -> list[Any]:
    """Call `function(0)`, `function(1)`, … in threads that start at once; returns results (or exceptions) in order."""
    results: list[Any] = [None] * number
    ready = threading.Barrier(number)

    def call(index: int) -> None:
        try:
            connections["default"].ensure_connection()
            ready.wait(10)
            results[index] = function(index)
        except Exception as error:
            results[index] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=call, args=(index,)) for index in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results
