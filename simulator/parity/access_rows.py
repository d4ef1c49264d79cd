"""Parity rows on how clients reach Bedrock: base URLs, authentication and projects."""

from typing import Final

from simulator.parity.parity_row import A, D, O, S, Topic, inferred_row, known_row

_PATHS: Final = Topic.PATHS
_CALLERS: Final = Topic.AUTHENTICATION
_PROJECTS: Final = Topic.PROJECTS

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
)
