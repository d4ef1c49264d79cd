"""The opaque content of a compaction item."""

from base64 import b64decode, b64encode

import pytest

from simulator.errors import ApiError
from simulator.responses.compaction import decode_compaction, encode_compaction
from simulator.responses.conversation_items import ITEMS_ADAPTER, dump_items

ITEMS = ITEMS_ADAPTER.validate_python(
    [
        {"type": "message", "role": "user", "content": "How much is 6 * 7?"},
        {"type": "message", "role": "assistant", "content": "#### 42"},
    ]
)


def test_a_compaction_has_the_whole_conversation() -> None:
    """In its order."""
    assert dump_items(decode_compaction(encode_compaction(ITEMS))) == dump_items(ITEMS)


@pytest.mark.parametrize("text", ["", "é", "no base64!", b64encode(b"x" * 40).decode()])
def test_a_text_from_elsewhere_is_refused(text: str) -> None:
    """As the service refuses it."""
    with pytest.raises(ApiError):
        decode_compaction(text)


def test_a_changed_conversation_is_refused() -> None:
    """The checksum does not match."""
    changed = b64decode(encode_compaction(ITEMS)).replace(b"42", b"43")
    with pytest.raises(ApiError):
        decode_compaction(b64encode(changed).decode())
