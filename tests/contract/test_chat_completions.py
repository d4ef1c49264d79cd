"""`/v1/chat/completions` through the real SDK: base, checkpoint and tuned models."""

import asyncio
import json
from pathlib import Path
from typing import Any, cast

import pytest
from openai import BadRequestError, NotFoundError, OpenAI
from openai.types.chat import ChatCompletionMessageParam

from simulator.settings import FIXED_EPOCH, Settings, UnknownFields
from tests.key_order import find_unsorted_objects
from tests.simulators import BASE_MODEL, FinishedJob, RunningSimulator, simulator_in_process
from tests.training.training_files import make_record, make_training_file

FIXTURES = Path(__file__).parents[2] / "fixtures" / "prompts"
KNOWN_RECORD = make_record(7)


def prompt(of: dict[str, Any]) -> list[ChatCompletionMessageParam]:
    """Return a record's messages for the SDK."""
    return cast("list[ChatCompletionMessageParam]", of["messages"])


@pytest.fixture(scope="module")
def chat_client(simulator: RunningSimulator) -> OpenAI:
    """The real SDK, with strict validation, on the simulator without AWS."""
    return simulator.openai_client(strict=True)


def ask(client: OpenAI, **options: Any) -> Any:
    """Ask a known question, by default at temperature 0; return the raw JSON."""
    request: dict[str, Any] = {"model": BASE_MODEL, "messages": prompt(KNOWN_RECORD), "temperature": 0} | options
    answer = client.chat.completions.with_raw_response.create(**request)
    answer.parse()
    assert find_unsorted_objects(answer.http_response.text) == []
    return answer.http_response.json()


def stream_chunks(client: OpenAI, **options: Any) -> list[dict[str, Any]]:
    """Ask the known question as a stream; return the chunks."""
    request: dict[str, Any] = {
        "model": BASE_MODEL,
        "messages": prompt(KNOWN_RECORD),
        "temperature": 0,
        "stream": True,
    } | options
    return [chunk.to_dict() for chunk in client.chat.completions.create(**request)]


def joined_deltas(chunks: list[dict[str, Any]], part: str) -> str:
    """Return the joined deltas of one field."""
    return "".join(choice["delta"].get(part) or "" for chunk in chunks for choice in chunk["choices"])


@pytest.mark.shows("POST /chat/completions", "reasoning-and-usage")
def test_a_completion_has_the_observed_keys(chat_client: OpenAI) -> None:
    """At the top level, and reasoning beside the content."""
    answer = ask(chat_client)
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
    assert (answer["created"], answer["model"], answer["object"]) == (FIXED_EPOCH, BASE_MODEL, "chat.completion")
    assert answer["id"].startswith("chatcmpl-")
    assert (choice["finish_reason"], choice["index"], choice["message"]["role"]) == ("stop", 0, "assistant")
    assert choice["message"]["reasoning"]
    assert choice["message"]["content"]


def test_the_sdk_has_the_reasoning_as_an_extra_field(chat_client: OpenAI) -> None:
    """`message.reasoning`, and not `reasoning_content`."""
    answer = chat_client.chat.completions.create(model=BASE_MODEL, messages=prompt(KNOWN_RECORD))
    assert isinstance(answer.choices[0].message.reasoning, str)  # type: ignore[attr-defined]  # Mantle's own
    assert not hasattr(answer.choices[0].message, "reasoning_content")


def test_usage_adds_up(chat_client: OpenAI) -> None:
    """Reasoning counts as completion. The prompt includes a hidden template (OBSERVED: 65 to 70 tokens)."""
    usage = ask(chat_client)["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["prompt_tokens"] > 65


def test_temperature_zero_is_deterministic(chat_client: OpenAI) -> None:
    """The same text for the same question. Only the id differs."""
    first, second = ask(chat_client), ask(chat_client)
    assert first.pop("id") != second.pop("id")
    assert first == second


def test_above_zero_answers_vary(chat_client: OpenAI) -> None:
    """Each answer has its own random draws."""
    answers = {ask(chat_client, temperature=1)["choices"][0]["message"]["content"] for _ in range(8)}
    assert len(answers) > 1


def test_two_simulators_with_one_seed_answer_alike() -> None:
    """At any temperature, in the same order of requests."""

    def answers() -> list[Any]:
        with simulator_in_process() as simulator:
            simulator.upload(make_training_file(10))
            client = simulator.openai_client()
            return [ask(client, temperature=1) for _ in range(3)]

    assert answers() == answers()


@pytest.mark.shows("budget")
@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_a_small_budget_cuts_the_answer_off(chat_client: OpenAI, name: str) -> None:
    """200 with `length`. The reasoning comes first, so the content may be empty (OBSERVED)."""
    answer = ask(chat_client, **{name: 3})
    [choice] = answer["choices"]
    assert (choice["finish_reason"], choice["message"]["content"]) == ("length", "")
    assert answer["usage"]["completion_tokens"] == 3


@pytest.mark.shows("budget")
def test_a_budget_of_one_is_accepted(chat_client: OpenAI) -> None:
    """OBSERVED minimum."""
    assert ask(chat_client, max_tokens=1)["usage"]["completion_tokens"] == 1


def test_a_large_budget_changes_nothing(chat_client: OpenAI) -> None:
    """The answer has its own length."""
    assert ask(chat_client, max_tokens=100_000)["choices"] == ask(chat_client)["choices"]


def test_more_effort_gives_more_reasoning_tokens(chat_client: OpenAI) -> None:
    """Counted in the usage."""
    spent = [
        ask(chat_client, reasoning_effort=effort)["usage"]["completion_tokens"] for effort in ("low", "medium", "high")
    ]
    assert spent == sorted(set(spent))


def test_the_effort_none_is_the_lowest_effort(chat_client: OpenAI) -> None:
    """`none` is among Mantle's four values."""
    assert ask(chat_client, reasoning_effort="none")["choices"] == ask(chat_client, reasoning_effort="low")["choices"]


@pytest.mark.parametrize("options", [{}, {"max_tokens": 3}, {"messages": [{"role": "user", "content": "Hello?"}]}])
def test_a_stream_has_the_same_text_as_the_complete_answer(chat_client: OpenAI, options: dict[str, Any]) -> None:
    """And the same finish reason."""
    [choice] = ask(chat_client, **options)["choices"]
    chunks = stream_chunks(chat_client, **options)
    assert joined_deltas(chunks, "content") == choice["message"]["content"]
    assert joined_deltas(chunks, "reasoning") == choice["message"].get("reasoning", "")
    assert chunks[-1]["choices"][0]["finish_reason"] == choice["finish_reason"]


def test_all_chunks_of_a_stream_belong_to_one_completion(chat_client: OpenAI) -> None:
    """One id, one time, one model. The first chunk has the role."""
    chunks = stream_chunks(chat_client)
    assert len({(chunk["id"], chunk["created"], chunk["model"], chunk["object"]) for chunk in chunks}) == 1
    assert chunks[0]["choices"][0]["delta"] == {"content": "", "role": "assistant"}


@pytest.mark.shows("reasoning-and-usage")
def test_the_reasoning_is_streamed_first(chat_client: OpenAI) -> None:
    """`delta.reasoning` before `delta.content`."""
    deltas = [chunk["choices"][0]["delta"] for chunk in stream_chunks(chat_client)]
    kinds = [name for delta in deltas[1:] for name in delta]
    assert kinds == ["reasoning"] * kinds.count("reasoning") + ["content"] * kinds.count("content")
    assert {"reasoning", "content"} == set(kinds)


@pytest.mark.shows("reasoning-and-usage")
def test_usage_is_streamed_on_request(chat_client: OpenAI) -> None:
    """In the last chunk, which has no choices. It is null in all others."""
    *rest, last = stream_chunks(chat_client, stream_options={"include_usage": True})
    assert (last["choices"], last["usage"]) == ([], ask(chat_client)["usage"])
    assert all(chunk["usage"] is None for chunk in rest)


@pytest.mark.shows("reasoning-and-usage")
@pytest.mark.parametrize("options", [{}, {"stream_options": {"include_usage": False}}, {"stream_options": {}}])
def test_usage_is_not_streamed_by_default(chat_client: OpenAI, options: dict[str, Any]) -> None:
    """OBSERVED in a control run."""
    assert not any("usage" in chunk for chunk in stream_chunks(chat_client, **options))


@pytest.mark.shows("key-order")
def test_a_stream_is_server_sent_events_with_keys_in_order(simulator: RunningSimulator) -> None:
    """The raw bytes, up to `[DONE]`."""
    body = {"model": BASE_MODEL, "messages": KNOWN_RECORD["messages"], "stream": True}
    answer = simulator.http.post("/v1/chat/completions", json=body)
    events = answer.text.split("\n\n")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert events[-2:] == ["data: [DONE]", ""]
    assert [find_unsorted_objects(event.removeprefix("data: ")) for event in events[:-2]] == [[]] * len(events[:-2])


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["gpt-4o", "ft:openai.gpt-oss-20b:123456789012::abcdefgh", ""])
def test_an_unknown_model_is_not_found(chat_client: OpenAI, model: str, stream: bool) -> None:
    """Before the stream starts, so that a stream gets a 404 too."""
    with pytest.raises(NotFoundError) as answer:
        send_raw(chat_client, model=model, stream=stream)
    assert answer.value.body == {
        "code": "not_found_error",
        "message": f"The model '{model}' does not exist",
        "param": None,
        "type": "invalid_request_error",
    }


def send_raw(client: OpenAI, **options: Any) -> None:
    """Send a request without parsing the answer."""
    client.chat.completions.create(**{"messages": prompt(KNOWN_RECORD), **options})


@pytest.mark.parametrize("stream", [False, True])
def test_an_invalid_request_is_refused(chat_client: OpenAI, stream: bool) -> None:
    """As a stream too. tests/wire has the long list."""
    with pytest.raises(BadRequestError) as answer:
        send_raw(chat_client, model=BASE_MODEL, messages=[], stream=stream)
    assert answer.value.param == "messages"


@pytest.mark.shows("what-is-said")
def test_an_unknown_prompt_is_answered_with_a_hint(simulator: RunningSimulator) -> None:
    """The content is a guess. The hint says why."""
    body = {"model": BASE_MODEL, "messages": [{"role": "user", "content": "Who wrote the Odyssey?"}]}
    answer = simulator.http.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200
    assert answer.headers["x-simulator-hint"] == (
        "this prompt is in no uploaded file, so the simulated model could only guess"
    )


def test_a_known_prompt_has_no_hint(simulator: RunningSimulator) -> None:
    """In any spacing and case, with and without a system message."""
    [question] = KNOWN_RECORD["messages"]
    same = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "  " + question["content"].upper().replace(" ", "\n")},
    ]
    answer = simulator.http.post("/v1/chat/completions", json={"model": BASE_MODEL, "messages": same})
    assert "x-simulator-hint" not in answer.headers


@pytest.mark.shows("what-is-said")
def test_the_prompts_of_a_file_are_known_from_upload_to_deletion(local_simulator: RunningSimulator) -> None:
    """Without any job."""
    body = {"model": BASE_MODEL, "messages": KNOWN_RECORD["messages"]}

    def hinted() -> bool:
        return "x-simulator-hint" in local_simulator.http.post("/v1/chat/completions", json=body).headers

    before = hinted()
    file = local_simulator.upload(make_training_file(10))
    with_it = hinted()
    local_simulator.openai_client().files.delete(file)
    assert (before, with_it, hinted()) == (True, False, True)


@pytest.mark.shows("guardrails", "unknown-fields")
@pytest.mark.parametrize(
    "options",
    [
        {"top_p": 0.9},
        {"top_p": 1},
        {"frequency_penalty": -2},
        {"presence_penalty": 1.5},
        {"logit_bias": {"50256": -100}},
        {"logprobs": True, "top_logprobs": 20},
        {"metadata": {"team": "maths"}},
        {"modalities": ["text"]},
        {"n": 1},
        {"parallel_tool_calls": False},
        {"prompt_cache_key": "k", "safety_identifier": "s", "store": False, "user": "u", "verbosity": "low"},
        {"seed": 3},
        {"stop": None},
        {"tool_choice": "none"},
        {"tools": []},
        {"extra_body": {"repetition_penalty": 1.1, "chat_template_kwargs": {"thinking": True}}},
        {"extra_headers": {"X-Amzn-Bedrock-GuardrailIdentifier": "g", "X-Amzn-Bedrock-GuardrailVersion": "1"}},
    ],
    ids=json.dumps,
)
def test_parameters_without_effect_are_accepted(chat_client: OpenAI, options: dict[str, Any]) -> None:
    """Known ones, unknown ones (as with vLLM), and guardrail headers (OBSERVED: silently ignored)."""
    assert ask(chat_client, **options)["choices"] == ask(chat_client)["choices"]


@pytest.mark.shows("service-tier")
@pytest.mark.parametrize(
    ("tier", "used"), [("auto", "default"), ("default", "default"), ("flex", "flex"), ("priority", "priority")]
)
def test_the_answer_names_the_service_tier(chat_client: OpenAI, tier: str, used: str) -> None:
    """The four that Mantle accepts."""
    assert ask(chat_client, service_tier=tier)["service_tier"] == used


@pytest.mark.shows("service-tier", "n-and-stop")
@pytest.mark.parametrize(
    ("options", "code", "param"),
    [
        ({"service_tier": "reserved"}, "validation_error", "service_tier"),
        ({"top_p": 0}, "validation_error", "top_p"),
        ({"top_p": 1.5}, "validation_error", "top_p"),
        ({"presence_penalty": 3}, "validation_error", "presence_penalty"),
        ({"frequency_penalty": -2.5}, "decimal_below_min_value", "frequency_penalty"),
        ({"top_logprobs": 21}, "validation_error", "top_logprobs"),
        ({"n": 0}, "integer_below_min_value", "n"),
        ({"n": 129}, "validation_error", "n"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "validation_error", "stop"),
        ({"stop": ""}, "validation_error", "stop"),
        ({"stop": 7}, "validation_error", "stop"),
        ({"metadata": {"a": 1}}, "validation_error", "metadata.a"),
        ({"metadata": {str(number): "x" for number in range(17)}}, "validation_error", "metadata"),
        ({"modalities": ["audio"]}, "validation_error", "modalities[0]"),
        ({"stream_options": {"include_usage": True}}, "validation_error", "stream_options"),
        ({"functions": []}, "unsupported_parameter", "functions"),
        ({"function_call": "auto"}, "unsupported_parameter", "function_call"),
        ({"audio": {}}, "unsupported_parameter", "audio"),
        ({"web_search_options": {}}, "unsupported_parameter", "web_search_options"),
        ({"messages": [{"role": "user", "content": None}]}, "validation_error", "messages"),
        ({"model": None}, "validation_error", "model"),
    ],
    ids=json.dumps,
)
def test_unsupported_parameters_are_refused_by_name(
    simulator: RunningSimulator, options: dict[str, Any], code: str, param: str
) -> None:
    """Codes OBSERVED."""
    answer = simulator.http.post(
        "/v1/chat/completions", json={"model": BASE_MODEL, "messages": KNOWN_RECORD["messages"], **options}
    )
    fault = answer.json()["error"]
    assert (answer.status_code, fault["code"], fault["param"]) == (400, code, param)


@pytest.mark.shows("unknown-fields")
def test_unknown_fields_can_be_refused() -> None:
    """By a setting, which finds typing errors."""
    with simulator_in_process(Settings(unknown_chat_fields=UnknownFields.REFUSED)) as simulator:
        with pytest.raises(BadRequestError) as exc_info:
            ask(simulator.openai_client(), extra_body={"temprature": 0})
        assert (exc_info.value.code, exc_info.value.param) == ("unsupported_parameter", "temprature")
        assert ask(simulator.openai_client(), user="u", store=False)


@pytest.mark.shows("n-and-stop")
def test_the_answer_ends_before_a_stop_sequence(chat_client: OpenAI) -> None:
    """It does not include the sequence, and has fewer tokens."""
    answer = ask(chat_client)
    words = answer["choices"][0]["message"]["content"]
    stop = words.split()[2]
    cut = ask(chat_client, stop=["never to be seen", stop])
    assert cut["choices"][0]["message"]["content"] == words[: words.index(stop)]
    assert cut["choices"][0]["finish_reason"] == "stop"
    assert cut["usage"]["completion_tokens"] < answer["usage"]["completion_tokens"]


def test_a_stop_sequence_that_does_not_occur_changes_nothing(chat_client: OpenAI) -> None:
    """A single string is accepted."""
    assert ask(chat_client, stop="never to be seen")["choices"] == ask(chat_client)["choices"]


@pytest.mark.shows("n-and-stop")
def test_several_choices_can_be_requested(chat_client: OpenAI) -> None:
    """Each has its own random draws. The prompt counts once."""
    one, many = ask(chat_client, temperature=1), ask(chat_client, temperature=1, n=8)
    assert [choice["index"] for choice in many["choices"]] == list(range(8))
    assert len({choice["message"]["content"] for choice in many["choices"]}) > 1
    assert many["usage"]["prompt_tokens"] == one["usage"]["prompt_tokens"]
    assert many["usage"]["completion_tokens"] > one["usage"]["completion_tokens"]


def test_a_seed_repeats_the_answers(chat_client: OpenAI) -> None:
    """Each time, and all choices."""
    assert (
        ask(chat_client, temperature=1, seed=5, n=3)["choices"]
        == ask(chat_client, temperature=1, seed=5, n=3)["choices"]
    )


@pytest.mark.shows("alias", "name-echoed")
def test_an_alias_answers_as_its_model_and_is_echoed(chat_client: OpenAI) -> None:
    """SAMPLE: one notebook uses the runtime's id. The echo is INFERRED."""
    alias, model = (
        ask(chat_client, model=name, seed=1, temperature=1) for name in ("qwen.qwen3-32b-v1:0", "qwen.qwen3-32b")
    )
    assert (alias["model"], model["model"]) == ("qwen.qwen3-32b-v1:0", "qwen.qwen3-32b")
    assert alias["choices"] == model["choices"]


def test_a_client_that_leaves_a_stream_harms_no_other(
    served_simulator: RunningSimulator, capfd: pytest.CaptureFixture[str]
) -> None:
    """The next request is served, and nothing is logged."""
    body = {"model": BASE_MODEL, "messages": KNOWN_RECORD["messages"], "stream": True, "n": 128}
    for _ in range(3):
        with served_simulator.http.stream("POST", "/v1/chat/completions", json=body) as answer:
            next(answer.iter_raw(64))
    assert served_simulator.http.post("/v1/chat/completions", json=body | {"stream": False}).status_code == 200
    assert capfd.readouterr().err == ""


@pytest.mark.shows("tuned-models")
def test_a_checkpoint_and_a_tuned_model_answer_under_their_own_names(
    finished_job: FinishedJob, openai_client: OpenAI
) -> None:
    """Once the job has saved them."""
    for model in (finished_job.model, f"{finished_job.model}:ckpt-step-20"):
        assert ask(openai_client, model=model)["model"] == model


@pytest.mark.slow
def test_the_tuned_model_is_better_on_held_out_prompts(
    served_simulator: RunningSimulator,
) -> None:
    """100 problems, each asked once of both models at temperature 0. One problem is one point."""
    function = served_simulator.deploy(Path(__file__).parents[2] / "reward_lambda", name="sound-reward")
    validation = [json.loads(line) for line in (FIXTURES / "validation.jsonl").read_text().splitlines()]
    served_simulator.upload((FIXTURES / "validation.jsonl").read_bytes())
    job = served_simulator.run_job((FIXTURES / "train.jsonl").read_bytes(), function=function)

    def right(model: str) -> int:
        answers = (
            served_simulator.http.post(
                "/v1/chat/completions", json={"model": model, "messages": one["messages"], "temperature": 0}
            ).json()
            for one in validation
        )
        return sum(
            f"#### {one['reference_answer']['answer']}" in answer["choices"][0]["message"]["content"]
            for one, answer in zip(validation, answers, strict=True)
        )

    base, tuned = right(BASE_MODEL), right(job["fine_tuned_model"])
    assert tuned >= base + 10


@pytest.mark.parametrize(("path", "field"), [("/v1/chat/completions", "messages"), ("/v1/responses", "input")])
@pytest.mark.parametrize(("length", "runs_in_thread"), [(1_000, False), (5_000, True)])
def test_a_large_body_is_processed_in_a_thread(
    local_simulator: RunningSimulator,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    field: str,
    length: int,
    runs_in_thread: bool,
) -> None:
    """So that it does not block other requests."""
    context, in_thread = local_simulator.instance.context, []
    answers = context.inference.answers

    def recorded(*arguments: Any) -> Any:
        in_thread.append(_running_loop() is None)
        return answers(*arguments)

    monkeypatch.setattr(context.inference, "answers", recorded)
    body = {"model": BASE_MODEL, field: [{"role": "user", "content": "x" * length}]}
    assert local_simulator.http.post(path, json=body).status_code == 200
    assert in_thread == [runs_in_thread]


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/responses/compact"])
def test_a_response_with_a_previous_one_is_processed_in_a_thread(
    local_simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """The earlier conversation may be long."""
    first = local_simulator.http.post("/v1/responses", json={"model": BASE_MODEL, "input": "hi"}).json()["id"]
    responses, in_thread = local_simulator.instance.context.responses, []
    for name in ("create", "compact"):
        work = getattr(responses, name)

        def recorded(*arguments: Any, work: Any = work, **more: Any) -> Any:
            in_thread.append(_running_loop() is None)
            return work(*arguments, **more)

        monkeypatch.setattr(responses, name, recorded)
    body = {"model": BASE_MODEL, "input": "go on", "previous_response_id": first}
    assert local_simulator.http.post(path, json=body).status_code == 200
    assert in_thread == [True]


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
