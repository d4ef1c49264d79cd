"""Parity rows on what all answers have in common: errors, ids, quotas and limits."""

from typing import Final

from simulator.parity.parity_row import A, D, O, S, Topic, inferred_row, known_row

_WIRE: Final = Topic.WIRE

WIRE_ROWS: Final = (
    known_row("envelope", _WIRE, (O,), "Errors are `code, message, param, type`", "also for unknown paths and methods"),
    known_row(
        "key-order", _WIRE, (D, S, O), "JSON keys are in alphabetical order", "except the `data` of a metrics event (S)"
    ),
    known_row("request-ids", _WIRE, (O, A), "Every answer has a request id", "`x-request-id` and `x-amzn-requestid`"),
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
        "429 if a prompt and its `max_tokens` exceed the input tokens per minute; unused tokens are returned. "
        "No tunable model has a published quota",
        "by a scripted quota, with `Retry-After`; by default there is no throttling",
    ),
    known_row(
        "output-quota",
        _WIRE,
        (D,),
        "Above the output tokens per minute, generation stops with a finish reason and no error",
        "by a scripted quota: `length`, or `incomplete`",
    ),
    known_row(
        "unavailable", _WIRE, (D,), "503 and 529 under high demand, independent of quotas", "by a scripted fault"
    ),
    inferred_row(
        "body-of-a-429",
        _WIRE,
        "The body of a 429 or a 503, and whether it has a `Retry-After`",
        "OpenAI's `rate_limit_exceeded`, the message of bedrock-runtime; `Retry-After` from a quota or a script",
    ),
    inferred_row(
        "filling-of-a-quota",
        _WIRE,
        "How a quota per minute refills",
        "it starts full and refills evenly, as the simulated clock advances; the `Retry-After` seconds that a client "
        "has waited also count",
    ),
    inferred_row("ids-of-jobs", _WIRE, "The form of `ftjob-…` and `ftckpt-…`", "a UUID, as in `ftevent-`"),
    inferred_row("body-limit", _WIRE, "The largest JSON body", "25 MB, then 413", setting="max_body_bytes"),
    inferred_row(
        "wordings-of-refusals",
        _WIRE,
        "The messages for most invalid input",
        "4xx, never 5xx, with the field in `param`; this includes unknown cursors",
    ),
)
