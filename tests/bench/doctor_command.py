"""Runs the doctor of this build or of another one on a reward function, as a user does: through its command line."""

import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator.doctor.finding import Severity
from simulator.doctor.report.json_report import probes_with
from tests.bench.limited_process import run_limited
from tests.bench.reward_cases import ROOT, RewardCase
from tests.bench.reward_verdicts import Verdict

NAME = "doctor"
NAME_BEFORE = "doctor before"


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorCommand:
    """The doctor of a build.

    Attributes:
        python: the interpreter of the build's environment.
        arguments: more options of the command.
    """

    name: str = NAME
    python: str = sys.executable
    arguments: tuple[str, ...] = ()

    def run(self, case: RewardCase, *, limit: float) -> Verdict:
        """Run the command and read its report."""
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        if self.python == sys.executable:
            environment["PYTHONPATH"] = str(ROOT)  # this tree, wherever the environment was installed from
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report.json"
            command = [self.python, "-m", "simulator", "doctor", str(case.reward), "--data", str(case.data)]
            started = time.perf_counter()
            done = run_limited(
                [*command, "--json", str(report), *self.arguments], folder=folder, env=environment, limit=limit
            )
            seconds = time.perf_counter() - started
            if done is None:
                return Verdict(outcome="hang", seconds=seconds, note=f"stopped after {limit:g} s")
            if not report.exists():
                return Verdict(outcome="crash", seconds=seconds, note=done.last_line)
            return read_report(json.loads(report.read_text(encoding="utf-8")), seconds=seconds)


def read_report(report: Mapping[str, Any], *, seconds: float) -> Verdict:
    """Return the verdict of a report in JSON."""
    failed, warned, not_measured = (
        probes_with(severity, report) for severity in (Severity.FAIL, Severity.WARN, Severity.SKIPPED)
    )
    return Verdict(
        outcome="fail" if failed else "warn" if warned else "nothing",
        seconds=seconds,
        failed=failed,
        warned=warned,
        not_measured=not_measured,
    )
