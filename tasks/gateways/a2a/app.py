"""`/a2a/` as an ASGI application: JSON-RPC at the address itself, HTTP+JSON at those below it."""

from tasks.gateways.a2a import errors, jsonrpc, rest
from tasks.gateways.a2a.operations import Asker
from tasks.gateways.caller import caller_of
from tasks.gateways.exchange import Exchange, Message, Receive, Send

PREFIX = "/a2a"


async def app(scope: Message, receive: Receive, send: Send) -> None:
    """Answer one request that passed the gate."""
    async with Exchange(scope, receive, send) as exchange:
        asker = Asker(caller=caller_of(scope), gone=lambda: exchange.gone)
        path = exchange.path.removeprefix(PREFIX).rstrip("/")
        if path:
            await rest.answer(exchange, asker, path)
        elif exchange.method == "POST":
            await jsonrpc.answer(exchange, asker)
        else:
            told = errors.refused_in_json_rpc(405, "method_not_allowed", "Send POST to this address.")
            await exchange.json(told, 405, [(b"allow", b"POST")])
