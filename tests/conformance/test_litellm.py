"""LiteLLM, which many gateways and frameworks stand on, by its own provider for Mantle."""

from collections.abc import Iterator
from hashlib import sha256

import pytest

from simulator.settings import Settings
from tests.conformance.clients import LITELLM_CLIENT
from tests.conformance.expectations import ExpectationContext, Values, chat_over_http, create_response_over_http
from tests.conformance.simulator_host import ConformanceHost, serve_host
from tests.simulators import BASE_MODEL


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConformanceHost]:
    """A simulator that knows a tuned model."""
    with serve_host(Settings(port=0), tmp_path_factory.mktemp("training")) as made:
        yield made


def _chat(stage: ExpectationContext) -> Values:
    answer = chat_over_http(stage)
    [choice] = answer["choices"]
    said = {name: choice["message"][name] for name in ("content", "reasoning")} | {"finish_reason": "stop"}
    return {
        "chat_plain": said | {"total_tokens": answer["usage"]["total_tokens"]},
        "chat_stream": said,
        "chat_awaited": said["content"],
        "chat_tools": ["tool_calls", "count_books", ["shelf"]],
        "chat_unknown_model": ["NotFoundError", 404],
    }


def _responses(stage: ExpectationContext) -> Values:
    tuned, base = (
        create_response_over_http(stage, model)["output"][-1]["content"][0]["text"]
        for model in (stage.job.model, BASE_MODEL)
    )
    return {
        "responses_emulated": ["completed", tuned],
        "responses_create": ["completed", base],
        "responses_stream": base,
    }


def _files(stage: ExpectationContext) -> Values:
    return {"files_all": ["train.jsonl", True, sha256(stage.job.content).hexdigest(), True]}


def _jobs(stage: ExpectationContext) -> Values:
    # It lists jobs; but its own type of one knows no Lambda grader, and it has no way to send one.
    return {
        "jobs_list": [stage.job.model],
        "jobs_retrieve": ["ValidationError", None],
        "jobs_create": ["BadRequestError", 400],
    }


def _signed(stage: ExpectationContext) -> Values:
    tuned = chat_over_http(stage)["choices"][0]["message"]["content"]
    base = create_response_over_http(stage, BASE_MODEL)["output"][-1]["content"][0]["text"]
    return {"signed_chat": tuned, "signed_stream": tuned, "signed_responses": base}


@pytest.mark.shows("litellm")
@pytest.mark.parametrize("step", LITELLM_CLIENT.steps)
def test_litellm_reads_what_the_server_sends(host: ConformanceHost, step: str) -> None:
    """What it does with Bedrock it does here: the provider's own way, and for files and jobs the OpenAI one."""
    kinds = {"chat": _chat, "files": _files, "jobs": _jobs, "responses": _responses, "signed": _signed}
    assert host.result_of(LITELLM_CLIENT, step) == host.expected_value(LITELLM_CLIENT, step, kinds)
