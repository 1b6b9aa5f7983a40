"""The language of the person who asks, as their browser or program says it; agents are told, so that they answer in it.

Kept for the request, as Django keeps its time zone; a task keeps the one that it was made with.
"""

import re

from asgiref.local import Local

DEFAULT = "en-US"
"""Where nobody says: what ValueCell's agents are told then."""
LONGEST = 35
"""Characters of a language tag (RFC 5646 section 4.4.1)."""
_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")
_active = Local()


def preferred(header: str) -> str:
    """The language that an Accept-Language header (RFC 9110 section 12.5.4) wants most; DEFAULT where it wants none."""
    best, weight = DEFAULT, 0.0
    for part in header[:1000].split(","):
        tag, _, quality = part.strip().partition(";")
        try:
            wanted = float(quality.strip().removeprefix("q=")) if quality else 1.0
        except ValueError:
            continue
        if wanted > weight and len(tag) <= LONGEST and _TAG.fullmatch(tag):
            best, weight = tag, wanted
    return best


def activate(tag: str) -> None:
    """Use `tag` for what is made from here on in this request."""
    _active.tag = tag


def current() -> str:
    """The language of who asks; DEFAULT outside of requests."""
    return getattr(_active, "tag", DEFAULT)
