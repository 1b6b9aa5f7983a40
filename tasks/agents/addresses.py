"""Which addresses may be reached for a person who is not the operator: the guard against server-side forgery."""

import asyncio
import ipaddress
import socket

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
