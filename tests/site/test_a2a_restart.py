"""A restart loses no remote task: one that asks still asks, and is answered in the next process."""

import json
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from sample_agents.server import serve_in_thread
from tests.helpers.agents import Asking
from tests.site.test_gateways_document import run
from tests.site.test_serve import Serve

pytestmark = pytest.mark.database_independent  # The server has an SQLite file of its own.

MANAGE = [sys.executable, "manage.py"]


def ask(server: Serve, token: str, method: str, **params: Any) -> Any:
    headers = {"Authorization": f"Bearer {token}", "A2A-Version": "1.0"}
    sent = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    answer = httpx.post(f"http://127.0.0.1:{server.port}/a2a/", json=sent, headers=headers, timeout=30).json()
    assert "error" not in answer, answer
    return answer["result"]


def message(text: str, **more: Any) -> dict[str, Any]:
    return {"messageId": text, "role": "ROLE_USER", "parts": [{"text": text}], **more}


def test_a_task_that_asks_is_answered_after_a_crash(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    cards = tmp_path_factory.mktemp("cards")
    url, stop = serve_in_thread(Asking())
    (cards / "painter.json").write_text(json.dumps({"name": "Painter", "url": url}))
    options = {"AGENT_CARDS_DIR": str(cards), "API_RATE": "0"}
    first = Serve(tmp_path, **options)
    try:
        token = run(first.up(), [*MANAGE, "create_api_token", "admin"]).splitlines()[-1]
        named = message("paint", metadata={"agent_name": "Painter"})
        asked = ask(first, token, "SendMessage", message=named)["task"]
        assert asked["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"
    finally:
        first.end()
    second = Serve(tmp_path, **options)
    try:
        second.up()
        again = ask(second, token, "GetTask", id=asked["id"])
        assert (again["status"], again["history"]) == (asked["status"], asked["history"])
        done = ask(second, token, "SendMessage", message=message("red", taskId=asked["id"]))["task"]
        assert (done["id"], done["status"]["state"]) == (asked["id"], "TASK_STATE_COMPLETED")
        assert done["artifacts"][-1]["parts"][0]["text"] == "It is red."
    finally:
        second.end()
        stop()
