"""Inference routes beside chat and Responses: embeddings, text completions, and those that are absent."""

from collections.abc import Iterator
from typing import Any

import pytest
from openai import BadRequestError, NotFoundError, OpenAI

from simulator.settings import Settings
from tests.key_order import unsorted_objects
from tests.simulators import BASE, World, inner_world
from tests.training.training_files import jsonl, record

PROMPT = record(7)["messages"][0]["content"]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """A simulator without AWS, as it is by default."""
    with inner_world() as made:
        yield made


@pytest.fixture(scope="module")
def writing() -> Iterator[World]:
    """A simulator with text completions, which knows ten prompts."""
    with inner_world(Settings(text_completions=True)) as made:
        made.upload(jsonl(10))
        yield made


@pytest.fixture(scope="module")
def writer(writing: World) -> OpenAI:
    """The SDK pointed at it."""
    return writing.mantle(strict=True)


@pytest.mark.shows("POST /embeddings", "embeddings")
@pytest.mark.parametrize("model", [BASE, "qwen.qwen3-32b", "qwen.qwen3-32b-v1:0"])
def test_no_model_makes_embeddings(world: World, model: str) -> None:
    """OBSERVED: none is offered; the body is that of any model on the wrong API."""
    with pytest.raises(BadRequestError) as refused:
        world.mantle().embeddings.create(model=model, input="x")
    assert refused.value.body == {
        "code": "validation_error",
        "message": f"The model '{model}' does not support the '/v1/embeddings' API",
        "param": None,
        "type": "invalid_request_error",
    }


def test_embeddings_of_an_unknown_model_are_not_found(world: World) -> None:
    """As everywhere."""
    with pytest.raises(NotFoundError, match="The model 'text-embedding-3-small' does not exist"):
        world.mantle().embeddings.create(model="text-embedding-3-small", input="x")


@pytest.mark.shows("text-completions")
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/completions"),
        ("GET", "/v1/batches"),
        ("POST", "/v1/batches"),
        ("GET", "/v1/batches/batch_1"),
        ("POST", "/v1/fine_tuning/jobs/ftjob-1/pause"),
        ("POST", "/v1/fine_tuning/jobs/ftjob-1/resume"),
        ("POST", "/v1/uploads"),
        ("POST", "/v1/moderations"),
        ("POST", "/v1/images/generations"),
        ("POST", "/v1/audio/speech"),
        ("GET", "/v1/assistants"),
        ("POST", "/v1/fine_tuning/alpha/graders/run"),
    ],
)
def test_what_mantle_does_not_have_is_absent_here(world: World, method: str, path: str) -> None:
    """404 with a body that an SDK can read."""
    answer = world.http.request(method, path, json={"model": BASE, "prompt": "x"} if method == "POST" else None)
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == f"Invalid URL ({method} {path})"


def test_chat_answers_to_post_alone(world: World) -> None:
    """OBSERVED."""
    assert world.http.get("/v1/chat/completions").status_code == 405


@pytest.mark.shows("text-completions")
def test_the_missing_text_completions_are_hinted_at(world: World) -> None:
    """AWS's own job guide calls them."""
    answer = world.http.post("/v1/completions", json={"model": BASE, "prompt": "x"})
    assert "text_completions=true" in answer.headers["x-simulator-hint"]


def complete(writer: OpenAI, **options: Any) -> Any:
    """Complete the known prompt; return the raw JSON."""
    asked: Any = {"model": BASE, "prompt": PROMPT, "temperature": 0, "max_tokens": 500, **options}
    answer = writer.completions.with_raw_response.create(**asked)
    answer.parse()
    assert unsorted_objects(answer.http_response.text) == []
    return answer.http_response.json()


@pytest.mark.shows("POST /completions")
def test_a_text_completion_is_openais_object(writer: OpenAI) -> None:
    """When the setting asks for it: words alone, without thinking."""
    answer = complete(writer)
    [choice] = answer.pop("choices")
    usage = answer.pop("usage")
    assert answer.pop("id").startswith("cmpl-")
    assert answer == {"created": 1_767_225_600, "model": BASE, "object": "text_completion", "system_fingerprint": None}
    assert choice == {"finish_reason": "stop", "index": 0, "logprobs": None, "text": choice["text"]}
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["completion_tokens"] == -(-len(choice["text"]) // 4)


def test_a_text_completion_says_what_a_chat_would(writer: OpenAI) -> None:
    """The prompt is what a user says."""
    messages: Any = [{"role": "user", "content": PROMPT}]
    chat = writer.chat.completions.create(model=BASE, temperature=0, messages=messages)
    assert complete(writer)["choices"][0]["text"] == chat.choices[0].message.content


def test_a_text_completion_is_short_by_default(writer: OpenAI) -> None:
    """OPENAI: 16 tokens."""
    answers = [
        writer.completions.create(model=BASE, prompt=record(number)["messages"][0]["content"]) for number in range(10)
    ]
    assert max(answer.usage.completion_tokens for answer in answers if answer.usage) == 16


def test_a_streamed_text_completion_adds_up(writing: World, writer: OpenAI) -> None:
    """With its usage at the end when asked for. OpenAI's own `finish_reason` of null is not in the SDK's type of it."""
    asked: Any = {"model": BASE, "prompt": PROMPT, "temperature": 0, "max_tokens": 500, "stream": True}
    *chunks, last = writing.mantle().completions.create(**asked, stream_options={"include_usage": True})
    assert "".join(chunk.choices[0].text for chunk in chunks) == complete(writer)["choices"][0]["text"]
    assert (last.choices, last.usage.total_tokens) == ([], complete(writer)["usage"]["total_tokens"])


def test_several_text_completions_come_by_index(writer: OpenAI) -> None:
    """As choices of a chat do."""
    assert [choice["index"] for choice in complete(writer, n=3, temperature=1)["choices"]] == [0, 1, 2]
