"""Hypothesis strategies for training files: bytes, damaged records, and any JSON instead of records."""

import json
from typing import Any

from hypothesis import strategies as st

_NAMES = ["messages", "role", "content", "type", "text", "reference_answer", "", "id", "metadata"]
_WORDS = ["user", "system", "assistant", "text", "3 + 4?", " ", "####", "7"]
_SOUND = {
    "messages": [{"role": "system", "content": "Brief."}, {"role": "user", "content": "3 + 4? \u2028 é 😀"}],
    "reference_answer": {"answer": "7", "steps": [1, -2.5, None, True]},
}
_SIGNIFICANT_BYTES = [
    b"",
    b"\n",
    b"\r",
    b"\x00",
    b'"',
    b"\\",
    b"{",
    b"}",
    b"[",
    b",",
    b"\\ud800",
    b"\xff",
    b"NaN",
    b"1e999",
    b"\xef\xbb\xbf",
]

texts = st.text(max_size=8) | st.sampled_from(_WORDS)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts | st.integers(10**300, 10**320),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(_NAMES) | texts, inner, max_size=4),
    max_leaves=16,
)
messages = st.fixed_dictionaries({"role": st.sampled_from(["user", "system"]), "content": texts | st.just("3 + 4?")})
records = st.builds(
    lambda said, fields: fields | {"messages": said},
    st.lists(messages, min_size=1, max_size=3),
    st.dictionaries(st.sampled_from(_NAMES) | texts, values, max_size=4),
)


def _as_lines(rows: list[Any], *, plain: bool) -> bytes:
    text = "\n".join(json.dumps(row, ensure_ascii=not plain) for row in rows)
    return text.encode("utf-8", "surrogatepass")


def _damaged(rows: list[Any], edits: list[tuple[float, int, bytes]]) -> bytes:
    content = _as_lines(rows, plain=True)
    for share, length, new_bytes in edits:
        place = int(share * len(content))
        content = content[:place] + new_bytes + content[place + length :]
    return content


_edits = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 3), st.sampled_from(_SIGNIFICANT_BYTES) | st.binary(max_size=3)),
    min_size=1,
    max_size=3,
)

files = st.one_of(
    st.binary(max_size=200),
    st.builds(_as_lines, st.lists(values, max_size=4), plain=st.booleans()),
    st.builds(_as_lines, st.lists(records | values, max_size=4), plain=st.booleans()),
    st.builds(_as_lines, st.lists(records, min_size=1, max_size=4), plain=st.booleans()),
    st.builds(_damaged, st.lists(records | st.just(_SOUND), min_size=1, max_size=4), _edits),
)
"""Whole training files, sound ones among them."""
