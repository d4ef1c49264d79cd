"""The project's own client under every scripted fault, and with listings that lag behind.

Client and simulator run in this process and share a clock that a sleep advances at once.
"""

import json
from pathlib import Path
from typing import Any, Final

import openai
import pytest

from simulator.settings import ConsistencySettings, Pace, Settings
from tests.end_to_end.commands import ROOT, CommandResult, FastClock, verdict_on_clients
from tests.end_to_end.conftest import RunClient
from tests.simulators import RunningSimulator, serve_simulator

pytestmark = pytest.mark.slow

FAULTS: Final = ROOT / "fixtures" / "faults"
STREAM_SCRIPTS: Final = {"broken_event", "cut_stream", "early_end", "stalled_stream"}
TRAIN_SCRIPTS: Final = sorted({path.stem for path in FAULTS.glob("*.json")} - STREAM_SCRIPTS)
# The faults that end a run: the client reports an error and exits with 1 (3 is a cancelled job).
EXIT_CODES: Final = {
    "cancelled_in_mid_step": 3,
    "deleted_function": 1,
    "expired_credentials": 1,
    "failed_validation": 1,
    "internal_error": 1,
    "no_concurrency": 1,
    "slow_function": 1,
}
LAGS: Final[tuple[dict[str, Any], ...]] = (
    {"jobs_lag": 2},
    {"events_lag": 2},
    {"events_batch": 7},
    {"events_twice": True},
    {"checkpoints_lag": 2},
    {"jobs_lag": 2, "events_lag": 2, "events_twice": True},
)
TIME_SCALE: Final = 0.1
"""Delays and time-outs that really pass are shortened by this factor, both by the same."""


@pytest.fixture(autouse=True)
def _short_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    def scaled(seconds: float, *, connect: float) -> openai.Timeout:
        return timeout(seconds * TIME_SCALE, connect=connect)

    timeout = openai.Timeout
    monkeypatch.setattr(openai, "Timeout", scaled)


@pytest.fixture
def train(rft: RunClient, tmp_path: Path) -> RunClient:
    """Run a short `rft train` against a simulator."""

    def train(simulator: RunningSimulator, reward: str = "reward_lambda") -> CommandResult:
        data = "string_reference.jsonl" if reward == "reward_lambda" else "train.jsonl"
        options = ("--data", f"fixtures/prompts/{data}", "--compare-rows", "4", "--reward", reward)
        return rft(simulator, "train", *options, "--output", str(tmp_path / "output"))

    return train


def load_script(name: str) -> list[dict[str, Any]]:
    """Return a script of `fixtures/faults` with its real delays shortened."""
    faults: list[dict[str, Any]] = json.loads((FAULTS / f"{name}.json").read_text())
    return [fault | {"delay": fault["delay"] * TIME_SCALE} if "delay" in fault else fault for fault in faults]


def restart(simulator: RunningSimulator, faults: list[dict[str, Any]]) -> None:
    """Empty the simulator and add faults."""
    assert simulator.http.post("/_simulator/reset").status_code < 300
    answer = simulator.http.post("/_simulator/faults", json=faults)
    assert answer.status_code < 300, answer.text


@pytest.mark.parametrize("script", TRAIN_SCRIPTS)
def test_train_under_a_fault_succeeds_or_reports_the_error(
    script: str, fast_simulator: RunningSimulator, train: RunClient
) -> None:
    """The verdict finds nothing wrong with the client."""
    restart(fast_simulator, load_script(script))
    reward = "fixtures/graders/slow_when_told" if script == "slow_function" else "reward_lambda"
    result = train(fast_simulator, reward)
    assert result.returncode == EXIT_CODES.get(script, 0), result.stdout + result.stderr
    assert ("✗" in result.stderr) == (script in EXIT_CODES)
    assert verdict_on_clients(fast_simulator, result.returncode) == "clean"


def test_no_thread_waits_when_the_client_gives_up(
    fast_simulator: RunningSimulator, clock: FastClock, train: RunClient
) -> None:
    """The second chat of the comparison gets a Retry-After of 100 s: no thread waits for it or asks before."""
    chats = {"method": "POST", "path": "/v1/chat/completions"}
    restart(fast_simulator, [{"request": chats, "nth": 2, "error": "RATE_LIMITED", "retry_after": 100}])
    slept_before = clock.slept
    result = train(fast_simulator)
    assert (result.returncode, clock.slept - slept_before < 90) == (1, True), result.stdout + result.stderr
    assert "100 s" in result.stderr, result.stderr
    assert verdict_on_clients(fast_simulator, result.returncode) == "clean"


@pytest.mark.parametrize("script", sorted(STREAM_SCRIPTS))
def test_a_chat_whose_stream_breaks_reports_the_error(
    script: str, fast_simulator: RunningSimulator, rft: RunClient
) -> None:
    """The next chat, which has no fault, succeeds."""
    restart(fast_simulator, load_script(script))
    exit_codes = [rft(fast_simulator, "chat", "openai.gpt-oss-20b", "How many?").returncode for _ in range(2)]
    assert exit_codes == [1, 0]
    assert verdict_on_clients(fast_simulator, 0) == "clean"


@pytest.mark.parametrize("lag", LAGS, ids=str)
def test_train_with_lagging_listings_misses_nothing(lag: dict[str, Any], clock: FastClock, train: RunClient) -> None:
    """The report has every step and every checkpoint."""
    settings = Settings(port=0, pace=Pace.POLL, consistency=ConsistencySettings(**lag))
    with serve_simulator(settings) as simulator:
        result = train(simulator)
        assert result.returncode == 0, result.stdout + result.stderr
        assert "27 steps  2 checkpoints" in result.stdout
        assert verdict_on_clients(simulator, 0) == "clean"


def test_a_lost_answer_and_a_lagging_list_make_one_job(clock: FastClock, rft: RunClient, train: RunClient) -> None:
    """The client searches the list until the job appears, and does not create another one."""
    settings = Settings(port=0, pace=Pace.POLL, consistency=ConsistencySettings(jobs_lag=2))
    with serve_simulator(settings) as simulator:
        restart(simulator, load_script("lost_answer"))
        result = train(simulator)
        assert result.returncode == 0, result.stdout + result.stderr
        assert rft(simulator, "jobs").stdout.count("ftjob-") == 1
        assert verdict_on_clients(simulator, 0) == "clean"
