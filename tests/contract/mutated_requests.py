"""Generates thousands of requests from a seed: valid ones to every route, and the same with mutations.

Hypothesis takes ten milliseconds for a request; this takes a twentieth of one.
"""

import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from string import punctuation
from typing import Any, Final
from urllib.parse import quote

from simulator.routes.route import CONTROL_PREFIX
from simulator.routes.table import ROUTES
from tests.simulators import BASE_MODEL, reinforcement_method

_WEATHER: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"city": {"type": "string", "pattern": "^[A-Z][a-z]+$"}, "days": {"type": "integer", "minimum": 1}},
    "required": ["city"],
    "additionalProperties": False,
}
_SAYING: Final = [
    {"role": "system", "content": "Brief."},
    {"role": "user", "content": [{"type": "text", "text": "3 + 4?"}]},
]
_METADATA: Final = {"team": "maths"}

# A complete valid body for each operation with a body, by path.
_BODIES: Final[dict[str, dict[str, Any]]] = {
    "/chat/completions": {
        "model": BASE_MODEL,
        "messages": _SAYING,
        "stream": False,
        "stream_options": None,
        "tools": [{"type": "function", "function": {"name": "weather", "parameters": _WEATHER, "strict": True}}],
        "tool_choice": "auto",
        "response_format": {"type": "json_schema", "json_schema": {"name": "w", "schema": _WEATHER, "strict": True}},
        "n": 1,
        "temperature": 1.0,
        "top_p": 1.0,
        "max_tokens": 60,
        "max_completion_tokens": None,
        "seed": 1,
        "stop": ["\n\n"],
        "logprobs": False,
        "reasoning_effort": "low",
        "logit_bias": None,
        "user": "u",
        "metadata": _METADATA,
        "service_tier": "auto",
    },
    "/completions": {"model": BASE_MODEL, "prompt": "3 + 4?", "stream": False, "n": 1, "max_tokens": 20},
    "/embeddings": {"model": BASE_MODEL, "input": "3 + 4?"},
    "/responses": {
        "model": BASE_MODEL,
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "3 + 4?"}]}],
        "instructions": "Brief.",
        "stream": False,
        "store": True,
        "background": False,
        "reasoning": {"effort": "low"},
        "text": {"format": {"type": "json_schema", "name": "w", "schema": _WEATHER}},
        "tools": [{"type": "function", "name": "weather", "parameters": _WEATHER}],
        "max_output_tokens": 60,
        "temperature": 1.0,
        "previous_response_id": None,
        "metadata": _METADATA,
    },
    "/responses/compact": {"model": BASE_MODEL, "input": "3 + 4?"},
    "/fine_tuning/jobs": {
        "model": BASE_MODEL,
        "training_file": "file-abc123",
        "validation_file": None,
        "method": reinforcement_method(n_epochs=1, batch_size=4, learning_rate_multiplier=1.0),
        "metadata": _METADATA,
        "seed": 3,
    },
    "/organization/projects": {"name": "maths", "tags": {"team": "maths"}},
    "/organization/projects/{project}": {"name": "maths", "add_tags": {"team": "maths"}, "remove_tag_keys": ["area"]},
}

WORDS: Final = (
    *(
        "",
        " ",
        "x",
        "true",
        "-1",
        "0",
        "1e999",
        "null",
        "{}",
        "[]",
        "*",
        "%",
        "%00",
        "..",
        "../..",
        "a/b",
        "?",
        "#",
        "&",
    ),
    *("\x00", "\x1b[31m", "\r\nX: y", "\u202e", "\ud83d\ude00", "é", "\u2028", "9" * 400, "a" * 5_000, "'", '"', "\\"),
    *("auto", "none", "required", "user", "assistant", "tool", "low", "text", "json_object", "json_schema", "function"),
)
VALUES: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 10**400, 0.5, -0.0, 1e308, [], {}, [[]], [None], {"": None}, [{}]),
    *WORDS,
    *(
        {"type": "text"},
        {"type": "function"},
        [{"role": "user", "content": "hi"}],
        {"$ref": "#"},
        {"anyOf": []},
        ["a", 1],
    ),
)
_PARAMETERS: Final = ("after", "limit", "order", "purpose", "stream", "starting_after", "include_archived", "unknown")
METHODS: Final = ("GET", "POST", "DELETE", "HEAD", "PUT", "PATCH", "OPTIONS", "TRACE", "BREW")
_TYPES: Final = (
    *(b"", b"text/plain", b"application/json; charset=utf-8", b"APPLICATION/JSON", b"application/xml", b"\xff"),
    *(b"multipart/form-data", b"multipart/form-data; boundary=B", b"application/x-www-form-urlencoded"),
)
HEADERS: Final = (
    *(b"openai-project", b"openai-organization", b"range", b"accept", b"accept-encoding", b"content-encoding", b"host"),
    *(b"x-amz-target", b"x-amz-date", b"x-amz-content-sha256", b"x-amz-security-token", b"idempotency-key", b"cookie"),
    *(b"expect", b"if-none-match", b"transfer-encoding", b"upgrade", b"x-http-method-override", b"x-request-id"),
)
_SIGNED: Final = (
    b"AWS4-HMAC-SHA256 Credential=A/20260101/us-west-2/%s/aws4_request, SignedHeaders=host, Signature=" + b"0" * 64
)
_CALLERS: Final = (
    *(
        b"",
        b"Bearer",
        b"Bearer x",
        b"Bearer ABSK",
        b"Bearer ABSKx\xff",
        b"Bearer bedrock-api-key-",
        b"Basic eDp5",
        b"\xff",
    ),
    *(b"Bearer bedrock-api-key-QUJD", _SIGNED % b"bedrock-mantle", _SIGNED % b"bedrock", _SIGNED[:60]),
)
_FORM: Final = (
    b'--B\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n'
    b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n{"messages": []}\r\n--B--\r\n'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request. `path` is not escaped."""

    method: str
    path: str
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Operation:
    method: str
    path: str
    body: dict[str, Any] | None
    is_form: bool


def generate_requests(*, seed: int, key: str, names: Mapping[str, Sequence[str]]) -> Iterator[Request]:
    """Yield requests without end, one operation after another. About every fifth has no mutation and is valid.

    Args:
        seed: the seed of the mutations.
        key: a valid Bedrock API key.
        names: the values for `{file}`, `{job}` and so on in a path.
    """
    chance = random.Random(seed)
    operations = [
        _Operation(
            method=route.method, path=base + route.path, body=_BODIES.get(route.path), is_form=route.accepts_file
        )
        for route in ROUTES
        for base in route.prefixes
        # Changes by the control plane would affect the other requests.
        if base != CONTROL_PREFIX or route.method == "GET"
    ]
    while True:
        for operation in operations:
            yield _make_request(chance, operation, key=key, names=names)


def _make_request(
    chance: random.Random, operation: _Operation, *, key: str, names: Mapping[str, Sequence[str]]
) -> Request:
    changed = chance.random() > 0.2
    verb, path = (
        operation.method,
        re.sub(r"\{(\w+)(:path)?\}", lambda events: _path_value(chance, events[1], names), operation.path),
    )
    headers = [(b"authorization", b"Bearer " + key.encode())]
    body, query = b"", b""
    if operation.body is not None:
        fields = _choose_fields(chance, operation.body)
        fields |= {name: chance.choice(names[name]) for name in ("model", "training_file") if name in fields}
        fields |= {"stream": chance.random() < 0.5} if "stream" in fields else {}
        content: Any = mutate(chance, fields) if changed else fields
        body = json.dumps(content, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
        headers.append((b"content-type", b"application/json"))
    elif operation.is_form:
        body = _FORM
        headers.append((b"content-type", b"multipart/form-data; boundary=B"))
    if changed:
        if chance.random() < 0.15:
            verb = chance.choice(METHODS)
        if chance.random() < 0.4 or operation.body is None:
            query = _random_query(chance)
        if body and chance.random() < 0.25:
            body = damage(chance, body)
        if chance.random() < 0.1:
            headers = [(name, chance.choice(_TYPES) if name == b"content-type" else value) for name, value in headers]
        if chance.random() < 0.2:
            headers.append((chance.choice(HEADERS), chance.choice(WORDS).encode("utf-8", "replace")))
        if chance.random() < 0.08:
            headers[0] = (b"authorization", chance.choice(_CALLERS))
    return Request(method=verb, path=path, query=query, headers=tuple(headers), body=body)


def _path_value(chance: random.Random, part: str, names: Mapping[str, Sequence[str]]) -> str:
    name = chance.choice(names[part]) if chance.random() < 0.7 else chance.choice(WORDS)
    return name.encode("utf-8", "replace").decode()  # as a server decodes invalid UTF-8


def _choose_fields(chance: random.Random, body: dict[str, Any]) -> dict[str, Any]:
    """Return a valid body with a random choice of its optional fields."""
    needed = {"model", "messages", "input", "prompt", "training_file", "method", "name"}
    return {name: value for name, value in body.items() if name in needed or chance.random() < 0.4}


def mutate(chance: random.Random, value: Any) -> Any:
    """Return a value with a part replaced, removed or added."""
    if chance.random() < 0.15 or not isinstance(value, dict | list) or not value:
        return chance.choice(VALUES)
    if isinstance(value, list):
        place = chance.randrange(len(value))
        return [*value[:place], mutate(chance, value[place]), *value[place + (chance.random() < 0.8) :]]
    name = chance.choice(list(value))
    kind = chance.random()
    if kind < 0.15:
        return {key: item for key, item in value.items() if key != name}
    if kind < 0.3:
        return {**value, chance.choice((*WORDS, "type", "content", "strict")): chance.choice(VALUES)}
    return {**value, name: mutate(chance, value[name])}


def _random_query(chance: random.Random) -> bytes:
    if chance.random() < 0.15:
        return bytes(chance.randrange(0x21, 0x7F) for _ in range(chance.randrange(30)))
    query = "&".join(
        f"{chance.choice(_PARAMETERS)}={chance.choice((*WORDS, '1', '20', 'asc', 'false', 'fine-tune'))}"
        for _ in range(chance.randrange(4))
    )
    # A URL allows only these characters.
    return quote(query, safe=punctuation, errors="replace").encode()


def damage(chance: random.Random, body: bytes) -> bytes:
    """Return a body with a few bytes replaced, removed or added."""
    for _ in range(chance.randrange(1, 4)):
        place = chance.randrange(len(body) + 1)
        new_bytes = bytes(chance.randrange(256) for _ in range(chance.randrange(3)))
        body = body[:place] + new_bytes + body[place + chance.randrange(4) :]
    return body
