"""LiteLLM, which many gateways and frameworks use, with its own provider for Mantle."""

from collections.abc import Iterator
from hashlib import sha256

import pytest

from simulator.settings import Settings
from tests.conformance.clients import LITELLM_CLIENT
from tests.conformance.expectations import ExpectationContext, Values, chat_over_http, create_response_over_http
from tests.conformance.simulator_host import ConformanceHost, serve_host
from tests.simulators import BASE_MODEL

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConformanceHost]:
    """A simulator with a tuned model."""
    with serve_host(Settings(port=0), tmp_path_factory.mktemp("training")) as conformance_host:
        yield conformance_host


def _chat(context: ExpectationContext) -> Values:
    answer = chat_over_http(context)
    [choice] = answer["choices"]
    message = {name: choice["message"][name] for name in ("content", "reasoning")} | {"finish_reason": "stop"}
    return {
        "chat_plain": message | {"total_tokens": answer["usage"]["total_tokens"]},
        "chat_stream": message,
        "chat_async": message["content"],
        "chat_tools": ["tool_calls", "count_books", ["shelf"]],
        "chat_unknown_model": ["NotFoundError", 404],
    }


def _responses(context: ExpectationContext) -> Values:
    tuned, base = (
        create_response_over_http(context, model)["output"][-1]["content"][0]["text"]
        for model in (context.job.model, BASE_MODEL)
    )
    return {
        "responses_emulated": ["completed", tuned],
        "responses_create": ["completed", base],
        "responses_stream": base,
    }


def _files(context: ExpectationContext) -> Values:
    return {"files_all": ["train.jsonl", True, sha256(context.job.content).hexdigest(), True]}


def _jobs(context: ExpectationContext) -> Values:
    # LiteLLM lists jobs, but its own type of a job does not know the Lambda grader and cannot send one.
    return {
        "jobs_list": [context.job.model],
        "jobs_retrieve": ["ValidationError", None],
        "jobs_create": ["BadRequestError", 400],
    }


def _signed(context: ExpectationContext) -> Values:
    tuned = chat_over_http(context)["choices"][0]["message"]["content"]
    base = create_response_over_http(context, BASE_MODEL)["output"][-1]["content"][0]["text"]
    return {"signed_chat": tuned, "signed_stream": tuned, "signed_responses": base}


@pytest.mark.shows("litellm")
@pytest.mark.parametrize("step", LITELLM_CLIENT.steps)
def test_litellm_reads_what_the_server_sends(host: ConformanceHost, step: str) -> None:
    """With its Bedrock provider, and for files and jobs with its OpenAI provider."""
    kinds = {"chat": _chat, "files": _files, "jobs": _jobs, "responses": _responses, "signed": _signed}
    assert host.result_of(LITELLM_CLIENT, step) == host.expected_value(LITELLM_CLIENT, step, kinds)
