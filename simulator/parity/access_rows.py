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
    known_row("regions", _PATHS, (D,), "Mantle is in 14 regions; only us-west-2 offers fine-tuning", setting="region"),
    known_row(
        "alias", _PATHS, (S,), "`qwen.qwen3-32b-v1:0` means `qwen.qwen3-32b`", "in every field that names a model"
    ),
    inferred_row(
        "other-absent-routes",
        _PATHS,
        "Some routes of OpenAI are in no list of AWS: pause and resume, uploads in parts, `input_tokens`, and running "
        "a grader without a job",
        "404 with a hint",
    ),
    inferred_row(
        "text-completions",
        _PATHS,
        "`/v1/completions` is in one example of the guide, but in no list of routes",
        "404",
        setting="text_completions",
    ),
    inferred_row(
        "other-regions", _PATHS, "Fine-tuning in the other regions", "lists are empty; creating a job is a 400"
    ),
    inferred_row(
        "name-echoed",
        _PATHS,
        "The model name in the answer, when the request has an alias",
        "chat: the alias; jobs and models: the id of the model",
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
        "IAM creates, lists, resets, disables and deletes them",
    ),
    known_row(
        "sigv4",
        _CALLERS,
        (D, O),
        "Requests are signed with AWS credentials for the service `bedrock-mantle`; some callers use `bedrock`",
        "signature, date, payload hash and session token are checked",
    ),
    known_row(
        "bearer-permission",
        _CALLERS,
        (D, O),
        "A key first needs `bedrock-mantle:CallWithBearerToken` on `*`; without it every request is a 403, also at "
        "inference",
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
        "with AWS's global condition keys",
    ),
    known_row(
        "managed-policies",
        _CALLERS,
        (D,),
        "AWS's `AmazonBedrockMantleFullAccess`, `…InferenceAccess` and `…ReadOnly` can be attached",
    ),
    known_row("key-refusals", _CALLERS, (O,), "401 `invalid_api_key`, `permission_denied_error`, for an invalid key"),
    inferred_row(
        "wordings-of-refused-keys",
        _CALLERS,
        "The answer to a missing and an expired key, and to a wrong signature",
        "401 `invalid_api_key`; the messages of similar AWS services",
    ),
    inferred_row(
        "unsigned-payload", _CALLERS, "Whether a signature may exclude the body", "`UNSIGNED-PAYLOAD` is accepted"
    ),
    inferred_row(
        "other-services",
        _CALLERS,
        "The answer to a request signed for another service, such as `bedrock-runtime`",
        "401 `invalid_api_key`; the hint names the service to sign for",
    ),
    inferred_row(
        "model-of-an-alias", _CALLERS, "The value of `bedrock-mantle:Model` for an alias", "the id of the model"
    ),
    known_row(
        "permissions-elsewhere",
        _CALLERS,
        (D,),
        "S3, IAM and the management of Lambda need permissions too",
        "IAM is checked for Mantle's actions and `lambda:InvokeFunction` only",
    ),
    known_row(
        "function-role",
        _CALLERS,
        (D, O),
        "A function's credentials are a session of its role, `assumed-role/ROLE/FUNCTION`, with the role's permissions",
        "IAM is checked for Mantle's actions and `lambda:InvokeFunction` only",
    ),
    known_row(
        "policy-simulator",
        _CALLERS,
        (D, O),
        "`iam simulate-principal-policy` and `simulate-custom-policy`: one result for each action, with the decision "
        "on each resource",
        "by the evaluation that also decides about jobs; without PolicyExclusionList and organizations",
    ),
    inferred_row(
        "policy-simulator-details",
        _CALLERS,
        "Which missing context values are reported, and the ids of resource policies",
        "the keys of all statements about the action; `ResourcePolicy`",
    ),
    known_row(
        "header",
        _PROJECTS,
        (D,),
        "The `OpenAI-Project` header selects a project; every file, job and response belongs to a project",
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
        "1,000 per account; names of up to 128 characters, 200 tags",
        setting="max_projects",
    ),
    known_row(
        "archived",
        _PROJECTS,
        (A,),
        "An archived project is listed only with `include_archived=true`, and accepts nothing new",
    ),
    inferred_row(
        "use-of-archived",
        _PROJECTS,
        "What an archived project allows",
        "reading and cancelling; any other action is a 400",
    ),
    inferred_row("archiving-the-default", _PROJECTS, "Whether the default project can be archived", "400"),
    inferred_row(
        "foreign-ids",
        _PROJECTS,
        "The answer for a file, job or response of another project",
        "404, as for a missing one",
    ),
    inferred_row(
        "permission-first",
        _PROJECTS,
        "Whether permission is checked before existence",
        "yes: 403 comes before 404",
    ),
    inferred_row(
        "right-to-list-and-create", _PROJECTS, "The resource of the permissions to list and to create", "`project/*`"
    ),
)
