"""The reward function outside pytest's own process: as Lambda imports it, and run by hand on a file."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from reward_lambda.lambda_function import main

FOLDER = Path(__file__).parents[2] / "reward_lambda"

RIGHT = {
    "id": "a",
    "messages": [{"role": "assistant", "content": "#### 72"}],
    "reference_answer": {"text": "6 * 12 = 72\n#### 72"},
}
WRONG = {
    "id": "b",
    "messages": [{"role": "assistant", "content": "It is 72."}],
    "reference_answer": {"answer": "72"},
}
TABLE = """\
id   score  answer  marked  reference  note
'a'  1.0    72      yes     72
'b'  0.0    72      no      72         right, but not after ####

graded 2 rollouts: mean reward 0.5000, 0 could not be graded
"""


def test_it_is_a_top_level_module_of_the_standard_library_alone() -> None:
    """As in a deployed zip: imported by its file name, with no package around it and nothing installed."""
    program = (
        f"import sys, json; sys.path.insert(0, {str(FOLDER)!r}); import lambda_function; "
        f"print(json.dumps(lambda_function.lambda_handler(json.loads({json.dumps([RIGHT])!r}), None)[0]['id']))"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["graded 1 rollouts: mean reward 1.0000, 0 could not be graded", '"a"']


@pytest.mark.parametrize(
    "content",
    [
        json.dumps([RIGHT, WRONG]),
        json.dumps([RIGHT, WRONG], indent=2),
        json.dumps({"trajectories": [RIGHT, WRONG]}),
        f"{json.dumps(RIGHT)}\n{json.dumps(WRONG)}\n",
        f"{json.dumps([RIGHT])}\n\n{json.dumps([WRONG])}\n",
        "\ufeff" + json.dumps([RIGHT, WRONG]),
    ],
    ids=["array", "pretty array", "trajectories", "lines of rollouts", "lines of events", "byte order mark"],
)
def test_every_form_of_file_prints_the_table(content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A JSON array, an event object, and JSON lines are all read."""
    path = tmp_path / "events.json"
    path.write_text(content, encoding="utf-8")
    assert (main([str(path)]), capsys.readouterr().out) == (0, TABLE)


def test_a_dash_reads_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Events may be piped in."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(json.dumps([RIGHT, WRONG]).encode())))
    assert (main(["-"]), capsys.readouterr().out) == (0, TABLE)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it holds no rollouts"),
        (b"[]", "it holds no rollouts"),
        (b'{"id": "a"}\n{"id": \n', "line 2 is not JSON"),
        (b"\xff\xfe", "can't decode byte 0xff"),
    ],
    ids=["empty", "no rollouts", "broken line", "not UTF-8"],
)
def test_a_bad_file_is_a_clear_error(
    content: bytes, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 2, the file and the reason on standard error, no traceback."""
    path = tmp_path / "events.jsonl"
    path.write_bytes(content)
    with pytest.raises(SystemExit, match="2"):
        main([str(path)])
    assert f"cannot read {path}: {reason}" in capsys.readouterr().err.replace("'utf-8' codec ", "")


def test_a_missing_file_is_a_clear_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The path and the system's reason are named."""
    with pytest.raises(SystemExit, match="2"):
        main([str(tmp_path / "events.jsonl")])
    assert "No such file or directory" in capsys.readouterr().err
