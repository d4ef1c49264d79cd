"""The expected value of each step, the same for every client and language.

One function returns the values of all steps with one prefix, such as `files_`. Answers of models are read over plain
HTTP.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from tests.conformance.clients import Client
from tests.response_event_order import MANTLE_EVENT_ORDER
from tests.simulators import BASE_MODEL, FinishedJob, RunningSimulator

Values = dict[str, Any]

_CLASSES: Final = {400: "BadRequestError", 401: "AuthenticationError", 404: "NotFoundError"}
_PERMISSION: Final = "permission_denied_error"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectationContext:
    """The server, the job, the prompt and the client of the steps.

    `event_order` is the order of event types in the server's Responses streams.
    """

    simulator: RunningSimulator
    job: FinishedJob
    prompt: str
    client: Client
    event_order: list[str]


def expected_refusal(
    status: int, code: str, message: str, *, param: str | None = None, kind: str = "invalid_request_error"
) -> Values:
    """Return the fields of the exception that both SDKs raise for a refusal."""
    return {
        "class": _CLASSES[status],
        "code": code,
        "message": message,
        "param": param,
        "request id": True,
        "status": status,
        "type": kind,
    }


_UNKNOWN_MODEL: Final = expected_refusal(404, "not_found_error", "The model 'gpt-4o' does not exist")


def _models(_: ExpectationContext) -> Values:
    return {
        "models_list": [
            {"object": "model", "owned_by": owner, "status": "available"} for owner in ("openai", "openai", "qwen")
        ],
        "models_retrieve": {"object": "model", "owned_by": "123456789012", "status": "available"},
        "models_unknown": _UNKNOWN_MODEL,
    }


def _files(context: ExpectationContext) -> Values:
    content = context.job.content

    def file(name: str) -> Values:
        return {
            "bytes": len(content),
            "filename": name,
            "object": "file",
            "purpose": "fine-tune",
            "status": "processed",
        }

    return {
        "files_upload_path": file("train.jsonl"),
        "files_upload_bytes": file("bytes.jsonl"),
        "files_upload_stream": file("stream.jsonl"),
        "files_list": ["stream.jsonl", "bytes.jsonl", "train.jsonl"],
        "files_retrieve": file("train.jsonl"),
        "files_content": [sha256(content).hexdigest()] * 3,
        "files_delete": {"deleted": True, "object": "file"},
        "files_deleted": expected_refusal(404, "not_found_error", "The file 'FILE' does not exist"),
        "files_wrong_purpose": expected_refusal(
            400, "validation_error", "Invalid 'purpose': must be 'fine-tune', got 'batch'.", param="purpose"
        ),
        "files_under_openai_v1": (
            "only models and inference are served under /openai/v1; "
            f"for this path use base_url {context.simulator.url}/v1"
        ),
    }


def _jobs(context: ExpectationContext) -> Values:
    job = context.job
    return {
        "jobs_create": {
            "error": None,
            "estimated_finish": None,
            "fine_tuned_model": None,
            "finished_at": None,
            "hyperparameters": job.job["hyperparameters"],
            "integrations": [],
            "metadata": {"client": context.client.name, "order": "1"},
            "method": job.job["method"],
            "model": BASE_MODEL,
            "object": "fine_tuning.job",
            "organization_id": "123456789012",
            "result_files": [],
            "seed": job.job["seed"],
            "status": "validating_files",
            "trained_tokens": None,
            "training_file": True,
            "validation_file": None,
        },
        "jobs_list": ["3", "2", "1"],
        "jobs_retrieve": [True, "validating_files", {"client": context.client.name, "order": "2"}],
        "jobs_cancel": [["cancelled", None, False]] * 3,
        "jobs_cancel_again": expected_refusal(
            400, "validation_error", "Fine-tuning job JOB cannot be cancelled: it has ended with status 'cancelled'"
        ),
        "jobs_suffix": expected_refusal(
            400, "unsupported_parameter", "Unsupported parameter: 'suffix' is not supported.", param="suffix"
        ),
        "jobs_unknown": expected_refusal(404, "not_found_error", "The fine-tuning job 'ftjob-none' does not exist"),
        "jobs_unknown_cursor": expected_refusal(
            400, "validation_error", "No element with id 'ft-event-abc123' in this list", param="after"
        ),
        "jobs_finished": job.job,
    }


def _list_values(resource: str) -> Callable[[ExpectationContext], Values]:
    def values(context: ExpectationContext) -> Values:
        path = f"/v1/fine_tuning/jobs/{context.job.id}/{resource}"
        return {f"{resource}_list": context.simulator.http.get(path, params={"limit": 1000}).json()["data"]}

    return values


def _projects(_: ExpectationContext) -> Values:
    return {"projects_scope": {"before": [], "inside": ["inside.jsonl"], "outside": []}}


def chat_over_http(context: ExpectationContext) -> Values:
    """Return the tuned model's chat completion over plain HTTP."""
    messages = [{"content": context.prompt, "role": "user"}]
    request = {"messages": messages, "model": context.job.model, "temperature": 0}
    answer: Values = context.simulator.http.post("/v1/chat/completions", json=request).json()
    return answer


def create_response_over_http(context: ExpectationContext, model: str) -> Values:
    """Return a model's response over plain HTTP."""
    request = {"input": context.prompt, "model": model, "temperature": 0}
    answer: Values = context.simulator.http.post("/v1/responses", json=request).json()
    return answer


def _chat(context: ExpectationContext) -> Values:
    answer = chat_over_http(context)
    message = answer["choices"][0]["message"]
    return {
        "chat_plain": {name: value for name, value in answer.items() if name not in ("id", "created")},
        "chat_reasoning": message["reasoning"],
        "chat_stream": {
            "content": message["content"],
            "finish_reason": "stop",
            "reasoning": message["reasoning"],
            "role": "assistant",
            "usage": [],
        },
        "chat_stream_usage": {"before": [], "choices": [], "usage": answer["usage"]},
        "chat_stream_helper": [message["content"], "stop"],
        "chat_tools": ["tool_calls", None, "function", "count_books", {"shelf": "int"}],
        "chat_tools_stream": ["tool_calls", True, "count_books", {"shelf": "int"}],
        "chat_tools_answered": ["stop", True, None],
        "chat_json_schema": {"answer": "int"},
        "chat_json_object": True,
        "chat_unknown_model": _UNKNOWN_MODEL,
        "chat_zero_token_budget": expected_refusal(
            400,
            "integer_below_min_value",
            "Invalid 'max_tokens': integer below minimum value. Expected a value >= 1, but got 0 instead.",
            param="max_tokens",
        ),
    }


def _responses(context: ExpectationContext) -> Values:
    reasoning, text = (
        item["content"][0]["text"] for item in create_response_over_http(context, context.job.model)["output"]
    )
    stream = {"numbers": True, "status": "completed", "text": text, "types": context.event_order}
    # A reason for `responses_events=openai`: Node's helper does not know the event `reasoning_part`.
    helper_fails = context.client.language == "Node" and context.event_order == MANTLE_EVENT_ORDER
    return {
        "responses_create": {
            "model": True,
            "object": "response",
            "reasoning": [reasoning],
            "status": "completed",
            "text": text,
            "usage adds up": True,
        },
        "responses_retrieve": [True, "completed", text],
        "responses_previous": [True, "completed", True],
        "responses_stream": stream,
        "responses_replay": stream,
        "responses_stream_helper": "Unhandled response stream event" if helper_fails else ["completed", text],
        "responses_tools": ["completed", "count_books", True, {"shelf": "int"}],
        "responses_background": ["in_progress", "completed"],
        "responses_cancel": "cancelled",
        "responses_delete": expected_refusal(404, "not_found_error", "The response 'RESPONSE' does not exist"),
        "responses_too_few_tokens": expected_refusal(
            400,
            "integer_below_min_value",
            "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got 15 instead.",
            param="max_output_tokens",
        ),
        "responses_of_qwen": expected_refusal(
            400,
            "validation_error",
            f"The model 'qwen.qwen3-32b' does not support the '{context.client.base}/responses' API",
        ),
    }


def _key(_: ExpectationContext) -> Values:
    return {
        "key_garbled": expected_refusal(401, "invalid_api_key", "Invalid bearer token", kind=_PERMISSION),
        "key_altered": expected_refusal(
            401, "invalid_api_key", "The security token included in the request is invalid.", kind=_PERMISSION
        ),
    }


EXPECTATIONS: Final[dict[str, Callable[[ExpectationContext], Values]]] = {
    "chat": _chat,
    "checkpoints": _list_values("checkpoints"),
    "events": _list_values("events"),
    "files": _files,
    "jobs": _jobs,
    "key": _key,
    "models": _models,
    "projects": _projects,
    "responses": _responses,
}
