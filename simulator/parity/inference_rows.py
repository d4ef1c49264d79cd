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
        "How many models the list, which has no pages, returns",
        "the newest 1,000 of an account, and the base models",
        setting="listed_models",
    ),
    known_row(
        "reasoning-and-usage",
        _CHAT,
        (O,),
        "`message.reasoning` beside `content`, streamed first; a usage chunk only on request",
    ),
    known_row("budget", _CHAT, (O,), "`max_tokens` from 1; if reasoning takes all of it: 200, `length`, empty content"),
    known_row("tools", _CHAT, (O,), "Tools in the nested form; a replayed call without `type` is a 400"),
    known_row("tool-messages", _CHAT, (A,), "Tool messages must answer calls, and each call needs one; else 400"),
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
        "the simulated policy answers prompts of uploaded files; other prompts get a marked guess and a hint",
    ),
    inferred_row(
        "tool-calls",
        _CHAT,
        "When the model calls a tool",
        "if it does not know the answer, or if the request demands a call; the arguments are valid by the schema",
    ),
    inferred_row(
        "json-answers", _CHAT, "The content of a JSON answer", "the answer of the policy, in the field that fits"
    ),
    inferred_row(
        "json-from-the-prompt",
        _CHAT,
        "How well a model follows a JSON Schema, a template or key names that only the prompt has",
        "always: with `json_object`, and without it if the prompt asks for JSON; prompts of uploaded files are "
        "answered as in training",
    ),
    inferred_row(
        "large-schemas",
        _CHAT,
        "How much of JSON Schema is supported",
        "drafts 06 to 2020-12; a schema that takes too many steps is a 400 with this reason",
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
        "gpt-oss has it under `/v1`, and not under `/openai/v1`: 400",
        setting="responses_under_openai_v1",
    ),
    known_row(
        "order-of-events",
        _RESPONSES,
        (S,),
        "`response.reasoning_part.added/done` before and after the reasoning, which OpenAI's specification does not "
        "have",
        "with a hint; `--responses-events openai` uses the order of the specification",
        setting="responses_events",
    ),
    known_row(
        "store-and-chain",
        _RESPONSES,
        (D, S),
        "`store` is on by default, for 30 days; `previous_response_id` chains; other ids are a 404",
        "by the clock of the simulator",
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
    known_row("background", _RESPONSES, (D,), "`background: true` answers `in_progress`; clients poll"),
    known_row(
        "replay", _RESPONSES, (A,), "GET with `stream=true`, `starting_after` replays the events", "byte for byte"
    ),
    known_row(
        "cancelling",
        _RESPONSES,
        (A,),
        "Background responses only; a second cancel has no effect; a completed or synchronous one is a 400",
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
        "it is in progress for one retrieve",
        setting="background_retrieves",
    ),
)
