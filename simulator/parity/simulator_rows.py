"""Parity rows on properties of the simulator itself."""

from typing import Final

from simulator.parity.parity_row import project_row

SIMULATOR_ROWS: Final = (
    project_row(
        "no-5xx",
        "Of 10,000 changed requests, a quarter of them AWS's, and of those that OpenAPI gives, none meets a 5xx",
    ),
    project_row(
        "faults",
        "A scripted fault hits the call that it names and no other: errors, also AWS's, delays, lost answers, broken "
        "streams",
    ),
    project_row("listing-cost", "A listing costs the same at few jobs as at many: cursors on an index"),
    project_row("same-seed", "Two runs with one seed write the same bytes"),
    project_row(
        "polite-clients",
        "The verdict on a client that does everything right is clean, in whatever order its requests and others' come",
    ),
    project_row(
        "sdk-releases",
        "OpenAI's Python SDK 2.21.0 (Amazon's notebook names it) and newest, sync and async; Node SDK 6 and newest: "
        "files, jobs, events, checkpoints, chat, Responses, projects",
    ),
    project_row(
        "variables-alone",
        "OpenAI's SDKs, plain and Bedrock's, in Python and Node, and litellm need nothing but the environment that "
        "`rft-sim exec` and `env` set",
    ),
    project_row(
        "strict-validation",
        "OpenAI's Python SDK validates every object strictly but a job, whose Lambda grader it does not know, and "
        "Mantle's `reasoning_part` events",
    ),
    project_row(
        "bedrock-clients",
        "`BedrockOpenAI`, `provider=bedrock()` and `OPENAI_API_TYPE=amazon-bedrock` at `/openai/v1`, by bearer key and "
        "SigV4: models, chat, and Responses when `responses_under_openai_v1` is set; files and jobs are 404",
    ),
    project_row(
        "litellm",
        "litellm's `bedrock_mantle`, by bearer key and SigV4: chat and Responses; its `openai`: files and the list of "
        "jobs, but it can neither read nor create one with a Lambda grader",
    ),
    project_row(
        "node-trap",
        "The Node SDK's `responses.stream()` throws on Mantle's order of events; on OpenAI's it does not",
    ),
)
