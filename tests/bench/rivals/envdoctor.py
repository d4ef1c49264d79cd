"""rl-envdoctor 0.1.0 (PyPI): lets policies that never read the task answer it, and compares them with right answers.

It is used as its documentation describes for any grader: a `FunctionTarget` of the reward function and its cases (a
prompt and the right answer each), scanned by its own command with the default settings.

Its severities are read so: critical and high, with which its command fails by default, are a failure; medium and low
are a warning; info is nothing. An `uncalibrated` scan is info in its report, and so nothing here.

Its checks are not compared with the causes that a verdict names.
"""

import json
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.bench.limited_process import run_limited
from tests.bench.reward_cases import RewardCase
from tests.bench.reward_verdicts import Outcome, Verdict
from tests.bench.rivals.installed_tool import InstalledTool, copy_reward, rows

NAME = "rl-envdoctor 0.1.0"
_REQUIREMENTS = ("rl-envdoctor==0.1.0",)

_WRAPPER = """
def _target():
    import json
    from pathlib import Path
    from envdoctor import Case, FunctionTarget

    def reward(completion, info):
        rollout = json.loads(info["event"])
        rollout["messages"][-1]["content"] = completion
        return lambda_handler([rollout], None)[0]["aggregate_reward_score"]

    lines = Path(__file__).with_name("data.jsonl").read_text().splitlines()
    cases = [
        Case(id=str(number), prompt=row["prompt"], answer=row["answer"], info={"event": row["event"]})
        for number, row in enumerate(map(json.loads, lines))
    ]
    return FunctionTarget(reward, cases, name="reward")


target = _target()
"""


class EnvDoctor:
    """The tool in its environment."""

    name = NAME

    def __init__(self) -> None:
        self._tool = InstalledTool.install(*_REQUIREMENTS)

    def run(self, case: RewardCase, *, limit: float) -> Verdict:
        """Scan the reward."""
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            copy_reward(case, place / "reward", appended=_WRAPPER)
            (place / "reward" / "data.jsonl").write_text(
                "".join(json.dumps(row) + "\n" for row in rows(case)), encoding="utf-8"
            )
            report, started = place / "report.json", time.perf_counter()
            done = run_limited(
                [
                    *(str(self._tool.python.with_name("envdoctor")), "scan", "rewards::target"),
                    *("--json", str(report)),
                ],
                folder=place / "reward",
                env={"PATH": "/usr/bin:/bin", "HOME": folder, "PYTHONPATH": str(place / "reward")},
                limit=limit,
            )
            seconds = time.perf_counter() - started
            if done is None:
                return Verdict(outcome="hang", seconds=seconds, note=f"stopped after {limit:g} s")
            if not report.exists():
                return Verdict(outcome="crash", seconds=seconds, note=done.last_line)
            return Verdict(outcome=read_report(json.loads(report.read_text(encoding="utf-8"))), seconds=seconds)


def read_report(report: Mapping[str, Any]) -> Outcome:
    """Return the worst of its findings."""
    severities = {finding["severity"] for finding in report["findings"]}
    if severities & {"critical", "high"}:
        return "fail"
    return "warn" if severities & {"medium", "low"} else "nothing"
