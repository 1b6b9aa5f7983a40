"""Where a request comes from: the address of the client, seen through proxies that are trusted and no others."""

from ipaddress import ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

ADDRESS_MAX = 45
"""Characters of an IPv6 address at most."""


def client_address(request: HttpRequest) -> str:
    """The address that sent `request`; behind a proxy of TRUSTED_PROXIES the last one in `X-Forwarded-For` that is no
    such proxy, since what stands before it anybody can write. Empty where the server tells none (a Unix socket).
    """
    address = str(request.META.get("REMOTE_ADDR", ""))
    forwarded = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    while forwarded and _trusted(address):
        address = forwarded.pop()
    return address[:ADDRESS_MAX]


def _trusted(address: str) -> bool:
    for proxy in settings.TRUSTED_PROXIES:
        try:
            if ip_address(address) in ip_network(proxy, strict=False):
                return True
        except ValueError:
            # A name, or the word of a Unix socket: itself only.
            if address == proxy:
                return True
    return False
