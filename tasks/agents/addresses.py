"""Which addresses may be reached for a person who is not the operator: the guard against server-side forgery."""

import asyncio
import ipaddress
import socket

import httpx

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class PrivateAddress(Exception):
    """The host lies on a loopback, private, link-local or otherwise not public address."""


def is_public(address: str) -> bool:
    """Whether an IP address (text, v4 or v6) is one of the public internet.

    IPv6 forms that carry an IPv4 address (mapped, 6to4, Teredo, NAT64) are judged by what they carry.
    """
    ip: IPAddress = ipaddress.ip_address(address.split("%", 1)[0])
    if isinstance(ip, ipaddress.IPv6Address):
        carried = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
        if ip in ipaddress.ip_network("64:ff9b::/96"):
            carried.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
        if any(inner is not None and not is_public(str(inner)) for inner in carried):
            return False
        if ip.ipv4_mapped is not None:
            return True
    return ip.is_global and not ip.is_multicast


async def public_addresses(host: str, port: int) -> list[str]:
    """Resolve `host` and return its addresses, to be connected to as they are (a second look-up may differ).

    Raises PrivateAddress where any of them is not public, and OSError (socket.gaierror) where the host is unknown.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        if not is_public(address):
            raise PrivateAddress(address)
    return addresses


async def send_to_public(inner: httpx.AsyncBaseTransport, request: httpx.Request) -> httpx.Response:
    """Send `request` by `inner`, to a public address of its host or to none.

    Raises PrivateAddress where the host has any that is not public, OSError where it is unknown, and httpx's errors.
    """
    host = request.url.host
    addresses = await public_addresses(host, request.url.port or (443 if request.url.scheme == "https" else 80))
    # Connected to by number, so that a second look-up cannot lead elsewhere; TLS still checks the name.
    extensions = {**request.extensions, "sni_hostname": host}
    failure: httpx.HTTPError = httpx.ConnectError("its host name has no address")
    for address in addresses:
        numbered = httpx.Request(
            request.method,
            request.url.copy_with(host=address),
            headers=request.headers,  # with the Host header of the name
            stream=request.stream,
            extensions=extensions,
        )
        try:
            return await inner.handle_async_request(numbered)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            failure = error
    raise failure
