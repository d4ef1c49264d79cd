"""A simulator and a client in one process, with a clock that a sleep advances at once."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import pytest

from simulator.settings import Pace, Settings
from tests.end_to_end.commands import CommandResult, FastClock, fast_client, run_rft, run_rft_sim
from tests.simulators import RunningSimulator, serve_simulator

RunClient: TypeAlias = Callable[..., CommandResult]
RunCommand: TypeAlias = Callable[..., CommandResult]


@pytest.fixture(scope="module")
def clock() -> Iterator[FastClock]:
    """The clock of all clients in this process, and of the simulators that start meanwhile."""
    clock = FastClock()
    with fast_client(clock):
        yield clock


@pytest.fixture(scope="module")
def fast_simulator(clock: FastClock) -> Iterator[RunningSimulator]:
    """A simulator at pace `poll`: each retrieve advances the job, so no client waits for it."""
    with serve_simulator(Settings(port=0, pace=Pace.POLL)) as simulator:
        yield simulator


@pytest.fixture
def rft(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> RunClient:
    """Run `rft` in this process: `rft(simulator, "train", ...)`."""
    return lambda simulator, *arguments: run_rft(simulator, monkeypatch, capsys, *arguments)


@pytest.fixture
def rft_sim_here(capfd: pytest.CaptureFixture[str]) -> RunCommand:
    """Run `rft-sim` in this process: `rft_sim_here("exec", ...)`."""
    return lambda *arguments: run_rft_sim(capfd, *arguments)
