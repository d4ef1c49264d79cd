"""An environment of its own for another tool, with its version pinned, and the reward functions put into it."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator.doctor.right_answers.unit_tests import unit_test_sources
from simulator.grading.lambda_event import event_element
from simulator.settings import GradingSettings
from simulator.training.dataset import DatasetLimits, Record, read_records
from tests.bench.reward_cases import RewardCase
from tests.bench.rivals.known_answers import known_answer

ENVIRONMENTS = Path(tempfile.gettempdir()) / "doctor-benchmark-rivals"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledTool:
    """A tool in a virtual environment."""

    python: Path

    @classmethod
    def install(cls, *requirements: str) -> "InstalledTool":
        """Install pinned packages from PyPI; an environment of an earlier run is used again."""
        folder = ENVIRONMENTS / "+".join(requirements)
        python = folder / "bin" / "python"
        if not (folder / "installed").exists():
            print(f"installing {', '.join(requirements)} in {folder}", file=sys.stderr, flush=True)
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
            subprocess.run([str(python), "-m", "pip", "install", "--quiet", *requirements], check=True)
            (folder / "installed").touch()
        return cls(python=python)


def copy_reward(case: RewardCase, folder: Path, *, appended: str) -> Path:
    """Copy the reward function as `rewards.py`, with a wrapper behind it, as a user would add one to his own file."""
    source = case.reward
    folder.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, folder, dirs_exist_ok=True)
        source = folder / "lambda_function.py"
    target = folder / "rewards.py"
    target.write_text(f"{source.read_text(encoding='utf-8')}\n\n{appended}", encoding="utf-8")
    return target


def rows(case: RewardCase) -> Iterator[dict[str, Any]]:
    """Yield for each record its `prompt`, the right `answer`, and the `event` element without a response, as JSON."""
    with case.data.open("rb") as stream:
        records = read_records(stream, DatasetLimits(min_records=1))
    for record in records:
        messages = [{"role": message.role, "content": message.content} for message in record.messages]
        element = event_element(rollout_id=f"line-{record.line}", record=record, text="", settings=GradingSettings())
        yield {
            "prompt": messages,
            "answer": known_answer({**record.fields, "messages": messages}) or _passing_program(record),
            "event": json.dumps(element),
        }


def _passing_program(record: Record) -> str:
    """Return a program that passes the record's tests: where a record has tests alone, the doctor uses the same one."""
    function, *_ = unit_test_sources()
    return function.read(record).text
