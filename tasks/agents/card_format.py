"""What an A2A card says, of 0.3 or 1.0, in camelCase or snake_case: read into one form. Pure.

The protocol: an interface has an address, a binding (JSON-RPC and HTTP+JSON are what we speak) and a version.
`supportedInterfaces` (1.0) wins over `url` (0.3, with `preferredTransport` and `protocolVersion`).
"""

import copy
import re
from collections.abc import Mapping
from typing import Any

from a2a.client.card_resolver import parse_agent_card
from a2a.types import AgentCard, AgentInterface
from google.protobuf.json_format import ParseError

JSON_RPC = "JSONRPC"
HTTP_JSON = "HTTP+JSON"
BINDINGS = (JSON_RPC, HTTP_JSON)
"""Those that we speak, the better one first: JSON-RPC is the one that agents in the wild are tried with."""
OURS = frozenset(
    {
        "display_name",
        "enabled",
        "max_concurrency",
        "max_per_minute",
        "max_megabytes",
        "max_seconds",
        "credential_env",
        "credential_scheme",
        "credential_header",
        "credential_token_url",
        "credential_scope",
        "send_mode",
        "metadata",
    }
)
"""Keys of a card file that are no part of an A2A card; `metadata` is ValueCell's."""
WELL_KNOWN = "/.well-known/agent-card.json"
WELL_KNOWN_OLD = "/.well-known/agent.json"


class CardError(ValueError):
    """A card cannot be read or used; the text says why, without the agent's name."""


def normalised(card: Mapping[str, Any]) -> dict[str, Any]:
    """The card with top-level keys in camelCase, without nulls, and with the defaults that ValueCell fills in."""
    found: dict[str, Any] = {}
    for key, value in card.items():
        if value is not None:
            # A key that is given in both forms keeps the form of the specification.
            found.setdefault(key if key in OURS else re.sub(r"_(\w)", lambda m: m[1].upper(), key), value)
    found.update({key: value for key, value in card.items() if value is not None and "_" not in key})
    found.setdefault("description", "")
    found.setdefault("capabilities", {"streaming": True, "pushNotifications": False})
    found.setdefault("defaultInputModes", ["text/plain"])
    found.setdefault("defaultOutputModes", ["text/plain"])
    found.setdefault("version", "1.0.0")
    return found


def says_how(card: Mapping[str, Any]) -> bool:
    """Whether the card says by which protocol and version its agent is spoken to, not just where it is."""
    return bool(
        card.get("supportedInterfaces")
        or card.get("supported_interfaces")
        or card.get("protocolVersion")
        or card.get("protocol_version")
    )


def is_bare(card: Mapping[str, Any]) -> bool:
    """Whether the card has an address and says nothing about the agent itself: the rest is the agent's to tell."""
    return not any(card.get(key) for key in ("skills", "description", "capabilities"))


def parse(card: Mapping[str, Any]) -> AgentCard:
    """The card with exactly one interface, the best of those that we speak. Raises CardError."""
    data = copy.deepcopy({key: value for key, value in normalised(card).items() if key not in OURS})
    if isinstance(data.get("supportedInterfaces"), list) and not data["supportedInterfaces"]:
        del data["supportedInterfaces"]
    try:
        parsed = parse_agent_card(data)
    except (ParseError, TypeError, ValueError, AttributeError) as error:
        raise CardError(f"its card is not valid: {_first_line(error)}") from error
    best = _best(list(parsed.supported_interfaces))
    del parsed.supported_interfaces[:]
    parsed.supported_interfaces.append(best)
    return parsed


def address(card: Mapping[str, Any]) -> str:
    """Where messages go, or an empty text where the card does not say. Raises CardError (as `parse`)."""
    known = normalised(card)
    if not known.get("supportedInterfaces"):
        url = known.get("url")
        if url is not None and not isinstance(url, str):
            raise CardError("its url is not a text")
        return url or ""
    return str(parse(card).supported_interfaces[0].url)


def _best(interfaces: list[AgentInterface]) -> AgentInterface:
    """1.x before 0.3 before one that names no version."""
    if not any(interface.url for interface in interfaces):
        raise CardError("its card names no address")
    spoken = [i for i in interfaces if i.url and (i.protocol_binding or JSON_RPC).upper() in BINDINGS]
    if not spoken:
        names = ", ".join(sorted({i.protocol_binding for i in interfaces}))
        raise CardError(f"it speaks {names} only, and this application speaks JSON-RPC and HTTP+JSON")
    spoken.sort(key=lambda i: BINDINGS.index((i.protocol_binding or JSON_RPC).upper()))
    for wanted in (r"1(\.|$)", r"0\.3(\.|$)", r"$"):
        for interface in spoken:
            if re.match(wanted, interface.protocol_version):
                interface.protocol_binding = (interface.protocol_binding or JSON_RPC).upper()
                interface.protocol_version = interface.protocol_version or "0.3.0"
                return interface
    versions = ", ".join(sorted({i.protocol_version for i in spoken}))
    raise CardError(f"it speaks A2A {versions}, and this application speaks 1.0 and 0.3")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
