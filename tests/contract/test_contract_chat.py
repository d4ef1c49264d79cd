"""`/v1/chat/completions` through the real SDK: base, checkpoint and tuned models."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from openai import BadRequestError, NotFoundError, OpenAI
from openai.types.chat import ChatCompletionMessageParam

from simulator.settings import FIXED_EPOCH
from tests.key_order import unsorted_objects
from tests.records import jsonl, record
from tests.world import BASE, FinishedJob, World, inner_world

FIXTURES = Path(__file__).parents[2] / "fixtures" / "prompts"
KNOWN = record(7)


def prompt(of: dict[str, Any]) -> list[ChatCompletionMessageParam]:
    """Return a record's messages as the SDK takes them."""
    return cast("list[ChatCompletionMessageParam]", of["messages"])


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """A simulator without AWS that knows ten prompts: base models need no job."""
    with inner_world() as made:
        made.upload(jsonl(10))
        yield made


@pytest.fixture(scope="module")
def chat(world: World) -> OpenAI:
    """The SDK pointed at it."""
    return world.mantle(strict=True)


def ask(chat: OpenAI, **options: Any) -> Any:
    """Ask a known question at temperature 0 unless told otherwise; return the raw JSON."""
    asked: dict[str, Any] = {"model": BASE, "messages": prompt(KNOWN), "temperature": 0} | options
    answer = chat.chat.completions.with_raw_response.create(**asked)
    answer.parse()
    assert unsorted_objects(answer.http_response.text) == []
    return answer.http_response.json()


def streamed(chat: OpenAI, **options: Any) -> list[dict[str, Any]]:
    """Ask the known question as a stream; return the chunks."""
    asked: dict[str, Any] = {"model": BASE, "messages": prompt(KNOWN), "temperature": 0, "stream": True} | options
    return [chunk.to_dict() for chunk in chat.chat.completions.create(**asked)]


def said(chunks: list[dict[str, Any]], part: str) -> str:
    """Return what the deltas of one part add up to."""
    return "".join(choice["delta"].get(part) or "" for chunk in chunks for choice in chunk["choices"])


def test_a_completion_is_the_observed_object(chat: OpenAI) -> None:
    """Top-level keys, and reasoning beside the content."""
    answer = ask(chat)
    [choice] = answer["choices"]
    assert list(answer) == [
        "choices",
        "created",
        "id",
        "model",
        "object",
        "service_tier",
        "system_fingerprint",
        "usage",
    ]
    assert (answer["created"], answer["model"], answer["object"]) == (FIXED_EPOCH, BASE, "chat.completion")
    assert answer["id"].startswith("chatcmpl-")
    assert (choice["finish_reason"], choice["index"], choice["message"]["role"]) == ("stop", 0, "assistant")
    assert choice["message"]["reasoning"]
    assert choice["message"]["content"]


def test_the_sdk_shows_the_reasoning_as_an_extra_field(chat: OpenAI) -> None:
    """`message.reasoning`, and not `reasoning_content`."""
    answer = chat.chat.completions.create(model=BASE, messages=prompt(KNOWN))
    assert isinstance(answer.choices[0].message.reasoning, str)  # type: ignore[attr-defined]  # Mantle's own
    assert not hasattr(answer.choices[0].message, "reasoning_content")


def test_usage_adds_up(chat: OpenAI) -> None:
    """Reasoning counts as completion; the prompt has its hidden template (OBSERVED: 65 to 70 tokens)."""
    usage = ask(chat)["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["prompt_tokens"] > 65


def test_temperature_zero_is_deterministic(chat: OpenAI) -> None:
    """The same words for the same question; only the id differs."""
    first, second = ask(chat), ask(chat)
    assert first.pop("id") != second.pop("id")
    assert first == second


def test_above_zero_answers_vary(chat: OpenAI) -> None:
    """Each answer has draws of its own."""
    answers = {ask(chat, temperature=1)["choices"][0]["message"]["content"] for _ in range(8)}
    assert len(answers) > 1


def test_two_simulators_with_one_seed_say_the_same() -> None:
    """At any temperature, in the same order of asking."""

    def answers() -> list[Any]:
        with inner_world() as made:
            made.upload(jsonl(10))
            mantle = made.mantle()
            return [ask(mantle, temperature=1) for _ in range(3)]

    assert answers() == answers()


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_a_small_budget_cuts_the_answer_off(chat: OpenAI, name: str) -> None:
    """200 with `length`; the thinking is spent first, so that the content may be empty (OBSERVED)."""
    answer = ask(chat, **{name: 3})
    [choice] = answer["choices"]
    assert (choice["finish_reason"], choice["message"]["content"]) == ("length", "")
    assert answer["usage"]["completion_tokens"] == 3


def test_a_budget_of_one_is_enough_to_ask(chat: OpenAI) -> None:
    """OBSERVED: min 1 is taken."""
    assert ask(chat, max_tokens=1)["usage"]["completion_tokens"] == 1


def test_a_large_budget_changes_nothing(chat: OpenAI) -> None:
    """The answer is as long as it is."""
    assert ask(chat, max_tokens=100_000)["choices"] == ask(chat)["choices"]


def test_more_effort_is_more_thinking(chat: OpenAI) -> None:
    """Counted in tokens."""
    spent = [ask(chat, reasoning_effort=effort)["usage"]["completion_tokens"] for effort in ("low", "medium", "high")]
    assert spent == sorted(set(spent))


def test_no_effort_is_taken_as_the_least(chat: OpenAI) -> None:
    """`none` is among Mantle's four."""
    assert ask(chat, reasoning_effort="none")["choices"] == ask(chat, reasoning_effort="low")["choices"]


@pytest.mark.parametrize("options", [{}, {"max_tokens": 3}, {"messages": [{"role": "user", "content": "Hello?"}]}])
def test_a_stream_says_what_the_whole_says(chat: OpenAI, options: dict[str, Any]) -> None:
    """To the letter, and why it ended."""
    [choice] = ask(chat, **options)["choices"]
    chunks = streamed(chat, **options)
    assert said(chunks, "content") == choice["message"]["content"]
    assert said(chunks, "reasoning") == choice["message"].get("reasoning", "")
    assert chunks[-1]["choices"][0]["finish_reason"] == choice["finish_reason"]


def test_a_stream_is_one_completion(chat: OpenAI) -> None:
    """One id, one time, one model; the first chunk has the role."""
    chunks = streamed(chat)
    assert len({(chunk["id"], chunk["created"], chunk["model"], chunk["object"]) for chunk in chunks}) == 1
    assert chunks[0]["choices"][0]["delta"] == {"content": "", "role": "assistant"}


def test_the_thinking_comes_first(chat: OpenAI) -> None:
    """`delta.reasoning` before `delta.content`."""
    deltas = [chunk["choices"][0]["delta"] for chunk in streamed(chat)]
    kinds = [name for delta in deltas[1:] for name in delta]
    assert kinds == ["reasoning"] * kinds.count("reasoning") + ["content"] * kinds.count("content")
    assert {"reasoning", "content"} == set(kinds)


def test_usage_is_streamed_when_asked_for(chat: OpenAI) -> None:
    """In one last chunk without choices; every other one says null."""
    *rest, last = streamed(chat, stream_options={"include_usage": True})
    assert (last["choices"], last["usage"]) == ([], ask(chat)["usage"])
    assert all(chunk["usage"] is None for chunk in rest)


@pytest.mark.parametrize("options", [{}, {"stream_options": {"include_usage": False}}, {"stream_options": {}}])
def test_usage_is_not_streamed_unasked(chat: OpenAI, options: dict[str, Any]) -> None:
    """OBSERVED, control run."""
    assert not any("usage" in chunk for chunk in streamed(chat, **options))


def test_a_stream_is_server_sent_events_with_keys_in_order(world: World) -> None:
    """On the wire, to `[DONE]`."""
    body = {"model": BASE, "messages": KNOWN["messages"], "stream": True}
    answer = world.http.post("/v1/chat/completions", json=body)
    events = answer.text.split("\n\n")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert events[-2:] == ["data: [DONE]", ""]
    assert [unsorted_objects(event.removeprefix("data: ")) for event in events[:-2]] == [[]] * len(events[:-2])


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["gpt-4o", "ft:openai.gpt-oss-20b:123456789012::abcdefgh", ""])
def test_an_unknown_model_is_not_found(chat: OpenAI, model: str, stream: bool) -> None:
    """Before a stream begins, so that it is a 404 there too."""
    with pytest.raises(NotFoundError) as answer:
        ask_as_it_is(chat, model=model, stream=stream)
    assert answer.value.body == {
        "code": "not_found_error",
        "message": f"The model '{model}' does not exist",
        "param": None,
        "type": "invalid_request_error",
    }


def ask_as_it_is(chat: OpenAI, **options: Any) -> None:
    """Ask without reading the answer."""
    chat.chat.completions.create(**{"messages": prompt(KNOWN), **options})


@pytest.mark.parametrize("stream", [False, True])
def test_a_bad_question_is_a_bad_request(chat: OpenAI, stream: bool) -> None:
    """As a stream too; the readers' own tests have the long list."""
    with pytest.raises(BadRequestError) as answer:
        ask_as_it_is(chat, model=BASE, messages=[], stream=stream)
    assert answer.value.param == "messages"


def test_a_prompt_that_no_file_holds_is_answered_and_hinted_at(world: World) -> None:
    """The body says so in words; the header says why."""
    body = {"model": BASE, "messages": [{"role": "user", "content": "Who wrote the Odyssey?"}]}
    answer = world.http.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200
    assert answer.headers["x-simulator-hint"] == (
        "this prompt is in no uploaded file, so the simulated model could only guess"
    )


def test_a_known_prompt_is_not_hinted_at(world: World) -> None:
    """Whatever its spacing and case, and with a system message before it or not."""
    [question] = KNOWN["messages"]
    same = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "  " + question["content"].upper().replace(" ", "\n")},
    ]
    answer = world.http.post("/v1/chat/completions", json={"model": BASE, "messages": same})
    assert "x-simulator-hint" not in answer.headers


def test_a_file_is_known_from_its_upload_on(inner: World) -> None:
    """And forgotten when it is deleted."""
    body = {"model": BASE, "messages": KNOWN["messages"]}

    def hinted() -> bool:
        return "x-simulator-hint" in inner.http.post("/v1/chat/completions", json=body).headers

    before = hinted()
    file = inner.upload(jsonl(10))
    with_it = hinted()
    inner.mantle().files.delete(file)
    assert (before, with_it, hinted()) == (True, False, True)


def test_what_only_a_real_model_needs_is_taken(chat: OpenAI) -> None:
    """Tools and the like have no effect on a simulated answer."""
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]
    extra = {"top_p": 0.9, "tools": tools, "service_tier": "default", "user": "u", "seed": 3, "stop": ["x"]}
    assert ask(chat, **extra)["choices"] == ask(chat)["choices"]


def test_a_checkpoint_and_a_tuned_model_answer_under_their_own_names(finished_job: FinishedJob, mantle: OpenAI) -> None:
    """Once the job has saved them."""
    for model in (finished_job.model, f"{finished_job.model}:ckpt-step-20"):
        assert ask(mantle, model=model)["model"] == model


def test_the_tuned_model_is_right_visibly_more_often_on_prompts_it_never_saw(served: World) -> None:
    """100 held-out problems, each asked once of both at temperature 0; one problem is one point."""
    function = served.deploy(Path(__file__).parents[2] / "reward_lambda", name="sound-reward")
    validation = [json.loads(line) for line in (FIXTURES / "validation.jsonl").read_text().splitlines()]
    served.upload((FIXTURES / "validation.jsonl").read_bytes())
    job = served.run((FIXTURES / "train.jsonl").read_bytes(), function=function)

    def right(model: str) -> int:
        answers = (
            served.http.post(
                "/v1/chat/completions", json={"model": model, "messages": one["messages"], "temperature": 0}
            ).json()
            for one in validation
        )
        return sum(
            f"#### {one['reference_answer']['answer']}" in answer["choices"][0]["message"]["content"]
            for one, answer in zip(validation, answers, strict=True)
        )

    base, tuned = right(BASE), right(job["fine_tuned_model"])
    assert tuned >= base + 10
