"""What a path that leads nowhere probably meant: the words behind a terse 404."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from starlette.routing import compile_path

from simulator.routes.route import CONTROL_PREFIX, OPENAI_V1_PREFIX, V1_PREFIX, Route

# What OpenAI serves and Mantle does not.
_ABSENT: Final = (
    (re.compile(r"^/batches"), "Mantle has no batches (SAMPLE); batch inference is bedrock-runtime's"),
    (
        re.compile(r"^/fine_tuning/jobs/[^/]+/(pause|resume)$"),
        "Mantle cannot pause a job: its documented actions are create, list, get and cancel",
    ),
    (re.compile(r"^/uploads"), "Mantle has no multi-part uploads: send the whole file to /v1/files"),
    (
        re.compile(r"^/fine_tuning/alpha/graders"),
        "Mantle does not run graders apart from a job; invoke the Lambda function itself",
    ),
    (re.compile(r"^/responses/input_tokens$"), "no list of Mantle's routes has a token count of a response's input"),
    (re.compile(r"^/responses/[^/]+/input_items$"), "Mantle does not list the input of a response (SAMPLE)"),
)


def hint_for(path: str, *, routes: Iterable[Route], origin: str) -> str:
    """Return where a request for `path`, which no route answers, should go instead. `origin` is scheme and host."""
    served = tuple(routes)
    below = path.removeprefix("/openai").removeprefix(V1_PREFIX)
    for pattern, words in _ABSENT:
        if pattern.search(below):
            return words
    if path.startswith(f"{OPENAI_V1_PREFIX}/") and _answered(path.removeprefix("/openai"), served):
        return f"only models and inference are served under {OPENAI_V1_PREFIX}; for this one use base_url {origin}{V1_PREFIX}"
    if not path.startswith((f"{V1_PREFIX}/", f"{OPENAI_V1_PREFIX}/")) and _answered(V1_PREFIX + path, served):
        return f"the base URL ends in {V1_PREFIX}: {origin}{V1_PREFIX}"
    if path.endswith("/") and _answered(path.rstrip("/"), served):
        return "the path ends without a slash"
    if path.startswith((V1_PREFIX, OPENAI_V1_PREFIX)):
        again = f"; {V1_PREFIX} stands in the path twice" if below.startswith(V1_PREFIX) else ""
        return f"Mantle has no such route{again}; {origin}{CONTROL_PREFIX}/openapi.json lists those that are served"
    if path.startswith("/2015-03-31/") or path == "/":
        return "requests to AWS services are told by their signature, and this one has none"
    return f"the OpenAI-compatible API is under {origin}{V1_PREFIX}; boto3's bedrock and bedrock-runtime are not served"


def allowed_methods(path: str, *, routes: Iterable[Route]) -> list[str]:
    """Return the methods that are served at `path`, in alphabetical order: HEAD wherever GET is."""
    served = {route.method for route in _at(path, routes)}
    return sorted(served | {"HEAD"} if "GET" in served else served)


def _answered(path: str, routes: Iterable[Route]) -> bool:
    return any(True for _ in _at(path, routes))


def _at(path: str, routes: Iterable[Route]) -> Iterator[Route]:
    for route in routes:
        if any(compile_path(base + route.path)[0].match(path) for base in route.prefixes):
            yield route
