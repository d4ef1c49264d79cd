"""`rft-sim regrade`: its options, its output and its exit codes."""

import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner, Result

from simulator.cli.app import app
from tests.doctor.conftest import load_records
from tests.doctor.regrade.stored_samples import rollout_lines, sample_steps
from tests.simulators import FinishedJob, RunningSimulator

ROOT = Path(__file__).parents[2]

REWARD_SOURCE = """\
def lambda_handler(event, context):
    return [{"id": rollout["id"], "aggregate_reward_score": SCORE} for rollout in event]
"""


@pytest.fixture(scope="module")
def rollouts_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with 30 held-out rollouts and 32 training rollouts, each with a reward of 0.5."""
    path = tmp_path_factory.mktemp("rollouts") / "rollouts.jsonl"
    path.write_text(rollout_lines(sample_steps(load_records("train"))))
    return path


def write_reward(folder: Path, score: str) -> Path:
    """Write a reward function that returns the value of an expression."""
    path = folder / "reward.py"
    path.write_text(REWARD_SOURCE.replace("SCORE", score))
    return path


def regrade(*arguments: str | Path, **variables: str) -> Result:
    """Run the command in this process."""
    environment = {"COLUMNS": "100", "RFT_TARGET": "simulator", "AWS_ENDPOINT_URL": ""} | variables
    return CliRunner(env=environment).invoke(app, ["regrade", *map(str, arguments)], catch_exceptions=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("score", "options", "code", "verdict"),
    [
        ("0.5", ["--fail-on-change"], 0, "All 62 scores are unchanged."),
        ("1", [], 0, "62 of 62 scores changed."),
        ("1", ["--fail-on-change"], 1, "62 of 62 scores changed."),
    ],
)
def test_a_changed_score_exits_with_1_only_with_fail_on_change(
    rollouts_file: Path, tmp_path: Path, score: str, options: list[str], code: int, verdict: str
) -> None:
    """The verdict counts the changes."""
    result = regrade(rollouts_file, "--reward", write_reward(tmp_path, score), *options)
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (code, verdict)


def test_all_puts_every_row_into_the_json(rollouts_file: Path, tmp_path: Path) -> None:
    """With the JSON on standard output, the table is on standard error."""
    reward = write_reward(tmp_path, "float(rollout['id'].endswith('-0'))")
    result = regrade(rollouts_file, "--reward", reward, "--json", "-", "--limit", "0", "--all")
    document = json.loads(result.stdout)
    assert [row["now"] for row in document["rows"]] == [float(row["index"] == 0) for row in document["rows"]]
    assert (len(document["rows"]), document["splits"][1]["mean_now"]) == (62, 4 / 32)
    assert result.stderr.startswith("Regraded: ")


@pytest.mark.slow
def test_unchanged_rows_are_left_out_by_default(rollouts_file: Path, tmp_path: Path) -> None:
    """From the JSON and from the table."""
    reward = write_reward(tmp_path, "1.0 if rollout['id'].startswith('held_out') else 0.5")
    result = regrade(rollouts_file, "--reward", reward, "--json", tmp_path / "out.json", "--limit", "99")
    assert result.exit_code == 0
    rows = json.loads((tmp_path / "out.json").read_text())["rows"]
    assert ({row["split"] for row in rows}, len(rows)) == ({"held_out"}, 30)
    assert ("0.5    1" in result.stdout, "0.5  0.5" in result.stdout) == (True, False)


def test_a_function_without_any_score_exits_with_1(rollouts_file: Path, tmp_path: Path) -> None:
    """The error is one line."""
    reward = write_reward(tmp_path, "rollout['score']")
    result = regrade(rollouts_file, "--reward", reward)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"rft-sim: {reward} gives no usable score: KeyError: 'score'")


def test_a_single_rollout_without_a_score_exits_with_1(rollouts_file: Path, tmp_path: Path) -> None:
    """A job would fail at it. The other scores are still compared."""
    (tmp_path / "few.jsonl").write_text("\n".join(rollouts_file.read_text().splitlines()[:4]))
    last_id = json.loads(rollouts_file.read_text().splitlines()[3])["id"]
    reward = write_reward(tmp_path, f"1.0 if rollout['id'] != '{last_id}' else rollout['score']")
    result = regrade(tmp_path / "few.jsonl", "--reward", reward)
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (1, "4 of 4 scores changed.")


def test_a_job_needs_a_running_simulator(tmp_path: Path) -> None:
    """The message says what to do."""
    result = regrade("ftjob-1", "--reward", write_reward(tmp_path, "1"), "--port", "1")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "rft-sim: there is no file ftjob-1. If it is the id of a job, its simulator must run, but nothing listens on "
        "127.0.0.1:1 yet. Start the simulator with `rft-sim serve` and the --data of the job, or pass a file that was "
        "written with --save.\n"
    )


def test_no_option_overwrites_a_file_of_another(rollouts_file: Path, tmp_path: Path) -> None:
    """Neither the input nor another report."""
    reward, report = write_reward(tmp_path, "1"), tmp_path / "report.json"
    done = [
        regrade(rollouts_file, "--reward", reward, "--save", rollouts_file),
        regrade(rollouts_file, "--reward", reward, "--json", report, "--save", report),
    ]
    assert [(result.exit_code, result.stderr) for result in done] == [
        (2, f"rft-sim: FILE and --save both name {rollouts_file}: give one of them another file\n"),
        (2, f"rft-sim: --json and --save both name {report}: give one of them another file\n"),
    ]


@pytest.mark.slow
def test_the_function_of_a_job_gives_the_same_scores_again(
    finished_job: FinishedJob, served_simulator: RunningSimulator, tmp_path: Path
) -> None:
    """For every rollout of the running simulator's job. --save writes what the simulator sent."""
    saved = tmp_path / "saved.jsonl"
    result = regrade(
        finished_job.id,
        "--reward",
        ROOT / "reward_lambda",
        "--save",
        saved,
        "--fail-on-change",
        AWS_ENDPOINT_URL=served_simulator.url,
    )
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "All 900 scores are unchanged.")
    assert saved.read_text() == served_simulator.http.get(f"/_simulator/jobs/{finished_job.id}/rollouts").text


def test_an_unknown_job_is_a_usage_error(served_simulator: RunningSimulator, tmp_path: Path) -> None:
    """On the simulator of --port."""
    port = urlsplit(served_simulator.url).port
    result = regrade("ftjob-none", "--reward", write_reward(tmp_path, "1"), "--port", str(port))
    assert (result.exit_code, result.stderr) == (
        2,
        f"rft-sim: the simulator at {served_simulator.url} has no job ftjob-none. `rft jobs` lists the jobs.\n",
    )


@pytest.mark.slow
def test_failed_calls_of_the_function_are_printed_first(rollouts_file: Path, tmp_path: Path) -> None:
    """On standard error: the new scores are a fallback."""
    path = tmp_path / "reward.py"
    path.write_text(
        """
import boto3

def score(rollout):
    try:
        boto3.client("bedrock-runtime").invoke_model(modelId="m", body="{}")
    except Exception:
        return 0.0

def lambda_handler(event, context):
    return [{"id": rollout["id"], "aggregate_reward_score": score(rollout)} for rollout in event]
"""
    )
    result = regrade(rollouts_file, "--reward", path)
    assert result.stderr.startswith(
        "62 of 62 calls to bedrock-runtime failed; these scores are the function's fallback: UnknownOperation"
    )
