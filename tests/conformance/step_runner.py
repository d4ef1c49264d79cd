"""Run conformance steps and print a JSON line for each, with its value or the client's exception.

Programs in other environments import this module, so it needs only the standard library of Python 3.11.
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
    """The argument of a program, a JSON object.

    Attributes:
        client: the name of the client.
        kind: which of the SDK's clients to create.
        job: the id of a succeeded job.
        model: the tuned model of that job.
        function: the ARN of the reward function.
        training: the path of a training file.
        prompt: a prompt of that file.
        steps: the names of the steps, in order.
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
    """Return the argument of this program."""
    return ProgramInput(**json.loads(sys.argv[1]))


class StepRegistry:
    """The steps of a program by the names of their functions."""

    def __init__(self) -> None:
        self._steps: dict[str, Callable[[Any], Awaitable[Any]]] = {}

    def __call__(self, step: Callable[[Any], Awaitable[Any]]) -> Callable[[Any], Awaitable[Any]]:
        """Register a step; use as a decorator."""
        self._steps[step.__name__] = step
        return step

    async def run(self, program_input: ProgramInput, session: object) -> None:
        """Run the steps and print a line for each. A step that fails does not stop the others."""
        for name in program_input.steps:
            try:
                line = {"step": name, "value": await self._steps[name](session)}
            except Exception:  # noqa: BLE001  the test of this step reports it
                line = {"step": name, "error": traceback.format_exc()}
            print(json.dumps(line), flush=True)


async def resolve(value: Any) -> Any:
    """Return the result of a synchronous or asynchronous client."""
    return await value if inspect.isawaitable(value) else value


async def collect_all(value: Any) -> list[Any]:
    """Return all items of a list or a stream, from a synchronous or asynchronous client."""
    if hasattr(value, "__aiter__"):
        return [item async for item in value]
    items = await resolve(value)
    return [item async for item in items] if hasattr(items, "__aiter__") else list(items)
