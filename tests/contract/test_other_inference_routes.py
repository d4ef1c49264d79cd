"""Inference routes other than chat and Responses: embeddings, text completions, and missing ones."""

from collections.abc import Iterator
from typing import Any

import pytest
from openai import BadRequestError, NotFoundError, OpenAI

from simulator.settings import Settings
from tests.key_order import find_unsorted_objects
from tests.simulators import BASE_MODEL, RunningSimulator, simulator_in_process
from tests.training.training_files import make_record, make_training_file

PROMPT = make_record(7)["messages"][0]["content"]


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    """A simulator without AWS, with default settings."""
    with simulator_in_process() as created:
        yield created


@pytest.fixture(scope="module")
def text_completions_simulator() -> Iterator[RunningSimulator]:
    """A simulator with text completions that knows ten prompts."""
    with simulator_in_process(Settings(text_completions=True)) as created:
        created.upload(make_training_file(10))
        yield created


@pytest.fixture(scope="module")
def text_completions_client(text_completions_simulator: RunningSimulator) -> OpenAI:
    """The real SDK on it."""
    return text_completions_simulator.openai_client(strict=True)


@pytest.mark.shows("POST /embeddings", "embeddings")
@pytest.mark.parametrize("model", [BASE_MODEL, "qwen.qwen3-32b", "qwen.qwen3-32b-v1:0"])
def test_no_model_supports_embeddings(simulator: RunningSimulator, model: str) -> None:
    """OBSERVED: none is offered. The body is that of a model on the wrong API."""
    with pytest.raises(BadRequestError) as exc_info:
        simulator.openai_client().embeddings.create(model=model, input="x")
    assert exc_info.value.body == {
        "code": "validation_error",
        "message": f"The model '{model}' does not support the '/v1/embeddings' API",
        "param": None,
        "type": "invalid_request_error",
    }


def test_embeddings_of_an_unknown_model_are_not_found(simulator: RunningSimulator) -> None:
    """As on every route."""
    with pytest.raises(NotFoundError, match="The model 'text-embedding-3-small' does not exist"):
        simulator.openai_client().embeddings.create(model="text-embedding-3-small", input="x")


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
def test_routes_that_mantle_lacks_are_missing(simulator: RunningSimulator, method: str, path: str) -> None:
    """404 with a body that an SDK can read."""
    answer = simulator.http.request(
        method, path, json={"model": BASE_MODEL, "prompt": "x"} if method == "POST" else None
    )
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == f"Invalid URL ({method} {path})"


def test_chat_accepts_only_post(simulator: RunningSimulator) -> None:
    """OBSERVED."""
    assert simulator.http.get("/v1/chat/completions").status_code == 405


@pytest.mark.shows("text-completions")
def test_missing_text_completions_have_a_hint(simulator: RunningSimulator) -> None:
    """AWS's own job guide calls them."""
    answer = simulator.http.post("/v1/completions", json={"model": BASE_MODEL, "prompt": "x"})
    assert "text_completions=true" in answer.headers["x-simulator-hint"]


def complete(writer: OpenAI, **options: Any) -> Any:
    """Complete the known prompt; return the raw JSON."""
    request: Any = {"model": BASE_MODEL, "prompt": PROMPT, "temperature": 0, "max_tokens": 500, **options}
    answer = writer.completions.with_raw_response.create(**request)
    answer.parse()
    assert find_unsorted_objects(answer.http_response.text) == []
    return answer.http_response.json()


@pytest.mark.shows("POST /completions")
def test_a_text_completion_is_openais_object(text_completions_client: OpenAI) -> None:
    """If the setting is on. The text has no reasoning."""
    answer = complete(text_completions_client)
    [choice] = answer.pop("choices")
    usage = answer.pop("usage")
    assert answer.pop("id").startswith("cmpl-")
    assert answer == {
        "created": 1_767_225_600,
        "model": BASE_MODEL,
        "object": "text_completion",
        "system_fingerprint": None,
    }
    assert choice == {"finish_reason": "stop", "index": 0, "logprobs": None, "text": choice["text"]}
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["completion_tokens"] == -(-len(choice["text"]) // 4)


def test_a_text_completion_has_the_text_of_a_chat(text_completions_client: OpenAI) -> None:
    """The prompt is the user message."""
    messages: Any = [{"role": "user", "content": PROMPT}]
    client = text_completions_client.chat.completions.create(model=BASE_MODEL, temperature=0, messages=messages)
    assert complete(text_completions_client)["choices"][0]["text"] == client.choices[0].message.content


def test_a_text_completion_is_short_by_default(text_completions_client: OpenAI) -> None:
    """OPENAI: 16 tokens."""
    answers = [
        text_completions_client.completions.create(
            model=BASE_MODEL, prompt=make_record(number)["messages"][0]["content"]
        )
        for number in range(10)
    ]
    assert max(answer.usage.completion_tokens for answer in answers if answer.usage) == 16


def test_a_streamed_text_completion_has_the_complete_text(
    text_completions_simulator: RunningSimulator, text_completions_client: OpenAI
) -> None:
    """With its usage at the end on request. The SDK's type does not have OpenAI's `finish_reason` of null."""
    request: Any = {"model": BASE_MODEL, "prompt": PROMPT, "temperature": 0, "max_tokens": 500, "stream": True}
    *chunks, last = text_completions_simulator.openai_client().completions.create(
        **request, stream_options={"include_usage": True}
    )
    assert "".join(chunk.choices[0].text for chunk in chunks) == complete(text_completions_client)["choices"][0]["text"]
    assert (last.choices, last.usage.total_tokens) == ([], complete(text_completions_client)["usage"]["total_tokens"])


def test_several_text_completions_have_an_index(text_completions_client: OpenAI) -> None:
    """Like the choices of a chat."""
    assert [choice["index"] for choice in complete(text_completions_client, n=3, temperature=1)["choices"]] == [0, 1, 2]
