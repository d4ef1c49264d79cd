"""Parity rows on what all answers have in common: errors, ids, quotas and limits."""

from typing import Final

from simulator.parity.parity_row import A, D, O, S, Topic, inferred_row, known_row

_WIRE: Final = Topic.WIRE

WIRE_ROWS: Final = (
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
)
