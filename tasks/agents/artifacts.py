"""One artifact of a run, folded from its updates, and the responses that show each change of it. Pure.

The contract's payload: `{"component_type": "artifact", "artifact_id", "name", "media_type", "content": its text or
null, "data"?, "files"?}`. `data` is the one data part's value, or a list of them where there are several.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from a2a.types import Artifact, Part
from google.protobuf.json_format import MessageToDict

from conversations.changes import Response
from conversations.events import ComponentType, Event, Json
from tasks.agents.plain import clean, plain, plain_struct


class Folded:
    """An artifact as it is so far."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._texts: list[str] = []
        self._has_text = False
        self._data: list[Any] = []
        self._files: list[Json] = []
        self._name = ""
        self._media_type = ""
        self._metadata: Json = {}
        self._unstored: list[str] = []
        self._shown = False
        self._last_update: bytes | None = None
        self._begun_by_more = False
        self._pieces: list[int] = []
        """A mark of each part, as its agent has them."""
        self.doubtful = False
        """Whether an update came twice in a row, or its beginning after its second piece: either the agent means it,
        or the network did it. The agent's own snapshot tells."""

    @property
    def text(self) -> str:
        """The text parts, joined."""
        if len(self._texts) > 1:
            self._texts = ["".join(self._texts)]
        return self._texts[0] if self._texts else ""

    def put(self, artifact: Artifact) -> list[Response]:
        """The artifact whole: new, or in the place of what was here. Nothing where that changes nothing."""
        self.doubtful |= self._begun_by_more
        self._begun_by_more, self._last_update = False, None
        before = self._payload() if self._shown else None
        metadata = self._metadata
        self._texts, self._has_text, self._data, self._files, self._unstored = [], False, [], [], []
        self._pieces = []
        self._name, self._media_type, self._metadata = "", "", {}
        self._describe(artifact)
        self._take(artifact.parts)
        if self._shown and self._payload() == before and self._metadata == metadata:
            return []
        return [self._whole()]

    def append(self, artifact: Artifact, *, last: bool) -> list[Response]:
        """More of the artifact. An update to one not seen yet begins it.

        A last update that says the whole text once more is taken as just that (some agents close so).
        """
        update = artifact.SerializeToString(deterministic=True)
        self.doubtful |= update == self._last_update
        if not self._shown:
            put = self.put(artifact)
            self._begun_by_more, self._last_update = True, update
            return put
        self._last_update = update
        described = self._describe(artifact)
        only_text = all(part.WhichOneof("content") == "text" for part in artifact.parts)
        delta = "".join(clean(part.text) for part in artifact.parts) if only_text else ""
        if last and only_text and len(self._pieces) > 1 and delta == self.text:
            delta = ""
            artifact = Artifact()
        had_text = self._has_text
        self._take(artifact.parts)
        if described or not only_text or not had_text:
            return [self._whole()] if described or len(artifact.parts) else []
        if not delta:
            return []
        payload = {"component_type": ComponentType.ARTIFACT.value, "artifact_id": self._key, "content": delta}
        return [Response(event=Event.COMPONENT_GENERATOR, payload=payload, key=self._key, append=True)]

    def compare(self, artifact: Artifact, *, final: bool, echoes: bool = False) -> list[Response]:
        """The artifact as a snapshot has it: adds what is missing here, never takes away what a stale one lacks.

        final: the task is over, so the snapshot cannot be stale, and is right where it differs. echoes: the agent may
        have what it said several times (servers on the Python SDK's 0.3 fold an event once for each who listens).
        """
        self._begun_by_more, self._last_update = False, None
        told = Folded(self._key)
        told.put(artifact)
        if not self._shown:
            self.doubtful |= not final
            return self.put(artifact)
        if echoes and _echoed(self._pieces, told._pieces):
            return []
        mine, theirs = self.text, told.text
        fewer = len(told._data) < len(self._data) or len(told._files) < len(self._files)
        if not final and (fewer or (len(theirs) < len(mine) and mine.startswith(theirs))):
            return []
        same_rest = told._data == self._data and told._files == self._files
        if same_rest and mine and len(theirs) > len(mine) and theirs.startswith(mine):
            added = self.append(Artifact(parts=[Part(text=theirs[len(mine) :])]), last=False)
            self._pieces = told._pieces
        else:
            added = self.put(artifact)
        # What was missed here may be told again by the stream that goes on.
        self.doubtful |= bool(added) and not final
        return added

    def _describe(self, artifact: Artifact) -> bool:
        """Take name, description and metadata; returns whether that changed what is shown."""
        before = (self._name, dict(self._metadata))
        self._name = clean(artifact.name) or self._name
        if artifact.HasField("metadata"):
            self._metadata = {**self._metadata, **plain_struct(artifact.metadata)}
        if artifact.description:
            self._metadata = {**self._metadata, "description": clean(artifact.description)}
        return before != (self._name, self._metadata)

    def _take(self, parts: Iterable[Part]) -> None:
        for part in parts:
            kind = part.WhichOneof("content")
            self._pieces.append(hash(part.text) if kind == "text" else hash(part.SerializeToString(deterministic=True)))
            if kind == "text":
                self._texts.append(clean(part.text))
                self._has_text = True
                self._media_type = self._media_type or clean(part.media_type)
            elif kind == "data":
                self._data.append(plain(part.data))
            elif kind in ("url", "raw"):
                self._files.append(file_entry(part))
                if kind == "raw":
                    self._unstored.append(self._files[-1]["name"])
            else:
                self._data.append(MessageToDict(part))  # A part of a later version: shown as what it is.

    def _whole(self) -> Response:
        self._shown = True
        metadata = dict(self._metadata)
        if self._unstored:
            metadata["files_not_stored"] = list(self._unstored)
        return Response(event=Event.COMPONENT_GENERATOR, payload=self._payload(), metadata=metadata, key=self._key)

    def _payload(self) -> Json:
        media_type = self._media_type or ("text/plain" if self._has_text else "")
        if not media_type and self._data:
            media_type = "application/json"
        if not media_type and self._files:
            media_type = self._files[0]["media_type"]
        payload: Json = {
            "component_type": ComponentType.ARTIFACT.value,
            "artifact_id": self._key,
            "name": self._name,
            "media_type": media_type,
            "content": self.text if self._has_text else None,
        }
        if self._data:
            payload["data"] = self._data[0] if len(self._data) == 1 else list(self._data)
        if self._files:
            payload["files"] = list(self._files)
        return payload


def _echoed(mine: Sequence[int], theirs: Sequence[int]) -> bool:
    """Whether `theirs` is `mine` with some of it said again."""
    if len(theirs) <= len(mine) or not set(theirs) <= set(mine):
        return False
    left = iter(theirs)
    return all(piece in left for piece in mine)


def file_entry(part: Part) -> Json:
    """What is listed of a file part. Bytes are counted, not kept: their `url` is empty."""
    by_bytes = part.WhichOneof("content") == "raw"
    url = "" if by_bytes else clean(part.url)
    return {
        "name": clean(part.filename) or url.rsplit("/", 1)[-1].split("?", 1)[0] or "file",
        "media_type": clean(part.media_type) or "application/octet-stream",
        "size": len(part.raw) if by_bytes else None,
        "url": url,
    }
