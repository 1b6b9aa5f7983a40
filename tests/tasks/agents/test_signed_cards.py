"""A signed card is checked: one that was changed after it was signed is refused, and what cannot be checked is said."""

import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from a2a.types import AgentCard
from a2a.utils.signing import create_agent_card_signer
from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf.json_format import MessageToDict, ParseDict
from jwt.algorithms import ECAlgorithm
from jwt.api_jws import PyJWS
from pytest_django import Settings

from tasks.agents import adding
from tasks.errors import InvalidInput
from tests.tasks.agents.raw_server import Answer, Asked, RawServer, answered, http

pytestmark = pytest.mark.django_db(transaction=True)

Start = Callable[[Callable[[Asked], Answer]], RawServer]
Sign = Callable[[dict[str, Any], str], dict[str, Any]]
KEY = ec.generate_private_key(ec.SECP256R1())
OTHER = ec.generate_private_key(ec.SECP256R1())
VALID = adding.SIGNED[adding.Signature.VALID]
UNKNOWN = adding.SIGNED[adding.Signature.UNKNOWN]


@pytest.fixture(autouse=True)
def private_allowed(settings: Settings) -> None:
    settings.ALLOW_PRIVATE_AGENTS = True


def by_the_sdk(card: dict[str, Any], jku: str, key: Any = KEY) -> dict[str, Any]:
    """As an agent on the SDK signs."""
    header = {"kid": "key-1", "alg": "ES256", "jku": jku, "typ": "JOSE"}
    sign = create_agent_card_signer(key, header)  # type: ignore[arg-type]
    signed: dict[str, Any] = MessageToDict(sign(ParseDict(card, AgentCard())))
    return signed


def as_written(card: dict[str, Any], jku: str) -> dict[str, Any]:
    """As an agent on no SDK signs: over the card's own JSON, sorted."""
    payload = json.dumps(card, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    token = PyJWS().encode(payload, KEY, "ES256", {"kid": "key-1", "jku": jku})
    protected, _, signature = token.split(".")
    return {**card, "signatures": [{"protected": protected, "signature": signature}]}


def shown(raw: Start, sign: Sign, *, change: dict[str, Any] | None = None, keys: Answer | None = None) -> list[str]:
    """The notes of a preview of an agent that signs its card so, and then changes it."""
    public = {**json.loads(ECAlgorithm.to_jwk(KEY.public_key())), "kid": "key-1"}

    def respond(asked: Asked) -> Answer:
        if asked.path == "/keys.json":
            return answered({"keys": [public]}) if keys is None else keys
        card = {
            "name": "Signed",
            "description": "Grüße",
            "version": "1",
            "capabilities": {"streaming": True},
            "defaultInputModes": ["text/plain"],
            "defaultOutputModes": ["text/plain"],
            "skills": [{"id": "a", "name": "A", "description": "a", "tags": ["t"]}],
            "supportedInterfaces": [{"url": server.url, "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}],
        }
        return answered({**sign(card, f"{server.url}keys.json"), **(change or {})})

    server = raw(respond)
    return adding.preview(server.url).notes


@pytest.mark.parametrize("sign", [by_the_sdk, as_written])
def test_a_signature_that_fits_is_said(raw: Start, sign: Sign) -> None:
    assert VALID in shown(raw, sign)


@pytest.mark.parametrize("sign", [by_the_sdk, as_written])
def test_a_card_that_was_changed_after_it_was_signed_is_refused(raw: Start, sign: Sign) -> None:
    with pytest.raises(InvalidInput) as raised:
        shown(raw, sign, change={"description": "Changed on the way."})
    assert "changed after it was signed" in raised.value.fields["url"][0]


def test_one_signed_with_another_key_is_refused(raw: Start) -> None:
    with pytest.raises(InvalidInput):
        shown(raw, lambda card, jku: by_the_sdk(card, jku, OTHER))


@pytest.mark.parametrize("keys", [http(404, b""), http(200, b"not json"), answered({"keys": []}), answered([1])])
def test_one_whose_key_cannot_be_had_is_shown_and_said(raw: Start, keys: Answer) -> None:
    assert UNKNOWN in shown(raw, by_the_sdk, keys=keys)


def test_a_key_of_another_host_counts_for_nothing_and_is_not_asked_for(raw: Start) -> None:
    elsewhere = raw(lambda _: answered({"keys": []}))
    assert UNKNOWN in shown(raw, lambda card, _: by_the_sdk(card, f"{elsewhere.url}keys.json"))
    assert elsewhere.connections == 0


def test_a_shared_secret_is_no_signature(raw: Start) -> None:
    def sign(card: dict[str, Any], jku: str) -> dict[str, Any]:
        token = jwt.encode({}, "x" * 32, "HS256", {"kid": "key-1", "jku": jku})
        protected, _, signature = token.split(".")
        return {**card, "signatures": [{"protected": protected, "signature": signature}]}

    with pytest.raises(InvalidInput):
        shown(raw, sign)


@pytest.mark.parametrize("signatures", [[], [{"protected": "§", "signature": "x"}], [{"protected": "e30"}]])
def test_what_is_no_signature_is_none(raw: Start, signatures: Any) -> None:
    notes = shown(raw, lambda card, _: card, change={"signatures": signatures})
    assert VALID not in notes
