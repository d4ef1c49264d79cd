"""Every grader of `fixtures/graders`, run by a job: a valid one succeeds, a broken one fails with a reason."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from simulator.settings import GradingSettings, Settings
from tests.simulators import RunningSimulator, serve_simulator
from tests.training.training_files import make_training_file

GRADERS = Path(__file__).parents[2] / "fixtures" / "graders"
VALID_GRADERS = ("always_one", "always_zero", "inverted", "length_gamed", "random_scores", "slow_when_told")
RETRIED_GRADER = "fails_on_third_call"
PARAM = "method.reinforcement.grader.lambda.function"


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenGrader:
    """A grader, and what its job's message must contain beside the rollout."""

    name: str
    says: str
    timeout: int = 10


BROKEN_GRADERS = (
    BrokenGrader(
        name="raises",
        says=r"the function failed with KeyError: 'reference_answer' \(.*\), 4 times in a row\. This is a bug in the",
    ),
    BrokenGrader(name="missing_id", says=r"the response has no result with this id \(7 of 8 came back\)"),
    BrokenGrader(name="nan_score", says='"aggregate_reward_score" is nan, not a finite'),
    BrokenGrader(name="infinite_score", says='"aggregate_reward_score" is inf, not a finite'),
    BrokenGrader(name="bool_score", says='"aggregate_reward_score" is the bool (true|false), not a number'),
    BrokenGrader(name="string_score", says='"aggregate_reward_score" is a string, not a number'),
    BrokenGrader(name="missing_score", says='"aggregate_reward_score" is missing'),
    BrokenGrader(name="doubled_id", says="the response holds this id twice"),
    BrokenGrader(name="unknown_id", says='item 0 of the response has the id "row-0", which is not in the event'),
    BrokenGrader(name="item_not_an_object", says="item 0 of the response is a number, not an object"),
    BrokenGrader(name="not_a_list", says="the response is an object, not a list"),
    BrokenGrader(
        name="import_error", says="Runtime.ImportModuleError: .*No module named 'a_package_that_nobody_zipped'"
    ),
    BrokenGrader(name="dies", says="Runtime.ExitError: .*exit status 3"),
    BrokenGrader(name="out_of_memory", says="Runtime.ExitError: .*signal: killed"),
    BrokenGrader(name="oversized_response", says="Function.ResponseSizeTooLarge: .*6291556 bytes"),
    BrokenGrader(name="times_out", says="Task timed out after 1.00 seconds, 4 times in a row", timeout=1),
)
FAST_GRADERS = {"raises", "missing_id", "nan_score"}


def parametrize_cases(cases: tuple[Any, ...]) -> list[Any]:
    """Return the cases as parameters. Most are slow tests."""
    names = [case if isinstance(case, str) else case.name for case in cases]
    return [
        pytest.param(case, id=name, marks=() if name in FAST_GRADERS else pytest.mark.slow)
        for case, name in zip(cases, names, strict=True)
    ]


def test_every_grader_has_a_test() -> None:
    """None is missing."""
    folders = {path.parent.name for path in GRADERS.glob("*/lambda_function.py")}
    assert folders == {*VALID_GRADERS, RETRIED_GRADER, *(broken.name for broken in BROKEN_GRADERS)}


@pytest.mark.slow
@pytest.mark.shows("broken-grader")
@pytest.mark.parametrize("broken", parametrize_cases(BROKEN_GRADERS))
def test_a_broken_grader_fails_its_job_with_the_reason(
    served_simulator: RunningSimulator, broken: BrokenGrader
) -> None:
    """The code, the function, the rollout, the reason, and an event. There is never a score instead."""
    function = served_simulator.deploy(GRADERS / broken.name, timeout=broken.timeout, memory=128)
    job = served_simulator.run_job(make_training_file(100), function=function)
    error = job["error"]
    assert (job["status"], job["fine_tuned_model"], error["code"], error["param"]) == (
        "failed",
        None,
        "grader_error",
        PARAM,
    )
    assert error["message"].startswith(function)
    assert re.search(broken.says, error["message"])
    assert re.search(r" for rollout (held_out-0|train-1)-line-\d+-rollout-\d+", error["message"])
    last = served_simulator.list_events(job["id"])[-1]
    assert (last["level"], last["type"], last["message"]) == (
        "error",
        "message",
        f"Fine-tuning job failed: {error['message']}",
    )


@pytest.mark.slow
@pytest.mark.shows("broken-grader")
def test_a_function_that_fails_once_in_each_environment_is_called_again(served_simulator: RunningSimulator) -> None:
    """The job succeeds, and its events show the retries."""
    function = served_simulator.deploy(GRADERS / RETRIED_GRADER, memory=128)
    job = served_simulator.run_job(make_training_file(100), function=function)
    assert job["status"] == "succeeded", job["error"]
    retries = [event for event in served_simulator.list_events(job["id"]) if "trying again" in event["message"]]
    assert {event["level"] for event in retries} == {"warn"}
    assert re.match(
        r"Step \d+: the function failed with RuntimeError: call 3 of this environment: the connection pool is "
        r"exhausted \(.*\) \(rollout .* and \d more\); trying again in 1 s",
        retries[0]["message"],
    ), retries[0]["message"]


@pytest.mark.slow
def test_the_log_has_only_the_scores_that_a_grader_returned() -> None:
    """Without retries it scored some of the held-out records and then failed: the log has no step."""
    with serve_simulator(Settings(port=0, grading=GradingSettings(retry_exceptions=False))) as simulator:
        job = simulator.run_job(make_training_file(100), function=simulator.deploy(GRADERS / RETRIED_GRADER))
        log = simulator.http.get(f"/_simulator/jobs/{job['id']}/log").text.splitlines()
    assert "RuntimeError: call 3 of this environment" in job["error"]["message"]
    entries = [entry for entry in map(json.loads, log) if entry["event"] in {"RolloutsGraded", "StepCompleted"}]
    assert all(entry["event"] == "RolloutsGraded" and entry["split"] == "held_out" for entry in entries)


@pytest.mark.parametrize("name", parametrize_cases(VALID_GRADERS))
def test_a_grader_with_a_valid_form_succeeds(served_simulator: RunningSimulator, name: str) -> None:
    """Every rollout has a score, good or bad."""
    job = served_simulator.run_job(make_training_file(100), function=served_simulator.deploy(GRADERS / name))
    metrics = [event for event in served_simulator.list_events(job["id"]) if event["type"] == "metrics"]
    assert (job["status"], job["error"], len(metrics)) == ("succeeded", None, 22)
    if name in {"always_one", "always_zero"}:
        assert {event["data"]["actor_grad_norm"] for event in metrics} == {0.0}
        assert {event["data"]["critic_rewards_mean"] for event in metrics} == {float(name == "always_one")}
