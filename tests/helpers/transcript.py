"""What a viewer makes of frames: the reducer of a page, in a few lines, and what it must agree with."""

import copy
from collections.abc import Iterable
from typing import Any

from conversations.events import Envelope


class Viewer:
    """Applies envelopes in the order of `seq`, as the contract's section 2 tells pages and programs to."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.seq = 0
        self.passing: list[str] = []

    def take(self, envelopes: Iterable[Envelope]) -> "Viewer":
        """Apply envelopes; fails where a `seq` is missing, or an offset does not fit."""
        for envelope in envelopes:
            if envelope["seq"] is None:
                self.passing.append(envelope["event"])
                continue
            assert envelope["seq"] == self.seq + 1, f"seq {envelope['seq']} after {self.seq}"
            self.seq = envelope["seq"]
            self._apply(copy.deepcopy(envelope))
        return self

    def _apply(self, envelope: Any) -> None:
        data = envelope["data"]
        payload = data["payload"]
        item_id = data["item_id"]
        if "delta" in payload:
            item = self.items[item_id]
            content = item["data"]["payload"].get("content") or ""
            assert len(content) == payload["offset"], "an offset counts the code points before it"
            item["data"]["payload"]["content"] = content + payload["delta"]
            item.update(seq=envelope["seq"], event=envelope["event"])
            return
        if item_id in self.items:
            assert self.items[item_id]["data"]["position"] == data["position"], "an item never moves"
        self.items[item_id] = envelope

    def shown(self) -> list[dict[str, Any]]:
        """What the page shows: whole items in the order of their places."""
        return sorted(self.items.values(), key=lambda item: int(item["data"]["position"]))
