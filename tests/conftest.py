"""The test command (`--all`), and what every test relies on: no credentials of this machine, and simulators."""

import gc
import os
from collections.abc import Generator, Iterator
from functools import cache
from pathlib import Path

import hypothesis
import pytest
from botocore.loaders import create_loader
from openai import OpenAI

from simulator.settings import Pace, Settings
from tests.simulators import FinishedJob, RunningSimulator, serve_simulator, simulator_in_process
from tests.training.training_files import make_training_file

ROOT = Path(__file__).parents[1]

# A slow machine is no failure: generated examples have no time limit.
hypothesis.settings.register_profile("no-deadline", deadline=None)
hypothesis.settings.load_profile("no-deadline")


# Their collection alone takes seconds, and all of their tests are slow.
SLOW_FILES = {"test_generated_requests.py"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--all`."""
    parser.addoption("--all", action="store_true", help="run the slow tests too")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Run the whole suite on all cores, but chosen files in one process: that starts faster and allows a debugger."""
    return 0 if _chosen_paths(config) else None


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not collect files of slow tests only, unless slow tests run."""
    return True if collection_path.name in SLOW_FILES and not _runs_slow_tests(config) else None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect tests without the garbage collector, which would take a fifth of the time.

    What is collected lives until the end: freezing it spares the collector a walk through it in every test.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the slow tests, unless they run."""
    if _runs_slow_tests(config):
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if not item.get_closest_marker("slow")]


def _runs_slow_tests(config: pytest.Config) -> bool:
    """Return whether slow tests run: with --all, -m or -k, or when a test is named by its id."""
    options = (config.getoption("all"), config.getoption("markexpr"), config.getoption("keyword"))
    return any(options) or any("::" in argument for argument in _chosen_paths(config))


def _chosen_paths(config: pytest.Config) -> list[str]:
    """Return the paths and test ids on the command line."""
    return [] if config.args_source is pytest.Config.ArgsSource.TESTPATHS else config.args


@pytest.fixture(scope="session", autouse=True)
def _no_credentials_of_this_machine() -> Iterator[None]:
    """Tests must neither read nor send the developer's own credentials."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("AWS_", "OPENAI_")) or name == "RFT_TARGET":
                patch.delenv(name)
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield


@pytest.fixture(scope="session", autouse=True)
def _cache_service_descriptions() -> Iterator[None]:
    """Each boto3 session would read megabytes of service descriptions: 50 ms a client."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.loaders.create_loader", cache(create_loader))
        yield


@pytest.fixture(scope="module")
def served_simulator() -> Iterator[RunningSimulator]:
    """A simulator on a socket, for a module."""
    with serve_simulator() as simulator:
        yield simulator


@pytest.fixture(scope="module")
def openai_client(served_simulator: RunningSimulator) -> OpenAI:
    """The real SDK on the served simulator."""
    return served_simulator.openai_client()


@pytest.fixture
def local_simulator() -> Iterator[RunningSimulator]:
    """A simulator for one test, without a socket and without AWS."""
    with simulator_in_process() as simulator:
        yield simulator


@pytest.fixture
def polled_simulator() -> Iterator[RunningSimulator]:
    """A simulator for one test at the pace `poll`: a job advances only when it is retrieved."""
    with simulator_in_process(Settings(pace=Pace.POLL)) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def finished_job(served_simulator: RunningSimulator) -> FinishedJob:
    """A job that succeeded, with 27 steps on real Lambda answers."""
    function = served_simulator.deploy(ROOT / "reward_lambda")
    content = make_training_file(120)
    job = served_simulator.run_job(content, function=function, metadata={"team": "maths", "area": "shelves"})
    assert job["status"] == "succeeded", job
    return FinishedJob(job=job, function=function, content=content)
