"""Errors in OpenAI's form: `{"error": {"message", "type", "param", "code"}}`, as its clients read them."""

from typing import Any

from tasks.gateways.exchange import Header
from tasks.gateways.refusals import Refusal
from tasks.gateways.standing import Outcome
from tasks.states import PlanStatus

TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "invalid_request_error",
    429: "rate_limit_error",
}
NO_RETRY: tuple[Header, ...] = ((b"x-should-retry", b"false"),)
"""OpenAI's clients send again by themselves what ended in a 5xx or 409; a run that failed would be started anew."""


def body(status: int, *, code: str, message: str, param: str | None = None) -> dict[str, Any]:
    """The error's JSON."""
    usual = "server_error" if status >= 500 else "invalid_request_error"
    return {"error": {"message": message, "type": TYPES.get(status, usual), "param": param, "code": code}}


def of_refusal(refused: Refusal) -> tuple[int, dict[str, Any]]:
    """Status and JSON of a refusal: OpenAI says 400 for what the API calls 422."""
    status = 400 if refused.status == 422 else refused.status
    param = next(iter(refused.fields), None)
    # The agent is the model here, and its text the last message.
    param = {"agent_name": "model", "text": "messages", "new_plan": "messages", "answer_to": "messages"}.get(
        param or "", param
    )
    code = "invalid_value" if refused.code == "invalid" else refused.code
    return status, body(status, code=code, message=refused.message, param=param)


def model_not_found(name: str, known: list[str]) -> dict[str, Any]:
    """404 for a model that is no enabled agent."""
    there = ", ".join(known[:20]) or "none yet"
    message = f"The model “{name}” does not exist here. Each enabled agent is a model by its name: {there}."
    return body(404, code="model_not_found", message=message, param="model")


def of_outcome(outcome: Outcome, *, agent_name: str, page: str) -> tuple[int, dict[str, Any]] | None:
    """Status and JSON for a run that gave no answer; None for one that did, or asks something."""
    if not outcome.settled:
        message = f"{agent_name} is still at it. It goes on, and its answer will stand at {page}"
        return 504, body(504, code="still_running", message=message)
    if outcome.status == PlanStatus.FAILED:
        message = outcome.error or f"{agent_name} failed, and did not say why."
        return 502, body(502, code="agent_failed", message=f"{agent_name} failed: {message}")
    if outcome.status == PlanStatus.CANCELLED:
        message = outcome.error or "The run was cancelled."
        return 409, body(409, code="run_cancelled", message=message)
    if outcome.status in (PlanStatus.PENDING, PlanStatus.RUNNING):
        message = f"{agent_name} does not work at the moment, and the run rests. See {page}"
        return 503, body(503, code="run_paused", message=message)
    return None
