"""Parity rows on models, chat completions and the Responses API."""

from typing import Final

from simulator.parity.parity_row import A, D, O, S, Topic, inferred_row, known_row

_MODELS: Final = Topic.MODELS
_CHAT: Final = Topic.CHAT
_RESPONSES: Final = Topic.RESPONSES

INFERENCE_ROWS: Final = (
    known_row("tuned-models", _MODELS, (D,), "Tuned and checkpoint ids go straight into `model`; nothing to provision"),
    known_row("model-object", _MODELS, (O,), "OpenAI's object and `status: available`"),
    known_row("other-models", _MODELS, (D,), "Many more models", "gpt-oss 20b and 120b and Qwen3 32B; 404 for others"),
    inferred_row(
        "tuned-ids",
        _MODELS,
        "What tuned models are called, and whether they are listed",
        "`ft:<base>:<account>::<8 characters>`, `…:ckpt-step-n`; listed",
    ),
    inferred_row(
        "listed-models",
        _MODELS,
        "How many models a listing without pages shows",
        "the newest 1,000 of an account's, and the service's own",
        setting="listed_models",
    ),
    known_row(
        "reasoning-and-usage",
        _CHAT,
        (O,),
        "`message.reasoning` beside `content`, streamed first; a usage chunk only when asked for",
    ),
    known_row("budget", _CHAT, (O,), "`max_tokens` from 1; one spent on thinking is a 200, `length`, content empty"),
    known_row("tools", _CHAT, (O,), "Tools in the nested form; a replayed call without `type` is a 400"),
    known_row("tool-messages", _CHAT, (A,), "Tool messages must answer calls, and each call needs one; else 400"),
    known_row("json", _CHAT, (O,), "`response_format`: `json_object` and `json_schema`"),
    known_row("service-tier", _CHAT, (O,), "`auto`, `default`, `flex`, `priority`; `reserved` is a 400"),
    known_row("n-and-stop", _CHAT, (A,), "`n` answers, up to 4 `stop` sequences", "`n` to 128", setting="max_choices"),
    known_row("guardrails", _CHAT, (O,), "Guardrail headers are ignored in silence"),
    known_row("get-is-405", _CHAT, (O,), "GET is a 405"),
    known_row("embeddings", _CHAT, (D, O), "The route is there, and no model for it", "400 for every model"),
    inferred_row(
        "what-is-said",
        _CHAT,
        "What a model says",
        "the simulated policy answers prompts of uploaded files; others with a guess that says so, and a hint",
    ),
    inferred_row(
        "tool-calls",
        _CHAT,
        "When the model calls a tool",
        "when it does not know the answer, or must; arguments fit the schema",
    ),
    inferred_row("json-answers", _CHAT, "What stands in a JSON answer", "the policy's answer, in the field that fits"),
    inferred_row(
        "large-schemas",
        _CHAT,
        "How much of JSON Schema is taken",
        "drafts 06 to 2020-12; what makes too much work, by a count of steps, is a 400 that says so",
    ),
    inferred_row("unknown-fields", _CHAT, "Unknown fields", "not used, as vLLM does", setting="unknown_chat_fields"),
    known_row(
        "no-responses-of-qwen", _RESPONSES, (O,), "Qwen has no Responses API: 400 `validation_error`", "nor tuned ones"
    ),
    known_row(
        "base-for-gpt-oss",
        _RESPONSES,
        (O,),
        "gpt-oss has it under `/v1`, and not under `/openai/v1`: 400",
        setting="responses_under_openai_v1",
    ),
    known_row(
        "order-of-events",
        _RESPONSES,
        (S,),
        "`response.reasoning_part.added/done` around the reasoning, unknown to OpenAI's specification",
        "with a hint; `--responses-events openai` gives the specification's order",
        setting="responses_events",
    ),
    known_row(
        "store-and-chain",
        _RESPONSES,
        (D, S),
        "`store` is on, for 30 days; `previous_response_id` chains; what is not stored is a 404",
        "by the simulator's clock",
        setting="responses_kept_days",
    ),
    known_row("instructions", _RESPONSES, (A,), "Not carried over by `previous_response_id`"),
    known_row("least-budget", _RESPONSES, (O,), "`max_output_tokens` below 16: 400 `integer_below_min_value`"),
    known_row("effort", _RESPONSES, (S,), "`reasoning.effort` `minimal` is a 400", "`low`, `medium`, `high`"),
    known_row(
        "tool-choice",
        _RESPONSES,
        (O,),
        "gpt-oss takes `auto` only: `none` and `required` are a 400, a named function is ignored",
    ),
    known_row("background", _RESPONSES, (D,), "`background: true` answers `in_progress`, to be polled"),
    known_row(
        "replay", _RESPONSES, (A,), "GET with `stream=true`, `starting_after` replays the events", "byte for byte"
    ),
    known_row(
        "cancelling",
        _RESPONSES,
        (A,),
        "Background ones only, twice is once; a completed or synchronous one is a 400",
        "a streamed one until its stream tells of its end; then the stream just ends",
    ),
    known_row("compact", _RESPONSES, (D, A), "`/responses/compact` is there; the shape is OpenAI's"),
    inferred_row(
        "content-of-a-compaction",
        _RESPONSES,
        "What a compaction holds",
        "the whole conversation, readable, with a checksum",
    ),
    inferred_row(
        "background-time",
        _RESPONSES,
        "How long a background response takes",
        "one retrieve finds it in progress",
        setting="background_retrieves",
    ),
)
