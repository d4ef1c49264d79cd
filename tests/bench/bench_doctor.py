"""Measures the doctor: which faults it finds, which false alarms it raises, and how long a run takes.

    python -m tests.bench.bench_doctor [FOLDER]... [--before PYTHON] [--rival NAME]... [--only TEXT]...

Runs `rft-sim doctor` on every reward function of our galleries (`fixtures/gallery/`) and of each FOLDER
(`reward_cases.py` says how a folder is laid out), and prints a line for each and the figures of each collection.

PYTHON is the interpreter of a virtual environment with another build of this project, such as the one before a change.
A rival is another tool from PyPI; it is installed in an environment of its own (`rivals/`). All tools take turns on a
reward function, so that they see the same machine. Seconds depend on the machine: compare them within a run.

The galleries `tuning` and `set_aside` differ: rules are set on the first and not on the second (fixtures/README.md).
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console

from tests.bench.doctor_command import NAME, NAME_BEFORE, DoctorCommand
from tests.bench.doctor_tables import figures_table, rewards_table
from tests.bench.reward_cases import CaseError, RewardCase, gallery_folders, load_cases
from tests.bench.reward_verdicts import Verdict
from tests.bench.rivals.registry import RIVALS

LIMIT = 180  # seconds


class Tool(Protocol):
    """Judges reward functions."""

    @property
    def name(self) -> str:
        """The heading of its columns."""

    def run(self, case: RewardCase, *, limit: float) -> Verdict:
        """Judge one reward function within a number of seconds."""


class KeptVerdicts:
    """Verdicts in a file, so that a benchmark that was stopped goes on, and a rival runs once and not each time."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._verdicts: dict[str, Verdict] = {}
        if path is not None and path.exists():
            stored = json.loads(path.read_text(encoding="utf-8"))
            self._verdicts = {key: Verdict(**_with_tuples(value)) for key, value in stored.items()}

    def run(self, tool: Tool, case: RewardCase, *, limit: float) -> Verdict:
        """Return the kept verdict, or run the tool and keep its verdict. This build always runs."""
        key = f"{tool.name}: {case.collection}/{case.name}"
        if tool.name == NAME or key not in self._verdicts:
            self._verdicts[key] = tool.run(case, limit=limit)
            if self._path is not None:
                stored = {key: asdict(verdict) for key, verdict in dict(self._verdicts).items()}
                self._path.write_text(json.dumps(stored, indent=1), encoding="utf-8")
        return self._verdicts[key]


def _with_tuples(value: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(item) if isinstance(item, list) else item for name, item in value.items()}


def judge(
    cases: Sequence[RewardCase], tools: Sequence[Tool], kept: KeptVerdicts, *, limit: float, jobs: int
) -> Iterator[tuple[RewardCase, dict[str, Verdict]]]:
    """Yield the verdicts of all tools on each reward function, in order."""

    def judge_one(case: RewardCase) -> dict[str, Verdict]:
        return {tool.name: kept.run(tool, case, limit=limit) for tool in tools}

    with ThreadPoolExecutor(jobs) as threads:
        for number, (case, verdicts) in enumerate(zip(cases, threads.map(judge_one, cases), strict=True), 1):
            said = ", ".join(f"{name} {verdict.outcome} {verdict.seconds:.1f} s" for name, verdict in verdicts.items())
            print(f"{number} of {len(cases)} {case.collection}/{case.name}: {said}", file=sys.stderr, flush=True)
            yield case, verdicts


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="more reward functions")
    parser.add_argument("--no-galleries", action="store_true", help="only the folders named here")
    parser.add_argument(
        "--data-file", action="append", default=[], metavar="NAME=FILE", help="a data file that is not beside its cases"
    )
    parser.add_argument("--before", metavar="PYTHON", help="the interpreter of another build")
    parser.add_argument("--rival", action="append", default=[], choices=sorted(RIVALS), help="another tool; repeatable")
    parser.add_argument("--only", action="append", help="rewards whose name contains this; repeatable")
    parser.add_argument("--limit", type=float, default=LIMIT, help="the hard limit of a run in seconds")
    parser.add_argument("--jobs", type=int, default=1, help="rewards at a time; with more than 1, times mean little")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="keep verdicts here; those of other tools are reused")
    parser.add_argument("--doctor-options", default="", help="options of this build's doctor, such as --no-training")
    chosen = parser.parse_args()

    tools: list[Tool] = [DoctorCommand(arguments=tuple(chosen.doctor_options.split()))]
    if chosen.before:
        tools.append(DoctorCommand(name=NAME_BEFORE, python=chosen.before))
    try:
        data_files = {name: Path(file) for name, _, file in (entry.partition("=") for entry in chosen.data_file)}
        folders = ([] if chosen.no_galleries else gallery_folders()) + chosen.folders
        cases = [case for folder in folders for case in load_cases(folder.resolve(), data_files=data_files)]
    except CaseError as error:
        sys.exit(str(error))
    tools += [RIVALS[name]() for name in chosen.rival]
    cases = [
        case
        for case in cases
        if not chosen.only or any(text in f"{case.collection}/{case.name}" for text in chosen.only)
    ]
    results = list(judge(cases, tools, KeptVerdicts(chosen.keep), limit=chosen.limit, jobs=chosen.jobs))
    console = Console(width=200)
    console.print(rewards_table(results))
    console.print()
    console.print(figures_table(results))


if __name__ == "__main__":
    main()
