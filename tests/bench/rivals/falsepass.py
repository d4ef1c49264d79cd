"""falsepass 0.11.0 (PyPI): probes a reward function with completions whose correctness it knows.

It is used as its documentation describes for a reward function of TRL's GRPOTrainer with a dataset: a function that
takes `completions` is added to the reward's own file, the prompts are conversations, and the column `answer` has the
right answer. Its settings are the default ones. `falsepass audit` would build a new environment for each run with uv;
its runner is started in the environment of this benchmark instead, which saves it that time.

It prints leads and no verdict. They are read so:

- fail: a kind of completion that it knows to be bad was paid in full on two examples (on one it may be right by
  chance), most right answers in the requested format were refused (its probe P1), or a call raised;
- warn: any other probe that failed, or an audit that it calls inconclusive;
- nothing: every probe passed.

Without a right answer that scores it stops; that is a run without a report.

Its probes are not compared with the causes that a verdict names.
"""

import json
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.bench.limited_process import run_limited
from tests.bench.reward_cases import RewardCase
from tests.bench.reward_verdicts import Outcome, Verdict
from tests.bench.rivals.installed_tool import InstalledTool, copy_reward, rows

NAME = "falsepass 0.11.0"
_REQUIREMENTS = ("falsepass==0.11.0", "rewardlint==0.1.0")  # its own command installs the second one too
_RIGHT_ANSWER_PROBE = "P1"
_IN_FULL = 0.99  # of its maximum, which it rounds
_EXAMPLES = 2

_WRAPPER = '''
def score_completions(completions, event, **_):
    """Return a reward for each completion."""
    import json as _json
    rewards = []
    for completion, element in zip(completions, event):
        rollout = _json.loads(element)
        rollout["messages"][-1]["content"] = completion[0]["content"]
        rewards.append(lambda_handler([rollout], None)[0]["aggregate_reward_score"])
    return rewards
'''


class Falsepass:
    """The tool in its environment."""

    name = NAME

    def __init__(self) -> None:
        self._tool = InstalledTool.install(*_REQUIREMENTS)

    def run(self, case: RewardCase, *, limit: float) -> Verdict:
        """Describe the reward to the tool, and let it audit."""
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            reward = copy_reward(case, place / "reward", appended=_WRAPPER)
            data = place / "data.jsonl"
            data.write_text("".join(json.dumps(row) + "\n" for row in rows(case)), encoding="utf-8")
            environment = {"PATH": f"{self._tool.python.parent}:/usr/bin:/bin", "HOME": folder}
            python, started = str(self._tool.python), time.perf_counter()
            described = run_limited(
                [
                    *(python, "-m", "falsepass.cli", "init", str(reward), "--dataset", str(data)),
                    *("--func", "score_completions", "--answer-column", "answer"),
                ],
                folder=folder,
                env=environment,
                limit=limit,
            )
            audit = next(place.glob("audits/*/env.toml"), place / "none").parent
            done = described and run_limited(
                [python, "-m", "falsepass.runner", str(audit)], folder=folder, env=environment, limit=limit
            )
            seconds = time.perf_counter() - started
            if done is None:
                return Verdict(outcome="hang", seconds=seconds, note=f"stopped after {limit:g} s")
            results = audit / "probe-results.json"
            if not results.exists():
                return Verdict(outcome="crash", seconds=seconds, note=done.last_line)
            return Verdict(outcome=read_results(json.loads(results.read_text(encoding="utf-8"))), seconds=seconds)


def read_results(payload: Mapping[str, Any]) -> Outcome:
    """Return what its results amount to."""
    results = [row for row in payload["results"] if not row.get("same_as_good") and not row.get("no_control")]
    meta = payload["meta"]
    scored = [row for row in results if row["score"] is not None]
    paid_in_full = Counter(
        (row["probe"], row["variant"])
        for row in scored
        if row["expected"] == "zero" and row["score"] >= _IN_FULL * (meta.get("max_reward") or 1.0)
    )
    right = [row["passed"] for row in scored if row["probe"] == _RIGHT_ANSWER_PROBE]
    if (
        max(paid_in_full.values(), default=0) >= _EXAMPLES
        or 2 * sum(right) < len(right)
        or any(row["errors"] for row in results)
    ):
        return "fail"
    adapter = meta.get("adapter")
    inconclusive = isinstance(adapter, dict) and str(adapter.get("validity", "")).startswith("inconclusive")
    return "warn" if inconclusive or not all(row["passed"] for row in results) else "nothing"
