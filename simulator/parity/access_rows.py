"""Rows on how Bedrock is reached: base URLs, who calls, projects, and what every answer on the wire has."""

from typing import Final

from simulator.parity.parity_row import A, D, O, S, Topic, inferred_row, known_row, project_row

_PATHS: Final = Topic.PATHS
_CALLERS: Final = Topic.AUTHENTICATION
_PROJECTS: Final = Topic.PROJECTS
_WIRE: Final = Topic.WIRE

ACCESS_ROWS: Final = (
    known_row(
        "base-urls",
        _PATHS,
        (S, O),
        "Files and fine-tuning under `/v1` only; `/openai/v1`, the base of the SDK's Bedrock clients, serves models "
        "and inference",
        "404 elsewhere; `x-simulator-hint` names the right base URL",
    ),
    known_row(
        "absent-routes", _PATHS, (S,), "No batches, and no list of a response's `input_items`", "404 with a hint"
    ),
    known_row("regions", _PATHS, (D,), "Mantle is in 14 regions; only us-west-2 tunes", setting="region"),
    known_row("alias", _PATHS, (S,), "`qwen.qwen3-32b-v1:0` means `qwen.qwen3-32b`", "wherever a model is named"),
    inferred_row(
        "other-absent-routes",
        _PATHS,
        "OpenAI's pause and resume, uploads in parts, `input_tokens`, graders apart from a job: in no list of routes",
        "404 with a hint",
    ),
    inferred_row(
        "text-completions",
        _PATHS,
        "`/v1/completions`: in one example of the guide, in no list of routes",
        "404",
        setting="text_completions",
    ),
    inferred_row("other-regions", _PATHS, "What fine-tuning answers elsewhere", "lists are empty, create is a 400"),
    inferred_row(
        "name-echoed",
        _PATHS,
        "The name that an answer to an alias carries",
        "chat: the one asked by; jobs and models: the model's own",
    ),
    known_row(
        "short-term-keys",
        _CALLERS,
        (D,),
        "`bedrock-api-key-…`: a presigned `CallWithBearerToken`, at most 12 hours, for one region",
        "signature, session token, region, expiry and tampering are checked",
        setting="auth",
    ),
    known_row(
        "long-term-keys",
        _CALLERS,
        (D,),
        "`ABSK…`: a service-specific credential of an IAM user",
        "made, listed, reset, switched off and deleted through IAM here",
    ),
    known_row(
        "sigv4",
        _CALLERS,
        (D, O),
        "AWS credentials sign for `bedrock-mantle` (some callers: `bedrock`)",
        "signature, date, payload hash and session token are checked",
    ),
    known_row(
        "bearer-permission",
        _CALLERS,
        (D, O),
        "A key first needs `bedrock-mantle:CallWithBearerToken` on `*`, else 403, at inference too",
    ),
    known_row(
        "authorization",
        _CALLERS,
        (D, O),
        "Every action needs its permission on the project; 403 on the control plane, 401 at inference",
        "the caller's IAM policies decide: identity, groups, boundary, session, explicit deny",
    ),
    known_row(
        "condition-keys",
        _CALLERS,
        (D,),
        "`bedrock-mantle:Files`, `:Model`, `:FineTuningJob`, `:BearerTokenType` in a policy's conditions",
        "and the global ones",
    ),
    known_row(
        "managed-policies",
        _CALLERS,
        (D,),
        "AWS's `AmazonBedrockMantleFullAccess`, `…InferenceAccess` and `…ReadOnly` can be attached",
    ),
    known_row(
        "key-refusals", _CALLERS, (O,), "401 `invalid_api_key`, `permission_denied_error`, for a key that is none"
    ),
    inferred_row(
        "wordings-of-refused-keys",
        _CALLERS,
        "The answer to a missing and an expired key, and to a wrong signature",
        "401 `invalid_api_key`; wordings of sibling services",
    ),
    inferred_row(
        "unsigned-payload", _CALLERS, "Whether a signature may leave out the body", "`UNSIGNED-PAYLOAD` is taken"
    ),
    inferred_row(
        "other-services",
        _CALLERS,
        "The answer to a request signed for another service, such as `bedrock-runtime`",
        "401 `invalid_api_key`; the hint names the service to sign for",
    ),
    inferred_row(
        "model-of-an-alias", _CALLERS, "What `bedrock-mantle:Model` holds for an alias", "the id that it stands for"
    ),
    known_row(
        "permissions-elsewhere",
        _CALLERS,
        (D,),
        "S3, IAM and Lambda's management ask for permissions too",
        "not here: IAM decides on Mantle's actions and on `lambda:InvokeFunction` alone",
    ),
    known_row(
        "header",
        _PROJECTS,
        (D,),
        "The `OpenAI-Project` header selects one; files, jobs and responses belong to one",
    ),
    known_row(
        "objects",
        _PROJECTS,
        (D,),
        "Object, list, `proj_` id, and `default`, which is always there",
    ),
    known_row(
        "limits",
        _PROJECTS,
        (D,),
        "1,000 an account; names to 128 characters, 200 tags",
        setting="max_projects",
    ),
    known_row("archived", _PROJECTS, (A,), "An archived one is listed on request only, and takes nothing new"),
    inferred_row(
        "use-of-archived", _PROJECTS, "What goes on in an archived project", "reading and cancelling; the rest is a 400"
    ),
    inferred_row("archiving-the-default", _PROJECTS, "Whether the default project can be archived", "400"),
    inferred_row(
        "foreign-ids", _PROJECTS, "What is said of another project's file, job or response", "404, as if missing"
    ),
    inferred_row(
        "permission-first",
        _PROJECTS,
        "Whether permission is asked before existence is told",
        "yes: 403 comes before 404",
    ),
    inferred_row(
        "right-to-list-and-create", _PROJECTS, "On which resource listing and creating are allowed", "`project/*`"
    ),
    known_row("envelope", _WIRE, (O,), "Errors are `code, message, param, type`", "unknown paths and methods included"),
    known_row(
        "key-order", _WIRE, (D, S, O), "Keys go out in alphabetical order", "but for a metrics event's `data` (S)"
    ),
    known_row(
        "request-ids", _WIRE, (O, A), "Every answer carries a request id", "`x-request-id` and `x-amzn-requestid`"
    ),
    known_row(
        "ids",
        _WIRE,
        (D, S, O),
        "Files: a bare UUID; `ftevent-` and `chatcmpl-` with a UUID; `proj_` and `resp_` in base32",
    ),
    known_row(
        "throttling",
        _WIRE,
        (D,),
        "429 when a prompt and its `max_tokens` exceed the input tokens a minute; what was not generated comes back. "
        "No tunable model has a published quota",
        "by a scripted quota, with `Retry-After`; else nobody is throttled",
    ),
    known_row(
        "output-quota",
        _WIRE,
        (D,),
        "Over the output tokens a minute generation stops with a finish reason, and no error",
        "by a scripted quota: `length`, or `incomplete`",
    ),
    known_row("unavailable", _WIRE, (D,), "503 and 529 in high demand, which no quota explains", "by a scripted fault"),
    inferred_row(
        "body-of-a-429",
        _WIRE,
        "What a 429 or a 503 says, and whether it has a `Retry-After`",
        "OpenAI's `rate_limit_exceeded`, bedrock-runtime's wording; `Retry-After` from a quota, or by script",
    ),
    inferred_row(
        "filling-of-a-quota",
        _WIRE,
        "How a quota a minute fills",
        "evenly, starting full: by advances of the clock, and by the `Retry-After` that a request has waited",
    ),
    inferred_row("ids-of-jobs", _WIRE, "The form of `ftjob-…` and `ftckpt-…`", "a UUID, as in `ftevent-`"),
    inferred_row("body-limit", _WIRE, "The largest JSON body", "25 MB, then 413", setting="max_body_bytes"),
    inferred_row(
        "wordings-of-refusals",
        _WIRE,
        "The wording for most bad input",
        "4xx, never 5xx, with the field in `param`; unknown cursors too",
    ),
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
