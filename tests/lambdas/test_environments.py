"""Which environments of a pool are reused, replaced and ended."""

from dataclasses import replace
from typing import Any, cast

import pytest

from simulator.lambdas.environments import Affinity, Environments
from simulator.lambdas.function import FunctionSpec
from simulator.lambdas.worker import Worker
from tests.lambdas.zips import ARN, make_function

SPEC = make_function("")
OTHER_FUNCTION = replace(SPEC, name="other", arn=f"{ARN}-other")
IDLE_SECONDS = 600.0


class FakeWorker:
    """A worker without a process."""

    def __init__(self, spec: FunctionSpec) -> None:
        self.spec = spec
        self.is_alive = True


def add_idle(environments: Environments, spec: FunctionSpec) -> Worker:
    """Start a worker of a function and leave it idle."""
    assert environments.reserve([])
    worker = cast("Worker", FakeWorker(spec))
    environments.add_idle(worker)
    return worker


def take_warm(environments: Environments, spec: FunctionSpec) -> tuple[Worker | None, list[Worker]]:
    """Return the warm worker for a function, and the workers that ended."""
    ended: list[Worker] = []
    return environments.take_warm(spec, ended), ended


@pytest.fixture
def environments() -> Environments:
    """Room for two environments."""
    return Environments(limit=2, idle_seconds=IDLE_SECONDS)


@pytest.mark.parametrize(
    "changes",
    [
        {"code_sha256": "other"},
        {"environment": (("A", "1"),)},
        {"timeout": 9},
        {"memory_mb": 256},
        {"role": "other"},
        {"handler": "other.handler"},
        {"runtime": "python3.9"},
        {"layers": (b"other",)},
    ],
    ids=",".join,
)
def test_a_changed_function_ends_its_old_environment(environments: Environments, changes: dict[str, Any]) -> None:
    """Any change of code or configuration."""
    old = add_idle(environments, SPEC)
    assert (take_warm(environments, replace(SPEC, **changes)), environments.count) == ((None, [old]), 0)


@pytest.mark.parametrize("spec", [OTHER_FUNCTION, replace(SPEC, version="1")], ids=["function", "version"])
def test_another_function_or_version_keeps_its_environment(environments: Environments, spec: FunctionSpec) -> None:
    """Both are warm at the same time."""
    worker = add_idle(environments, SPEC)
    assert (take_warm(environments, spec), take_warm(environments, SPEC)) == ((None, []), (worker, []))


def test_the_last_used_environment_is_used_first(environments: Environments) -> None:
    """As on AWS."""
    workers = [add_idle(environments, SPEC) for _ in range(2)]
    assert [take_warm(environments, SPEC)[0] for _ in range(3)] == [workers[1], workers[0], None]


def test_a_dead_environment_is_ended(environments: Environments) -> None:
    """A call gets a cold start, not an error."""
    worker: Any = add_idle(environments, SPEC)
    worker.is_alive = False
    assert (take_warm(environments, SPEC), environments.count) == ((None, [worker]), 0)


def test_an_unused_environment_is_ended(environments: Environments, monkeypatch: pytest.MonkeyPatch) -> None:
    """After `idle_seconds`."""
    now = 0.0
    monkeypatch.setattr("simulator.lambdas.environments.time.monotonic", lambda: now)
    worker = add_idle(environments, SPEC)
    now = IDLE_SECONDS
    assert take_warm(environments, SPEC) == (worker, [])
    environments.add_idle(worker)
    now = 2 * IDLE_SECONDS + 1
    assert take_warm(environments, SPEC) == (None, [worker])


def test_at_the_limit_the_longest_idle_environment_is_ended(environments: Environments) -> None:
    """Whatever function it belongs to. Busy environments are not ended."""
    idle = [add_idle(environments, spec) for spec in (SPEC, OTHER_FUNCTION)]
    ended: list[Worker] = []
    assert [environments.reserve(ended) for _ in range(3)] == [True, True, False]
    assert (ended, environments.count) == (idle, 2)
    environments.release()
    assert environments.reserve(ended)


def test_removing_all_idle_environments_frees_their_slots(environments: Environments) -> None:
    """Busy environments keep their slots."""
    assert environments.reserve([])
    worker = add_idle(environments, SPEC)
    assert (environments.remove_all_idle(), environments.count) == ([worker], 1)


def test_an_affinity_gets_its_own_environment_only(environments: Environments) -> None:
    """A call without an affinity does not get it either, and the environment stays warm."""
    assert environments.reserve([])
    worker = cast("Worker", FakeWorker(SPEC))
    affinity = Affinity(owner="ftjob-1", number=0)
    environments.add_idle(worker, affinity=affinity)
    others = (None, Affinity(owner="ftjob-1", number=1), Affinity(owner="ftjob-2", number=0))
    assert [environments.take_warm(SPEC, [], affinity=other) for other in others] == [None, None, None]
    assert environments.take_warm(SPEC, [], affinity=affinity) is worker


def test_an_owner_is_released_with_its_environments_only(environments: Environments) -> None:
    """Those of other owners stay warm."""
    for owner in ("ftjob-1", "ftjob-2"):
        assert environments.reserve([])
        environments.add_idle(cast("Worker", FakeWorker(SPEC)), affinity=Affinity(owner=owner, number=0))
    (ended,) = environments.remove_idle_of("ftjob-1")
    kept = environments.take_warm(SPEC, [], affinity=Affinity(owner="ftjob-2", number=0))
    assert (kept is not None, kept is not ended, environments.count) == (True, True, 1)
