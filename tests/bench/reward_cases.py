"""Reads the reward functions that a benchmark of the doctor runs: galleries, folders of cases, whole tasks.

A folder is read in one of two layouts:

- `verdicts.json` with `NAME.py` or `NAME/` beside it: `{NAME: {"data", "wrong", "sound", "expected", "example"}}`. The
  data file is beside it too, among `fixtures/prompts/`, or given by its name (`data_files`).
- whole tasks, `TASK/data.jsonl` with `TASK/reward*/`: each reward is sound, unless `verdicts.json` says otherwise under
  the name `TASK/reward`. A script that makes the data is not run.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
GALLERIES = ROOT / "fixtures" / "gallery"
PROMPTS = ROOT / "fixtures" / "prompts"
VERDICTS = "verdicts.json"
TASK_DATA = "data.jsonl"


class CaseError(Exception):
    """A folder cannot be read; the message is for the person who named it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardCase:
    """A reward function, and what is known of it.

    Attributes:
        collection: the folder's name.
        reward: a `.py` file or a folder.
        data: its training file.
        sound: whether nothing is wrong with it.
        expected: the ids of the findings that name its fault; empty if nobody wrote them down.
        wrong: the fault in a sentence.
    """

    collection: str
    name: str
    reward: Path
    data: Path
    sound: bool
    expected: tuple[str, ...] = ()
    wrong: str = ""


def gallery_folders() -> list[Path]:
    """Return our own galleries."""
    return sorted(path.parent for path in GALLERIES.glob(f"*/{VERDICTS}"))


def load_cases(folder: Path, *, data_files: Mapping[str, Path] | None = None) -> list[RewardCase]:
    """Return the rewards of a folder, sorted by name. Raise CaseError if a file is missing."""
    if not folder.is_dir():
        raise CaseError(f"{folder} is not a folder.")
    verdicts = _read_verdicts(folder)
    tasks = sorted({path.parent for path in folder.glob("*/reward*") if path.is_dir()})
    if tasks:
        return [case for task in tasks for case in _load_task(task, verdicts=verdicts)]
    if not verdicts:
        raise CaseError(f"{folder} has neither {VERDICTS} nor folders TASK/reward*/.")
    return [
        _build_case(folder, name, verdict, data=_find_data(folder, str(verdict["data"]), data_files or {}))
        for name, verdict in sorted(verdicts.items())
    ]


def _read_verdicts(folder: Path) -> dict[str, dict[str, Any]]:
    path = folder / VERDICTS
    if not path.exists():
        return {}
    try:
        verdicts: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CaseError(f"{path} is not JSON: {error}") from error
    return verdicts


def _load_task(task: Path, *, verdicts: Mapping[str, dict[str, Any]]) -> list[RewardCase]:
    data = task / TASK_DATA
    if not data.exists():
        raise CaseError(f"{data} is missing. Run the task's own script (make.py) first: this benchmark runs none.")
    return [
        _build_case(
            task.parent, f"{task.name}/{reward.name}", verdicts.get(f"{task.name}/{reward.name}", {}), data=data
        )
        for reward in sorted(task.glob("reward*"))
        if reward.is_dir()
    ]


def _build_case(folder: Path, name: str, verdict: Mapping[str, Any], *, data: Path) -> RewardCase:
    reward = next((path for path in (folder / name, folder / f"{name}.py") if path.exists()), None)
    if reward is None:
        raise CaseError(f"{folder / VERDICTS} names {name}, but there is neither {name}/ nor {name}.py beside it.")
    return RewardCase(
        collection=folder.name,
        name=name,
        reward=reward.absolute(),
        data=data.absolute(),
        sound=bool(verdict.get("sound", True)),
        expected=tuple(verdict.get("expected") or ()),
        wrong=str(verdict.get("wrong") or ""),
    )


def _find_data(folder: Path, name: str, data_files: Mapping[str, Path]) -> Path:
    for path in (folder / name, *([data_files[name]] if name in data_files else []), PROMPTS / name):
        if path.exists():
            return path
    raise CaseError(f"{folder / VERDICTS} needs the data file {name}. Give it: --data-file {name}=FILE")
