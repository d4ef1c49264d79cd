"""The files of recorded responses."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from simulator.training.dataset import Message
from simulator.training.recorded_response import RecordedResponse
from simulator.upstream.errors import UpstreamError
from simulator.upstream.response_cache import CachedPrompt, ResponseCache, SamplingParameters

PROMPT = CachedPrompt(
    model="small",
    messages=(Message(role="system", content="Be brief."), Message(role="user", content="Wie viel ist 1 + 1, Jürgen?")),
    parameters=SamplingParameters(max_tokens=64),
)
RESPONSES = (
    RecordedResponse(text="#### 2", reasoning="Eins und eins.", tokens=9, reasoning_tokens=7),
    RecordedResponse(text="", tokens=64, finish_reason="length"),
)


def test_written_responses_are_read_back(cache: ResponseCache) -> None:
    """All fields; before the write there are none."""
    assert cache.read(PROMPT) == ()
    cache.write(PROMPT, RESPONSES, server="http://127.0.0.1:1/v1")
    assert cache.read(PROMPT) == RESPONSES


def test_a_file_is_readable_json(cache: ResponseCache) -> None:
    """The prompt, the model, the server and each response, without escapes."""
    cache.write(PROMPT, RESPONSES[:1], server="http://127.0.0.1:1/v1")
    text = cache.path(PROMPT).read_text()
    assert json.loads(text) == {
        "format": 1,
        "server": "http://127.0.0.1:1/v1",
        "model": "small",
        "parameters": {"temperature": 1.0, "max_tokens": 64},
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Wie viel ist 1 + 1, Jürgen?"},
        ],
        "responses": [
            {
                "text": "#### 2",
                "reasoning": "Eins und eins.",
                "tokens": 9,
                "reasoning_tokens": 7,
                "finish_reason": "stop",
            }
        ],
    }
    assert "Jürgen" in text


def test_the_server_is_not_part_of_the_key(cache: ResponseCache) -> None:
    """A new server replaces the old one in the file."""
    cache.write(PROMPT, RESPONSES, server="http://127.0.0.1:1/v1")
    cache.write(PROMPT, RESPONSES, server="http://127.0.0.1:2/v1")
    (path,) = cache.path(PROMPT).parent.iterdir()
    assert json.loads(path.read_text())["server"] == "http://127.0.0.1:2/v1"


@pytest.mark.parametrize(
    "other",
    [
        CachedPrompt(model="large", messages=PROMPT.messages, parameters=PROMPT.parameters),
        CachedPrompt(model="small", messages=PROMPT.messages[1:], parameters=PROMPT.parameters),
        CachedPrompt(model="small", messages=PROMPT.messages, parameters=SamplingParameters()),
        CachedPrompt(
            model="small",
            messages=PROMPT.messages,
            parameters=SamplingParameters(max_tokens=64, reasoning_effort="low"),
        ),
    ],
)
def test_the_key_depends_on_model_messages_and_parameters(other: CachedPrompt) -> None:
    """It is the same in every process."""
    assert other.key != PROMPT.key
    assert PROMPT.key == "73fae62ad0d794d5d1be0594320dff0c"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not JSON (Expecting value: line 1 column 1 (char 0))"),
        ("[]", "is not a file of format 1"),
        ('{"format": 2}', "is not a file of format 1"),
        ('{"format": 1}', "holds a response that cannot be read (KeyError('responses'))"),
        (
            json.dumps({"format": 1, "responses": [asdict(RESPONSES[0]) | {"text": 7}]}),
            "holds a response that cannot be read (TypeError('expected str, not 7'))",
        ),
    ],
)
def test_an_invalid_file_is_reported_by_its_path(cache: ResponseCache, text: str, reason: str) -> None:
    """It may have been edited; sampling does not overwrite it."""
    path = cache.path(PROMPT)
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(UpstreamError) as exc_info:
        cache.read(PROMPT)
    assert str(exc_info.value) == f"{path} {reason}; remove the file and sample again, or use another folder"


def test_a_failed_write_leaves_the_old_file(cache: ResponseCache, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is never an incomplete file."""
    cache.write(PROMPT, RESPONSES, server="http://127.0.0.1:1/v1")

    def full(*_args: object, **_more: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        with pytest.raises(UpstreamError, match="No space left on device; use a writable folder"):
            cache.write(PROMPT, RESPONSES[:1], server="http://127.0.0.1:1/v1")
    assert list(cache.path(PROMPT).parent.iterdir()) == [cache.path(PROMPT)]
    assert cache.read(PROMPT) == RESPONSES


def test_a_file_instead_of_a_folder_is_reported(tmp_path: Path) -> None:
    """Before sampling starts."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UpstreamError, match="Not a directory"):
        ResponseCache(tmp_path / "file").read(PROMPT)
