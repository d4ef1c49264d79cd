"""A simulator that foreign clients speak to: their programs are run against it, and what they told is kept."""

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
    "CONFORMANCE_REQUIRED"  # a variable: when it is set, a missing environment fails instead of skipping
)

_PROGRAM_TIMEOUT: Final = 120  # seconds until a program that does not end is a failure


@dataclass(frozen=True, slots=True, kw_only=True)
class ConformanceHost:
    """The server, a finished job on it, and the order of its Responses streams.

    `results` is what each client told so far, `expected_values` what it should have told, by the client's name.
    """

    world: RunningSimulator
    job: FinishedJob
    training: Path
    event_order: list[str]
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    expected_values: dict[tuple[str, str], Values] = field(default_factory=dict)

    @property
    def prompt(self) -> str:
        """A question of the training file."""
        return str(make_record(7)["messages"][0]["content"])

    def result_of(self, client: Client, step: str) -> Any:
        """Return what a client told of a step; the first question runs its whole conversation.

        Fails the test that asks when the client raised there, with the client's own traceback.
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
        """Return what a step comes to."""
        kind, _, _ = step.partition("_")
        if (client.name, kind) not in self.expected_values:
            stage = ExpectationContext(
                world=self.world, job=self.job, prompt=self.prompt, client=client, event_order=self.event_order
            )
            self.expected_values[client.name, kind] = expectations[kind](stage)
        return self.expected_values[client.name, kind][step]

    def _run_program(self, client: Client) -> dict[str, Any]:
        require_environment(client.environment)
        scene = ProgramInput(
            client=client.name,
            kind=client.kind,
            job=self.job.id,
            model=self.job.model,
            function=self.job.function,
            training=str(self.training),
            prompt=self.prompt,
            steps=list(client.steps),
        )
        done = subprocess.run(
            [*client.command, json.dumps(asdict(scene))],
            cwd=client.environment.folder if client.language == "Node" else ROOT,
            env=self._variables(client),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PROGRAM_TIMEOUT,
            check=False,
        )
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return {line["step"]: line for line in lines} | {"": {"error": done.stderr}}

    def _variables(self, client: Client) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("HOME", "LANG", "PATH", "TMPDIR") if name in os.environ}
        given = build_client_environment(url=self.world.url, region=REGION, key=self.world.key, inherited=kept)
        # One for each family of clients: plain ones, the SDK's for Bedrock, LiteLLM.
        bases = ("OPENAI_BASE_URL", "AWS_BEDROCK_BASE_URL", "BEDROCK_MANTLE_API_BASE")
        return given | dict.fromkeys(bases, self.world.url + client.base) | client.variables


def require_environment(environment: Environment) -> None:
    """Skip the test that needs an environment which is not made; fail it where `REQUIRED` is set."""
    if environment.is_installed:
        return
    words = f"the environment '{environment.name}' is not made, or of older requirements: {INSTALL_COMMAND}"
    if os.environ.get(REQUIRED_VARIABLE):
        pytest.fail(words, pytrace=False)
    pytest.skip(words)


@contextmanager
def serve_host(
    settings: Settings, folder: Path, *, event_order: list[str] = MANTLE_EVENT_ORDER
) -> Iterator[ConformanceHost]:
    """Serve a simulator with a job that has run well."""
    content = make_training_file(120)
    training = folder / "train.jsonl"
    training.write_bytes(content)
    with serve_simulator(settings) as world:
        function = world.deploy(ROOT / "reward_lambda")
        job = world.run_job(content, function=function)
        assert job["status"] == "succeeded", job
        finished = FinishedJob(job=job, function=function, content=content)
        yield ConformanceHost(world=world, job=finished, training=training, event_order=event_order)
