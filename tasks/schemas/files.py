"""Pictures that are sent with a message: their shape and limits."""

import base64
import binascii
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

FILES_MAX = 4
"""Files of one message."""
BYTES_MAX = 1_000_000
"""Of all files of one message together; coded they stay well below the request body's limit."""
_BEGINNINGS = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/webp": (b"RIFF",),
}


class FileIn(BaseModel):
    """A picture: PNG, JPEG, GIF or WebP. `data` is its content in base64."""

    model_config = ConfigDict(extra="forbid", title="File")

    name: Annotated[str, Field(min_length=1, max_length=200)]
    media_type: Literal["image/png", "image/jpeg", "image/gif", "image/webp"]
    data: Annotated[str, Field(max_length=BYTES_MAX * 4 // 3 + 4)]
    _content: bytes = PrivateAttr(default=b"")

    @property
    def content(self) -> bytes:
        """What it holds."""
        return self._content

    @model_validator(mode="after")
    def _read(self) -> Self:
        if any(ord(sign) < 32 for sign in self.name):
            raise ValueError("Remove the control characters from its name.")
        try:
            self._content = base64.b64decode(self.data, validate=True)
        except (binascii.Error, ValueError):
            raise ValueError("Write its content in base64.") from None
        if not self._content.startswith(_BEGINNINGS[self.media_type]):
            raise ValueError(f"Its content is no {self.media_type}.")
        return self


def not_too_large(files: list[FileIn]) -> list[FileIn]:
    """For a list of files: ValueError where they are too much together."""
    if sum(len(file.content) for file in files) > BYTES_MAX:
        raise ValueError(f"Together they are larger than {BYTES_MAX // 1000:,} kB: send smaller ones.")
    return files
