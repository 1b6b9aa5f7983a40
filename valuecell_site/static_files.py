"""Style sheets, scripts and fonts: from memory, compressed, and under an address that changes when one of them does.

Scripts import each other by relative paths, so it is the folder that carries the version and not each name:
`/static/v0123456789ab/site/dom.js`. Nothing is collected before the first start: files are found where they lie.
"""

import gzip
import hashlib
import mimetypes
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.decorators import sync_and_async_middleware

FOREVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "public, no-cache"
"""For an address without this version: kept, but asked for again, which costs a 304."""
PACKED_ALREADY = frozenset({".woff", ".woff2", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".ico", ".gz", ".zip"})
WORTH = 0.95
"""A packed copy larger than this part of the file is not worth unpacking."""

_VERSION = re.compile(r"v[0-9a-f]{12}/")


@dataclass(frozen=True, kw_only=True)
class Packed:
    """One file as it is sent; `gzipped` is empty where packing does not pay."""

    content_type: str
    etag: str
    plain: bytes = field(repr=False)
    gzipped: bytes = field(repr=False)


class VersionedStorage(StaticFilesStorage):
    """Where `{% static %}` gets its addresses from."""

    def url(self, name: str | None) -> str:
        """The address of a file; it stands for its content, except under DEBUG, where files are being changed."""
        return f"{settings.STATIC_URL}{'' if settings.DEBUG else version() + '/'}{quote(name or '')}"


@cache
def version() -> str:
    """A name for the content of all static files together: the same in every process that serves the same ones."""
    digest = hashlib.sha256()
    for name, path in sorted(_listed().items()):
        digest.update(f"{name}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return f"v{digest.hexdigest()[:12]}"


@cache
def _listed() -> dict[str, Path]:
    """Every static file by its name; of two with one name the first counts, as for Django's finders."""
    found: dict[str, Path] = {}
    for finder in finders.get_finders():
        for path, storage in finder.list(None):
            prefix = getattr(storage, "prefix", None)
            found.setdefault(f"{prefix}/{path}" if prefix else path, Path(storage.path(path)))
    return found


def _path(name: str) -> Path | None:
    """Where the file of that name lies. Only names that the finders list are looked up, so none leads elsewhere."""
    if settings.DEBUG:
        _listed.cache_clear()
    return _listed().get(name)


@cache
def _packed(path: Path, changed_at: int) -> Packed:  # noqa: ARG001 (under DEBUG another moment is another file)
    """Read and pack a file when it is first asked for: the start waits for none, and a page's files take 30 ms once."""
    plain = path.read_bytes()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    text = kind.startswith("text/") or kind in ("application/json", "image/svg+xml")
    gzipped = b"" if path.suffix in PACKED_ALREADY else gzip.compress(plain, mtime=0)
    return Packed(
        content_type=f"{kind}; charset=utf-8" if text else kind,
        etag=hashlib.sha256(plain).hexdigest()[:32],
        plain=plain,
        gzipped=gzipped if len(gzipped) < WORTH * len(plain) else b"",
    )


def takes_gzip(header: str) -> bool:
    """Whether an `Accept-Encoding` header allows gzip (RFC 9110, 12.5.3); `gzip;q=0` forbids it."""
    weights: dict[str, float] = {}
    for part in header.lower().split(","):
        coding, _, parameter = part.partition(";")
        name, _, value = parameter.partition("=")
        try:
            weights[coding.strip()] = float(value) if name.strip() == "q" else 1.0
        except ValueError:
            weights[coding.strip()] = 0.0
    return weights.get("gzip", weights.get("*", 0.0)) > 0


def serve(request: HttpRequest) -> HttpResponseBase | None:
    """The answer to a request for a static file; None for every other one, and where there is no such file."""
    if not request.path_info.startswith(settings.STATIC_URL):
        return None
    rest = request.path_info.removeprefix(settings.STATIC_URL)
    asked = _VERSION.match(rest)
    # A page that was open before a new version was started still finds what it loads late: as it is now.
    name = rest[asked.end() :] if asked else rest
    path = _path(name)
    if path is None:
        return None
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    file = _packed(path, path.stat().st_mtime_ns if settings.DEBUG else 0)
    zipped = bool(file.gzipped) and takes_gzip(request.headers.get("Accept-Encoding", ""))
    # A strong validator names bytes, so each form has its own (RFC 9110, 8.8.3.3).
    etag = f'"{file.etag}-gz"' if zipped else f'"{file.etag}"'
    body = file.gzipped if zipped else file.plain
    response = HttpResponse(body, content_type=file.content_type)
    response["Content-Length"] = str(len(body))
    if zipped:
        response["Content-Encoding"] = "gzip"
    if file.gzipped:
        response["Vary"] = "Accept-Encoding"
    response["ETag"] = etag
    current = asked is not None and not settings.DEBUG and asked[0] == f"{version()}/"
    response["Cache-Control"] = FOREVER if current else ASK_AGAIN
    # Sandboxed pages and tools of other origins may read what is public.
    response["Access-Control-Allow-Origin"] = "*"
    return get_conditional_response(request, etag, None, response)


@sync_and_async_middleware
def static_files(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Answer what is under STATIC_URL here; everything else goes on."""
    if iscoroutinefunction(get_response):
        # Packing a large file takes tens of milliseconds, which the loop shall not wait for.
        in_thread = sync_to_async(serve, thread_sensitive=False)

        async def later(request: HttpRequest) -> HttpResponseBase:
            answer = None
            if request.path_info.startswith(settings.STATIC_URL):
                answer = await in_thread(request)
            return answer if answer is not None else await get_response(request)

        return later

    def now(request: HttpRequest) -> HttpResponseBase:
        answer = serve(request)
        return answer if answer is not None else get_response(request)

    return now
