"""Send the requests that a script's faults match, until each fault has been applied."""

from collections.abc import Callable
from typing import Any

import httpx2
from botocore.config import Config
from botocore.exceptions import ClientError

from simulator.ids import Ids
from tests.simulators import BASE_MODEL, RunningSimulator
from tests.training.training_files import make_training_file

_ROUNDS = 6  # more calls than any example counts
_READ_TIMEOUT = 0.3  # seconds that a client waits for what stalls
_QUESTION = [{"role": "user", "content": "2 + 2?"}]


def trigger_faults(simulator: RunningSimulator, script: Any) -> list[int]:
    """Add a script; return how often each of its faults was applied, after enough matching requests."""
    registry = simulator.instance.context.fault_registry
    fault_ids = registry.add(script)
    for _ in range(_ROUNDS):
        for status in registry.statuses():
            if not status.applied:
                _send_matching_request(simulator, status.fault.source["request"])
    applied = [status.applied for status in registry.statuses() if status.id in fault_ids]
    registry.clear()
    return applied


def _send_matching_request(simulator: RunningSimulator, match: dict[str, Any]) -> None:
    """Send a request that matches, and ignore its result."""
    if match.get("service") in _AWS_CALLS:
        config = Config(retries={"total_max_attempts": 1})
        client: Any = simulator.boto3_session.client(match["service"], endpoint_url=simulator.url, config=config)
        try:
            _AWS_CALLS[match["service"]](client)
        except ClientError:
            pass
        finally:
            client.close()
        return
    path = match.get("path", "**/chat/completions").replace("**", "/v1").replace("*", BASE_MODEL)
    if "job" in match:
        path = f"/v1/fine_tuning/jobs/{Ids(seed=0).job(match['job'] - 1)}"
    body = {"model": BASE_MODEL, "messages": _QUESTION, "input": "2 + 2?", "stream": True, "max_tokens": 100_000}
    with httpx2.Client(
        base_url=simulator.url, headers=simulator.http.headers, timeout=_READ_TIMEOUT, trust_env=False
    ) as client:
        try:
            if path == "/v1/files":
                client.post(path, data={"purpose": "fine-tune"}, files={"file": ("a.jsonl", make_training_file(1))})
            elif path.endswith(("/completions", "/responses")) or match.get("method") == "POST":
                client.post(path, json=body)
            else:
                client.get(path)
        except httpx2.TransportError:
            pass


_AWS_CALLS: dict[str, Callable[[Any], Any]] = {
    "iam": lambda client: client.list_roles(),
    "lambda": lambda client: client.list_functions(),
}
