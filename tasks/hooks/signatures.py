"""Who sent a delivery: three ways to prove that one knows a hook's secret, each compared in constant time. Pure.

* `Authorization: Bearer SECRET`
* `X-Hub-Signature-256: sha256=HEX`, as GitHub signs: HMAC-SHA256 of the body, keyed by the secret as it is written.
* Standard Webhooks (https://github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md, "Signature
  scheme"): `webhook-id`, `webhook-timestamp` (seconds), `webhook-signature: v1,BASE64 …`, HMAC-SHA256 of
  `id.timestamp.body`, keyed by the bytes that the secret's base64 part stands for. Their older `svix-` names too.
"""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime

from tasks.models.hook import SECRET_PREFIX

TOLERANCE_SECONDS = 300
"""How far a sender's clock may differ from ours: what Standard Webhooks' own libraries allow."""


def proven(secret: str, *, headers: Mapping[str, str], body: bytes, now: datetime) -> bool:
    """Whether a request with these `headers` (looked up without regard to case) and `body` knows `secret`.

    Every proof that it carries must hold, and at least one must be there.
    """
    proofs = [
        proof
        for proof in (
            _bearer(secret, headers),
            _github(secret, headers, body),
            _standard(secret, headers, body, now),
        )
        if proof is not None
    ]
    return bool(proofs) and all(proofs)


def sign(secret: str, *, message_id: str, timestamp: int, body: bytes) -> str:
    """The `webhook-signature` of what we send, or of what a sender should have sent (Standard Webhooks)."""
    key = b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + b64encode(hmac.digest(key, signed, "sha256")).decode()


def _bearer(secret: str, headers: Mapping[str, str]) -> bool | None:
    scheme, _, token = headers.get("Authorization", "").strip().partition(" ")
    if scheme.lower() != "bearer":
        return None
    return _same(token.strip(), secret)


def _github(secret: str, headers: Mapping[str, str], body: bytes) -> bool | None:
    given = headers.get("X-Hub-Signature-256")
    if given is None:
        return None
    return _same(given.strip().lower(), "sha256=" + hmac.digest(secret.encode(), body, "sha256").hex())


def _standard(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> bool | None:
    def header(name: str) -> str | None:
        return headers.get(f"webhook-{name}") or headers.get(f"svix-{name}")

    given = header("signature")
    if given is None:
        return None
    message_id, timestamp = header("id"), header("timestamp")
    if not message_id or not timestamp or not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 15:
        return False
    if abs(now.timestamp() - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    wanted = sign(secret, message_id=message_id, timestamp=int(timestamp), body=body)
    # Several stand there while the sender changes its secret; one suffices.
    return any(_same(part, wanted) for part in given.split(" ")[:10])


def _same(given: str, wanted: str) -> bool:
    # As bytes: compare_digest takes no text outside ASCII, and a header may hold any.
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), wanted.encode())
