"""`rft train` against the stub."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from client.__main__ import main
from tests.client.cli.rft_runner import TRAIN_ARGUMENTS, TRAIN_WITH_VALIDATION_ARGUMENTS, Run
from tests.client.conftest import create_workspace, grade_sums
from tests.client.mantle_stub import MantleStub, serve_stub


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedRun:
    """One run of `rft train` that several tests read; its stub still answers."""

    code: int
    out: str
    err: str
    folder: Path

    @property
    def artifacts(self) -> dict[str, bytes]:
        """The files that the run wrote."""
        return {path.name: path.read_bytes() for path in (self.folder / "rft-output").iterdir()}


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FinishedRun]:
    """Run `rft train` once with a validation file."""
    with serve_stub(MantleStub(handler=grade_sums)) as url, pytest.MonkeyPatch.context() as monkeypatch:
        folder = create_workspace(tmp_path_factory.mktemp("run"), url=url, monkeypatch=monkeypatch)
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as exc_info:
            main(TRAIN_WITH_VALIDATION_ARGUMENTS)
        yield FinishedRun(code=int(exc_info.value.code or 0), out=out.getvalue(), err=err.getvalue(), folder=folder)


def test_train_prints_every_step(finished_run: FinishedRun) -> None:
    """Check, deploy, upload, create, train, then the result."""
    lines = [line[:14].strip() for line in finished_run.out.splitlines()]
    assert (finished_run.code, finished_run.err) == (0, "")
    assert [label for label in lines if label.startswith("✓")] == [
        "✓ checked",
        "✓ deployed",
        "✓ uploaded",
        "✓ uploaded",
        "✓ created",
        "✓ trained",
    ]
    assert [label for label in lines[lines.index("Result") :] if label and label != "rows of val"] == [
        "Result",
        "reward",
        "held out",
        "model",
        "checkpoints",
        "plot",
        "report",
    ]
    assert sorted(finished_run.artifacts) == ["reward.png", "run.json"]


def test_the_report_holds_metrics_and_comparison(finished_run: FinishedRun) -> None:
    """run.json: every step, and both models on the validation rows."""
    report = json.loads(finished_run.artifacts["run.json"])
    assert [metric["step"] for metric in report["metrics"]] == list(range(1, 68))
    assert report["comparison"]["source"] == "validation.jsonl"
    assert report["comparison"]["tuned"]["right"] > report["comparison"]["base"]["right"]
    assert report["target"] == {"name": "simulator", "region": "us-west-2"}


@pytest.mark.slow
def test_a_second_run_writes_the_same_bytes(finished_run: FinishedRun, rft: Run, stub_workspace: Path) -> None:
    """In another folder, with another port."""
    rft(*TRAIN_WITH_VALIDATION_ARGUMENTS)
    assert {
        path.name: path.read_bytes() for path in (stub_workspace / "rft-output").iterdir()
    } == finished_run.artifacts


@pytest.mark.slow
def test_each_other_command_works_on_the_finished_job(
    finished_run: FinishedRun, capsys: pytest.CaptureFixture[str]
) -> None:
    """deploy, check, jobs, events, plot, watch, chat and target."""

    def stdout_of(*arguments: str) -> str:
        with pytest.raises(SystemExit):
            main(arguments)
        return capsys.readouterr().out

    stdout_of("deploy", "reward")
    assert stdout_of("deploy", "reward").endswith("function:rft-reward  unchanged\n")
    assert stdout_of("check", "train.jsonl").startswith("✓ fit         train.jsonl  100 rows, ")
    assert stdout_of("jobs").split("\t") == [
        "ftjob-1",
        "succeeded",
        "openai.gpt-oss-20b",
        "ft:openai.gpt-oss-20b:123456789012::abcd1234",
        "2026-02-18 19:13\n",
    ]
    assert len(stdout_of("events", "ftjob-1").splitlines()) == 68
    assert [json.loads(line)["id"] for line in stdout_of("events", "ftjob-1", "--json").splitlines()[:2]] == [
        "ftevent-m001",
        "ftevent-0001",
    ]
    assert stdout_of("plot", "ftjob-1", "-o", "p.png") == "✓ drawn       p.png  67 steps\n"
    assert (finished_run.folder / "p.png").read_bytes().startswith(b"\x89PNG")
    assert stdout_of("watch", "ftjob-1").endswith("  model       ft:openai.gpt-oss-20b:123456789012::abcd1234\n")
    assert stdout_of("chat", "ft:x", "What is 3 plus 4?").startswith("Adding up.\n#### ")
    assert stdout_of("target").splitlines()[1].endswith("(in use) nothing is billed: everything runs on this machine")


@pytest.mark.slow
def test_without_validation_the_last_tenth_of_the_data_is_compared(rft: Run) -> None:
    """The simulator holds these rows out of training."""
    out = rft(*TRAIN_ARGUMENTS)[1]
    assert "  held out    " in out
    assert " of 10 right" in out
    assert "the last tenth of train.jsonl  right means a reward of 1 or more" in out


@pytest.mark.parametrize(
    ("status", "exit_code", "error_lines"),
    [
        (
            "failed",
            1,
            [
                "✗ The job ftjob-1 failed: grader_error: rollout r-7: no score",
                "→ The job's log: rft events ftjob-1   The function's log: rft logs rft-reward",
            ],
        ),
        ("cancelled", 3, ["✗ The job ftjob-1 was cancelled."]),
    ],
)
def test_an_unsuccessful_job_replaces_the_report_and_keeps_the_plot(
    rft: Run, stub: MantleStub, stub_workspace: Path, status: str, exit_code: int, error_lines: list[str]
) -> None:
    """The plot is of an earlier run with the same --output. The error is the job's own."""
    output = stub_workspace / "rft-output"
    output.mkdir()
    (output / "reward.png").write_bytes(b"old")
    stub.final_status = status
    stub.error = {"code": "grader_error", "message": "rollout r-7: no score", "param": None}
    code, _, err = rft(*TRAIN_ARGUMENTS)
    assert (code, err.splitlines()) == (exit_code, error_lines)
    assert (output / "reward.png").read_bytes() == b"old"
    assert json.loads((output / "run.json").read_bytes())["job"]["status"] == status


@pytest.mark.parametrize(
    ("arguments", "expected_text"),
    [
        (("--model", "openai.gpt-oss-21b"), "✗ The service has no model openai.gpt-oss-21b.\n→ It lists: openai.gpt-"),
        (("--batch-size", "91"), "✗ The run would have no step: a batch of 91 prompts is more than the 90 rows that"),
        (("--lr-multiplier", "inf"), "✗ --lr-multiplier inf is out of range.\n→ Give a number above 0"),
        (("--lr-multiplier", "0"), "✗ --lr-multiplier 0 is out of range.\n→ Give a number above 0"),
    ],
)
def test_invalid_training_options_create_nothing(
    rft: Run, stub: MantleStub, arguments: tuple[str, ...], expected_text: str
) -> None:
    """They are refused before the function is deployed."""
    code, out, err = rft(*TRAIN_ARGUMENTS, *arguments)
    assert (code, stub.files, "deployed" in out) == (2, [], False)
    assert err.startswith(expected_text)


def test_a_missing_default_data_file_is_named_as_the_default(rft: Run) -> None:
    """In a folder without the example."""
    code, _, err = rft("train")
    assert (code, err.splitlines()) == (
        2,
        [
            "✗ fixtures/prompts/train.jsonl does not exist here; it is the default of --data.",
            "→ Name a file: rft train --data FILE",
        ],
    )


def test_invalid_data_creates_nothing(rft: Run, stub_workspace: Path, stub: MantleStub) -> None:
    """Nothing is uploaded, and the error names the line."""
    (stub_workspace / "train.jsonl").write_text("{}\n" * 100, encoding="utf-8")
    code, out, err = rft(*TRAIN_ARGUMENTS)
    assert (code, stub.files, stub.jobs) == (2, [], {})
    assert out.startswith("✗ train.jsonl, line 1: `messages` is missing")
    assert err == (
        "✗ train.jsonl would be refused for 100 problems.\n→ Correct it and check it again: rft check train.jsonl\n"
    )


@pytest.mark.slow
def test_a_failed_comparison_keeps_the_report(rft: Run, stub_workspace: Path, stub: MantleStub) -> None:
    """A reward function that breaks after the training is reported."""
    stub.handler = lambda *_: []
    code, _, err = rft(*TRAIN_ARGUMENTS)
    assert code == 1
    assert err.startswith("✗ The job succeeded. The comparison stopped: the reward function gave 0 results")
    assert json.loads((stub_workspace / "rft-output" / "run.json").read_bytes())["comparison"] is None


def test_training_at_bedrock_requires_confirmation(
    stub_workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It prints what AWS would bill and sends no request."""
    monkeypatch.setenv("RFT_TARGET", "bedrock")
    monkeypatch.delenv("OPENAI_BASE_URL")
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    with pytest.raises(SystemExit) as exc_info:
        main([*TRAIN_ARGUMENTS, "--epochs", "2"])
    out, err = capsys.readouterr()
    assert (exc_info.value.code, err) == (2, "✗ Nothing was created.\n→ Answer yes, or add --yes.\n")
    assert out.splitlines()[-5:] == [
        "AWS will bill the account of your credentials for",
        "  training    44 steps of 4 prompts, about 1,408 rollouts",
        "  Lambda      up to 1,408 invocations of 512 MB",
        "  inference   20 chat completions of up to 4,096 tokens, base and tuned",
        "  prices      https://aws.amazon.com/bedrock/pricing/  the counts are estimates",
    ]


def test_an_address_on_another_machine_is_refused(rft: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the target `simulator`."""
    monkeypatch.setenv("OPENAI_BASE_URL", "https://bedrock-mantle.us-west-2.api.aws/v1")
    code, out, err = rft(*TRAIN_ARGUMENTS)
    assert (code, out) == (2, "")
    assert "is not on this machine" in err


@pytest.mark.slow
def test_a_deployed_function_is_trained_with_as_it_is(rft: Run, stub: MantleStub) -> None:
    """By its name. Nothing is deployed, and its own configuration is in the plan and the report."""
    rft("deploy", "reward", "--timeout", "60", "--memory", "1024")
    code, out, err = rft("train", "--data", "train.jsonl", "--reward", "rft-reward", "--compare-rows", "20")
    assert (code, err) == (0, "")
    arn = "arn:aws:lambda:us-west-2:123456789012:function:rft-reward"
    assert "lambda_function.lambda_handler, 60 s, 1024 MB\n" in out
    assert f"✓ found       {arn}  already deployed\n" in out
    assert "deployed    " not in out
    (job,) = stub.jobs.values()
    assert job["method"]["reinforcement"]["grader"]["lambda"]["function"] == arn


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("--reward", "none"), "✗ none is not a file or folder here, and there is no such function in us-west-2."),
        (("--reward", "none:live"), "✗ none:live is not a file or folder here, and there is no such function in us-"),
        (("--reward", "x.zip"), "✗ x.zip does not exist.\n"),
        (("--reward", "rft-reward", "--layer", "x"), "✗ --layer is only for a folder, a file or a zip, which are"),
        (("--env", "AWS_REGION=secret"), "✗ --env AWS_REGION: Lambda sets this variable itself"),
    ],
)
def test_an_unusable_reward_function_creates_nothing(
    rft: Run, stub: MantleStub, arguments: tuple[str, ...], error: str
) -> None:
    """It is refused before anything is uploaded."""
    code, out, err = rft(*TRAIN_ARGUMENTS, *arguments)
    assert (code, stub.files, stub.jobs, "deployed" in out) == (2, [], {}, False)
    assert err.startswith(error)
