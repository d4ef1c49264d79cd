"""`/v1/responses` through the real SDK: answers, conversations, storage, background mode and access."""

import asyncio
import json
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest
from openai import APIStatusError, AsyncOpenAI, BadRequestError, NotFoundError, OpenAI
from openai.types.responses import Response

from simulator.settings import FIXED_EPOCH, Settings, UnknownFields
from tests.key_order import find_unsorted_objects
from tests.simulators import BASE_MODEL, FinishedJob, RunningSimulator, database_path, simulator_in_process
from tests.training.training_files import make_record, make_training_file

DAY = 86_400
ID = re.compile(r"resp_[a-z2-7]{52}")
[KNOWN] = [message["content"] for message in make_record(7)["messages"]]
QWEN = "qwen.qwen3-32b"

TOOL: Any = {
    "type": "function",
    "name": "weather",
    "description": "The weather in a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}


@pytest.fixture(scope="module")
def client(simulator: RunningSimulator) -> OpenAI:
    """The real SDK with strict validation."""
    return simulator.openai_client(strict=True)


def ask(client: OpenAI, **options: Any) -> Response:
    """Ask the known question, by default at temperature 0."""
    request: dict[str, Any] = {"model": BASE_MODEL, "input": KNOWN, "temperature": 0} | options
    answer: Response = client.responses.create(**request)
    return answer


def expect_error(call: Callable[[], Any], kind: type[APIStatusError]) -> Any:
    """Return the error's body."""
    with pytest.raises(kind) as exc_info:
        call()
    return exc_info.value.body


def not_found_error(name: str, *, param: str | None = None, noun: str = "response") -> dict[str, Any]:
    """Return the body of the 404."""
    return {
        "code": "not_found_error",
        "message": f"The {noun} '{name}' does not exist",
        "param": param,
        "type": "invalid_request_error",
    }


def validation_error(message: str, *, param: str | None = None, code: str = "validation_error") -> dict[str, Any]:
    """Return the body of a 400."""
    return {"code": code, "message": message, "param": param, "type": "invalid_request_error"}


# creating


@pytest.mark.shows("POST /responses", "ids")
def test_a_response_has_every_key_in_order(simulator: RunningSimulator) -> None:
    """In the raw JSON."""
    body = {"model": BASE_MODEL, "input": KNOWN, "temperature": 0, "reasoning": {"effort": "low"}}
    got = simulator.http.post("/v1/responses", json=body)
    assert find_unsorted_objects(got.text) == []
    answer = got.json()
    assert ID.fullmatch(answer["id"])
    thought, message = answer["output"]
    ids = thought["id"], message["id"]
    assert all(re.fullmatch(r"(rs|msg)_[a-z2-7]{52}", item) for item in ids)
    usage = answer["usage"]
    assert answer == {
        "background": False,
        "created_at": FIXED_EPOCH,
        "error": None,
        "id": answer["id"],
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "metadata": {},
        "model": BASE_MODEL,
        "object": "response",
        "output": [
            {"content": thought["content"], "id": ids[0], "summary": [], "type": "reasoning"},
            {
                "content": message["content"],
                "id": ids[1],
                "role": "assistant",
                "status": "completed",
                "type": "message",
            },
        ],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": "low", "summary": None},
        "service_tier": "default",
        "status": "completed",
        "store": True,
        "temperature": 0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": {
            "input_tokens": usage["input_tokens"],
            "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": 0},
            "output_tokens": usage["output_tokens"],
            "output_tokens_details": {"reasoning_tokens": usage["output_tokens_details"]["reasoning_tokens"]},
            "total_tokens": usage["input_tokens"] + usage["output_tokens"],
        },
    }


def test_the_answer_equals_the_one_of_chat(client: OpenAI) -> None:
    """The same text, reasoning and token counts."""
    chat = client.chat.completions.create(
        model=BASE_MODEL, messages=[{"role": "user", "content": KNOWN}], temperature=0
    )
    message = chat.choices[0].message
    answer = ask(client)
    [thought, _] = answer.output
    assert thought.type == "reasoning"
    assert thought.content
    assert answer.usage
    assert chat.usage
    assert (answer.output_text, thought.content[0].text, answer.usage.output_tokens, answer.usage.input_tokens) == (
        message.content,
        getattr(message, "reasoning"),  # noqa: B009  an extra field: the SDK's types do not know it
        chat.usage.completion_tokens,
        chat.usage.prompt_tokens,
    )


def test_more_effort_gives_more_reasoning_tokens(client: OpenAI) -> None:
    """Counted in the usage details."""
    spent = [ask(client, reasoning={"effort": effort}).usage for effort in ("low", "medium", "high")]
    thought = [usage.output_tokens_details.reasoning_tokens for usage in spent if usage]
    assert thought == sorted(set(thought))
    assert len(thought) == 3


@pytest.mark.parametrize(
    "form",
    [
        [{"role": "user", "content": KNOWN}],
        [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": KNOWN}]}],
        [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": KNOWN}],
    ],
)
def test_a_text_and_a_list_of_messages_are_equal_inputs(client: OpenAI, form: Any) -> None:
    """With and without the type of the items."""
    assert ask(client, input=form).output_text == ask(client).output_text


def test_a_small_budget_leaves_the_response_incomplete(client: OpenAI) -> None:
    """Here within the reasoning: there is no message."""
    answer = ask(client, max_output_tokens=16)
    assert answer.usage
    assert answer.incomplete_details
    entries = answer.status, answer.incomplete_details.reason, answer.output_text, answer.usage.output_tokens
    assert entries == ("incomplete", "max_output_tokens", "", 16)


def test_an_unknown_prompt_has_a_hint(simulator: RunningSimulator) -> None:
    """As in chat."""
    got = simulator.http.post("/v1/responses", json={"model": BASE_MODEL, "input": "Who wrote the Odyssey?"})
    assert got.headers["x-simulator-hint"] == (
        "this prompt is in no uploaded file, so the simulated model could only guess"
    )


@pytest.mark.parametrize("format_type", ["json_object", "json_schema"])
def test_a_json_format_gives_json(client: OpenAI, format_type: str) -> None:
    """Valid against the schema, if there is one."""
    schema = {"type": "object", "properties": {"answer": {"type": "integer"}}, "required": ["answer"]}
    named = {"name": "sum", "schema": schema, "strict": True} if format_type == "json_schema" else {}
    answer = ask(client, text={"format": {"type": format_type} | named})
    assert isinstance(json.loads(answer.output_text), dict)
    assert answer.text
    assert answer.text.format
    assert answer.text.format.type == format_type


@pytest.mark.shows("tuned-models")
@pytest.mark.parametrize("tail", ["", ":ckpt-step-20"])
def test_tuned_models_and_checkpoints_have_the_responses_api(
    finished_job: FinishedJob, openai_client: OpenAI, tail: str
) -> None:
    """Under their own ids."""
    model = finished_job.model + tail
    assert ask(openai_client, model=model).model == model


def test_two_simulators_with_one_seed_answer_alike() -> None:
    """Ids included."""

    def entries() -> Any:
        with simulator_in_process() as simulator:
            simulator.upload(make_training_file(10))
            return [
                simulator.http.post("/v1/responses", json={"model": BASE_MODEL, "input": KNOWN}).json()
                for _ in range(3)
            ]

    assert entries() == entries()


# tools


def test_a_tool_call_and_its_output_continue_the_conversation(client: OpenAI) -> None:
    """By `previous_response_id`, which has the call."""
    called = ask(client, input="How is the weather in Rome?", tools=[TOOL])
    [call] = [item for item in called.output if item.type == "function_call"]
    assert list(json.loads(call.arguments)) == ["city"]
    output: Any = [{"type": "function_call_output", "call_id": call.call_id, "output": "Sunny."}]
    response = ask(client, input=output, previous_response_id=called.id, tools=[TOOL])
    assert "Sunny." in response.output_text


def test_a_conversation_with_calls_can_be_sent_completely(client: OpenAI) -> None:
    """Nothing needs to be stored."""
    called = ask(client, input="How is the weather in Rome?", tools=[TOOL], store=False)
    [call] = [item for item in called.output if item.type == "function_call"]
    items: Any = [
        {"role": "user", "content": "How is the weather in Rome?"},
        *(item.to_dict() for item in called.output),
        {"type": "function_call_output", "call_id": call.call_id, "output": "Sunny."},
    ]
    assert "Sunny." in ask(client, input=items, tools=[TOOL]).output_text


def test_an_output_without_its_call_is_refused(client: OpenAI) -> None:
    """OPENAI."""
    output = [{"type": "function_call_output", "call_id": "call_x", "output": "Sunny."}]
    assert expect_error(lambda: ask(client, input=output), BadRequestError) == validation_error(
        "Invalid 'input': no tool call found for function call output with call_id 'call_x'.", param="input"
    )


# conversations


@pytest.mark.shows("store-and-chain")
def test_a_response_continues_the_whole_conversation(client: OpenAI) -> None:
    """Its input includes all earlier items, and it names the previous response."""
    first = ask(client)
    second = ask(client, input="And again?", previous_response_id=first.id)
    third = ask(client, input="And again?", previous_response_id=second.id)
    alone = ask(client, input="And again?")
    counts = [one.usage.input_tokens for one in (alone, second, third) if one.usage]
    assert counts == sorted(set(counts))
    assert third.previous_response_id == second.id


@pytest.mark.shows("store-and-chain")
def test_a_conversation_is_stored_once(tmp_path: Path) -> None:
    """A chain grows only by the items of each response."""
    with simulator_in_process(Settings(data=tmp_path)) as simulator:
        client, previous = simulator.openai_client(), None
        for question in ("Have you seen the okapi?", "And again?", "And again?"):
            previous = ask(client, input=question, previous_response_id=previous).id
    with closing(sqlite3.connect(database_path(tmp_path))) as database:
        assert "\n".join(database.iterdump()).count("Have you seen the okapi?") == 1


@pytest.mark.shows("instructions")
def test_instructions_are_not_carried_over(client: OpenAI) -> None:
    """OPENAI: the next response has its own or none."""

    def next_tokens(**instructions: str) -> int:
        first = ask(client, **instructions)
        usage = ask(client, input="And again?", previous_response_id=first.id).usage
        assert usage
        return usage.input_tokens

    assert next_tokens(instructions="Be as brief as ever you can.") == next_tokens()


def test_an_item_of_a_stored_response_can_be_referenced(client: OpenAI) -> None:
    """OPENAI: by its id, in place of the item."""
    first = ask(client)
    message = first.output[-1]
    assert message.type == "message"
    question = {"role": "user", "content": "And again?"}
    whole, named = (
        ask(client, input=[item, question], instructions="Sum up.")
        for item in (message.to_dict(), {"type": "item_reference", "id": message.id})
    )
    assert whole.usage == named.usage


@pytest.mark.shows("POST /responses/compact", "compact", "content-of-a-compaction")
def test_a_compacted_conversation_continues(client: OpenAI) -> None:
    """The one item of the output is the next input."""
    first = ask(client)
    compacted = client.responses.compact(model=BASE_MODEL, previous_response_id=first.id)
    begun: Any = [*(item.to_dict() for item in compacted.output), {"role": "user", "content": "And again?"}]
    chained = ask(client, input="And again?", previous_response_id=first.id)
    assert ask(client, input=begun).usage == chained.usage


def test_a_compaction_needs_an_input(client: OpenAI) -> None:
    """Or a previous response."""
    assert expect_error(lambda: client.responses.compact(model=BASE_MODEL), BadRequestError) == validation_error(
        "Missing required parameter: 'input'.", param="input", code="missing_required_parameter"
    )


@pytest.mark.shows("content-of-a-compaction")
@pytest.mark.parametrize("content", ["", "abc", "€", "AAAAAAAAAAAAAAAAAAAAAAAA", "W10="])
def test_an_invalid_compaction_item_is_refused(client: OpenAI, content: str) -> None:
    """Made up or changed."""
    begun = [{"type": "compaction", "encrypted_content": content}, {"role": "user", "content": "Why?"}]
    assert expect_error(lambda: ask(client, input=begun), BadRequestError) == validation_error(
        "Invalid 'input': the encrypted content of a compaction item could not be read.", param="input"
    )


# keeping


@pytest.mark.shows("GET /responses/{response}")
def test_retrieve_returns_the_stored_response(client: OpenAI) -> None:
    """Byte for byte."""
    created = ask(client, metadata={"team": "maths"})
    assert client.responses.retrieve(created.id) == created


@pytest.mark.shows("store-and-chain")
@pytest.mark.parametrize("gone", ["never", "deleted", "unstored"])
def test_an_unstored_response_is_the_same_404_everywhere(client: OpenAI, gone: str) -> None:
    """To retrieve, cancel, delete or continue it."""
    name = "resp_never"
    if gone != "never":
        name = ask(client, store=gone != "unstored").id
    if gone == "deleted":
        client.responses.delete(name)
    calls: list[Callable[[], Any]] = [
        lambda: client.responses.retrieve(name),
        lambda: client.responses.cancel(name),
        lambda: client.responses.delete(name),
    ]
    assert [expect_error(call, NotFoundError) for call in calls] == [not_found_error(name)] * 3
    assert expect_error(lambda: ask(client, previous_response_id=name), NotFoundError) == not_found_error(
        name, param="previous_response_id"
    )


def test_an_empty_previous_id_is_refused(client: OpenAI) -> None:
    """It is not the same as none."""
    assert expect_error(lambda: ask(client, previous_response_id=""), NotFoundError) == not_found_error(
        "", param="previous_response_id"
    )


@pytest.mark.shows("DELETE /responses/{response}")
def test_a_delete_returns_openais_object(simulator: RunningSimulator, client: OpenAI) -> None:
    """OPENAI."""
    name = ask(client).id
    assert simulator.http.delete(f"/v1/responses/{name}").json() == {"deleted": True, "id": name, "object": "response"}


def test_an_unstored_item_cannot_be_referenced(client: OpenAI) -> None:
    """The same 404, of an item."""
    question = [{"type": "item_reference", "id": "msg_x"}]
    assert expect_error(lambda: ask(client, input=question), NotFoundError) == not_found_error(
        "msg_x", param="input", noun="item"
    )


@pytest.mark.shows("store-and-chain")
def test_a_response_is_kept_for_thirty_days(local_simulator: RunningSimulator) -> None:
    """DOCUMENTED. In simulated time."""
    client = local_simulator.openai_client(strict=True)
    created = ask(client)
    made_at = int(created.created_at)
    local_simulator.instance.context.clock.move_to(made_at + 30 * DAY - 1)
    assert client.responses.retrieve(created.id) == created
    local_simulator.instance.context.clock.move_to(made_at + 30 * DAY)
    assert expect_error(lambda: client.responses.retrieve(created.id), NotFoundError) == not_found_error(created.id)


def test_a_conversation_survives_the_deletion_of_its_start(client: OpenAI) -> None:
    """A response keeps the items before it."""
    first = ask(client)
    second = ask(client, input="And again?", previous_response_id=first.id)
    before = ask(client, input="Why?", previous_response_id=second.id).usage
    client.responses.delete(first.id)
    assert ask(client, input="Why?", previous_response_id=second.id).usage == before


def test_a_response_deleted_meanwhile_is_not_continued(
    local_simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the delete had come first."""
    client, inference = local_simulator.openai_client(strict=True), type(local_simulator.instance.context.inference)
    first, answer = ask(client), inference.answer

    def slow(*arguments: Any) -> Any:
        client.responses.delete(first.id)
        return answer(*arguments)

    monkeypatch.setattr(inference, "answer", slow)
    assert expect_error(lambda: ask(client, previous_response_id=first.id), NotFoundError) == not_found_error(
        first.id, param="previous_response_id"
    )


@pytest.mark.shows("header", "foreign-ids")
def test_a_response_of_another_project_does_not_exist(local_simulator: RunningSimulator) -> None:
    """To retrieve, continue, cancel, delete, or reference its items."""
    client = local_simulator.openai_client(strict=True)
    project = local_simulator.http.post("/v1/organization/projects", json={"name": "other"}).json()["id"]
    other = client.with_options(default_headers={"OpenAI-Project": project})
    created = ask(client)
    item = created.output[-1].to_dict()["id"]
    calls: list[Callable[[], Any]] = [
        lambda: other.responses.retrieve(created.id),
        lambda: other.responses.cancel(created.id),
        lambda: other.responses.delete(created.id),
        lambda: ask(other, previous_response_id=created.id),
        lambda: ask(other, input=[{"type": "item_reference", "id": item}]),
    ]
    assert [expect_error(call, NotFoundError) for call in calls] == [
        not_found_error(created.id),
        not_found_error(created.id),
        not_found_error(created.id),
        not_found_error(created.id, param="previous_response_id"),
        not_found_error(str(item), param="input", noun="item"),
    ]
    assert client.responses.retrieve(created.id) == created


# background


@pytest.mark.shows("background", "background-time")
def test_a_background_response_is_complete_after_a_retrieve(client: OpenAI) -> None:
    """It is in progress when it is created, and for one retrieve."""
    created = ask(client, background=True)
    events = [client.responses.retrieve(created.id) for _ in range(3)]
    assert [one.status for one in (created, *events)] == ["in_progress", "in_progress", "completed", "completed"]
    assert (created.output, created.usage) == ([], None)
    assert events[1].output_text == ask(client).output_text


@pytest.mark.shows("background-time")
@pytest.mark.parametrize("retrieves", [0, 3])
def test_a_setting_has_the_length_of_background_responses(retrieves: int) -> None:
    """In retrieves that find it in progress."""
    with simulator_in_process(Settings(background_retrieves=retrieves)) as simulator:
        client = simulator.openai_client(strict=True)
        name = ask(client, background=True).id
        events = [client.responses.retrieve(name).status for _ in range(retrieves + 1)]
    assert events == ["in_progress"] * retrieves + ["completed"]


@pytest.mark.shows("POST /responses/{response}/cancel", "cancelling")
def test_a_background_response_can_be_cancelled(client: OpenAI) -> None:
    """It has no output and stays cancelled. To cancel it again changes nothing (OPENAI)."""
    name = ask(client, background=True).id
    client.responses.retrieve(name)
    cancelled = client.responses.cancel(name)
    assert (cancelled.status, cancelled.output, cancelled.usage) == ("cancelled", [], None)
    assert [client.responses.cancel(name), client.responses.retrieve(name)] == [cancelled, cancelled]


@pytest.mark.shows("cancelling")
def test_a_completed_background_response_cannot_be_cancelled(client: OpenAI) -> None:
    """400 and not 409, which the SDK would retry."""
    name = ask(client, background=True).id
    for _ in range(2):
        client.responses.retrieve(name)
    assert expect_error(lambda: client.responses.cancel(name), BadRequestError) == validation_error(
        "Cannot cancel a completed response."
    )


@pytest.mark.shows("cancelling")
def test_only_a_background_response_can_be_cancelled(client: OpenAI) -> None:
    """OPENAI."""
    name = ask(client).id
    assert expect_error(lambda: client.responses.cancel(name), BadRequestError) == validation_error(
        "Cannot cancel a synchronous response."
    )


def test_a_response_in_progress_cannot_be_continued(client: OpenAI) -> None:
    """It has no output yet."""
    name = ask(client, background=True).id
    assert expect_error(lambda: ask(client, previous_response_id=name), BadRequestError) == validation_error(
        f"Invalid 'previous_response_id': response '{name}' is still in progress.", param="previous_response_id"
    )


# refusals


@pytest.mark.shows("no-responses-of-qwen")
@pytest.mark.parametrize("model", [QWEN, "qwen.qwen3-32b-v1:0"])
@pytest.mark.parametrize("stream", [False, True])
def test_qwen_has_no_responses_api(client: OpenAI, model: str, stream: bool) -> None:
    """OBSERVED, its alias included."""
    assert expect_error(lambda: ask(client, model=model, stream=stream), BadRequestError) == validation_error(
        f"The model '{model}' does not support the '/v1/responses' API"
    )


@pytest.mark.slow
@pytest.mark.shows("no-responses-of-qwen")
def test_a_tuned_qwen_has_no_responses_api(served_simulator: RunningSimulator, finished_job: FinishedJob) -> None:
    """Like its base model."""
    job = served_simulator.run_job(finished_job.content, function=finished_job.function, model=QWEN)
    assert expect_error(
        lambda: ask(served_simulator.openai_client(), model=job["fine_tuned_model"]), BadRequestError
    ) == validation_error(f"The model '{job['fine_tuned_model']}' does not support the '/v1/responses' API")


def test_the_error_names_the_path_of_the_request(simulator: RunningSimulator) -> None:
    """OBSERVED under /openai/v1 too."""
    got = simulator.http.post("/openai/v1/responses", json={"model": QWEN, "input": "Why?"})
    assert got.json()["error"] == validation_error(
        f"The model '{QWEN}' does not support the '/openai/v1/responses' API"
    )


@pytest.mark.shows("base-for-gpt-oss")
def test_gpt_oss_has_no_responses_under_openai_v1(simulator: RunningSimulator) -> None:
    """OBSERVED: Mantle has it only under /v1. The hint says so."""
    got = simulator.http.post("/openai/v1/responses", json={"model": BASE_MODEL, "input": "?"})
    assert got.json()["error"] == validation_error(
        f"The model '{BASE_MODEL}' does not support the '/openai/v1/responses' API"
    )
    assert got.headers["x-simulator-hint"] == "this model has the API at /v1/responses: use a base URL that ends in /v1"


@pytest.mark.shows("base-for-gpt-oss")
def test_a_setting_serves_gpt_oss_there_too() -> None:
    """Because some users observe otherwise."""
    with simulator_in_process(Settings(responses_under_openai_v1=True)) as simulator:
        got = [
            simulator.http.post(f"{base}/responses", json={"model": BASE_MODEL, "input": "?"})
            for base in ("/v1", "/openai/v1")
        ]
    assert [one.status_code for one in got] == [200, 200]


@pytest.mark.parametrize("stream", [False, True])
def test_an_unknown_model_is_a_404(client: OpenAI, stream: bool) -> None:
    """As in chat."""
    assert expect_error(lambda: ask(client, model="ft:never", stream=stream), NotFoundError) == not_found_error(
        "ft:never", noun="model"
    )


@pytest.mark.shows("least-budget")
def test_too_small_a_budget_is_the_observed_error(client: OpenAI) -> None:
    """tests/wire has the long list of errors."""
    assert expect_error(lambda: ask(client, max_output_tokens=15), BadRequestError) == validation_error(
        "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got 15 instead.",
        param="max_output_tokens",
        code="integer_below_min_value",
    )


def test_an_unknown_field_can_be_refused() -> None:
    """By the setting that chat has too."""
    with simulator_in_process(Settings(unknown_chat_fields=UnknownFields.REFUSED)) as simulator:
        got = simulator.http.post("/v1/responses", json={"model": BASE_MODEL, "input": "?", "never_heard_of": 1})
    assert got.json()["error"] == validation_error(
        "Unsupported parameter: 'never_heard_of' is not supported.",
        param="never_heard_of",
        code="unsupported_parameter",
    )


@pytest.mark.shows("absent-routes", "other-absent-routes")
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/responses/resp_x/input_items"), ("POST", "/responses/input_tokens")]
)
@pytest.mark.parametrize("base", ["/v1", "/openai/v1"])
def test_routes_that_mantle_lacks_are_unknown_paths(
    simulator: RunningSimulator, base: str, method: str, path: str
) -> None:
    """`input_items` OBSERVED."""
    got = simulator.http.request(method, base + path)
    assert (got.status_code, got.json()["error"]["message"]) == (404, f"Invalid URL ({method} {base}{path})")


def test_an_archived_project_takes_no_new_response(local_simulator: RunningSimulator) -> None:
    """Its responses can still be read."""
    project = local_simulator.http.post("/v1/organization/projects", json={"name": "old"}).json()["id"]
    client = local_simulator.openai_client(strict=True).with_options(default_headers={"OpenAI-Project": project})
    created = ask(client)
    local_simulator.http.post(f"/v1/organization/projects/{project}/archive")
    assert client.responses.retrieve(created.id) == created
    assert expect_error(lambda: ask(client), BadRequestError) == validation_error(f"Project '{project}' is archived")


# other clients


def test_the_asynchronous_sdk_gets_the_same_answers(simulator: RunningSimulator) -> None:
    """Create, retrieve, stream and delete."""

    async def talk() -> tuple[Response, Response, Any]:
        transport = httpx2.ASGITransport(app=simulator.instance.api)
        async with AsyncOpenAI(
            api_key=simulator.key,
            base_url="http://testserver/v1",
            http_client=httpx2.AsyncClient(transport=transport),
            max_retries=0,
        ) as client:
            created = await client.responses.create(model=BASE_MODEL, input=KNOWN, temperature=0)
            retrieved = await client.responses.retrieve(created.id)
            stream = await client.responses.create(model=BASE_MODEL, input=KNOWN, temperature=0, stream=True)
            events = [event async for event in stream]
            await client.responses.delete(created.id)
        return created, retrieved, events[-1]

    created, retrieved, end = asyncio.run(talk())
    assert (retrieved, end.type, end.response.output_text) == (created, "response.completed", created.output_text)
