"""Static files go out compressed: copies are made once into DATA_DIR, when a process that serves pages starts.

There is no `collectstatic` before the first start (files are served from where they lie), so the copies cannot lie
beside the originals, which may be another user's.
"""

import gzip
import hashlib
import os
from pathlib import Path
from typing import Any

from django.conf import settings
from whitenoise.compress import Compressor
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile

LEVEL = 6
WORTH = 0.95
"""A copy that is not smaller than this part of its original is not served."""

_wanted = Compressor(use_brotli=False, quiet=True)


class CompressedFiles(WhiteNoiseMiddleware):
    """WhiteNoise, with copies of its own for those who take gzip."""

    def get_static_file(self, path: str, url: str, stat_cache: dict[str, os.stat_result] | None = None) -> StaticFile:
        """The file at `path`, as WhiteNoise serves it, and its compressed copy where that is worth it."""
        plain = super().get_static_file(path, url, stat_cache)
        if self.autorefresh or not _wanted.should_compress(path):
            return plain
        copy = compressed(Path(path), settings.DATA_DIR / "static")
        if copy is None:
            return plain
        known = None if stat_cache is None else {**stat_cache, str(copy): copy.stat()}
        headers: Any = plain.alternatives[-1][2]
        kept = [(name, value) for name, value in headers if name in ("Content-Type", "Cache-Control")]
        return StaticFile(path, kept, stat_cache=known, encodings={"gzip": str(copy)})


def compressed(path: Path, folder: Path) -> Path | None:
    """The compressed copy of the file at `path` in `folder`, made unless it is there; None where it saves nothing.

    Its name follows from the original's path, size and time, so that a changed file gets a new copy.
    """
    stat = path.stat()
    name = hashlib.sha256(f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}".encode()).hexdigest()[:32]
    copy = folder / f"{name}.gz"
    if not copy.exists():
        folder.mkdir(exist_ok=True)
        # Written elsewhere and moved: another process may be doing the same.
        part = folder / f"{name}.{os.getpid()}"
        part.write_bytes(gzip.compress(path.read_bytes(), LEVEL, mtime=0))
        part.replace(copy)
    return copy if copy.stat().st_size < WORTH * stat.st_size else None
