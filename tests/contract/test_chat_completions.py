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
    """Return a record's messages as the SDK takes them."""
    return cast("list[ChatCompletionMessageParam]", of["messages"])


@pytest.fixture(scope="module")
def chat_client(simulator: RunningSimulator) -> OpenAI:
    """The SDK pointed at it."""
    return simulator.openai_client(strict=True)


def ask(chat: OpenAI, **options: Any) -> Any:
    """Ask a known question at temperature 0 unless told otherwise; return the raw JSON."""
    asked: dict[str, Any] = {"model": BASE_MODEL, "messages": prompt(KNOWN_RECORD), "temperature": 0} | options
    answer = chat.chat.completions.with_raw_response.create(**asked)
    answer.parse()
    assert find_unsorted_objects(answer.http_response.text) == []
    return answer.http_response.json()


def stream_chunks(chat: OpenAI, **options: Any) -> list[dict[str, Any]]:
    """Ask the known question as a stream; return the chunks."""
    asked: dict[str, Any] = {
        "model": BASE_MODEL,
        "messages": prompt(KNOWN_RECORD),
        "temperature": 0,
        "stream": True,
    } | options
    return [chunk.to_dict() for chunk in chat.chat.completions.create(**asked)]


def joined_deltas(chunks: list[dict[str, Any]], part: str) -> str:
    """Return what the deltas of one part add up to."""
    return "".join(choice["delta"].get(part) or "" for chunk in chunks for choice in chunk["choices"])


@pytest.mark.shows("POST /chat/completions", "reasoning-and-usage")
def test_a_completion_is_the_observed_object(chat_client: OpenAI) -> None:
    """Top-level keys, and reasoning beside the content."""
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


def test_the_sdk_shows_the_reasoning_as_an_extra_field(chat_client: OpenAI) -> None:
    """`message.reasoning`, and not `reasoning_content`."""
    answer = chat_client.chat.completions.create(model=BASE_MODEL, messages=prompt(KNOWN_RECORD))
    assert isinstance(answer.choices[0].message.reasoning, str)  # type: ignore[attr-defined]  # Mantle's own
    assert not hasattr(answer.choices[0].message, "reasoning_content")


def test_usage_adds_up(chat_client: OpenAI) -> None:
    """Reasoning counts as completion; the prompt has its hidden template (OBSERVED: 65 to 70 tokens)."""
    usage = ask(chat_client)["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["prompt_tokens"] > 65


def test_temperature_zero_is_deterministic(chat_client: OpenAI) -> None:
    """The same words for the same question; only the id differs."""
    first, second = ask(chat_client), ask(chat_client)
    assert first.pop("id") != second.pop("id")
    assert first == second


def test_above_zero_answers_vary(chat_client: OpenAI) -> None:
    """Each answer has draws of its own."""
    answers = {ask(chat_client, temperature=1)["choices"][0]["message"]["content"] for _ in range(8)}
    assert len(answers) > 1


def test_two_simulators_with_one_seed_say_the_same() -> None:
    """At any temperature, in the same order of asking."""

    def answers() -> list[Any]:
        with simulator_in_process() as made:
            made.upload(make_training_file(10))
            mantle = made.openai_client()
            return [ask(mantle, temperature=1) for _ in range(3)]

    assert answers() == answers()


@pytest.mark.shows("budget")
@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_a_small_budget_cuts_the_answer_off(chat_client: OpenAI, name: str) -> None:
    """200 with `length`; the thinking is spent first, so that the content may be empty (OBSERVED)."""
    answer = ask(chat_client, **{name: 3})
    [choice] = answer["choices"]
    assert (choice["finish_reason"], choice["message"]["content"]) == ("length", "")
    assert answer["usage"]["completion_tokens"] == 3


@pytest.mark.shows("budget")
def test_a_budget_of_one_is_enough_to_ask(chat_client: OpenAI) -> None:
    """OBSERVED: min 1 is taken."""
    assert ask(chat_client, max_tokens=1)["usage"]["completion_tokens"] == 1


def test_a_large_budget_changes_nothing(chat_client: OpenAI) -> None:
    """The answer is as long as it is."""
    assert ask(chat_client, max_tokens=100_000)["choices"] == ask(chat_client)["choices"]


def test_more_effort_is_more_thinking(chat_client: OpenAI) -> None:
    """Counted in tokens."""
    spent = [
        ask(chat_client, reasoning_effort=effort)["usage"]["completion_tokens"] for effort in ("low", "medium", "high")
    ]
    assert spent == sorted(set(spent))


def test_no_effort_is_taken_as_the_least(chat_client: OpenAI) -> None:
    """`none` is among Mantle's four."""
    assert ask(chat_client, reasoning_effort="none")["choices"] == ask(chat_client, reasoning_effort="low")["choices"]


@pytest.mark.parametrize("options", [{}, {"max_tokens": 3}, {"messages": [{"role": "user", "content": "Hello?"}]}])
def test_a_stream_says_what_the_whole_says(chat_client: OpenAI, options: dict[str, Any]) -> None:
    """To the letter, and why it ended."""
    [choice] = ask(chat_client, **options)["choices"]
    chunks = stream_chunks(chat_client, **options)
    assert joined_deltas(chunks, "content") == choice["message"]["content"]
    assert joined_deltas(chunks, "reasoning") == choice["message"].get("reasoning", "")
    assert chunks[-1]["choices"][0]["finish_reason"] == choice["finish_reason"]


def test_a_stream_is_one_completion(chat_client: OpenAI) -> None:
    """One id, one time, one model; the first chunk has the role."""
    chunks = stream_chunks(chat_client)
    assert len({(chunk["id"], chunk["created"], chunk["model"], chunk["object"]) for chunk in chunks}) == 1
    assert chunks[0]["choices"][0]["delta"] == {"content": "", "role": "assistant"}


@pytest.mark.shows("reasoning-and-usage")
def test_the_thinking_comes_first(chat_client: OpenAI) -> None:
    """`delta.reasoning` before `delta.content`."""
    deltas = [chunk["choices"][0]["delta"] for chunk in stream_chunks(chat_client)]
    kinds = [name for delta in deltas[1:] for name in delta]
    assert kinds == ["reasoning"] * kinds.count("reasoning") + ["content"] * kinds.count("content")
    assert {"reasoning", "content"} == set(kinds)


@pytest.mark.shows("reasoning-and-usage")
def test_usage_is_streamed_when_asked_for(chat_client: OpenAI) -> None:
    """In one last chunk without choices; every other one says null."""
    *rest, last = stream_chunks(chat_client, stream_options={"include_usage": True})
    assert (last["choices"], last["usage"]) == ([], ask(chat_client)["usage"])
    assert all(chunk["usage"] is None for chunk in rest)


@pytest.mark.shows("reasoning-and-usage")
@pytest.mark.parametrize("options", [{}, {"stream_options": {"include_usage": False}}, {"stream_options": {}}])
def test_usage_is_not_streamed_unasked(chat_client: OpenAI, options: dict[str, Any]) -> None:
    """OBSERVED, control run."""
    assert not any("usage" in chunk for chunk in stream_chunks(chat_client, **options))


@pytest.mark.shows("key-order")
def test_a_stream_is_server_sent_events_with_keys_in_order(simulator: RunningSimulator) -> None:
    """On the wire, to `[DONE]`."""
    body = {"model": BASE_MODEL, "messages": KNOWN_RECORD["messages"], "stream": True}
    answer = simulator.http.post("/v1/chat/completions", json=body)
    events = answer.text.split("\n\n")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert events[-2:] == ["data: [DONE]", ""]
    assert [find_unsorted_objects(event.removeprefix("data: ")) for event in events[:-2]] == [[]] * len(events[:-2])


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["gpt-4o", "ft:openai.gpt-oss-20b:123456789012::abcdefgh", ""])
def test_an_unknown_model_is_not_found(chat_client: OpenAI, model: str, stream: bool) -> None:
    """Before a stream begins, so that it is a 404 there too."""
    with pytest.raises(NotFoundError) as answer:
        send_raw(chat_client, model=model, stream=stream)
    assert answer.value.body == {
        "code": "not_found_error",
        "message": f"The model '{model}' does not exist",
        "param": None,
        "type": "invalid_request_error",
    }


def send_raw(chat: OpenAI, **options: Any) -> None:
    """Ask without reading the answer."""
    chat.chat.completions.create(**{"messages": prompt(KNOWN_RECORD), **options})


@pytest.mark.parametrize("stream", [False, True])
def test_a_bad_question_is_a_bad_request(chat_client: OpenAI, stream: bool) -> None:
    """As a stream too; the readers' own tests have the long list."""
    with pytest.raises(BadRequestError) as answer:
        send_raw(chat_client, model=BASE_MODEL, messages=[], stream=stream)
    assert answer.value.param == "messages"


@pytest.mark.shows("what-is-said")
def test_a_prompt_that_no_file_holds_is_answered_and_hinted_at(simulator: RunningSimulator) -> None:
    """The body says so in words; the header says why."""
    body = {"model": BASE_MODEL, "messages": [{"role": "user", "content": "Who wrote the Odyssey?"}]}
    answer = simulator.http.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200
    assert answer.headers["x-simulator-hint"] == (
        "this prompt is in no uploaded file, so the simulated model could only guess"
    )


def test_a_known_prompt_is_not_hinted_at(simulator: RunningSimulator) -> None:
    """Whatever its spacing and case, and with a system message before it or not."""
    [question] = KNOWN_RECORD["messages"]
    same = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "  " + question["content"].upper().replace(" ", "\n")},
    ]
    answer = simulator.http.post("/v1/chat/completions", json={"model": BASE_MODEL, "messages": same})
    assert "x-simulator-hint" not in answer.headers


@pytest.mark.shows("what-is-said")
def test_a_file_is_known_from_its_upload_on(local_simulator: RunningSimulator) -> None:
    """And forgotten when it is deleted."""
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
def test_what_changes_nothing_here_is_taken(chat_client: OpenAI, options: dict[str, Any]) -> None:
    """Known parameters, unknown ones (vLLM's way), and guardrail headers (OBSERVED: silently ignored)."""
    assert ask(chat_client, **options)["choices"] == ask(chat_client)["choices"]


@pytest.mark.shows("service-tier")
@pytest.mark.parametrize(
    ("tier", "used"), [("auto", "default"), ("default", "default"), ("flex", "flex"), ("priority", "priority")]
)
def test_the_answer_names_the_tier(chat_client: OpenAI, tier: str, used: str) -> None:
    """The four that Mantle takes."""
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
def test_what_no_model_takes_is_refused(
    simulator: RunningSimulator, options: dict[str, Any], code: str, param: str
) -> None:
    """Codes OBSERVED; by its field."""
    answer = simulator.http.post(
        "/v1/chat/completions", json={"model": BASE_MODEL, "messages": KNOWN_RECORD["messages"], **options}
    )
    fault = answer.json()["error"]
    assert (answer.status_code, fault["code"], fault["param"]) == (400, code, param)


@pytest.mark.shows("unknown-fields")
def test_unknown_fields_can_be_refused() -> None:
    """By a setting, for those who would rather know of a slip of the pen."""
    with simulator_in_process(Settings(unknown_chat_fields=UnknownFields.REFUSED)) as made:
        with pytest.raises(BadRequestError) as refused:
            ask(made.openai_client(), extra_body={"temprature": 0})
        assert (refused.value.code, refused.value.param) == ("unsupported_parameter", "temprature")
        assert ask(made.openai_client(), user="u", store=False)


@pytest.mark.shows("n-and-stop")
def test_the_answer_ends_before_a_stop(chat_client: OpenAI) -> None:
    """Without it, and with fewer tokens."""
    whole = ask(chat_client)
    words = whole["choices"][0]["message"]["content"]
    stop = words.split()[2]
    cut = ask(chat_client, stop=["never to be seen", stop])
    assert cut["choices"][0]["message"]["content"] == words[: words.index(stop)]
    assert cut["choices"][0]["finish_reason"] == "stop"
    assert cut["usage"]["completion_tokens"] < whole["usage"]["completion_tokens"]


def test_a_stop_that_never_comes_changes_nothing(chat_client: OpenAI) -> None:
    """One string will do."""
    assert ask(chat_client, stop="never to be seen")["choices"] == ask(chat_client)["choices"]


@pytest.mark.shows("n-and-stop")
def test_several_answers_can_be_asked_for(chat_client: OpenAI) -> None:
    """Each with draws of its own; the prompt counts once."""
    one, many = ask(chat_client, temperature=1), ask(chat_client, temperature=1, n=8)
    assert [choice["index"] for choice in many["choices"]] == list(range(8))
    assert len({choice["message"]["content"] for choice in many["choices"]}) > 1
    assert many["usage"]["prompt_tokens"] == one["usage"]["prompt_tokens"]
    assert many["usage"]["completion_tokens"] > one["usage"]["completion_tokens"]


def test_a_seed_repeats_the_answers(chat_client: OpenAI) -> None:
    """However often, and all of several."""
    assert (
        ask(chat_client, temperature=1, seed=5, n=3)["choices"]
        == ask(chat_client, temperature=1, seed=5, n=3)["choices"]
    )


@pytest.mark.shows("alias", "name-echoed")
def test_an_alias_answers_as_its_model_under_the_name_it_was_asked_by(chat_client: OpenAI) -> None:
    """SAMPLE: one notebook writes the runtime's id. The echo is INFERRED."""
    alias, model = (
        ask(chat_client, model=name, seed=1, temperature=1) for name in ("qwen.qwen3-32b-v1:0", "qwen.qwen3-32b")
    )
    assert (alias["model"], model["model"]) == ("qwen.qwen3-32b-v1:0", "qwen.qwen3-32b")
    assert alias["choices"] == model["choices"]


def test_a_stream_whose_reader_goes_away_harms_nobody(
    served_simulator: RunningSimulator, capfd: pytest.CaptureFixture[str]
) -> None:
    """The next one is served, and nothing is said about it."""
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


def test_the_tuned_model_is_right_visibly_more_often_on_prompts_it_never_saw(
    served_simulator: RunningSimulator,
) -> None:
    """100 held-out problems, each asked once of both at temperature 0; one problem is one point."""
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


@pytest.mark.parametrize(("path", "asked"), [("/v1/chat/completions", "messages"), ("/v1/responses", "input")])
@pytest.mark.parametrize(("length", "off_the_loop"), [(1_000, False), (5_000, True)])
def test_a_large_body_is_worked_on_in_a_thread(
    local_simulator: RunningSimulator,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    asked: str,
    length: int,
    off_the_loop: bool,
) -> None:
    """So that other requests are answered meanwhile."""
    house, seen = local_simulator.instance.context, []
    answers = house.inference.answers

    def watched(*wanted: Any) -> Any:
        seen.append(_running_loop() is None)
        return answers(*wanted)

    monkeypatch.setattr(house.inference, "answers", watched)
    body = {"model": BASE_MODEL, asked: [{"role": "user", "content": "x" * length}]}
    assert local_simulator.http.post(path, json=body).status_code == 200
    assert seen == [off_the_loop]


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/responses/compact"])
def test_a_response_that_goes_on_with_another_is_worked_on_in_a_thread(
    local_simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """What came before may be long, however short the request is."""
    first = local_simulator.http.post("/v1/responses", json={"model": BASE_MODEL, "input": "hi"}).json()["id"]
    responses, seen = local_simulator.instance.context.responses, []
    for name in ("create", "compact"):
        work = getattr(responses, name)

        def watched(*wanted: Any, work: Any = work, **more: Any) -> Any:
            seen.append(_running_loop() is None)
            return work(*wanted, **more)

        monkeypatch.setattr(responses, name, watched)
    body = {"model": BASE_MODEL, "input": "go on", "previous_response_id": first}
    assert local_simulator.http.post(path, json=body).status_code == 200
    assert seen == [True]


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
