"""The commands as people type them, against the stand-in."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from client import job_watcher as watch
from client.__main__ import main
from client.errors import Interrupted, JobCancelled
from client.interrupts import raise_on_interrupt
from client.job_polling import PollResult
from client.job_watcher import watch_job
from client.mantle_client import Job, MantleClient
from client.retry_policy import PollInterval, RetryPolicy
from client.target import TARGETS
from tests.client.conftest import CREDENTIALS, create_workspace, grade_sums
from tests.client.mantle_stub import MantleStub, message_event, serve_stub

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def rft(stub_workspace: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `rft` and gives back exit code, standard output and standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        out, err = capsys.readouterr()
        return int(caught.value.code or 0), out, err

    return run


TRAIN_ARGUMENTS = ("train", "--data", "train.jsonl", "--reward", "reward", "--compare-rows", "20")

TRAIN_WITH_VALIDATION_ARGUMENTS = (*TRAIN_ARGUMENTS, "--validation", "validation.jsonl")


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedRun:
    """One run of `rft train` that several tests look at; its stand-in is still there."""

    code: int
    out: str
    err: str
    folder: Path

    @property
    def artifacts(self) -> dict[str, bytes]:
        """What the run left behind."""
        return {path.name: path.read_bytes() for path in (self.folder / "rft-output").iterdir()}


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FinishedRun]:
    """The whole road, once."""
    with serve_stub(MantleStub(handler=grade_sums)) as url, pytest.MonkeyPatch.context() as monkeypatch:
        folder = create_workspace(tmp_path_factory.mktemp("road"), url=url, monkeypatch=monkeypatch)
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as caught:
            main(TRAIN_WITH_VALIDATION_ARGUMENTS)
        yield FinishedRun(code=int(caught.value.code or 0), out=out.getvalue(), err=err.getvalue(), folder=folder)


def test_train_prints_every_step(finished_run: FinishedRun) -> None:
    """Check, deploy, upload, create, watch, compare, report: in this order, with these words."""
    lines = [line[:14].strip() for line in finished_run.out.splitlines()]
    assert (finished_run.code, finished_run.err) == (0, "")
    assert [word for word in lines if word.startswith("✓")] == [
        "✓ checked",
        "✓ deployed",
        "✓ uploaded",
        "✓ uploaded",
        "✓ created",
        "✓ trained",
    ]
    assert [word for word in lines[lines.index("Result") :] if word and word != "rows of val"] == [
        "Result",
        "reward",
        "held out",
        "model",
        "checkpoints",
        "plot",
        "report",
    ]
    assert sorted(finished_run.artifacts) == ["reward.png", "run.json"]


def test_report_holds_the_run(finished_run: FinishedRun) -> None:
    """run.json: every step, and both models on the rows beside the training file."""
    report = json.loads(finished_run.artifacts["run.json"])
    assert [metric["step"] for metric in report["metrics"]] == list(range(1, 68))
    assert report["comparison"]["source"] == "validation.jsonl"
    assert report["comparison"]["tuned"]["right"] > report["comparison"]["base"]["right"]
    assert report["target"] == {"name": "simulator", "region": "us-west-2"}


@pytest.mark.slow
def test_second_run_leaves_the_same_bytes(finished_run: FinishedRun, rft: Run, stub_workspace: Path) -> None:
    """Plot and report depend on the run alone: another folder, port and process of the service change nothing."""
    rft(*TRAIN_WITH_VALIDATION_ARGUMENTS)
    assert {
        path.name: path.read_bytes() for path in (stub_workspace / "rft-output").iterdir()
    } == finished_run.artifacts


def test_steps_by_themselves(finished_run: FinishedRun, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command of the road works alone."""

    def out(*arguments: str) -> str:
        with pytest.raises(SystemExit):
            main(arguments)
        return capsys.readouterr().out

    out("deploy", "reward")
    assert out("deploy", "reward").endswith("function:rft-reward  unchanged\n")
    assert out("check", "train.jsonl").startswith("✓ fit         train.jsonl  100 rows, ")
    assert out("jobs").split("\t") == [
        "ftjob-1",
        "succeeded",
        "openai.gpt-oss-20b",
        "ft:openai.gpt-oss-20b:123456789012::abcd1234",
        "2026-02-18 19:13\n",
    ]
    assert len(out("events", "ftjob-1").splitlines()) == 68
    assert [json.loads(line)["id"] for line in out("events", "ftjob-1", "--json").splitlines()[:2]] == [
        "ftevent-m001",
        "ftevent-0001",
    ]
    assert out("plot", "ftjob-1", "-o", "p.png") == "✓ drawn       p.png  67 steps\n"
    assert (finished_run.folder / "p.png").read_bytes().startswith(b"\x89PNG")
    assert out("watch", "ftjob-1").endswith("  model       ft:openai.gpt-oss-20b:123456789012::abcd1234\n")
    assert out("chat", "ft:x", "What is 3 plus 4?").startswith("Adding up.\n#### ")
    assert out("target").splitlines()[1].endswith("in force: nothing is billed: it all runs on this machine")


def test_without_validation_the_rows_are_the_last_tenth_of_the_training_file(rft: Run) -> None:
    """Which the simulator leaves out of training."""
    out = rft(*TRAIN_ARGUMENTS)[1]
    assert "  held out    " in out
    assert " of 10 right" in out
    assert "the last tenth of train.jsonl  right is a reward of 1 or more" in out


def test_failed_job_is_exit_code_1(rft: Run, stub: MantleStub) -> None:
    """The job's own error is the last word."""
    stub.final_status = "failed"
    stub.error = {"code": "grader_error", "message": "rollout r-7: no score", "param": None}
    code, _, err = rft(*TRAIN_ARGUMENTS)
    assert (code, err.splitlines()) == (
        1,
        [
            "✗ The job ftjob-1 failed: grader_error: rollout r-7: no score",
            "→ Its whole log: rft events ftjob-1   The function's: rft logs rft-reward",
        ],
    )


@pytest.mark.parametrize("end", ["failed", "cancelled"])
def test_unsuccessful_run_replaces_the_results_of_an_earlier_one(
    rft: Run, stub: MantleStub, stub_workspace: Path, end: str
) -> None:
    """The report is of the job that ended so, and no picture of another run lies beside it."""
    output = stub_workspace / "rft-output"
    output.mkdir()
    (output / "reward.png").write_bytes(b"old")
    stub.final_status = end
    rft(*TRAIN_ARGUMENTS)
    left = {path.name: path for path in output.iterdir()}
    assert sorted(left) == ["run.json"]
    assert json.loads(left["run.json"].read_bytes())["job"]["status"] == end


@pytest.mark.parametrize(
    ("arguments", "expected_text"),
    [
        (("--model", "openai.gpt-oss-21b"), "✗ The service has no model openai.gpt-oss-21b.\n→ It lists: openai.gpt-"),
        (("--batch-size", "91"), "✗ The run would have no step: a batch of 91 prompts is more than the 90 rows that"),
        (("--lr-multiplier", "inf"), "✗ --lr-multiplier inf scales the learning rate by no usable number.\n→ Give one"),
        (("--lr-multiplier", "0"), "✗ --lr-multiplier 0 scales the learning rate by no usable number.\n→ Give one"),
    ],
)
def test_untrainable_plan_creates_nothing(
    rft: Run, stub: MantleStub, arguments: tuple[str, ...], expected_text: str
) -> None:
    """What the client can know beforehand is refused before the function is deployed."""
    code, out, err = rft(*TRAIN_ARGUMENTS, *arguments)
    assert (code, stub.files, "deployed" in out) == (2, [], False)
    assert err.startswith(expected_text)


def test_default_data_is_named_as_such(rft: Run) -> None:
    """In another folder the example's path alone would puzzle."""
    code, _, err = rft("train")
    assert (code, err.splitlines()) == (
        2,
        [
            "✗ fixtures/prompts/train.jsonl does not exist here; `rft train` takes it when there is no --data.",
            "→ Name a file: rft train --data FILE",
        ],
    )


@pytest.mark.parametrize(
    ("arguments", "expected_text"),
    [
        (("watch", ""), "✗ The id is empty.\n→ `rft jobs` lists the jobs and their models.\n"),
        (("plot", "ftjob-1", "-o", "p.txt"), "✗ p.txt would hold a PNG image.\n→ Name it so: -o p.png\n"),
        (("check", "s3://"), "✗ s3:// names no bucket.\n→ Write s3://bucket/key.\n"),
    ],
)
def test_invalid_argument(rft: Run, arguments: tuple[str, ...], expected_text: str) -> None:
    """One line and its remedy, before anybody is asked."""
    assert rft(*arguments) == (2, "", expected_text)


def test_no_jobs_is_no_error(rft: Run) -> None:
    """An empty list is an answer."""
    assert rft("jobs") == (0, "", "There are no jobs yet.\n")


def test_version(rft: Run) -> None:
    """`rft --version` names the program."""
    assert rft("--version")[1].startswith("rft ")


@pytest.mark.parametrize("command", [("jobs",), ("watch", "ftjob-1"), ("deploy", "reward", "--yes")])
def test_bedrock_without_credentials(
    rft: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """Every command says the same readable thing, and no call leaves the machine."""
    for name in (*CREDENTIALS, "OPENAI_BASE_URL", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("RFT_TARGET", "bedrock")
    code, _, err = rft(*command)
    assert (code, err.splitlines()[0].startswith("✗ AWS credentials: ")) == (2, True)


def test_deploy_at_bedrock_requires_confirmation(rft: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It creates objects in somebody's account: they are named, and without a yes nothing is made."""
    monkeypatch.setenv("RFT_TARGET", "bedrock")
    monkeypatch.delenv("OPENAI_BASE_URL")
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    code, out, err = rft("deploy", "reward")
    assert (code, err) == (2, "✗ Nothing was created.\n→ Say yes, or add --yes.\n")
    assert [line.split()[:2] for line in out.splitlines()[1:]] == [
        ["function", "rft-reward"],
        ["role", "rft-reward-role"],
    ]


@pytest.mark.parametrize("command", ["deploy", "train"])
def test_connection_refused(rft: Run, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """A simulator that has ended is named with its address, by either SDK, and so is the way to start it."""
    gone = "http://127.0.0.1:9"
    monkeypatch.setenv("OPENAI_BASE_URL", f"{gone}/v1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", gone)
    hurried = replace(
        TARGETS["simulator"],
        retry_policy=RetryPolicy(first_delay=0, longest_delay=0, give_up_after=60, give_up_after_refused=0),
    )
    monkeypatch.setattr("client.target.TARGETS", {"simulator": hurried})
    arguments = TRAIN_ARGUMENTS if command == "train" else ("deploy", "reward")
    assert rft(*arguments)[::2] == (1, f"✗ Nothing listens at {gone}.\n→ Start it: rft-sim serve --port 9\n")


def test_cancelled_job_is_exit_code_3(rft: Run, stub: MantleStub) -> None:
    """Somebody else cancelled it."""
    stub.final_status = "cancelled"
    assert rft(*TRAIN_ARGUMENTS)[0] == 3


def test_bad_data_creates_nothing(rft: Run, stub_workspace: Path, stub: MantleStub) -> None:
    """A file that would be refused is not sent, and the line is named."""
    (stub_workspace / "train.jsonl").write_text("{}\n" * 100, encoding="utf-8")
    code, out, err = rft(*TRAIN_ARGUMENTS)
    assert (code, stub.files, stub.jobs) == (2, [], {})
    assert out.startswith("✗ train.jsonl, line 1: `messages` is missing")
    assert err == (
        "✗ train.jsonl would be refused for 100 problems.\n→ Mend it and look again: rft check train.jsonl\n"
    )


def test_broken_comparison_keeps_the_report(rft: Run, stub_workspace: Path, stub: MantleStub) -> None:
    """A grader that breaks after the training costs the comparison, not the results, and is not silent."""
    stub.handler = lambda *_: []
    code, _, err = rft(*TRAIN_ARGUMENTS)
    assert code == 1
    assert err.startswith("✗ The job succeeded. The comparison stopped: the reward function gave 0 results")
    assert json.loads((stub_workspace / "rft-output" / "run.json").read_bytes())["comparison"] is None


def test_bedrock_requires_confirmation(
    stub_workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a terminal and without --yes the bill is shown and nothing is created: no call leaves the machine."""
    monkeypatch.setenv("RFT_TARGET", "bedrock")
    monkeypatch.delenv("OPENAI_BASE_URL")
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    with pytest.raises(SystemExit) as caught:
        main([*TRAIN_ARGUMENTS, "--epochs", "2"])
    out, err = capsys.readouterr()
    assert (caught.value.code, err) == (2, "✗ Nothing was created.\n→ Say yes, or add --yes.\n")
    assert out.splitlines()[-5:] == [
        "AWS will bill the account of your credentials for",
        "  training    44 steps of 4 prompts, some 1,408 rollouts",
        "  Lambda      up to 1,408 invocations of 512 MB",
        "  inference   20 chat completions of up to 4,096 tokens, base and tuned",
        "  prices      https://aws.amazon.com/bedrock/pricing/  the counts are estimates",
    ]


def test_other_machine_is_refused(rft: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Target simulator and a real address: exit code 2."""
    monkeypatch.setenv("OPENAI_BASE_URL", "https://bedrock-mantle.us-west-2.api.aws/v1")
    code, out, err = rft(*TRAIN_ARGUMENTS)
    assert (code, out) == (2, "")
    assert "is not on this machine" in err


def test_cancel(rft: Run, stub: MantleStub) -> None:
    """`rft cancel` says what became of the job."""
    stub.jobs["ftjob-1"] = {"id": "ftjob-1", "status": "running"}
    assert rft("cancel", "ftjob-1")[1] == "✓ cancelled   ftjob-1\n"


def test_watch_of_an_unknown_job(rft: Run) -> None:
    """The service's own words, without advice to watch what does not exist."""
    assert rft("watch", "ftjob-7") == (
        1,
        "",
        "✗ The service answered 404: The fine-tuning job 'ftjob-7' does not exist\n",
    )


def test_usage_error_is_exit_code_2(rft: Run) -> None:
    """An option that does not exist."""
    assert rft("train", "--epoch", "1")[0] == 2


def test_debug_shows_the_traceback(rft: Run) -> None:
    """`--debug` works behind the command, where people put it."""
    with pytest.raises(Exception, match="does not exist"):
        main(["check", "nowhere.jsonl", "--debug"])


def test_interrupt_ends_the_program_at_once(tmp_path: Path) -> None:
    """While commands are being loaded, Ctrl-C is one line and 130."""
    code = (
        "import os, signal, sys\n"
        "from client import __main__ as door\n"
        "class Pressed:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'typer': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Pressed())\n"
        "door.main()\n"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "Stopped.\n")


def test_interrupt_lost_in_a_callback_is_raised_again() -> None:
    """One that is raised in a callback is neither printed nor lost."""

    def forgetful() -> None:
        thing = set[int]()
        gone = weakref.ref(thing, lambda _: signal.raise_signal(signal.SIGINT))
        del thing
        assert gone() is None

    with raise_on_interrupt() as require_none:
        forgetful()
        with pytest.raises(KeyboardInterrupt):
            require_none()


def test_interrupt_where_the_job_cannot_go_on(openai_client: MantleClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under `rft-sim exec` nobody is asked: the simulator ends with the command."""
    monkeypatch.setattr(watch, "poll_job", raise_keyboard_interrupt)
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with pytest.raises(Interrupted, match="and the job with it"):
        watch_job(
            openai_client, "ftjob-1", poll_interval=PollInterval(shortest=1, longest=1), console=console, ephemeral=True
        )


def raise_keyboard_interrupt(*_: Any, **__: Any) -> Any:
    """A watch during which Ctrl-C is pressed."""
    yield PollResult(job=Job(id="ftjob-1", status="running", body={}))
    raise KeyboardInterrupt


def test_interrupt_leaves_the_job(openai_client: MantleClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal nobody is asked: the job goes on, and the error says how to come back or end it."""
    monkeypatch.setattr(watch, "poll_job", raise_keyboard_interrupt)
    with pytest.raises(Interrupted) as caught:
        watch_job(
            openai_client,
            "ftjob-1",
            poll_interval=PollInterval(shortest=1, longest=1),
            console=Console(file=io.StringIO()),
        )
    assert (caught.value.exit_code, caught.value.next_step) == (
        130,
        "Watch it again: rft watch ftjob-1   End it: rft cancel ftjob-1",
    )


@pytest.mark.parametrize(("answer", "outcome"), [("y", JobCancelled), ("", Interrupted), ("n", Interrupted)])
def test_interrupt_offers_to_cancel(
    openai_client: MantleClient, monkeypatch: pytest.MonkeyPatch, answer: str, outcome: type[Exception]
) -> None:
    """At a terminal the user decides, and no answer means that the job goes on."""
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    monkeypatch.setattr(watch, "poll_job", raise_keyboard_interrupt)
    monkeypatch.setattr("builtins.input", lambda: answer)
    monkeypatch.setattr(openai_client, "cancel_job", lambda job_id: Job(id=job_id, status="cancelled", body={}))
    with pytest.raises(outcome):
        watch_job(openai_client, "ftjob-1", poll_interval=PollInterval(shortest=1, longest=1), console=console)


def test_terminal_shows_bar_reward_and_warnings(
    openai_client: MantleClient, monkeypatch: pytest.MonkeyPatch, stub: MantleStub
) -> None:
    """The live view ends full, with the last reward, and a warning event keeps its own line."""
    stub.reads = 99
    updates = [
        PollResult(job=Job(id="j", status="odd", body={})),
        PollResult(job=Job(id="j", status="succeeded", body={}), events=()),
    ]
    warning = parse_event(message_event(2, "grader was slow", at=1, level="warn"))
    updates[1] = PollResult(job=updates[1].job, events=(*map(parse_event, stub.log()), warning))
    monkeypatch.setattr(watch, "poll_job", lambda *_, **__: iter(updates))
    console = Console(file=io.StringIO(), force_terminal=True, width=110, color_system=None)
    watch_job(openai_client, "j", poll_interval=PollInterval(shortest=1, longest=1), console=console)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "67/67 reward 0.894" in text
    assert "! grader was slow" in text
    assert "! the status 'odd' is new to this client; it is not taken for an end." in text


def parse_event(body: dict[str, Any]) -> Any:
    """An event as the client reads it."""
    from client.mantle_client import _event  # noqa: PLC0415 - the reader is private to its module

    return _event(body)


def test_help_loads_nothing_heavy() -> None:
    """`rft --help` answers without the SDKs and the plotting library."""
    code = (
        "import sys, client.cli.app\n"
        "print([name for name in ('openai', 'boto3', 'botocore', 'matplotlib') if name in sys.modules])"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
