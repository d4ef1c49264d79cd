"""Reading training files, and the messages of all errors."""

import io
import tracemalloc

import pytest

from simulator.training.dataset import DatasetError, DatasetLimits, Message, Record, read_records, split_records

ANY = DatasetLimits(min_records=0, max_records=1_000)
GOOD = b'{"messages": [{"role": "user", "content": "2 + 2?"}], "reference_answer": "4"}\n'


def read(data: bytes, limits: DatasetLimits = ANY) -> tuple[Record, ...]:
    """Read the bytes of an uploaded file."""
    return read_records(io.BytesIO(data), limits)


@pytest.mark.shows("records")
def test_a_record_has_its_line_its_messages_and_all_other_fields() -> None:
    """Text parts are joined."""
    data = (
        b'{"id": "a", "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": '
        b'[{"type": "text", "text": "2 + "}, {"type": "text", "text": "2?"}]}], "reference_answer": {"text": "4"}}'
    )
    assert read(GOOD + data) == (
        Record(line=1, messages=(Message(role="user", content="2 + 2?"),), fields={"reference_answer": "4"}),
        Record(
            line=2,
            messages=(Message(role="system", content="Be brief."), Message(role="user", content="2 + 2?")),
            fields={"id": "a", "reference_answer": {"text": "4"}},
        ),
    )


def test_blank_lines_may_end_the_file() -> None:
    """Editors add them."""
    assert len(read(GOOD * 2 + b"\n  \r\n")) == 2


@pytest.mark.parametrize("max_records", [2, 1])
def test_a_line_over_the_limit_is_not_held_in_memory(max_records: int) -> None:
    """Neither while records are read nor while lines beyond the last record are counted."""
    stream = io.BytesIO(GOOD + b"x" * 20_000_000)
    tracemalloc.start()
    with pytest.raises(DatasetError):
        read_records(stream, DatasetLimits(min_records=0, max_records=max_records, max_line=1_000))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1_000_000


FAULTS = {
    b"\xef\xbb\xbf" + GOOD: "line 1: the file starts with a byte order mark; save it as UTF-8 without one",
    GOOD + b"\xff\xfe{}": "line 2: byte 0xff at position 1 is not UTF-8; save the file as UTF-8",
    b"\n" + GOOD: "line 1: the line is blank; blank lines may only end the file: remove it",
    b"{": (
        "line 1: not valid JSON: Expecting property name enclosed in double quotes at column 2; is the line cut off? "
        "A record must stand on one line"
    ),
    GOOD + b'{"messages": NaN}': "line 2: not valid JSON: NaN is not a JSON number",
    b'{"messages": -Infinity}': "line 1: not valid JSON: -Infinity is not a JSON number",
    b'{"messages": 1e999}': "line 1: not valid JSON: the number 1e999 is too large",
    b'{"a": {"b": 1, "b": 2}}': 'line 1: not valid JSON: the key "b" appears twice in one object',
    b'{"a": "\\ud800"}': (
        "line 1: not valid JSON: a \\u escape is half of a surrogate pair; write the whole character"
    ),
    GOOD + b"[" * 100_000: "line 2: nested too deeply: lists and objects may lie in each other 128 deep",
    GOOD + b"[1]": "line 2: expected one JSON object, found a list",
    b'{"prompt": "hi"}': 'line 1: missing required field "messages"',
    b'{"messages": "hi"}': 'line 1: "messages" must be a list of messages, not a string',
    b'{"messages": []}': 'line 1: "messages" is empty; it must hold the prompt',
    b'{"messages": [null]}': "line 1: messages[0] must be an object, not null",
    b'{"messages": [{"content": "hi"}]}': 'line 1: messages[0]: missing required field "role"',
    b'{"messages": [{"role": "user"}]}': 'line 1: messages[0]: missing required field "content"',
    b'{"messages": [{"role": "developer", "content": "hi"}]}': (
        'line 1: messages[0].role must be one of "user", "system", "assistant", not "developer"'
    ),
    b'{"messages": [{"role": "user", "content": " "}]}': "line 1: messages[0].content is empty",
    b'{"messages": [{"role": "user", "content": 7}]}': (
        "line 1: messages[0].content must be a string or a list of text parts, not a number"
    ),
    b'{"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}': (
        'line 1: messages[0].content[0] must be {"type": "text", "text": "..."}'
    ),
    b'{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yes"}]}': (
        'line 1: messages[1]: the last message is from "assistant", which leaves no room for a rollout; '
        "end the prompt with a user message"
    ),
}


@pytest.mark.parametrize(("data", "message"), FAULTS.items(), ids=range(len(FAULTS)))
def test_the_first_error_is_reported_with_its_line(data: bytes, message: str) -> None:
    """Each message says where, what, and what to do if that is not obvious."""
    with pytest.raises(DatasetError) as exc_info:
        read(data)
    assert str(exc_info.value) == message


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (99, "the file holds 99 records; at least 100 are needed: add records"),
        (121, "the file holds 121 records; at most 120 are allowed: remove some"),
    ],
)
def test_a_wrong_number_of_records_has_no_line(count: int, message: str) -> None:
    """Bedrock documents 100 to 20,000."""
    with pytest.raises(DatasetError) as exc_info:
        read(GOOD * count, DatasetLimits(min_records=100, max_records=120))
    assert (exc_info.value.line, str(exc_info.value)) == (None, message)


@pytest.mark.shows("held-out")
def test_the_last_tenth_is_held_out(sums: tuple[Record, ...]) -> None:
    """300 records give 270 and 30; the seed has no effect."""
    train, held_out = split_records(sums, choice="tail", seed=1)
    assert [record.line for record in train] == list(range(1, 271))
    assert [record.line for record in held_out] == list(range(271, 301))
    assert split_records(sums, choice="tail", seed=2) == (train, held_out)


@pytest.mark.shows("held-out")
def test_a_seeded_tenth_depends_on_the_seed_only(sums: tuple[Record, ...]) -> None:
    """Each record is in one part, and another seed holds out other records."""
    train, held_out = split_records(sums, choice="seeded", seed=1)
    assert sorted(record.line for record in train + held_out) == list(range(1, 301))
    assert split_records(sums, choice="seeded", seed=1) == (train, held_out)
    assert split_records(sums, choice="seeded", seed=2)[1] != held_out
