"""`rft-sim compare`: its options, its reports and its exit codes."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from simulator.cli.app import app

ROOT = Path(__file__).parents[2]
DATA = ROOT / "fixtures" / "prompts" / "labels.jsonl"
SOUND = ROOT / "fixtures" / "gallery" / "tuning" / "label_word"
LAX = ROOT / "fixtures" / "gallery" / "tuning" / "label_anywhere"


def compare(*arguments: str | Path) -> Result:
    """Run the command in this process."""
    environment = {"COLUMNS": "100", "RFT_TARGET": "simulator", "AWS_ENDPOINT_URL": ""}
    return CliRunner(env=environment).invoke(app, ["compare", *map(str, arguments)], catch_exceptions=False)


@pytest.mark.slow
@pytest.mark.parametrize(("old", "new", "code", "change"), [(SOUND, LAX, 1, "new"), (LAX, SOUND, 0, "fixed")])
def test_a_failure_that_the_old_version_has_not_exits_with_1(old: Path, new: Path, code: int, change: str) -> None:
    """The table names it, and JSON on standard output has the numbers of both versions."""
    options = ["--data", str(DATA), "--no-training", "--plan", "brief"]
    result = compare(old, new, *options, "--json", "-")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["passes"]) == (code, code == 0)
    assert "S9" in [finding["probe"] for finding in document["findings"][change] if finding["severity"] == "fail"]
    assert f"{change:<7}" in result.stderr
    ceilings = document["headline"]["false_pass_ceiling"]
    assert (ceilings["new"]["value"] > ceilings["old"]["value"]) is (code == 1)
    assert sum(group["changed"] for group in document["scores"]) > 0


@pytest.mark.slow
def test_a_version_compared_with_itself_has_no_change(tmp_path: Path) -> None:
    """No finding and no score differs."""
    path = tmp_path / "compare.json"
    result = compare(SOUND, SOUND, "--data", DATA, "--no-training", "--plan", "brief", "--json", path)
    document = json.loads(path.read_text())
    assert (result.exit_code, document["largest"], document["unmatched"]) == (0, [], 0)
    assert document["findings"] == {name: [] for name in ("new", "fixed", "same", "not_compared", "changed")}
    assert result.stdout.splitlines()[-1].startswith("0 new, 0 fixed, 0 changed, 0 unchanged findings; 0 of ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.py", "b.py"], "a training file is missing: rft-sim compare OLD NEW --data FILE"),
        (["a.py", "b.py", "--data", "DATA"], "a.py does not exist"),
        (["LICENSE", "b.py", "--data", "DATA"], "b.py does not exist"),
        (
            ["a", "b", "--data", "DATA", "--solution", "x", "--right", "y"],
            "--solution and --right: give one of the two",
        ),
        (["a", "b", "--data", "DATA", "--plan", "x"], "--plan x: no such plan. The plans are full, reduced, brief and"),
        (["a", "b", "--data", "DATA", "--json", "no/a"], "no/a cannot be written: there is no folder no"),
        (["a", "b", "--data", "none.jsonl"], "none.jsonl cannot be read: No such file or directory"),
    ],
)
def test_a_usage_error_is_one_line(arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 2, before a function is called."""
    monkeypatch.chdir(ROOT)
    result = compare(*[str(DATA) if argument == "DATA" else argument for argument in arguments])
    assert (result.exit_code, result.stderr.startswith(f"rft-sim: {message}"), result.stderr.count("\n")) == (
        2,
        True,
        1,
    ), result.stderr
