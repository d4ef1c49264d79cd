"""`/v1/responses` through the real SDK: answers, conversations, what is kept, background, and who may see it."""

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
    """The SDK pointed at it, which validates every answer strictly."""
    return simulator.openai_client(strict=True)


def ask(client: OpenAI, **options: Any) -> Response:
    """Ask the known question at temperature 0 unless told otherwise."""
    asked: dict[str, Any] = {"model": BASE_MODEL, "input": KNOWN, "temperature": 0} | options
    answer: Response = client.responses.create(**asked)
    return answer


def expect_error(call: Callable[[], Any], kind: type[APIStatusError]) -> Any:
    """Return the error's body."""
    with pytest.raises(kind) as caught:
        call()
    return caught.value.body


def not_found_error(name: str, *, param: str | None = None, noun: str = "response") -> dict[str, Any]:
    """Return the body of the one 404."""
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
def test_a_response_is_the_whole_object_with_its_keys_in_order(simulator: RunningSimulator) -> None:
    """As JSON on the wire."""
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


def test_the_answer_is_the_one_that_chat_gives(client: OpenAI) -> None:
    """The same policy, the same thinking, the same counts."""
    chat = client.chat.completions.create(
        model=BASE_MODEL, messages=[{"role": "user", "content": KNOWN}], temperature=0
    )
    said = chat.choices[0].message
    answer = ask(client)
    [thought, _] = answer.output
    assert thought.type == "reasoning"
    assert thought.content
    assert answer.usage
    assert chat.usage
    assert (answer.output_text, thought.content[0].text, answer.usage.output_tokens, answer.usage.input_tokens) == (
        said.content,
        getattr(said, "reasoning"),  # noqa: B009  an extra field: the SDK's types do not know it
        chat.usage.completion_tokens,
        chat.usage.prompt_tokens,
    )


def test_more_effort_is_more_thinking(client: OpenAI) -> None:
    """Counted in the details of the usage."""
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
def test_a_string_and_a_list_ask_the_same(client: OpenAI, form: Any) -> None:
    """In the easy form and the full one."""
    assert ask(client, input=form).output_text == ask(client).output_text


def test_a_budget_that_ends_leaves_the_response_incomplete(client: OpenAI) -> None:
    """Here within the thinking: there is no message."""
    answer = ask(client, max_output_tokens=16)
    assert answer.usage
    assert answer.incomplete_details
    told = answer.status, answer.incomplete_details.reason, answer.output_text, answer.usage.output_tokens
    assert told == ("incomplete", "max_output_tokens", "", 16)


def test_a_prompt_that_no_file_holds_is_hinted_at(simulator: RunningSimulator) -> None:
    """As in chat."""
    got = simulator.http.post("/v1/responses", json={"model": BASE_MODEL, "input": "Who wrote the Odyssey?"})
    assert got.headers["x-simulator-hint"] == (
        "this prompt is in no uploaded file, so the simulated model could only guess"
    )


@pytest.mark.parametrize("format_type", ["json_object", "json_schema"])
def test_an_answer_in_json_is_json(client: OpenAI, format_type: str) -> None:
    """By the schema, if there is one."""
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
    """Under their own names."""
    model = finished_job.model + tail
    assert ask(openai_client, model=model).model == model


def test_two_simulators_with_one_seed_answer_alike() -> None:
    """Ids included."""

    def told() -> Any:
        with simulator_in_process() as made:
            made.upload(make_training_file(10))
            return [
                made.http.post("/v1/responses", json={"model": BASE_MODEL, "input": KNOWN}).json() for _ in range(3)
            ]

    assert told() == told()


# tools


def test_a_function_is_called_and_its_output_answered(client: OpenAI) -> None:
    """By `previous_response_id`: the call is in the conversation."""
    called = ask(client, input="How is the weather in Rome?", tools=[TOOL])
    [call] = [item for item in called.output if item.type == "function_call"]
    assert list(json.loads(call.arguments)) == ["city"]
    output: Any = [{"type": "function_call_output", "call_id": call.call_id, "output": "Sunny."}]
    answered = ask(client, input=output, previous_response_id=called.id, tools=[TOOL])
    assert "Sunny." in answered.output_text


def test_a_conversation_with_calls_can_be_given_whole(client: OpenAI) -> None:
    """Nothing needs to be stored for it."""
    called = ask(client, input="How is the weather in Rome?", tools=[TOOL], store=False)
    [call] = [item for item in called.output if item.type == "function_call"]
    items: Any = [
        {"role": "user", "content": "How is the weather in Rome?"},
        *(item.to_dict() for item in called.output),
        {"type": "function_call_output", "call_id": call.call_id, "output": "Sunny."},
    ]
    assert "Sunny." in ask(client, input=items, tools=[TOOL]).output_text


def test_an_output_of_no_call_is_refused(client: OpenAI) -> None:
    """OPENAI."""
    output = [{"type": "function_call_output", "call_id": "call_x", "output": "Sunny."}]
    assert expect_error(lambda: ask(client, input=output), BadRequestError) == validation_error(
        "Invalid 'input': no tool call found for function call output with call_id 'call_x'.", param="input"
    )


# conversations


@pytest.mark.shows("store-and-chain")
def test_a_response_goes_on_with_the_whole_conversation(client: OpenAI) -> None:
    """Its input is longer by all that was said, and it names what it goes on with."""
    first = ask(client)
    second = ask(client, input="And again?", previous_response_id=first.id)
    third = ask(client, input="And again?", previous_response_id=second.id)
    alone = ask(client, input="And again?")
    counts = [one.usage.input_tokens for one in (alone, second, third) if one.usage]
    assert counts == sorted(set(counts))
    assert third.previous_response_id == second.id


@pytest.mark.shows("store-and-chain")
def test_what_was_said_is_stored_once(tmp_path: Path) -> None:
    """A chain grows by what each response adds to it."""
    with simulator_in_process(Settings(data=tmp_path)) as made:
        client, previous = made.openai_client(), None
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


def test_an_item_of_a_stored_response_can_be_named(client: OpenAI) -> None:
    """OPENAI: by its id, in place of the item itself."""
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
def test_a_compacted_conversation_goes_on(client: OpenAI) -> None:
    """The one item that comes out goes in."""
    first = ask(client)
    compacted = client.responses.compact(model=BASE_MODEL, previous_response_id=first.id)
    begun: Any = [*(item.to_dict() for item in compacted.output), {"role": "user", "content": "And again?"}]
    chained = ask(client, input="And again?", previous_response_id=first.id)
    assert ask(client, input=begun).usage == chained.usage


def test_there_is_something_to_compact(client: OpenAI) -> None:
    """An input, or a response to go on with."""
    assert expect_error(lambda: client.responses.compact(model=BASE_MODEL), BadRequestError) == validation_error(
        "Missing required parameter: 'input'.", param="input", code="missing_required_parameter"
    )


@pytest.mark.shows("content-of-a-compaction")
@pytest.mark.parametrize("content", ["", "abc", "€", "AAAAAAAAAAAAAAAAAAAAAAAA", "W10="])
def test_a_compaction_that_is_none_is_refused(client: OpenAI, content: str) -> None:
    """Made up or changed."""
    begun = [{"type": "compaction", "encrypted_content": content}, {"role": "user", "content": "Why?"}]
    assert expect_error(lambda: ask(client, input=begun), BadRequestError) == validation_error(
        "Invalid 'input': the encrypted content of a compaction item could not be read.", param="input"
    )


# keeping


@pytest.mark.shows("GET /responses/{response}")
def test_a_stored_response_is_retrieved_as_it_was(client: OpenAI) -> None:
    """Byte for byte."""
    made = ask(client, metadata={"team": "maths"})
    assert client.responses.retrieve(made.id) == made


@pytest.mark.shows("store-and-chain")
@pytest.mark.parametrize("gone", ["never", "deleted", "unstored"])
def test_what_is_not_kept_is_one_404(client: OpenAI, gone: str) -> None:
    """To retrieve, to cancel, to delete, to go on with."""
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


def test_an_empty_id_is_no_response_to_go_on_with(client: OpenAI) -> None:
    """It is not the same as none."""
    assert expect_error(lambda: ask(client, previous_response_id=""), NotFoundError) == not_found_error(
        "", param="previous_response_id"
    )


@pytest.mark.shows("DELETE /responses/{response}")
def test_a_deletion_says_so(simulator: RunningSimulator, client: OpenAI) -> None:
    """OPENAI."""
    name = ask(client).id
    assert simulator.http.delete(f"/v1/responses/{name}").json() == {"deleted": True, "id": name, "object": "response"}


def test_an_item_that_is_not_kept_cannot_be_named(client: OpenAI) -> None:
    """The same 404, of an item."""
    question = [{"type": "item_reference", "id": "msg_x"}]
    assert expect_error(lambda: ask(client, input=question), NotFoundError) == not_found_error(
        "msg_x", param="input", noun="item"
    )


@pytest.mark.shows("store-and-chain")
def test_a_response_is_kept_for_thirty_days(local_simulator: RunningSimulator) -> None:
    """DOCUMENTED; of simulated time."""
    client = local_simulator.openai_client(strict=True)
    made = ask(client)
    made_at = int(made.created_at)
    local_simulator.instance.context.clock.move_to(made_at + 30 * DAY - 1)
    assert client.responses.retrieve(made.id) == made
    local_simulator.instance.context.clock.move_to(made_at + 30 * DAY)
    assert expect_error(lambda: client.responses.retrieve(made.id), NotFoundError) == not_found_error(made.id)


def test_a_conversation_outlives_a_deleted_beginning(client: OpenAI) -> None:
    """A response keeps what it went on with."""
    first = ask(client)
    second = ask(client, input="And again?", previous_response_id=first.id)
    before = ask(client, input="Why?", previous_response_id=second.id).usage
    client.responses.delete(first.id)
    assert ask(client, input="Why?", previous_response_id=second.id).usage == before


def test_what_is_deleted_while_its_answer_is_thought_of_is_not_gone_on_with(
    local_simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the deletion had come first."""
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
def test_a_response_of_another_project_is_not_there(local_simulator: RunningSimulator) -> None:
    """To retrieve, to go on with, to cancel, to delete, to name items of."""
    client = local_simulator.openai_client(strict=True)
    project = local_simulator.http.post("/v1/organization/projects", json={"name": "other"}).json()["id"]
    other = client.with_options(default_headers={"OpenAI-Project": project})
    made = ask(client)
    item = made.output[-1].to_dict()["id"]
    calls: list[Callable[[], Any]] = [
        lambda: other.responses.retrieve(made.id),
        lambda: other.responses.cancel(made.id),
        lambda: other.responses.delete(made.id),
        lambda: ask(other, previous_response_id=made.id),
        lambda: ask(other, input=[{"type": "item_reference", "id": item}]),
    ]
    assert [expect_error(call, NotFoundError) for call in calls] == [
        not_found_error(made.id),
        not_found_error(made.id),
        not_found_error(made.id),
        not_found_error(made.id, param="previous_response_id"),
        not_found_error(str(item), param="input", noun="item"),
    ]
    assert client.responses.retrieve(made.id) == made


# background


@pytest.mark.shows("background", "background-time")
def test_a_background_response_is_complete_after_a_retrieve(client: OpenAI) -> None:
    """It is in progress when it is made, and one retrieve long."""
    made = ask(client, background=True)
    found = [client.responses.retrieve(made.id) for _ in range(3)]
    assert [one.status for one in (made, *found)] == ["in_progress", "in_progress", "completed", "completed"]
    assert (made.output, made.usage) == ([], None)
    assert found[1].output_text == ask(client).output_text


@pytest.mark.shows("background-time")
@pytest.mark.parametrize("retrieves", [0, 3])
def test_how_long_a_background_response_takes_is_a_setting(retrieves: int) -> None:
    """In retrieves that find it in progress."""
    with simulator_in_process(Settings(background_retrieves=retrieves)) as made:
        client = made.openai_client(strict=True)
        name = ask(client, background=True).id
        found = [client.responses.retrieve(name).status for _ in range(retrieves + 1)]
    assert found == ["in_progress"] * retrieves + ["completed"]


@pytest.mark.shows("POST /responses/{response}/cancel", "cancelling")
def test_a_background_response_can_be_cancelled(client: OpenAI) -> None:
    """It puts nothing out, and stays cancelled; cancelling it again changes nothing (OPENAI)."""
    name = ask(client, background=True).id
    client.responses.retrieve(name)
    cancelled = client.responses.cancel(name)
    assert (cancelled.status, cancelled.output, cancelled.usage) == ("cancelled", [], None)
    assert [client.responses.cancel(name), client.responses.retrieve(name)] == [cancelled, cancelled]


@pytest.mark.shows("cancelling")
def test_a_completed_background_response_cannot_be_cancelled(client: OpenAI) -> None:
    """400 and not 409, which the SDK would try again."""
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


def test_what_is_in_progress_is_not_gone_on_with(client: OpenAI) -> None:
    """There is no answer yet to go on from."""
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


@pytest.mark.shows("no-responses-of-qwen")
def test_a_tuned_qwen_has_no_responses_api(served_simulator: RunningSimulator, finished_job: FinishedJob) -> None:
    """Like the model that it was tuned from."""
    job = served_simulator.run_job(finished_job.content, function=finished_job.function, model=QWEN)
    assert expect_error(
        lambda: ask(served_simulator.openai_client(), model=job["fine_tuned_model"]), BadRequestError
    ) == validation_error(f"The model '{job['fine_tuned_model']}' does not support the '/v1/responses' API")


def test_the_path_that_was_taken_is_the_one_that_is_named(simulator: RunningSimulator) -> None:
    """OBSERVED under /openai/v1 too."""
    got = simulator.http.post("/openai/v1/responses", json={"model": QWEN, "input": "Why?"})
    assert got.json()["error"] == validation_error(
        f"The model '{QWEN}' does not support the '/openai/v1/responses' API"
    )


@pytest.mark.shows("base-for-gpt-oss")
def test_gpt_oss_has_no_responses_under_the_sdks_own_base(simulator: RunningSimulator) -> None:
    """OBSERVED: Mantle has it under /v1 alone; the hint says where to go."""
    got = simulator.http.post("/openai/v1/responses", json={"model": BASE_MODEL, "input": "?"})
    assert got.json()["error"] == validation_error(
        f"The model '{BASE_MODEL}' does not support the '/openai/v1/responses' API"
    )
    assert got.headers["x-simulator-hint"] == "this model has the API at /v1/responses: use a base URL that ends in /v1"


@pytest.mark.shows("base-for-gpt-oss")
def test_a_setting_serves_gpt_oss_there_too() -> None:
    """Whoever has seen otherwise can have it otherwise."""
    with simulator_in_process(Settings(responses_under_openai_v1=True)) as made:
        got = [
            made.http.post(f"{base}/responses", json={"model": BASE_MODEL, "input": "?"})
            for base in ("/v1", "/openai/v1")
        ]
    assert [one.status_code for one in got] == [200, 200]


@pytest.mark.parametrize("stream", [False, True])
def test_a_model_that_is_not_there_is_a_404(client: OpenAI, stream: bool) -> None:
    """As in chat."""
    assert expect_error(lambda: ask(client, model="ft:never", stream=stream), NotFoundError) == not_found_error(
        "ft:never", noun="model"
    )


@pytest.mark.shows("least-budget")
def test_too_small_a_budget_is_the_observed_error(client: OpenAI) -> None:
    """The readers' own tests have the long list of refusals."""
    assert expect_error(lambda: ask(client, max_output_tokens=15), BadRequestError) == validation_error(
        "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got 15 instead.",
        param="max_output_tokens",
        code="integer_below_min_value",
    )


def test_an_unknown_field_can_be_refused() -> None:
    """By the setting that chat has too."""
    with simulator_in_process(Settings(unknown_chat_fields=UnknownFields.REFUSED)) as made:
        got = made.http.post("/v1/responses", json={"model": BASE_MODEL, "input": "?", "never_heard_of": 1})
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
def test_what_mantle_does_not_serve_is_an_unknown_path(
    simulator: RunningSimulator, base: str, method: str, path: str
) -> None:
    """`input_items` OBSERVED."""
    got = simulator.http.request(method, base + path)
    assert (got.status_code, got.json()["error"]["message"]) == (404, f"Invalid URL ({method} {base}{path})")


def test_nothing_new_comes_into_an_archived_project(local_simulator: RunningSimulator) -> None:
    """What is in it can still be read."""
    project = local_simulator.http.post("/v1/organization/projects", json={"name": "old"}).json()["id"]
    client = local_simulator.openai_client(strict=True).with_options(default_headers={"OpenAI-Project": project})
    made = ask(client)
    local_simulator.http.post(f"/v1/organization/projects/{project}/archive")
    assert client.responses.retrieve(made.id) == made
    assert expect_error(lambda: ask(client), BadRequestError) == validation_error(f"Project '{project}' is archived")


# other clients


def test_the_asynchronous_sdk_has_the_same_answers(simulator: RunningSimulator) -> None:
    """Create, retrieve, stream and delete."""

    async def talk() -> tuple[Response, Response, Any]:
        transport = httpx2.ASGITransport(app=simulator.instance.api)
        async with AsyncOpenAI(
            api_key=simulator.key,
            base_url="http://testserver/v1",
            http_client=httpx2.AsyncClient(transport=transport),
            max_retries=0,
        ) as client:
            made = await client.responses.create(model=BASE_MODEL, input=KNOWN, temperature=0)
            found = await client.responses.retrieve(made.id)
            stream = await client.responses.create(model=BASE_MODEL, input=KNOWN, temperature=0, stream=True)
            events = [event async for event in stream]
            await client.responses.delete(made.id)
        return made, found, events[-1]

    made, found, end = asyncio.run(talk())
    assert (found, end.type, end.response.output_text) == (made, "response.completed", made.output_text)
