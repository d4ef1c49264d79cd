"""The README is true: its program runs, its links lead somewhere, its first lines are the commands that are tested."""

import re
import shlex
import sys
from pathlib import Path

import pytest

from simulator.settings import Pace, Settings
from tests.end_to_end.commands import ROOT, rft_sim
from tests.simulators import serve_simulator

README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    """Return the code blocks of one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_the_walkthrough_runs_as_it_stands_and_the_tuned_model_keeps_the_asked_for_format(tmp_path: Path) -> None:
    """Amazon's six steps, the real SDKs, one program; the reward rises."""
    program = tmp_path / "walkthrough.py"
    program.write_text("\n".join(blocks("python")))
    done = rft_sim("exec", "--", sys.executable, str(program))
    assert done.returncode == 0, done.stderr
    *steps, base, tuned = done.stdout.splitlines()
    shown = [float(line.rpartition(" ")[2]) for line in steps]
    assert len(shown) == 7
    assert shown[-1] > shown[0]
    assert base.startswith("openai.gpt-oss-20b: ")
    assert re.search(r"#### [\d.,]+'$", tuned)


@pytest.mark.slow
@pytest.mark.parametrize(
    "line", [line for block in blocks("bash") if "rft-sim doctor" in block for line in block.splitlines()]
)
def test_what_is_to_be_done_before_paying_can_be_done_as_it_stands(line: str) -> None:
    """Each of these commands, on the project's own reward function and data, finds nothing to fail for."""
    program, *arguments = shlex.split(line)
    assert program == "rft-sim"
    done = rft_sim(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_what_is_said_of_time_can_be_done_as_it_stands() -> None:
    """One order after the other, at a simulator that is served as told: in the end the job has succeeded."""
    (block,) = [block for block in blocks("bash") if "clock" in block]
    serve, *orders = [shlex.split(line, comments=True) for line in block.splitlines()]
    assert serve == ["rft-sim", "serve", "--pace", "manual"]
    with serve_simulator(Settings(port=0, pace=Pace.MANUAL)) as world:
        grader = world.deploy(ROOT / "reward_lambda")
        job = world.create_job(world.upload((ROOT / "fixtures/prompts/train.jsonl").read_bytes()), function=grader)[
            "id"
        ]
        where = ["--port", world.url.rpartition(":")[2]]
        for _, *arguments in orders:
            done = rft_sim(*(job if each == "JOB" else each for each in arguments), *where)
            assert done.returncode == 0, done.stdout + done.stderr
        assert world.retrieve_job(job)["status"] == "succeeded"


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)#]+)\)", README))
def test_every_link_leads_to_something_in_this_repository_or_outside(target: str) -> None:
    """No dead link."""
    assert target.startswith("https://") or (ROOT / target).exists()


def test_the_two_commands_that_set_everything_up_are_there() -> None:
    """One trains, one tests; `.ci/run` runs the second as it stands."""
    first, *_, tests = blocks("bash")
    prefix = "python3 -m venv .venv && . .venv/bin/activate && "
    assert first == f"{prefix}pip install -e . && rft-sim exec -- rft train\n"
    assert tests == f"{prefix}pip install -c requirements.lock -e '.[dev]' && pytest\n"
