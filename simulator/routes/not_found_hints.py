"""Hints for unknown paths: what the caller probably meant."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from starlette.routing import compile_path

from simulator.routes.route import CONTROL_PREFIX, OPENAI_V1_PREFIX, V1_PREFIX, Route

# Routes that OpenAI has and Mantle does not.
_MISSING_ROUTES: Final = (
    (re.compile(r"^/batches"), "Mantle has no batches (SAMPLE); bedrock-runtime has batch inference"),
    (
        re.compile(r"^/fine_tuning/jobs/[^/]+/(pause|resume)$"),
        "Mantle cannot pause a job: its documented actions are create, list, get and cancel",
    ),
    (re.compile(r"^/uploads"), "Mantle has no multi-part uploads: send the whole file to /v1/files"),
    (
        re.compile(r"^/fine_tuning/alpha/graders"),
        "Mantle runs graders only within a job; invoke the Lambda function itself",
    ),
    (re.compile(r"^/responses/input_tokens$"), "no list of Mantle's routes has a token count of a response's input"),
    (re.compile(r"^/responses/[^/]+/input_items$"), "Mantle does not list the input of a response (SAMPLE)"),
)


def hint_for(path: str, *, routes: Iterable[Route], origin: str) -> str:
    """Return a hint for a request to `path`, which has no route. `origin` is scheme and host."""
    all_routes, base_url = tuple(routes), f"{origin}{V1_PREFIX}"
    relative_path = path.removeprefix("/openai").removeprefix(V1_PREFIX)
    for pattern, hint in _MISSING_ROUTES:
        if pattern.search(relative_path):
            return hint
    if path.startswith(f"{OPENAI_V1_PREFIX}/") and _exists(path.removeprefix("/openai"), all_routes):
        return f"only models and inference are served under {OPENAI_V1_PREFIX}; for this path use base_url {base_url}"
    if not path.startswith((f"{V1_PREFIX}/", f"{OPENAI_V1_PREFIX}/")) and _exists(V1_PREFIX + path, all_routes):
        return f"the base URL must end in {V1_PREFIX}: {base_url}"
    if path.endswith("/") and _exists(path.rstrip("/"), all_routes):
        return "the path must not end with a slash"
    if path.startswith((V1_PREFIX, OPENAI_V1_PREFIX)):
        duplicate_note = f"; {V1_PREFIX} is in the path twice" if relative_path.startswith(V1_PREFIX) else ""
        return (
            f"Mantle has no such route{duplicate_note}; {origin}{CONTROL_PREFIX}/openapi.json lists the existing ones"
        )
    if path.startswith("/2015-03-31/") or path == "/":
        return "a request to an AWS service needs a signature, and this one has none"
    return f"the OpenAI-compatible API is under {base_url}; boto3's bedrock and bedrock-runtime are not served"


def allowed_methods(path: str, *, routes: Iterable[Route]) -> list[str]:
    """Return the methods of `path` in alphabetical order. HEAD is allowed wherever GET is."""
    methods = {route.method for route in _routes_at(path, routes)}
    return sorted(methods | {"HEAD"} if "GET" in methods else methods)


def _exists(path: str, routes: Iterable[Route]) -> bool:
    return any(True for _ in _routes_at(path, routes))


def _routes_at(path: str, routes: Iterable[Route]) -> Iterator[Route]:
    for route in routes:
        if any(compile_path(base + route.path)[0].match(path) for base in route.prefixes):
            yield route
