"""Parity rows on properties of the simulator itself."""

from typing import Final

from simulator.parity.parity_row import project_row

SIMULATOR_ROWS: Final = (
    project_row(
        "no-5xx",
        "10,000 mutated requests, a quarter of them to AWS services, and requests generated from OpenAPI get no 5xx",
    ),
    project_row(
        "faults",
        "A scripted fault affects only the call that it names. Faults are errors (also of AWS services), delays, lost "
        "answers and broken streams",
    ),
    project_row(
        "failed-service-calls",
        "When calls of a reward function to an AWS service fail because the service is not served, or for lack of a "
        "permission, the job's events, `rft train` and the doctor say how many of how many before they show a score",
    ),
    project_row("listing-cost", "A list request takes the same time with few jobs as with many: cursors use an index"),
    project_row("same-seed", "Two runs with the same seed write the same bytes"),
    project_row(
        "polite-clients",
        "A correct client gets no finding, even if its requests are mixed with the requests of other clients",
    ),
    project_row(
        "sdk-releases",
        "OpenAI's Python SDK works in release 2.21.0 (from Amazon's notebook) and in the newest release, sync and "
        "async. The Node SDK works in release 6 and in the newest release. Checked: files, jobs, events, checkpoints, "
        "chat, Responses, projects",
    ),
    project_row(
        "variables-alone",
        "OpenAI's SDKs in Python and Node, their Bedrock clients and litellm need only the environment variables "
        "that `rft-sim exec` and `env` set",
    ),
    project_row(
        "strict-validation",
        "OpenAI's Python SDK accepts every object with strict validation, except jobs, whose Lambda grader it does "
        "not know, and Mantle's `reasoning_part` events",
    ),
    project_row(
        "bedrock-clients",
        "`BedrockOpenAI`, `provider=bedrock()` and `OPENAI_API_TYPE=amazon-bedrock` at `/openai/v1`, by bearer key and "
        "SigV4: models, chat, and Responses when `responses_under_openai_v1` is set; files and jobs are 404",
    ),
    project_row(
        "litellm",
        "litellm's provider `bedrock_mantle`, by bearer key and SigV4: chat and Responses; its provider `openai`: "
        "files and the list of jobs, but it cannot read or create a job with a Lambda grader",
    ),
    project_row(
        "node-trap",
        "The Node SDK's `responses.stream()` throws on Mantle's order of events, and not on OpenAI's",
    ),
)
