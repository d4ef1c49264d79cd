"""How a conversation tells what it came to: a JSON line for each step, with its value or the client's own exception.

A program of a foreign environment imports it: the standard library alone, and Python 3.11.
"""

import inspect
import json
import sys
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramInput:
    """What a program is given as its one argument, a JSON object.

    `client` is its name and `kind` which of the SDK's clients to make; `job` has ended well and made `model`;
    `function` is the reward function's ARN, `training` a file's path, `prompt` a question of it. `steps` are to be
    taken in this order.
    """

    client: str
    kind: str
    job: str
    model: str
    function: str
    training: str
    prompt: str
    steps: list[str]


def read_program_input() -> ProgramInput:
    """Return the scene that the program was started with."""
    return ProgramInput(**json.loads(sys.argv[1]))


class StepRegistry:
    """The steps that a program can take, by their functions' names."""

    def __init__(self) -> None:
        self._named: dict[str, Callable[[Any], Awaitable[Any]]] = {}

    def __call__(self, step: Callable[[Any], Awaitable[Any]]) -> Callable[[Any], Awaitable[Any]]:
        """Add a step."""
        self._named[step.__name__] = step
        return step

    async def run(self, program_input: ProgramInput, session: object) -> None:
        """Take the scene's steps and print a line about each; one that fails does not end the conversation."""
        for name in program_input.steps:
            try:
                line = {"step": name, "value": await self._named[name](session)}
            except Exception:  # noqa: BLE001  whatever it is, the test that this step stands for shows it
                line = {"step": name, "error": traceback.format_exc()}
            print(json.dumps(line), flush=True)


async def resolve(value: Any) -> Any:
    """Return what a client gave, whether it is one that waits or one that is awaited."""
    return await value if inspect.isawaitable(value) else value


async def collect_all(value: Any) -> list[Any]:
    """Return all of a listing or a stream, page by page, from either kind of client."""
    if hasattr(value, "__aiter__"):
        return [item async for item in value]
    things = await resolve(value)
    return [item async for item in things] if hasattr(things, "__aiter__") else list(things)
