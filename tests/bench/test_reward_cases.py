"""The benchmark of the doctor reads every layout of a folder with rewards, and says what is missing in one."""

import json
from pathlib import Path

import pytest

from tests.bench.reward_cases import PROMPTS, CaseError, RewardCase, gallery_folders, load_cases


def write(path: Path, text: str = "") -> Path:
    """Write a file and its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_folder_with_verdicts_gives_files_and_folders(tmp_path: Path) -> None:
    """Each with its data: beside it, given by its name, or of our prompts."""
    verdicts = {
        "b": {"data": "rows.jsonl", "sound": False, "wrong": "pays all", "expected": ["S5"], "example": {"line": 1}},
        "a": {"data": "train.jsonl", "sound": True, "wrong": None, "expected": []},
        "c": {"data": "far.jsonl", "sound": False},
    }
    cases = tmp_path / "cases"
    write(cases / "verdicts.json", json.dumps(verdicts))
    for path in ("a/lambda_function.py", "b.py", "c.py", "rows.jsonl"):
        write(cases / path)
    far = write(tmp_path / "elsewhere" / "far.jsonl")
    assert load_cases(cases, data_files={"far.jsonl": far}) == [
        RewardCase(
            collection="cases", name="a", reward=cases / "a", data=PROMPTS / "train.jsonl", sound=True, expected=()
        ),
        RewardCase(
            collection="cases",
            name="b",
            reward=cases / "b.py",
            data=cases / "rows.jsonl",
            sound=False,
            expected=("S5",),
            wrong="pays all",
        ),
        RewardCase(collection="cases", name="c", reward=cases / "c.py", data=far, sound=False),
    ]


def test_whole_tasks_are_sound_unless_a_verdict_says_otherwise(tmp_path: Path) -> None:
    """Each folder whose name begins with `reward` is one."""
    for path in ("task/data.jsonl", "task/reward/lambda_function.py", "task/reward-fixed/lambda_function.py"):
        write(tmp_path / path)
    write(tmp_path / "verdicts.json", json.dumps({"task/reward": {"sound": False, "expected": ["S18"], "wrong": "x"}}))
    assert [(case.name, case.sound, case.expected, case.data) for case in load_cases(tmp_path)] == [
        ("task/reward", False, ("S18",), tmp_path / "task" / "data.jsonl"),
        ("task/reward-fixed", True, (), tmp_path / "task" / "data.jsonl"),
    ]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "{folder} has neither verdicts.json nor folders TASK/reward*/."),
        ({"verdicts.json": "{"}, "{folder}/verdicts.json is not JSON: "),
        (
            {"verdicts.json": '{"a": {"data": "train.jsonl", "sound": true}}'},
            "{folder}/verdicts.json names a, but there is neither a/ nor a.py beside it.",
        ),
        (
            {"verdicts.json": '{"a": {"data": "none.jsonl", "sound": true}}', "a.py": ""},
            "{folder}/verdicts.json needs the data file none.jsonl. Give it: --data-file none.jsonl=FILE",
        ),
        (
            {"task/make.py": "", "task/reward/lambda_function.py": ""},
            "{folder}/task/data.jsonl is missing. Run the task's own script (make.py) first: this benchmark runs none.",
        ),
    ],
    ids=["empty", "bad JSON", "no reward", "no data file", "data not made"],
)
def test_a_folder_that_lacks_a_file_is_refused(tmp_path: Path, files: dict[str, str], said: str) -> None:
    """With the file's name and what to do."""
    for path, text in files.items():
        write(tmp_path / path, text)
    with pytest.raises(CaseError) as refused:
        load_cases(tmp_path)
    assert str(refused.value).startswith(said.format(folder=tmp_path))


def test_every_gallery_can_be_read() -> None:
    """Each with sound and faulty rewards."""
    assert {folder.name: {case.sound for case in load_cases(folder)} for folder in gallery_folders()}.items() >= {
        "tuning": {True, False},
        "set_aside": {True, False},
    }.items()
