"""Serve a simulator, run the programs of the clients against it, and keep their results."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from simulator.cli.environment import build_client_environment
from simulator.settings import Settings
from tests.conformance.clients import Client
from tests.conformance.environments import INSTALL_COMMAND, ROOT, Environment
from tests.conformance.expectations import EXPECTATIONS, ExpectationContext, Values
from tests.conformance.step_runner import ProgramInput
from tests.response_event_order import MANTLE_EVENT_ORDER
from tests.simulators import REGION, FinishedJob, RunningSimulator, serve_simulator
from tests.training.training_files import make_record, make_training_file

REQUIRED_VARIABLE: Final = (
    "CONFORMANCE_REQUIRED"  # an environment variable: if it is set, a missing environment fails the test
)

_PROGRAM_TIMEOUT: Final = 120  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class ConformanceHost:
    """The server, a finished job on it, and the order of its Responses events.

    `results` holds the printed lines and `expected_values` the expected values, both by the name of the client.
    """

    simulator: RunningSimulator
    job: FinishedJob
    training: Path
    event_order: list[str]
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    expected_values: dict[tuple[str, str], Values] = field(default_factory=dict)

    @property
    def prompt(self) -> str:
        """A prompt of the training file."""
        return str(make_record(7)["messages"][0]["content"])

    def result_of(self, client: Client, step: str) -> Any:
        """Return the value of a step. The first call for a client runs all its steps.

        Fails the calling test with the client's traceback if the step raised.
        """
        if client.name not in self.results:
            self.results[client.name] = self._run_program(client)
        line = self.results[client.name].get(step)
        if line is None:
            pytest.fail(f"{client.name} ended before {step}\n{self.results[client.name]['']['error']}")
        if "error" in line:
            pytest.fail(line["error"], pytrace=False)
        return line["value"]

    def expected_value(
        self,
        client: Client,
        step: str,
        expectations: Mapping[str, Callable[[ExpectationContext], Values]] = EXPECTATIONS,
    ) -> Any:
        """Return the expected value of a step."""
        kind, _, _ = step.partition("_")
        if (client.name, kind) not in self.expected_values:
            context = ExpectationContext(
                simulator=self.simulator, job=self.job, prompt=self.prompt, client=client, event_order=self.event_order
            )
            self.expected_values[client.name, kind] = expectations[kind](context)
        return self.expected_values[client.name, kind][step]

    def _run_program(self, client: Client) -> dict[str, Any]:
        require_environment(client.environment)
        program_input = ProgramInput(
            client=client.name,
            kind=client.kind,
            job=self.job.id,
            model=self.job.model,
            function=self.job.function,
            training=str(self.training),
            prompt=self.prompt,
            steps=list(client.steps),
        )
        result = subprocess.run(
            [*client.command, json.dumps(asdict(program_input))],
            cwd=client.environment.folder if client.language == "Node" else ROOT,
            env=self._variables(client),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PROGRAM_TIMEOUT,
            check=False,
        )
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        return {line["step"]: line for line in lines} | {"": {"error": result.stderr}}

    def _variables(self, client: Client) -> dict[str, str]:
        inherited = {name: os.environ[name] for name in ("HOME", "LANG", "PATH", "TMPDIR") if name in os.environ}
        variables = build_client_environment(
            url=self.simulator.url, region=REGION, key=self.simulator.key, inherited=inherited
        )
        # For the plain clients, the SDK's Bedrock clients, and LiteLLM.
        bases = ("OPENAI_BASE_URL", "AWS_BEDROCK_BASE_URL", "BEDROCK_MANTLE_API_BASE")
        return variables | dict.fromkeys(bases, self.simulator.url + client.base) | client.variables


def require_environment(environment: Environment) -> None:
    """Skip the calling test if an environment is missing, or fail it if CONFORMANCE_REQUIRED is set."""
    if environment.is_installed:
        return
    reason = f"the environment '{environment.name}' is missing or out of date: {INSTALL_COMMAND}"
    if os.environ.get(REQUIRED_VARIABLE):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@contextmanager
def serve_host(
    settings: Settings, folder: Path, *, event_order: list[str] = MANTLE_EVENT_ORDER
) -> Iterator[ConformanceHost]:
    """Serve a simulator with a succeeded job."""
    content = make_training_file(120)
    training = folder / "train.jsonl"
    training.write_bytes(content)
    with serve_simulator(settings) as simulator:
        function = simulator.deploy(ROOT / "reward_lambda")
        job = simulator.run_job(content, function=function)
        assert job["status"] == "succeeded", job
        finished = FinishedJob(job=job, function=function, content=content)
        yield ConformanceHost(simulator=simulator, job=finished, training=training, event_order=event_order)
