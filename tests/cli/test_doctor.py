"""`rft-sim doctor`: its options, its reports and its exit codes."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from simulator.cli.app import app
from simulator.doctor.report.explanations import SECTIONS
from tests.doctor.fake_reward_functions import FakeRewardFunction, handler_for

ROOT = Path(__file__).parents[2]
DATA = ROOT / "fixtures" / "prompts" / "train.jsonl"
GRADERS = ROOT / "fixtures" / "graders"

CONSTANT = """\
def lambda_handler(event, context):
    return [{"id": rollout["id"], "aggregate_reward_score": SCORE} for rollout in event]
"""


def doctor(*arguments: str | Path, **variables: str) -> Result:
    """Run the command in this process."""
    environment = {"COLUMNS": "100", "RFT_TARGET": "simulator", "AWS_ENDPOINT_URL": ""} | variables
    return CliRunner(env=environment).invoke(app, ["doctor", *map(str, arguments)], catch_exceptions=False)


@pytest.fixture
def reward(tmp_path: Path) -> Path:
    """A folder with a function that scores everything 0.5."""
    folder = tmp_path / "reward"
    folder.mkdir()
    (folder / "lambda_function.py").write_text(CONSTANT.replace("SCORE", "0.5"))
    return folder


@pytest.mark.slow
def test_a_function_without_findings_exits_with_0(reward: Path) -> None:
    """The table is on standard output, and nothing on standard error."""
    result = doctor(reward, "--data", DATA, "--only", "S10")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[-1] == ("No finding speaks against paying for this run. Only S10 ran.")


@pytest.mark.slow
def test_a_failure_exits_with_1() -> None:
    """The score changes with every call."""
    result = doctor(GRADERS / "random_scores", "--data", DATA, "--only", "S10")
    failures = [line.split()[1] for line in result.stdout.splitlines() if line.startswith("FAIL")]
    assert (result.exit_code, failures) == (1, ["S10"])


@pytest.mark.slow
def test_a_function_that_always_raises_exits_with_1() -> None:
    """Whichever probe is chosen, because it cannot be measured."""
    result = doctor(GRADERS / "raises", "--data", DATA, "--only", "S10")
    assert (result.exit_code, "The function gives no usable score" in result.stdout) == (1, True)


@pytest.mark.slow
def test_a_warning_exits_with_1_only_with_strict(reward: Path) -> None:
    """The score has a little noise."""
    noisy = CONSTANT.replace("SCORE", "next(noise)").replace(
        "def ", "import itertools\nnoise = itertools.cycle([0.5, 0.5001, 0.5])\ndef ", 1
    )
    (reward / "lambda_function.py").write_text(noisy)
    codes = [doctor(reward, "--data", DATA, "--only", "S10", *more).exit_code for more in ((), ("--strict",))]
    assert codes == [0, 1]


def right_file(folder: Path) -> Path:
    """Return a file with a right response to the first record."""
    path = folder / "right.jsonl"
    path.write_text(json.dumps({"line": 1, "response": "#### 51"}) + "\n")
    return path


@pytest.mark.slow
def test_right_answers_can_be_given_by_a_field_or_a_file(reward: Path, tmp_path: Path) -> None:
    """They belong to the inputs of the report."""
    inputs = []
    for options in (["--solution", "reference_answer.answer"], ["--right", str(right_file(tmp_path))]):
        result = doctor(reward, "--data", DATA, "--only", "S10", "--json", "-", *options)
        inputs.append(json.loads(result.stdout)["questions"])
    by_field, by_file = inputs
    assert (by_field["solution"], len(by_file["right_sha256"])) == ("reference_answer.answer", 64)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--solution", "answers"], "--solution answers: no record of train.jsonl has a value there."),
        (["--solution", "a", "--right", "b"], "--solution and --right: give one of the two"),
        (["--right", "missing.jsonl"], "missing.jsonl cannot be read: No such file or directory"),
    ],
    ids=["no such field", "both", "no such file"],
)
def test_right_answers_that_cannot_be_used_are_an_error(reward: Path, options: list[str], error: str) -> None:
    """In one line, before the function is called."""
    result = doctor(reward, "--data", DATA, *options)
    assert (result.exit_code, error in " ".join(result.stderr.split())) == (2, True)


@pytest.mark.slow
def test_options_of_the_function_reach_it(tmp_path: Path) -> None:
    """`--env`, `--handler`, `--timeout` and `--memory`."""
    path = tmp_path / "graded.py"
    path.write_text(
        "import os\ndef scored(event, context):\n"
        "    assert (os.environ['MODE'], context.memory_limit_in_mb) == ('b=c', '256')\n"
        "    return [{'id': r['id'], 'aggregate_reward_score': 1.0} for r in event]\n"
    )
    options = ["--env", "MODE=b=c", "--handler", "graded.scored", "--memory", "256", "--timeout", "5"]
    assert doctor(path, "--data", DATA, "--only", "S10", *options).exit_code == 0


@pytest.mark.slow
def test_json_is_alone_on_standard_output(reward: Path) -> None:
    """For a pipe. The verdict is on standard error."""
    result = doctor(reward, "--data", DATA, "--only", "S10", "--json", "-")
    assert ([finding["probe"] for finding in json.loads(result.stdout)["findings"]], result.stderr) == (
        ["S10"],
        "No finding speaks against paying for this run. Only S10 ran.\n",
    )


@pytest.mark.slow
def test_one_run_writes_every_report(reward: Path, tmp_path: Path) -> None:
    """Each to its own file."""
    names = ("json", "junit", "html", "sarif", "markdown", "baseline", "golden")
    files = {name: tmp_path / f"report.{name}" for name in names}
    options = [text for name, path in files.items() for text in (f"--{name}", str(path))]
    doctor(reward, "--data", DATA, "--only", "S10", *options)
    assert {name: path.read_text()[:9] for name, path in files.items()} == {
        "json": '{\n  "base',
        "junit": "<?xml ver",
        "html": "<!DOCTYPE",
        "sarif": '{\n  "$sch',
        "markdown": "### Rewar",
        "baseline": '{\n  "sche',
        "golden": "# The sco",
    }


def test_an_unwritable_report_is_an_error_before_the_probes_run(
    reward: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The function is not called."""

    def refuse(_path: Path, _mode: str) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", refuse)
        patched.setattr("simulator.cli.doctor_run.run_probes", None)
        result = doctor(reward, "--data", DATA, "--only", "S10", "--html", tmp_path / "a.html")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"rft-sim: {tmp_path}/a.html cannot be written: Permission denied\n"


def test_the_check_of_report_paths_leaves_no_file_behind(reward: Path, tmp_path: Path) -> None:
    """The training file is missing, so nothing is written."""
    result = doctor(reward, "--data", "none.jsonl", "--html", tmp_path / "a.html")
    assert (result.exit_code, (tmp_path / "a.html").exists()) == (2, False)


@pytest.mark.slow
def test_a_report_that_fails_at_the_end_does_not_stop_the_others(reward: Path, tmp_path: Path) -> None:
    """A full disk: the exit code is 2."""
    result = doctor(reward, "--data", DATA, "--only", "S10", "--json", "/dev/full", "--html", tmp_path / "a.html")
    assert (result.exit_code, result.stderr) == (2, "rft-sim: /dev/full cannot be written: No space left on device\n")
    assert (tmp_path / "a.html").read_text().startswith("<!DOCTYPE html>")


@pytest.mark.slow
def test_comparing_with_a_golden_file_does_not_write_it(
    reward: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkout in CI may be read-only."""
    options = ["--data", str(DATA), "--only", "S10", "--golden", str(tmp_path / "golden.txt")]
    doctor(reward, *options)
    monkeypatch.setattr(Path, "write_text", None)
    assert doctor(reward, *options).exit_code == 0


@pytest.mark.slow
def test_only_the_runs_that_the_chosen_probes_read_are_simulated(reward: Path) -> None:
    """T8 reads the unchanged run, T13 also the red team's."""
    names = []
    for only in ("T8", "T13"):
        report = json.loads(doctor(reward, "--data", DATA, "--only", only, "--json", "-").stdout)
        names.append([run["name"] for run in report["courses"]])
    assert names == [["as it is"], ["as it is", "red team"]]


@pytest.mark.parametrize(
    ("option", "allowed"),
    [(["--epochs", "51"], "less than or equal to 50"), (["--lr-multiplier", "nan"], "less than or equal to 1000")],
)
def test_hyperparameters_out_of_range_are_refused(option: list[str], allowed: str, reward: Path) -> None:
    """The message gives the range."""
    result = doctor(reward, "--data", DATA, *option)
    assert (result.exit_code, allowed in result.stderr) == (2, True)


@pytest.mark.slow
def test_a_golden_file_of_an_earlier_release_still_matches() -> None:
    """The labels of the cases, their order and the inputs are a file format: users commit golden files.

    Labels of cases that a release no longer has, or that are new, are left out.
    """
    reward, data = ROOT / "fixtures/gallery/tuning/label_word", ROOT / "fixtures/prompts/labels.jsonl"
    golden = Path(__file__).with_name("golden_label_word.txt")
    result = doctor(reward, "--data", data, "--no-training", "--golden", golden)
    assert result.exit_code == 0, result.stdout
    assert "all 1,264 scores unchanged of those that both releases measure" in " ".join(result.stdout.split())


@pytest.mark.slow
def test_a_changed_score_differs_from_the_golden_file_until_it_is_updated(reward: Path, tmp_path: Path) -> None:
    """A difference is exit code 1; --update accepts it."""
    options = ["--data", str(DATA), "--only", "S10", "--rows", "8", "--golden", str(tmp_path / "golden.txt")]
    messages, codes = [], []
    for score, more in (("0.5", []), ("0.5", []), ("0.25", []), ("0.25", ["--update"]), ("0.25", [])):
        (reward / "lambda_function.py").write_text(CONSTANT.replace("SCORE", score))
        result = doctor(reward, *options, *more)
        codes.append(result.exit_code)
        messages.append(next(line for line in result.stdout.splitlines() if "olden file" in line).partition(": ")[2])
        if result.exit_code:
            assert ": 0.5 -> 0.25" in result.stdout
    assert codes == [0, 0, 1, 0, 0]
    assert [line.split()[-1] if line else "" for line in messages] == [
        "written.",
        "unchanged.",
        "",
        "written.",
        "unchanged.",
    ]


@pytest.mark.slow
def test_concurrent_calls_change_no_score(reward: Path, tmp_path: Path) -> None:
    """The answers are joined in order: the golden file of sequential calls matches."""
    (reward / "lambda_function.py").write_text(CONSTANT.replace("SCORE", "len(str(rollout['messages'])) % 7"))
    options = [str(reward), "--data", str(DATA), "--only", "S9,T1", "--golden", str(tmp_path / "golden.txt")]
    reports = [doctor(*options, *more).stdout for more in ([], ["--concurrency", "4"])]
    assert reports[1].splitlines()[-1].endswith("scores unchanged.")
    runs = [[line for line in report.splitlines() if "as it is" in line] for report in reports]
    assert runs[0] == runs[1] != []


@pytest.mark.slow
def test_with_a_baseline_only_new_failures_exit_with_1(reward: Path, tmp_path: Path) -> None:
    """A missing file is written, a new failure fails, and a known one passes after --update-baseline."""
    noise = "import itertools\nnoise = itertools.cycle([0.0, 1.0, 0.5])\n"
    options = ["--data", str(DATA), "--only", "S10", "--rows", "8", "--baseline", str(tmp_path / "baseline.json")]
    codes, lines = [], []
    for score, more in (
        ("0.5", []),
        ("next(noise)", []),
        ("next(noise)", ["--update-baseline"]),
        ("next(noise)", []),
        ("0.5", []),
    ):
        (reward / "lambda_function.py").write_text(noise + CONSTANT.replace("SCORE", score))
        result = doctor(reward, *options, *more)
        codes.append(result.exit_code)
        lines += [line.partition(": ")[2] for line in result.stdout.splitlines() if line.startswith("Baseline")]
    assert lines == [
        "written with no failure and no warning. Later runs fail for new ones only.",
        "1 new, 0 known, 0 fixed. --update-baseline overwrites it.",
        "written with 1 failure. Later runs fail for new ones only.",
        "0 new, 1 known, 0 fixed.",
        "0 new, 0 known, 1 fixed. --update-baseline overwrites it.",
    ]
    assert codes == [0, 1, 0, 0, 0]


@pytest.mark.slow
def test_repro_writes_a_script_that_shows_the_finding_with_the_reward_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report names the command, and the script fails after the function is mended."""
    monkeypatch.chdir(tmp_path)
    reward = tmp_path / "reward.py"
    reward.write_text("import itertools\nnoise = itertools.cycle([0.0, 1.0, 0.5])\n" + CONSTANT)
    reward.write_text(reward.read_text().replace("SCORE", "next(noise)"))
    options = ["--data", str(DATA), "--only", "S10", "--rows", "8", "--repro", "repro"]
    report = doctor("reward.py", *options).stdout
    assert "repro     python repro/s10_determinism.py\n" in report
    assert report.splitlines()[-1] == "Reproductions in repro: 1 script written."
    script = tmp_path / "repro" / "s10_determinism.py"
    codes = []
    for score in ("next(noise)", "0.5"):
        reward.write_text(reward.read_text().replace("next(noise)", score))
        codes.append(subprocess.run([sys.executable, script], check=False, capture_output=True, cwd="/").returncode)
    assert codes == [0, 1]


def test_repro_does_not_overwrite_a_file_that_it_did_not_write(reward: Path, tmp_path: Path) -> None:
    """It is refused before the function is called. A script of an earlier run is overwritten."""
    folder = tmp_path / "repro"
    folder.mkdir()
    (folder / "s9_exploits.py").write_text("print('mine')\n")
    result = doctor(reward, "--data", DATA, "--only", "S10", "--repro", folder)
    message = (
        f"rft-sim: --repro {folder}: {folder}/s9_exploits.py was not written by --repro. Move it, or name another "
    )
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"{message}folder\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "a reward function is missing: rft-sim doctor REWARD --data FILE"),
        (["reward"], "a training file is missing: --data FILE"),
        (["reward", "--data", "none.jsonl"], "none.jsonl cannot be read: No such file or directory"),
        (
            ["reward", "--data", "fixtures/defects/nan_literal.jsonl"],
            "fixtures/defects/nan_literal.jsonl: line 42: not valid JSON: NaN is not a JSON number",
        ),
        (["reward", "--data", "DATA", "--only", "S10,X"], "--only S10,X: no such probe: 'X'. The probes are S1"),
        (["reward", "--data", "DATA", "--update"], "--update goes with --golden FILE"),
        (["reward", "--data", "DATA", "--update-baseline"], "--update-baseline goes with --baseline FILE"),
        (["reward", "--data", "DATA", "--baseline", "LICENSE"], "LICENSE: this is not a file that --baseline wrote"),
        (
            ["reward", "--data", "DATA", "--baseline", "LICENSE", "--json", "LICENSE"],
            "--baseline and --json both name LICENSE: give one",
        ),
        (["reward", "--data", "DATA", "--sarif", "no/a.sarif"], "no/a.sarif cannot be written: there is no folder no"),
        (["reward_lambda", "--data", "DATA", "--repro", "LICENSE"], "--repro LICENSE is a file; name a folder"),
        (["reward_lambda", "--data", "DATA", "--repro", "no/a"], "--repro no/a cannot be written: there is no folder"),
        (["my-reward", "--data", "DATA", "--repro", "a"], "--repro a needs the reward function's file, folder or zip"),
        (["--all"], "--all goes with --self-test"),
        (["reward", "--self-test"], "--self-test runs reward functions of its own: leave out reward"),
        (["--self-test", "--json", "no/a.json"], "no/a.json cannot be written: there is no folder no"),
        (["reward", "--data", "DATA", "--env", "A"], "--env A: give NAME=VALUE"),
        (["reward", "--data", "DATA", "--env", "A=1", "--env", "A=2"], "--env A is given twice: '1' and '2'"),
        (["reward_lambda", "--data", "DATA", "--env", "AWS_REGION=x"], "Lambda rejects this configuration"),
        (["reward", "--data", "DATA", "--timeout", "inf"], "--timeout inf: Lambda takes 1 to 900 seconds"),
        (["reward", "--data", "DATA", "--timeout", "-1"], "--timeout -1: Lambda takes 1 to 900 seconds"),
        (
            ["reward", "--data", "DATA", "--json", "no.json", "--html", "./no.json"],
            "--json and --html both name no.json: give one of them another file",
        ),
        (["reward", "--data", "LICENSE", "--junit", "LICENSE"], "--data and --junit both name LICENSE: give one"),
        (
            ["reward", "--data", "DATA", "--validation", "LICENSE", "--update", "--golden", "LICENSE"],
            "--validation and --golden both name LICENSE: give one",
        ),
        (["reward", "--data", "DATA", "--set", "sed=1"], "--set 'sed=1' is not NAME=VALUE with the name of a setting"),
        (["reward", "--data", "DATA", "--set", "seed=1", "--seed", "2"], "--set seed=1 and --seed: give one of the"),
        (["reward", "--data", "DATA", "--rollouts-model", "m"], "--rollouts-model and --rollouts-key-env go with"),
        (["reward", "--data", "DATA", "--html", "no/a.html"], "no/a.html cannot be written: there is no folder no"),
        (["reward", "--data", "DATA", "--json", "client"], "client is a folder; name a file"),
        (["reward", "--data", "DATA", "--golden", "LICENSE"], "LICENSE, line 1: this is not a file that --golden"),
        (["./nowhere", "--data", "DATA"], "./nowhere does not exist. Give a folder, a .py file, a zip"),
        (["--explain", "S99"], "--explain S99: no such finding. The findings are S1"),
    ],
)
def test_a_usage_error_is_one_line(arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 2, before the function is called."""
    monkeypatch.chdir(ROOT)
    result = doctor(*[str(DATA) if argument == "DATA" else argument for argument in arguments])
    assert (result.exit_code, result.stderr.startswith(f"rft-sim: {message}"), result.stderr.count("\n")) == (
        2,
        True,
        1,
    ), result.stderr


@pytest.fixture
def load_calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Load a fake deployed function, and record the arguments of each call."""
    calls: list[dict[str, Any]] = []

    @contextmanager
    def load(reward: str, **options: Any) -> Iterator[FakeRewardFunction]:
        calls.append({"reward": reward} | options)
        yield FakeRewardFunction(handler_for(lambda _element: 0.5))

    monkeypatch.setattr("simulator.doctor.loading.load_reward_function", load)
    return calls


@pytest.mark.parametrize(
    ("options", "endpoint", "url"),
    [
        ([], "", "http://127.0.0.1:8723"),
        ([], "http://127.0.0.1:9999", "http://127.0.0.1:9999"),
        (["--port", "5000"], "http://127.0.0.1:9999", "http://127.0.0.1:5000"),
        (["--host", "localhost"], "", "http://localhost:8723"),
    ],
)
def test_the_simulator_comes_from_the_options_or_the_environment(
    options: list[str], endpoint: str, url: str, load_calls: list[dict[str, Any]]
) -> None:
    """The options win over AWS_ENDPOINT_URL, which `rft-sim exec` sets."""
    doctor("my-reward", "--data", DATA, "--only", "S10", *options, AWS_ENDPOINT_URL=endpoint)
    assert [(call["simulator"], call["at_aws"]) for call in load_calls] == [(url, False)]


def test_a_function_at_aws_is_not_invoked_without_yes(load_calls: list[dict[str, Any]]) -> None:
    """The message says about how many invocations AWS would bill."""
    result = doctor("my-reward", "--data", DATA, RFT_TARGET="bedrock")
    message = (
        "rft-sim: my-reward is at AWS. About 2,100 invocations will be billed to your account, and so will any service "
        "that it calls. Add --yes to continue.\n"
    )
    assert (result.exit_code, result.stderr) == (2, message)


def test_a_function_at_aws_is_invoked_with_yes(load_calls: list[dict[str, Any]]) -> None:
    """The user agrees to the bill."""
    result = doctor("my-reward", "--data", DATA, "--only", "S10", "--yes", RFT_TARGET="bedrock")
    assert (result.exit_code, load_calls[0]["at_aws"]) == (0, True)


def test_explain_prints_a_page() -> None:
    """Question, meaning, measurement, remedy and source, and the location of the page."""
    lines = doctor("--explain", "s10").stdout.splitlines()
    assert (lines[0], lines[-1]) == ("S10 determinism", "docs/findings.md#s10")
    assert [line for line in lines[1:-1] if line and not line.startswith(" ")] == [title for _, title in SECTIONS]


ENDLESS_GRADER = """\
import socket, time
def lambda_handler(event, context):
    if event[0]["id"].startswith("ID"):
        connection = socket.create_connection(("127.0.0.1", PORT))
        time.sleep(600)
    return [{"id": rollout["id"], "aggregate_reward_score": 0.5} for rollout in event]
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code", "first_id", "options"),
    [
        pytest.param(signal.SIGINT, 130, "train-1-", [], id="static probes"),
        pytest.param(signal.SIGTERM, 143, "train-2-", ["--only", "T1"], id="simulated training"),
        pytest.param(signal.SIGINT, 130, "train-2-", ["--only", "T1", "--concurrency", "4"], id="concurrent calls"),
    ],
)
def test_an_interrupted_run_leaves_no_traceback_and_no_process(
    number: signal.Signals, code: int, first_id: str, options: list[str], tmp_path: Path
) -> None:
    """The function's process ends with the command, even in the middle of a call."""
    path = tmp_path / "endless.py"
    command = [sys.executable, "-m", "simulator", "doctor", str(path), "--data", str(DATA), *options]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(60)
        path.write_text(ENDLESS_GRADER.replace("ID", first_id).replace("PORT", str(listener.getsockname()[1])))
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as child:
            connection, _ = listener.accept()
            child.send_signal(number)
            _, errors = child.communicate(timeout=60)
    with connection:
        connection.settimeout(60)
        assert connection.recv(1) == b""  # the function's process has ended
    assert (child.returncode, errors) == (code, "rft-sim: interrupted\n" if number is signal.SIGINT else "")


LEFT_OUT = (
    "The plan “minimal” leaves it out, because the first call did not end. `--plan full --budget 600` measures it."
)


@pytest.mark.slow
def test_a_function_that_sleeps_long_ends_with_its_budget(reward: Path, tmp_path: Path) -> None:
    """Nothing could be measured, and the report says why and what to do."""
    sleeping = CONSTANT.replace("SCORE", "0.5").replace(
        "    return", "    import time\n    time.sleep(600)\n    return"
    )
    (reward / "lambda_function.py").write_text(sleeping)
    result = doctor(reward, "--data", DATA, "--budget", "6", "--json", tmp_path / "report.json")
    report = json.loads((tmp_path / "report.json").read_text())
    failures = [finding["what"] for finding in report["findings"] if finding["severity"] == "fail"]
    reasons = {finding["what"] for finding in report["findings"] if finding["severity"] == "not measured"}
    assert (result.exit_code, report["plan"], failures, reasons) == (
        1,
        "minimal",
        ["No call ended within the budget of 6 s, so nothing could be measured."],
        {
            "the budget of 6 s is used up; --budget 600 gives more time",
            LEFT_OUT,
        },
    )


@pytest.mark.slow
def test_options_overrule_the_plan_and_the_report_says_so(reward: Path, tmp_path: Path) -> None:
    """A plan that was asked for stands in the report too."""
    doctor(reward, "--data", DATA, "--plan", "brief", "--rows", "4", "--json", tmp_path / "report.json")
    report = json.loads((tmp_path / "report.json").read_text())
    assert [report["plan"], report["plan_cause"], report["plan_changes"], report["questions"]["rows"]] == [
        "brief",
        "--plan brief was given",
        ["--rows 4"],
        "4",
    ]


def test_another_plan_is_an_error(reward: Path) -> None:
    """It lists the plans."""
    result = doctor(reward, "--data", DATA, "--plan", "short")
    assert (result.exit_code, "The plans are full, reduced, brief and minimal" in result.stderr) == (2, True)
