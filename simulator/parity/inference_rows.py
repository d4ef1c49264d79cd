"""Parity rows on models, chat completions and the Responses API."""

from typing import Final

from simulator.parity.parity_row import A, D, O, S, Topic, inferred_row, known_row

_MODELS: Final = Topic.MODELS
_CHAT: Final = Topic.CHAT
_RESPONSES: Final = Topic.RESPONSES

INFERENCE_ROWS: Final = (
    known_row(
        "tuned-models", _MODELS, (D,), "Ids of tuned models and checkpoints are valid in `model`, without provisioning"
    ),
    known_row("model-object", _MODELS, (O,), "OpenAI's object and `status: available`"),
    known_row("other-models", _MODELS, (D,), "Many more models", "gpt-oss 20b and 120b and Qwen3 32B; 404 for others"),
    inferred_row(
        "tuned-ids",
        _MODELS,
        "The ids of tuned models, and whether they are listed",
        "`ft:<base>:<account>::<8 characters>`, `…:ckpt-step-n`; listed",
    ),
    inferred_row(
        "listed-models",
        _MODELS,
        "How many models the list returns; it has no pages",
        "the newest 1,000 of an account, and the base models",
        setting="listed_models",
    ),
    known_row(
        "reasoning-and-usage",
        _CHAT,
        (O,),
        "`message.reasoning` beside `content`, streamed first; a usage chunk only on request",
    ),
    known_row(
        "budget",
        _CHAT,
        (O,),
        "`max_tokens` is at least 1; if reasoning uses all of it, the answer is a 200 with `length` and empty content",
    ),
    known_row(
        "tools",
        _CHAT,
        (O,),
        "A tool has its fields under `function`; an earlier tool call that is sent again without `type` is a 400",
    ),
    known_row(
        "tool-messages",
        _CHAT,
        (A,),
        "A tool message must answer a tool call, and each call needs a tool message; otherwise 400",
    ),
    known_row("json", _CHAT, (O,), "`response_format`: `json_object` and `json_schema`"),
    known_row("service-tier", _CHAT, (O,), "`auto`, `default`, `flex`, `priority`; `reserved` is a 400"),
    known_row("n-and-stop", _CHAT, (A,), "`n` answers, up to 4 `stop` sequences", "`n` to 128", setting="max_choices"),
    known_row("guardrails", _CHAT, (O,), "Guardrail headers are ignored"),
    known_row("get-is-405", _CHAT, (O,), "GET is a 405"),
    known_row("embeddings", _CHAT, (D, O), "The route exists, but no model supports it", "400 for every model"),
    inferred_row(
        "what-is-said",
        _CHAT,
        "The answers of a model",
        "the simulated policy answers prompts of uploaded files; other prompts get a guess, which says that it is one, "
        "and a hint",
    ),
    inferred_row(
        "tool-calls",
        _CHAT,
        "When the model calls a tool",
        "if it does not know the answer, or if the request demands a call; the arguments are valid by the schema",
    ),
    inferred_row(
        "json-answers",
        _CHAT,
        "The content of a JSON answer",
        "the answer of the policy, in the field of the requested JSON that fits it best",
    ),
    inferred_row(
        "json-from-the-prompt",
        _CHAT,
        "How well a model follows a JSON Schema, a template or a list of keys that is only in the prompt",
        "it always follows it with `json_object`, or if the prompt asks for JSON; prompts of uploaded files are "
        "answered as in training",
    ),
    inferred_row(
        "large-schemas",
        _CHAT,
        "How much of JSON Schema is supported",
        "drafts 06 to 2020-12; a schema that takes too many steps gets a 400, whose message says so",
    ),
    inferred_row("unknown-fields", _CHAT, "Unknown fields", "ignored, as in vLLM", setting="unknown_chat_fields"),
    known_row(
        "no-responses-of-qwen",
        _RESPONSES,
        (O,),
        "Qwen has no Responses API: 400 `validation_error`",
        "the same for tuned ones",
    ),
    known_row(
        "base-for-gpt-oss",
        _RESPONSES,
        (O,),
        "gpt-oss has the Responses API under `/v1`; under `/openai/v1` it is a 400",
        setting="responses_under_openai_v1",
    ),
    known_row(
        "order-of-events",
        _RESPONSES,
        (S,),
        "The events `response.reasoning_part.added/done`, before and after the reasoning; OpenAI's specification does "
        "not have these events",
        "with a hint; `--responses-events openai` uses the order of the specification",
        setting="responses_events",
    ),
    known_row(
        "store-and-chain",
        _RESPONSES,
        (D, S),
        "`store` is on by default, for 30 days; `previous_response_id` continues a stored response; an unknown id is "
        "a 404",
        "by the clock of the simulator",
        setting="responses_kept_days",
    ),
    known_row(
        "instructions", _RESPONSES, (A,), "`previous_response_id` does not carry over the earlier `instructions`"
    ),
    known_row("least-budget", _RESPONSES, (O,), "`max_output_tokens` below 16: 400 `integer_below_min_value`"),
    known_row("effort", _RESPONSES, (S,), "`reasoning.effort` `minimal` is a 400", "`low`, `medium`, `high`"),
    known_row(
        "tool-choice",
        _RESPONSES,
        (O,),
        "gpt-oss takes `auto` only: `none` and `required` are a 400, a named function is ignored",
    ),
    known_row("background", _RESPONSES, (D,), "`background: true` answers `in_progress`; clients poll"),
    known_row(
        "replay",
        _RESPONSES,
        (A,),
        "A GET with `stream=true` sends the events again, from `starting_after`",
        "byte for byte",
    ),
    known_row(
        "cancelling",
        _RESPONSES,
        (A,),
        "Only a background response can be cancelled, and cancelling it again has no effect; for a completed or "
        "synchronous response it is a 400",
        "a streamed response can be cancelled until its last event; the stream then ends",
    ),
    known_row("compact", _RESPONSES, (D, A), "`/responses/compact` exists; the shape is OpenAI's"),
    inferred_row(
        "content-of-a-compaction",
        _RESPONSES,
        "The content of a compaction",
        "the whole conversation, readable, with a checksum",
    ),
    inferred_row(
        "background-time",
        _RESPONSES,
        "How long a background response takes",
        "the first GET finds it `in_progress`",
        setting="background_retrieves",
    ),
)
