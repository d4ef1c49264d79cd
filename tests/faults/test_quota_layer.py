"""Quotas of tokens a minute, as a client meets them: 429 with the time to wait, and answers that end too soon."""

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
    """This machine's monotonic clock, as it was when the test began; only the test moves it on."""

    def __init__(self) -> None:
        self.now = time.monotonic()

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> FakeMonotonic:
    """A clock by which those wait whom a quota has refused."""
    made = FakeMonotonic()
    monkeypatch.setattr("simulator.services.monotonic", made)
    return made


@pytest.fixture
def world(seconds: FakeMonotonic) -> Iterator[RunningSimulator]:
    """A simulator at that clock."""
    with simulator_in_process(Settings(text_completions=True)) as made:
        yield made


def add_quota(world: RunningSimulator, **tokens: int) -> None:
    """Set a quota for everything."""
    world.instance.context.fault_registry.add({"request": {}, "tokens_per_minute": tokens})


def remaining_tokens(world: RunningSimulator, tokens: int) -> int:
    """Return how many tokens are left of an input quota, as the refusal of too many says."""
    answer = world.http.post(CHAT, json={**CHAT_BODY, "max_tokens": tokens})
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
def test_the_prompt_of_a_chat_is_counted_as_its_usage_does(
    local_simulator: RunningSimulator, extra: dict[str, Any]
) -> None:
    """Hidden template and tools included."""
    usage = local_simulator.http.post(CHAT, json=CHAT_BODY | extra).json()["usage"]
    assert count_prompt_tokens(ChatCompletion.model_validate(CHAT_BODY | extra).chat_request) == usage["prompt_tokens"]


def test_the_prompt_of_a_response_is_counted_as_its_usage_does(local_simulator: RunningSimulator) -> None:
    """The same count by the other API."""
    body = {
        "model": BASE_MODEL,
        "input": "2 + 2?",
        "instructions": "Be brief.",
        "tools": [{"type": "function", **TOOL}],
    }
    usage = local_simulator.http.post(RESPONSES, json=body).json()["usage"]
    wanted = CreateResponse.model_validate(body)
    assert count_prompt_tokens(chat_request_from(wanted, wanted.items)) == usage["input_tokens"]


@pytest.mark.shows("throttling", "body-of-a-429")
def test_over_the_input_quota_a_request_is_throttled(world: RunningSimulator) -> None:
    """DOCUMENTED: its prompt and `max_tokens` are what counts, and the answer is a 429."""
    prompt = count_prompt_tokens(ChatCompletion.model_validate(CHAT_BODY).chat_request)
    add_quota(world, input=prompt + 100)
    client = world.openai_client()
    assert client.chat.completions.create(**CHAT_BODY, max_tokens=100).choices
    with pytest.raises(RateLimitError) as refused:
        client.chat.completions.create(**CHAT_BODY, max_tokens=100)
    assert (refused.value.code, refused.value.type, refused.value.body) == (
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
def test_whoever_waits_as_told_is_let_in(world: RunningSimulator, seconds: FakeMonotonic) -> None:
    """Retry-After says when enough will be there, in whole seconds; a second sooner there is not."""
    add_quota(world, input=6_000)
    body = {**CHAT_BODY, "max_tokens": 5_000}
    assert world.http.post(CHAT, json=body).status_code == 200
    wait = int(world.http.post(CHAT, json={**CHAT_BODY, "max_tokens": 5_900}).headers["retry-after"])
    seconds.now += wait - 1
    assert world.http.post(CHAT, json={**CHAT_BODY, "max_tokens": 5_900}).headers["retry-after"] == str(wait)
    seconds.now += 1
    assert world.http.post(CHAT, json={**CHAT_BODY, "max_tokens": 5_900}).status_code == 200


@pytest.mark.shows("filling-of-a-quota")
@pytest.mark.parametrize("pause", [0.0, 90.0])
def test_the_same_calls_are_refused_however_slow_the_machine_is(
    world: RunningSimulator, seconds: FakeMonotonic, pause: float
) -> None:
    """Different ones, one after the other: the clock on the wall fills nothing."""
    add_quota(world, input=600)
    codes = []
    for number in range(4):
        codes.append(world.http.post(CHAT, json={**CHAT_BODY, "seed": number, "max_tokens": 500}).status_code)
        seconds.now += pause
    assert codes == [200, 429, 429, 429]


def test_time_that_is_made_to_pass_fills_a_quota(world: RunningSimulator) -> None:
    """By an order, for all."""
    add_quota(world, input=600)
    body = {**CHAT_BODY, "max_tokens": 500}
    assert [world.http.post(CHAT, json=body).status_code for _ in range(2)] == [200, 429]
    assert world.http.post("/_simulator/clock", json={"advance": 60}).status_code == 200
    assert world.http.post(CHAT, json=body).status_code == 200


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
def test_what_was_reserved_and_not_generated_is_given_back(
    world: RunningSimulator, path: str, body: dict[str, Any]
) -> None:
    """DOCUMENTED: when the answer is complete, whole or as a stream."""
    add_quota(world, input=20_000)
    used = world.http.post(path, json=body).json()["usage"]["total_tokens"]
    assert remaining_tokens(world, 20_000) == 20_000 - used
    world.http.post(path, json={**body, "stream": True})
    assert remaining_tokens(world, 20_000) == 20_000 - 2 * used


def test_without_a_budget_the_models_own_is_reserved(world: RunningSimulator) -> None:
    """DOCUMENTED; the number is INFERRED."""
    prompt = count_prompt_tokens(ChatCompletion.model_validate(CHAT_BODY).chat_request)
    add_quota(world, input=prompt + DEFAULT_MAX_TOKENS - 1)
    assert world.http.post(CHAT, json=CHAT_BODY).status_code == 429
    assert world.http.post(CHAT, json={**CHAT_BODY, "max_tokens": DEFAULT_MAX_TOKENS - 1}).status_code == 200


def test_a_request_that_never_fits_is_told_so(world: RunningSimulator) -> None:
    """Waiting would not help, so no time is named."""
    add_quota(world, input=1_000)
    answer = world.http.post(CHAT, json={**CHAT_BODY, "max_tokens": 1_000})
    prompt = count_prompt_tokens(ChatCompletion.model_validate(CHAT_BODY).chat_request)
    assert (answer.status_code, "retry-after" in answer.headers) == (429, False)
    assert answer.headers["x-simulator-hint"].split("; ")[:4] == [
        f"{prompt} input tokens and a budget of 1000 need {prompt + 1000}",
        "1000 are left",
        "more than a minute's quota, so waiting does not help: lower max_tokens",
        "scripted by fault-1",
    ]


def test_several_answers_reserve_several_budgets(world: RunningSimulator) -> None:
    """`n` of them."""
    prompt = count_prompt_tokens(ChatCompletion.model_validate(CHAT_BODY).chat_request)
    add_quota(world, input=prompt + 299)
    assert world.http.post(CHAT, json={**CHAT_BODY, "n": 3, "max_tokens": 100}).status_code == 429
    assert world.http.post(CHAT, json={**CHAT_BODY, "n": 2, "max_tokens": 100}).status_code == 200


def test_a_quota_is_one_for_all_apis(world: RunningSimulator) -> None:
    """DOCUMENTED: shared across all APIs served for that model."""
    add_quota(world, input=1_000)
    bodies = {
        CHAT: {**CHAT_BODY, "max_tokens": 500},
        RESPONSES: {"model": BASE_MODEL, "input": "2 + 2?", "max_output_tokens": 900},
        "/v1/completions": {"model": BASE_MODEL, "prompt": "2 + 2?", "max_tokens": 900},
    }
    assert [world.http.post(path, json=body).status_code for path, body in bodies.items()] == [200, 429, 429]


def test_each_model_has_its_own_when_each_has_a_fault(world: RunningSimulator) -> None:
    """DOCUMENTED: quotas are per model."""
    for model in ("openai.*", "qwen.*"):
        world.instance.context.fault_registry.add({"request": {"model": model}, "tokens_per_minute": {"input": 600}})
    bodies = [{**CHAT_BODY, "model": model, "max_tokens": 400} for model in (BASE_MODEL, BASE_MODEL, "qwen.qwen3-32b")]
    assert [world.http.post(CHAT, json=body).status_code for body in bodies] == [200, 429, 200]


@pytest.mark.shows("output-quota")
def test_over_the_output_quota_generation_stops_without_an_error(world: RunningSimulator) -> None:
    """DOCUMENTED: with a finish reason that says so; INFERRED, which: `length`."""
    add_quota(world, output=20)
    client = world.openai_client()
    first = client.chat.completions.create(**CHAT_BODY)
    assert first.usage
    assert (first.choices[0].finish_reason, first.usage.completion_tokens) == ("length", 20)
    second = client.chat.completions.create(**CHAT_BODY)
    assert second.usage
    assert (second.choices[0].finish_reason, second.usage.completion_tokens) == ("length", 1)


@pytest.mark.shows("output-quota")
def test_a_stream_stops_at_the_output_quota_too(world: RunningSimulator) -> None:
    """Its last chunk says why."""
    add_quota(world, output=20)
    chunks = list(world.openai_client().chat.completions.create(**CHAT_BODY, stream=True))
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices[0].finish_reason] == ["length"]


@pytest.mark.shows("output-quota")
def test_a_response_is_incomplete_at_the_output_quota(world: RunningSimulator) -> None:
    """As it is at its own `max_output_tokens`."""
    add_quota(world, output=20)
    response = world.openai_client().responses.create(model=BASE_MODEL, input="2 + 2?", temperature=0)
    assert (response.status, response.incomplete_details and response.incomplete_details.reason) == (
        "incomplete",
        "max_output_tokens",
    )


def test_an_answer_within_the_output_quota_is_the_one_that_it_would_be(world: RunningSimulator) -> None:
    """And counts only what was generated."""
    plain = world.http.post(CHAT, json=CHAT_BODY).json()
    add_quota(world, output=plain["usage"]["completion_tokens"] + 5)
    assert {**world.http.post(CHAT, json={**CHAT_BODY, "max_tokens": 400}).json(), "id": plain["id"]} == plain
    short = world.http.post(CHAT, json={**CHAT_BODY, "max_tokens": 400})
    assert short.json()["usage"]["completion_tokens"] == 5
    assert short.headers["x-simulator-hint"].split("; ")[1:4] == [
        "thinking took the whole budget: raise max_tokens, or lower the reasoning effort",
        "the output quota leaves 5 of 400 tokens to generate",
        "scripted by fault-1",
    ]


def test_a_signed_request_is_held_to_the_output_quota_too(world: RunningSimulator) -> None:
    """Its signature is of the body as it was sent, and still holds."""
    add_quota(world, output=20)
    body = json.dumps(CHAT_BODY)
    request = AWSRequest("POST", f"{world.url}{CHAT}", headers={"Content-Type": "application/json"}, data=body)
    SigV4Auth(Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY), "bedrock-mantle", REGION).add_auth(request)
    answer = world.http.post(CHAT, content=body, headers=dict(request.headers.items()))
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
def test_what_reaches_no_model_costs_nothing(
    world: RunningSimulator, verb: str, path: str, body: dict[str, Any] | None
) -> None:
    """A refused request, and one that asks no model."""
    add_quota(world, input=10_000, output=10_000)
    world.http.request(verb, path, json=body)
    assert remaining_tokens(world, 10_000) == 10_000
