"""A process with the application loaded that forks others: runners, and people's acts.

Real processes that die by SIGKILL, begun in a few milliseconds. It reads a JSON object a line, `{"id", "do", "point",
"args"}`, and answers `{"id", "pid"}`, and `{"id", "status"}` once that process has ended and is reaped.
"""

import json
import os
import select
import sys
from collections.abc import Callable
from typing import Any

import django

Given = dict[str, Any]


def main() -> None:
    """Serve until the input ends."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "valuecell_site.settings")
    django.setup()
    # Loaded before the first fork, so that a child has nothing left to import.
    import valuecell_site.serve.headless  # noqa: F401

    children: dict[int, Any] = {}
    buffer = b""
    while True:
        # A process that has died counts as alive to its kind until it is reaped: so, often.
        if select.select([0], [], [], 0.003)[0]:
            read = os.read(0, 65536)
            if not read:
                return
            buffer += read
            *lines, buffer = buffer.split(b"\n")
            for line in lines:
                given = json.loads(line)
                pid = os.fork()
                if pid == 0:
                    _live(given)
                children[pid] = given["id"]
                _say(id=given["id"], pid=pid)
        while children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            _say(id=children.pop(pid), status=os.waitstatus_to_exitcode(status))


def _say(**values: Any) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def _live(given: Given) -> None:
    """What the child does; does not return."""
    status = 1
    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)
        from conversations import faults

        faults.die_at(given["point"])
        if given["point"].startswith("statement:"):
            _count_statements()
        DOES[given["do"]](given["args"])
        faults.reached("act.done")
        status = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _count_statements() -> None:
    """Make each statement that writes a point."""
    from django.db.backends.signals import connection_created

    from conversations import faults

    def before(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        if str(sql).lstrip()[:6].upper() in ("INSERT", "UPDATE", "DELETE"):
            faults.reached("statement")
        return execute(sql, params, many, context)

    connection_created.connect(lambda connection, **_: connection.execute_wrappers.append(before), weak=False)


def _runner(args: Given) -> None:
    import pytest
    from django.conf import settings
    from django.core.management.base import OutputWrapper

    from conversations import journal
    from tests.helpers.runners import short_intervals
    from valuecell_site.serve.headless import run
    from valuecell_site.serve.work import Work

    patch = pytest.MonkeyPatch()
    short_intervals(patch)
    # More commits, so that there are more moments to die at.
    patch.setattr(journal, "WINDOW_UNWATCHED", 0.03)
    settings.RUN_CONCURRENCY = args.get("concurrency", settings.RUN_CONCURRENCY)
    run(Work, "at work", OutputWrapper(sys.stdout))


def _cancel(args: Given) -> None:
    from django.utils import timezone

    from tasks.services import TaskService

    TaskService.cancel(args["task"], actor=None, now=timezone.now())


def _cancel_all(args: Given) -> None:
    from django.utils import timezone

    from tasks.services import TaskService

    TaskService.cancel_conversation_tasks([args["conversation"]], actor=None, now=timezone.now())


def _message(args: Given) -> None:
    from django.utils import timezone

    from conversations.models import Conversation
    from tasks.requests import submit_message
    from tasks.schemas.inputs import MessageIn

    conversation = Conversation.objects.get(pk=args["conversation"])
    message = MessageIn(text=args["text"], answer_to=args["task"])
    submit_message(conversation, message, user=conversation.user, now=timezone.now())


def _deliver(args: Given) -> None:
    from uuid import UUID

    from django.utils import timezone

    from tasks.hooks import incoming

    headers = {
        "Authorization": f"Bearer {args['secret']}",
        "Content-Type": "application/json",
        "Idempotency-Key": args["key"],
    }
    incoming.receive(UUID(args["hook"]), headers=headers, body=b'{"what": "it"}', now=timezone.now())


DOES: dict[str, Callable[[Given], None]] = {
    "runner": _runner,
    "cancel": _cancel,
    "cancel_all": _cancel_all,
    "message": _message,
    "deliver": _deliver,
}

if __name__ == "__main__":
    main()
