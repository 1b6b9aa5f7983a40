"""`manage.py` with an agent that answers at once inside the process: `python -m benchmarks.burst_served serve …`.

The connection is the one stand-in: claims, leases, executions, the journal, pages and API are the real ones.
"""

import sys

import django
from django.core.management import execute_from_command_line


def main() -> None:
    """Replace the connection, then do what is asked for."""
    django.setup()
    # Not before: models cannot be imported until Django is set up.
    from benchmarks import transcript
    from tasks.agents.connections import connections
    from tasks.agents.remote import AgentRef

    async def get(ref: AgentRef) -> transcript.Prepared:  # noqa: ARG001
        return transcript.Prepared(transcript.answer(["Hello!"]))

    connections.get = get  # type: ignore[method-assign, assignment]
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
