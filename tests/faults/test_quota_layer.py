"""Token quotas over the API: 429 with the time to wait, and responses that end early."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from openai import RateLimitError

from simulator.inference.model_inference import DEFAULT_MAX_TOKENS
from simulator.inference.replies import count_prompt_tokens
from simulator.responses.conversation_items import chat_request_from
from simulator.settings import ACCESS_KEY_ID, SECRET_ACCESS_KEY, Settings
from simulator.wire.chat_requests import ChatCompletion
from simulator.wire.response_requests import CreateResponse
from tests.simulators import BASE_MODEL, REGION, RunningSimulator, simulator_in_process

CHAT, RESPONSES = "/v1/chat/completions", "/v1/responses"
CHAT_BODY: dict[str, Any] = {"model": BASE_MODEL, "messages": [{"role": "user", "content": "2 + 2?"}], "temperature": 0}
TOOL = {"name": "look_up", "description": "Looks up a word.", "parameters": {"type": "object"}}


class FakeMonotonic:
    """A monotonic clock that the test moves."""

    def __init__(self) -> None:
        self.now = time.monotonic()

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> FakeMonotonic:
    """The clock that measures how long a refused client waits."""
    clock = FakeMonotonic()
    monkeypatch.setattr("simulator.services.monotonic", clock)
    return clock


@pytest.fixture
def simulator(seconds: FakeMonotonic) -> Iterator[RunningSimulator]:
    """A simulator with that clock."""
    with simulator_in_process(Settings(text_completions=True)) as clock:
        yield clock


def add_quota(simulator: RunningSimulator, **tokens: int) -> None:
    """Add a quota for all requests."""
    simulator.instance.context.fault_registry.add({"request": {}, "tokens_per_minute": tokens})


def remaining_tokens(simulator: RunningSimulator, tokens: int) -> int:
    """Return the remaining tokens of an input quota, from the hint of a refused request."""
    answer = simulator.http.post(CHAT, json={**CHAT_BODY, "max_tokens": tokens})
    assert answer.status_code == 429, answer.text
    hint: str = answer.headers["x-simulator-hint"]
    return int(hint.partition("; ")[2].partition(" ")[0])


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "é" * 400}]},
        {"tools": [{"type": "function", "function": TOOL}]},
    ],
    ids=["one message", "two messages", "tools"],
)
def test_the_prompt_of_a_chat_is_counted_as_in_its_usage(
    local_simulator: RunningSimulator, extra: dict[str, Any]
) -> None:
    """Including the hidden template and tools."""
    usage = local_simulator.http.post(CHAT, json=CHAT_BODY | extra).json()["usage"]
    assert count_prompt_tokens(ChatCompletion.model_validate(CHAT_BODY | extra).chat_request) == usage["prompt_tokens"]


def test_the_prompt_of_a_response_is_counted_as_in_its_usage(local_simulator: RunningSimulator) -> None:
    """The Responses API counts as the chat API does."""
    body = {
        "model": BASE_MODEL,
        "input": "2 + 2?",
        "instructions": "Be brief.",
        "tools": [{"type": "function", **TOOL}],
    }
    usage = local_simulator.http.post(RESPONSES, json=body).json()["usage"]
    request = CreateResponse.model_validate(body)
    assert count_prompt_tokens(chat_request_from(request, request.items)) == usage["input_tokens"]


@pytest.mark.shows("throttling", "body-of-a-429")
def test_a_request_beyond_the_input_quota_is_throttled(simulator: RunningSimulator) -> None:
    """DOCUMENTED: the prompt and `max_tokens` count, and the response is a 429."""
    prompt = count_prompt_tokens(ChatCompletion.model_validate(CHAT_BODY).chat_request)
    add_quota(simulator, input=prompt + 100)
    client = simulator.openai_client()
    assert client.chat.completions.create(**CHAT_BODY, max_tokens=100).choices
    with pytest.raises(RateLimitError) as exc_info:
        client.chat.completions.create(**CHAT_BODY, max_tokens=100)
    assert (exc_info.value.code, exc_info.value.type, exc_info.value.body) == (
        "rate_limit_exceeded",
        "rate_limit_error",
        {
            "code": "rate_limit_exceeded",
            "message": "Too many tokens, please wait before trying again.",
            "param": None,
            "type": "rate_limit_error",
        },
    )


@pytest.mark.shows("throttling")
def test_a_client_that_waits_the_retry_after_is_admitted(simulator: RunningSimulator, seconds: FakeMonotonic) -> None:
    """In whole seconds; a second less is not enough."""
    add_quota(simulator, input=6_000)
    body = {**CHAT_BODY, "max_tokens": 5_000}
    assert simulator.http.post(CHAT, json=body).status_code == 200
    wait = int(simulator.http.post(CHAT, json={**CHAT_BODY, "max_tokens": 5_900}).headers["retry-after"])
    seconds.now += wait - 1
    assert simulator.http.post(CHAT, json={**CHAT_BODY, "max_tokens": 5_900}).headers["retry-after"] == str(wait)
    seconds.now += 1
    assert simulator.http.post(CHAT, json={**CHAT_BODY, "max_tokens": 5_900}).status_code == 200


@pytest.mark.shows("filling-of-a-quota")
@pytest.mark.parametrize("pause", [0.0, 90.0])
def test_real_time_does_not_refill_a_quota(simulator: RunningSimulator, seconds: FakeMonotonic, pause: float) -> None:
    """Different requests, one after the other."""
    add_quota(simulator, input=600)
    codes = []
    for number in range(4):
        codes.append(simulator.http.post(CHAT, json={**CHAT_BODY, "seed": number, "max_tokens": 500}).status_code)
        seconds.now += pause
    assert codes == [200, 429, 429, 429]


def test_advancing_the_clock_refills_a_quota(simulator: RunningSimulator) -> None:
    """For all requests."""
    add_quota(simulator, input=600)
    body = {**CHAT_BODY, "max_tokens": 500}
    assert [simulator.http.post(CHAT, json=body).status_code for _ in range(2)] == [200, 429]
    assert simulator.http.post("/_simulator/clock", json={"advance": 60}).status_code == 200
    assert simulator.http.post(CHAT, json=body).status_code == 200


@pytest.mark.shows("throttling")
@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, {**CHAT_BODY, "max_tokens": 5_000}),
        (CHAT, {**CHAT_BODY, "n": 3, "max_tokens": 1_000}),
        (RESPONSES, {"model": BASE_MODEL, "input": "2 + 2?", "temperature": 0}),
        ("/v1/completions", {"model": BASE_MODEL, "prompt": "2 + 2?", "temperature": 0, "max_tokens": 5_000}),
    ],
    ids=["chat", "three answers", "response", "text"],
)
def test_reserved_tokens_that_are_not_generated_are_returned(
    simulator: RunningSimulator, path: str, body: dict[str, Any]
) -> None:
    """DOCUMENTED: when the response is complete, with and without a stream."""
    add_quota(simulator, input=20_000)
    used = simulator.http.post(path, json=body).json()["usage"]["total_tokens"]
    assert remaining_tokens(simulator, 20_000) == 20_000 - used
    simulator.http.post(path, json={**body, "stream": True})
    assert remaining_tokens(simulator, 20_000) == 20_000 - 2 * used


def test_without_max_tokens_the_models_limit_is_reserved(simulator: RunningSimulator) -> None:
    """DOCUMENTED; the number is INFERRED."""
    prompt = count_prompt_tokens(ChatCompletion.model_validate(CHAT_BODY).chat_request)
    add_quota(simulator, input=prompt + DEFAULT_MAX_TOKENS - 1)
    assert simulator.http.post(CHAT, json=CHAT_BODY).status_code == 429
    assert simulator.http.post(CHAT, json={**CHAT_BODY, "max_tokens": DEFAULT_MAX_TOKENS - 1}).status_code == 200


def test_a_request_that_never_fits_has_no_retry_after(simulator: RunningSimulator) -> None:
    """Waiting does not help, and the hint says so."""
    add_quota(simulator, input=1_000)
    answer = simulator.http.post(CHAT, json={**CHAT_BODY, "max_tokens": 1_000})
    prompt = count_prompt_tokens(ChatCompletion.model_validate(CHAT_BODY).chat_request)
    assert (answer.status_code, "retry-after" in answer.headers) == (429, False)
    assert answer.headers["x-simulator-hint"].split("; ")[:4] == [
        f"{prompt} input tokens and a budget of 1000 need {prompt + 1000}",
        "1000 are left",
        "more than a minute's quota, so waiting does not help: lower max_tokens",
        "scripted by fault-1",
    ]


def test_several_choices_reserve_several_budgets(simulator: RunningSimulator) -> None:
    """As many as `n`."""
    prompt = count_prompt_tokens(ChatCompletion.model_validate(CHAT_BODY).chat_request)
    add_quota(simulator, input=prompt + 299)
    assert simulator.http.post(CHAT, json={**CHAT_BODY, "n": 3, "max_tokens": 100}).status_code == 429
    assert simulator.http.post(CHAT, json={**CHAT_BODY, "n": 2, "max_tokens": 100}).status_code == 200


def test_all_apis_share_a_quota(simulator: RunningSimulator) -> None:
    """DOCUMENTED: shared across all APIs of a model."""
    add_quota(simulator, input=1_000)
    bodies = {
        CHAT: {**CHAT_BODY, "max_tokens": 500},
        RESPONSES: {"model": BASE_MODEL, "input": "2 + 2?", "max_output_tokens": 900},
        "/v1/completions": {"model": BASE_MODEL, "prompt": "2 + 2?", "max_tokens": 900},
    }
    assert [simulator.http.post(path, json=body).status_code for path, body in bodies.items()] == [200, 429, 429]


def test_models_have_separate_quotas_if_each_has_a_fault(simulator: RunningSimulator) -> None:
    """DOCUMENTED: quotas are per model."""
    for model in ("openai.*", "qwen.*"):
        simulator.instance.context.fault_registry.add(
            {"request": {"model": model}, "tokens_per_minute": {"input": 600}}
        )
    bodies = [{**CHAT_BODY, "model": model, "max_tokens": 400} for model in (BASE_MODEL, BASE_MODEL, "qwen.qwen3-32b")]
    assert [simulator.http.post(CHAT, json=body).status_code for body in bodies] == [200, 429, 200]


@pytest.mark.shows("output-quota")
def test_generation_stops_at_the_output_quota_without_an_error(simulator: RunningSimulator) -> None:
    """DOCUMENTED. INFERRED: the finish reason is `length`."""
    add_quota(simulator, output=20)
    client = simulator.openai_client()
    first = client.chat.completions.create(**CHAT_BODY)
    assert first.usage
    assert (first.choices[0].finish_reason, first.usage.completion_tokens) == ("length", 20)
    second = client.chat.completions.create(**CHAT_BODY)
    assert second.usage
    assert (second.choices[0].finish_reason, second.usage.completion_tokens) == ("length", 1)


@pytest.mark.shows("output-quota")
def test_a_stream_stops_at_the_output_quota(simulator: RunningSimulator) -> None:
    """Its last chunk has the reason."""
    add_quota(simulator, output=20)
    chunks = list(simulator.openai_client().chat.completions.create(**CHAT_BODY, stream=True))
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices[0].finish_reason] == ["length"]


@pytest.mark.shows("output-quota")
def test_a_response_is_incomplete_at_the_output_quota(simulator: RunningSimulator) -> None:
    """As at its own `max_output_tokens`."""
    add_quota(simulator, output=20)
    response = simulator.openai_client().responses.create(model=BASE_MODEL, input="2 + 2?", temperature=0)
    assert (response.status, response.incomplete_details and response.incomplete_details.reason) == (
        "incomplete",
        "max_output_tokens",
    )


def test_a_response_within_the_output_quota_is_unchanged(simulator: RunningSimulator) -> None:
    """Only generated tokens count."""
    plain = simulator.http.post(CHAT, json=CHAT_BODY).json()
    add_quota(simulator, output=plain["usage"]["completion_tokens"] + 5)
    assert {**simulator.http.post(CHAT, json={**CHAT_BODY, "max_tokens": 400}).json(), "id": plain["id"]} == plain
    short = simulator.http.post(CHAT, json={**CHAT_BODY, "max_tokens": 400})
    assert short.json()["usage"]["completion_tokens"] == 5
    assert short.headers["x-simulator-hint"].split("; ")[1:4] == [
        "reasoning used the whole token budget: raise max_tokens, or lower the reasoning effort",
        "the output quota leaves 5 of 400 tokens to generate",
        "scripted by fault-1",
    ]


def test_the_output_quota_applies_to_a_signed_request(simulator: RunningSimulator) -> None:
    """The signature of the original body stays valid."""
    add_quota(simulator, output=20)
    body = json.dumps(CHAT_BODY)
    request = AWSRequest("POST", f"{simulator.url}{CHAT}", headers={"Content-Type": "application/json"}, data=body)
    SigV4Auth(Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY), "bedrock-mantle", REGION).add_auth(request)
    answer = simulator.http.post(CHAT, content=body, headers=dict(request.headers.items()))
    assert (answer.status_code, answer.json()["usage"]["completion_tokens"]) == (200, 20)


@pytest.mark.parametrize(
    ("verb", "path", "body"),
    [
        ("GET", "/v1/models", None),
        ("POST", CHAT, {"model": BASE_MODEL}),
        ("POST", CHAT, {**CHAT_BODY, "model": "gpt-4o"}),
        ("POST", "/v1/embeddings", {"model": BASE_MODEL, "input": "2 + 2?"}),
        (
            "POST",
            RESPONSES,
            {"model": BASE_MODEL, "input": [{"type": "function_call_output", "call_id": "x", "output": ""}]},
        ),
    ],
)
def test_a_request_without_inference_uses_no_tokens(
    simulator: RunningSimulator, verb: str, path: str, body: dict[str, Any] | None
) -> None:
    """A refused request, and one that is for no model."""
    add_quota(simulator, input=10_000, output=10_000)
    simulator.http.request(verb, path, json=body)
    assert remaining_tokens(simulator, 10_000) == 10_000
