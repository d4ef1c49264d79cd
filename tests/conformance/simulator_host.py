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

from simulator.settings import Settings, client_environment
from tests.conformance.clients import Client
from tests.conformance.environments import COMMAND, ROOT, Environment
from tests.conformance.expectations import EXPECTATIONS, Stage, Values
from tests.conformance.step_runner import Scene
from tests.response_event_order import MANTLES_ORDER
from tests.simulators import REGION, FinishedJob, World, served_world
from tests.training.training_files import jsonl, record

REQUIRED: Final = "CONFORMANCE_REQUIRED"  # a variable: when it is set, a missing environment fails instead of skipping

_PATIENCE: Final = 120  # seconds until a program that does not end is a failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """The server, a finished job on it, and the order of its Responses streams.

    `told` is what each client told so far, `known` what it should have told, by the client's name.
    """

    world: World
    job: FinishedJob
    training: Path
    order: list[str]
    told: dict[str, dict[str, Any]] = field(default_factory=dict)
    known: dict[tuple[str, str], Values] = field(default_factory=dict)

    @property
    def prompt(self) -> str:
        """A question of the training file."""
        return str(record(7)["messages"][0]["content"])

    def said(self, client: Client, step: str) -> Any:
        """Return what a client told of a step; the first question runs its whole conversation.

        Fails the test that asks when the client raised there, with the client's own traceback.
        """
        if client.name not in self.told:
            self.told[client.name] = self._conversation(client)
        line = self.told[client.name].get(step)
        if line is None:
            pytest.fail(f"{client.name} ended before {step}\n{self.told[client.name]['']['error']}")
        if "error" in line:
            pytest.fail(line["error"], pytrace=False)
        return line["value"]

    def expected(
        self, client: Client, step: str, expectations: Mapping[str, Callable[[Stage], Values]] = EXPECTATIONS
    ) -> Any:
        """Return what a step comes to."""
        kind, _, _ = step.partition("_")
        if (client.name, kind) not in self.known:
            stage = Stage(world=self.world, job=self.job, prompt=self.prompt, client=client, order=self.order)
            self.known[client.name, kind] = expectations[kind](stage)
        return self.known[client.name, kind][step]

    def _conversation(self, client: Client) -> dict[str, Any]:
        required(client.environment)
        scene = Scene(
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
            timeout=_PATIENCE,
            check=False,
        )
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return {line["step"]: line for line in lines} | {"": {"error": done.stderr}}

    def _variables(self, client: Client) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("HOME", "LANG", "PATH", "TMPDIR") if name in os.environ}
        given = client_environment(url=self.world.url, region=REGION, key=self.world.key, inherited=kept)
        # One for each family of clients: plain ones, the SDK's for Bedrock, LiteLLM.
        bases = ("OPENAI_BASE_URL", "AWS_BEDROCK_BASE_URL", "BEDROCK_MANTLE_API_BASE")
        return given | dict.fromkeys(bases, self.world.url + client.base) | client.variables


def required(environment: Environment) -> None:
    """Skip the test that needs an environment which is not made; fail it where `REQUIRED` is set."""
    if environment.is_made:
        return
    words = f"the environment '{environment.name}' is not made, or of older requirements: {COMMAND}"
    if os.environ.get(REQUIRED):
        pytest.fail(words, pytrace=False)
    pytest.skip(words)


@contextmanager
def hosting(settings: Settings, folder: Path, *, order: list[str] = MANTLES_ORDER) -> Iterator[Host]:
    """Serve a simulator with a job that has run well."""
    content = jsonl(120)
    training = folder / "train.jsonl"
    training.write_bytes(content)
    with served_world(settings) as world:
        function = world.deploy(ROOT / "reward_lambda")
        job = world.run(content, function=function)
        assert job["status"] == "succeeded", job
        finished = FinishedJob(job=job, function=function, content=content)
        yield Host(world=world, job=finished, training=training, order=order)
