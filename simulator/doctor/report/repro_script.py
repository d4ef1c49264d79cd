"""Reproduce one finding of `rft-sim doctor` with the reward function alone. Needs only Python.

    python THIS_FILE [REWARD] [--handler MODULE.FUNCTION]

REWARD is the reward function's file, folder or zip; without it, the one that the doctor tested, at its path relative to
this file. The exit code is 0 if the finding reproduces, 1 if it does not any more, and 2 if the function cannot be
loaded. The function runs in this process: with your files, your network and your environment variables.
"""

import argparse
import importlib
import importlib.util
import io
import json
import math
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

FINDING: dict[str, Any] = {}  # the doctor replaces this line

TOLERANCE = 1e-9
REPEATS = 20
SAME, OTHER, CANNOT_LOAD = 0, 1, 2

Handler = Callable[[Any, Any], Any]


class Context:
    """What Lambda passes to a handler beside the event."""

    function_name = "reward"
    function_version = "$LATEST"
    invoked_function_arn = "arn:aws:lambda:us-west-2:123456789012:function:reward"
    memory_limit_in_mb = "512"
    aws_request_id = "00000000-0000-0000-0000-000000000000"
    log_group_name = "/aws/lambda/reward"
    log_stream_name = "repro"
    identity = None
    client_context = None

    def get_remaining_time_in_millis(self) -> int:
        """Return a long time."""
        return 300_000


class LoadError(Exception):
    """The reward function cannot be loaded. The message says why."""


def load_handler(reward: Path, name: str) -> Handler:
    """Import the handler `MODULE.FUNCTION` of a file, a folder or a zip.

    Raises:
        LoadError: there is no such file or handler, or its import fails.
    """
    module_name, _, function = name.rpartition(".")
    if not reward.exists():
        raise LoadError(f"{reward} does not exist. Give the reward function's file, folder or zip.")
    reward = reward.resolve()
    # As in Lambda, where the current folder is that of the function.
    os.chdir(reward if reward.is_dir() else reward.parent)
    os.environ.setdefault("LAMBDA_TASK_ROOT", str(Path.cwd()))
    try:
        if reward.suffix == ".py":
            module = import_file(reward, module_name)
        else:
            sys.path.insert(0, str(reward))
            module = importlib.import_module(module_name.replace("/", "."))
    except Exception as error:  # noqa: BLE001  whatever the module raises
        traceback.print_exc()
        raise LoadError(f"{module_name} in {reward} cannot be imported: {error!r}.") from None
    handler: Any = getattr(module, function, None)
    if not callable(handler):
        raise LoadError(f"{module_name} in {reward} has no function {function}. Name the handler with --handler.")
    result: Handler = handler
    return result


def import_file(file: Path, name: str) -> ModuleType:
    """Import a file alone, without the files beside it, as the doctor does."""
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def call(handler: Handler, event: Any) -> Any:
    """Return the handler's response as Lambda would send it."""
    return json.loads(json.dumps(handler(json.loads(json.dumps(event)), Context())))


def score_of(handler: Handler, event: Sequence[Any], rollout_id: str) -> tuple[float | None, str]:
    """Return the score of one rollout, or None and why a job could not use the response."""
    try:
        response = call(handler, event)
    except Exception as error:  # noqa: BLE001  whatever the function raises, as Lambda reports it
        return None, f"the handler raises {type(error).__name__}: {error}"
    if not isinstance(response, list):
        return None, f"the response is {type(response).__name__}, not a list"
    ids = [item.get("id") if isinstance(item, dict) else None for item in response]
    expected = [element.get("id") if isinstance(element, dict) else None for element in event]
    if sorted(map(str, ids)) != sorted(map(str, expected)):
        return None, f"the response has the ids {ids} and not {expected}"
    score = response[ids.index(rollout_id)].get("aggregate_reward_score")
    if isinstance(score, bool) or not isinstance(score, int | float) or not math.isfinite(score):
        return None, f"the score is {score!r}"
    return float(score), ""


def is_same(left: float | None, right: float | None) -> bool:
    """Return whether two scores are equal, or both missing."""
    if left is None or right is None:
        return left is right
    return abs(left - right) <= TOLERANCE * max(1.0, abs(left))


def check_score(handler: Handler, finding: dict[str, Any]) -> bool:
    """Return whether the response gets the same score again, or no score again."""
    score, problem = score_of(handler, finding["event"], finding["id"])
    show("score now", describe(score, problem))
    return is_same(score, finding["score"])


def check_response(handler: Handler, finding: dict[str, Any]) -> bool:
    """Return whether the function responds as it did then."""
    try:
        response = call(handler, finding["event"])
    except Exception as error:  # noqa: BLE001  whatever the function raises
        show("response now", f"the handler raises {type(error).__name__}: {error}")
        return False
    show("response now", json.dumps(response))
    return json.dumps(response, sort_keys=True) == json.dumps(finding["result"], sort_keys=True)


def check_repeats(handler: Handler, finding: dict[str, Any]) -> bool:
    """Return whether the score changes when the same rollout is scored again, in every second call under another id."""
    results = []
    for number in range(REPEATS):
        event = json.loads(json.dumps(finding["event"]))
        rollout_id = finding["id"]
        if number % 2:
            for element in event:
                element["id"] = f"{element['id']}-again-{number}"
            rollout_id = f"{rollout_id}-again-{number}"
        results.append(score_of(handler, event, rollout_id))
    show(f"scores of {REPEATS} calls", ", ".join(dict.fromkeys(describe(*result) for result in results)))
    return not all(is_same(score, results[0][0]) for score, _ in results)


def check_batch(handler: Handler, finding: dict[str, Any]) -> bool:
    """Return whether the score alone, in its call, and in the call in reverse order differ."""
    event, rollout_id = finding["event"], finding["id"]
    events = {
        "alone": [element for element in event if element["id"] == rollout_id],
        f"with {len(event) - 1} others": event,
        "in reverse order": event[::-1],
    }
    scores = []
    for name, elements in events.items():
        score, problem = score_of(handler, elements, rollout_id)
        show(f"score {name}", describe(score, problem))
        scores.append(score)
    return not all(is_same(score, scores[0]) for score in scores)


def check_time(_handler: Handler, finding: dict[str, Any]) -> bool:
    """Return whether a call takes longer than a limit. It is made by another process, which can be ended."""
    limit = finding["seconds"]
    with subprocess.Popen(finding["command"], stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  this file
        if process.stdout is not None:
            process.stdout.readline()  # the function is loaded
        try:
            process.wait(limit)
        except subprocess.TimeoutExpired:
            process.kill()
            show("time now", f"more than {limit:.3g} s")
            return True
    show("time now", f"less than {limit:.3g} s")
    return False


CHECKS: dict[str, Callable[[Handler, dict[str, Any]], bool]] = {
    "score": check_score,
    "response": check_response,
    "repeats": check_repeats,
    "batch": check_batch,
    "time": check_time,
}


def describe(score: float | None, problem: str = "") -> str:
    """Return a score in words."""
    return f"{score:.9g}" if score is not None else f"no score: {problem}" if problem else "no score"


def show(name: str, text: str) -> None:
    """Print a line, with visible control characters."""
    visible = "".join(
        character if character.isprintable() or character == "\n" else character.encode("unicode_escape").decode()
        for character in text
    )
    print(f"{name:<13} {visible}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Reproduce the finding and return the exit code."""
    parser = argparse.ArgumentParser(description="Reproduce one finding of rft-sim doctor.")
    parser.add_argument("reward", nargs="?", type=Path, help="the reward function's file, folder or zip")
    parser.add_argument("--handler", default=FINDING["handler"], help="MODULE.FUNCTION of a folder or a zip")
    parser.add_argument("--call-only", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a response may hold any character
    reward = (options.reward or Path(__file__).resolve().parent / FINDING["reward"]).resolve()
    this_file = str(Path(__file__).resolve())
    if missing := [name for name in FINDING["variables"] if name not in os.environ]:
        print(f"Set {' and '.join(missing)} first: the doctor set them with --env, and this file does not hold values.")
        return CANNOT_LOAD
    try:
        handler = load_handler(reward, options.handler)
    except LoadError as error:
        print(error)
        return CANNOT_LOAD
    if options.call_only:
        print("loaded", flush=True)
        score_of(handler, FINDING["event"], FINDING["id"])
        return SAME
    show("finding", f"{FINDING['probe']} {FINDING['name']} ({FINDING['severity']}): {FINDING['message']}")
    if FINDING["line"] is not None:
        show("record", f"line {FINDING['line']} of {FINDING['data']}")
    show("prompt", FINDING["prompt"])
    show("response", FINDING["response"])
    note = f" ({FINDING['note']})" if FINDING["note"] else ""
    show("score then", f"{describe(FINDING['score'])}{note}")
    command = [sys.executable, this_file, str(reward), "--handler", options.handler, "--call-only"]
    reproduces = CHECKS[FINDING["check"]](handler, FINDING | {"command": command})
    print("The finding reproduces." if reproduces else "The finding does not reproduce any more.")
    return SAME if reproduces else OTHER


if __name__ == "__main__":
    sys.exit(main())
