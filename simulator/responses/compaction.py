"""A conversation encoded as the opaque content of a compaction item, and back."""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import Final

from simulator.errors import INVALID_VALUE
from simulator.ids import digest
from simulator.responses.conversation_items import ITEMS_ADAPTER, dump_items
from simulator.wire.response_requests import CompactionItem, Item, ReferenceItem

_CHECKSUM_SIZE: Final = 16  # bytes


def encode_compaction(items: Iterable[Item]) -> str:
    """Return a conversation as one text, with a checksum.

    It is not encrypted, because the simulator has no secret key; Bedrock's is opaque to clients.
    """
    content = json.dumps(dump_items(items), separators=(",", ":")).encode("ascii")
    return b64encode(_checksum(content) + content).decode("ascii")


def decode_compaction(text: str) -> list[Item]:
    """Return the conversation in a text from `encode_compaction`.

    Raises:
        ApiError: the text is damaged, or it is not from `encode_compaction`.
    """
    try:
        data = b64decode(text.encode("ascii"), validate=True)
        checksum, content = data[:_CHECKSUM_SIZE], data[_CHECKSUM_SIZE:]
        items = ITEMS_ADAPTER.validate_json(content) if checksum == _checksum(content) else []
    except ValueError:
        items = []
    if not items or any(isinstance(item, CompactionItem | ReferenceItem) for item in items):
        raise INVALID_VALUE(param="input", why="the encrypted content of a compaction item could not be read")
    return items


def _checksum(content: bytes) -> bytes:
    return digest("compaction", content.hex(), size=_CHECKSUM_SIZE)
