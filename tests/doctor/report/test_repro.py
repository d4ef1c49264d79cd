"""Reproductions: scripts that need the reward function alone."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from simulator.doctor.finding import Example, ExampleCall, Finding, Severity
from simulator.doctor.report.repro import FILE_NAME, MARKER, ReproTarget, build_scripts, without_script
from simulator.settings import GradingSettings
from simulator.training.dataset import Message, Record
from tests.doctor.sample_reports import HOSTILE_TEXT, INFO_FINDING, sample_report

HANDLER = """\
def lambda_handler(event, context):
    return [{"id": rollout["id"], "aggregate_reward_score": SCORE} for rollout in event]
"""
RECORD = Record(
    line=3, messages=(Message(role="user", content="2 + 2?"),), fields={"reference_answer": {"answer": "4"}}
)


def element(name: str, response: str = "#### 4") -> dict[str, Any]:
    """Return an element of an event."""
    messages = [{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": response}]
    return {"id": name, "messages": messages, "reference_answer": {"answer": "4"}}


def finding(probe: str, *examples: Example, name: str = "exploits") -> Finding:
    """Return a failure of a probe with these examples."""
    return Finding(probe=probe, name=name, severity=Severity.FAIL, message="It is wrong.", examples=examples)


def example(
    score: float | None, *elements: dict[str, Any], payload: bytes | None = None, response: str = "#### 4"
) -> Example:
    """Return an example that was scored in a call with these elements, of which it is the first."""
    call = ExampleCall(elements=elements, rollout_id=elements[0]["id"], payload=payload) if elements else None
    return Example(line=3, prompt="2 + 2?", response=response, score=score, note="a note", call=call)


def write_script(folder: Path, *findings: Finding, variables: Sequence[str] = (), reward: str = "reward.py") -> Path:
    """Write the script of the first finding into a folder beside the reward function, and return its path."""
    target = ReproTarget(
        reward=folder / reward,
        handler="lambda_function.lambda_handler",
        variables=variables,
        data_name="train.jsonl",
    )
    scripts = build_scripts(
        sample_report(*findings),
        target=target,
        folder=folder / "repro",
        records=[RECORD],
        settings=GradingSettings(),
    )
    name, text = scripts[findings[0]]
    (folder / "repro").mkdir(exist_ok=True)
    (folder / "repro" / name).write_text(text)
    return folder / "repro" / name


def run(script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script without the simulator, from another folder."""
    return subprocess.run(
        [sys.executable, "-I", script, *arguments], check=False, capture_output=True, text=True, cwd="/"
    )


@pytest.mark.parametrize(
    ("shown", "faulty", "mended"),
    [
        pytest.param(finding("S9", example(1.0, element("a"))), "1.0", "0.0", id="a score"),
        pytest.param(finding("S14", example(None, element("a"))), "1 / 0", "0.0", id="no score"),
        pytest.param(finding("T5", example(0.5)), "0.5", "1.0", id="a rollout of training, from its record"),
        pytest.param(
            finding("S2", example(None, element("a"), payload=b'[{"id": "a", "aggregate_reward_score": 7.0}]')),
            "7.0",
            "8.0",
            id="a response",
        ),
        pytest.param(
            finding("S10", example(0.0, element("a"))),
            "noise.append(1) or len(noise)",
            "1.0",
            id="a score that changes when it is repeated",
        ),
        pytest.param(
            finding("S11", example(0.0, element("a"), element("b"))), "len(event)", "1.0", id="a score in company"
        ),
    ],
)
def test_a_script_exits_with_0_while_the_finding_reproduces_and_then_with_1(
    shown: Finding, faulty: str, mended: str, tmp_path: Path
) -> None:
    """Without any package, from any folder, and also with another file as its argument."""
    script = write_script(tmp_path, shown)
    (tmp_path / "reward.py").write_text("noise = []\n" + HANDLER.replace("SCORE", faulty))
    (tmp_path / "mended.py").write_text("noise = []\n" + HANDLER.replace("SCORE", mended))
    results = [run(script), run(script, str(tmp_path / "mended.py"))]
    assert [result.returncode for result in results] == [0, 1], results
    assert [result.stdout.splitlines()[-1] for result in results] == [
        "The finding reproduces.",
        "The finding does not reproduce any more.",
    ]


@pytest.mark.slow
def test_a_call_that_takes_too_long_reproduces_without_waiting_for_its_end(tmp_path: Path) -> None:
    """It takes more than half of the time that it took, or does not end."""
    slow = example(None, element("a"))
    assert slow.call is not None
    shown = finding("S15", replace(slow, call=replace(slow.call, seconds=0.4)), name="latency")
    script = write_script(tmp_path, shown)
    for source, code in (("__import__('time').sleep(600)", 0), ("1.0", 1)):
        (tmp_path / "reward.py").write_text(HANDLER.replace("SCORE", source))
        assert run(script).returncode == code


def test_a_script_prints_the_prompt_the_response_and_both_scores(tmp_path: Path) -> None:
    """Control characters are visible."""
    script = write_script(tmp_path, finding("S9", example(1.0, element("a", HOSTILE_TEXT), response=HOSTILE_TEXT)))
    (tmp_path / "reward.py").write_text(HANDLER.replace("SCORE", "0.25"))
    assert run(script).stdout.splitlines() == [
        "finding       S9 exploits (fail): It is wrong.",
        "record        line 3 of train.jsonl",
        "prompt        2 + 2?",
        "response      \\x1b[31m</pre><script>alert(1)</script>\\x00\\u202e]]>&\\ud800\\r",
        "#### 72 \\t",
        "score then    1 (a note)",
        "score now     0.25",
        "The finding does not reproduce any more.",
    ]


def test_a_folder_is_imported_as_lambda_imports_it(tmp_path: Path) -> None:
    """With the modules beside the handler, and the folder as the current one."""
    script = write_script(tmp_path, finding("S9", example(1.0, element("a"))), reward="reward")
    (tmp_path / "reward").mkdir()
    (tmp_path / "reward" / "lambda_function.py").write_text(
        f"from rules import score\n{HANDLER.replace('SCORE', 'score()')}"
    )
    (tmp_path / "reward" / "rules.py").write_text("def score():\n    return float(open('score.txt').read())\n")
    (tmp_path / "reward" / "score.txt").write_text("1.0")
    assert run(script).returncode == 0


@pytest.mark.parametrize(
    ("source", "variables", "message"),
    [
        (None, [], "does not exist. Give the reward function's file, folder or zip."),
        ("import nothing_there", [], "cannot be imported: ModuleNotFoundError"),
        ("x = 1", [], "has no function lambda_handler. Name the handler with --handler."),
        ("x = 1", ["JUDGE_KEY"], "Set JUDGE_KEY first: the doctor set them with --env"),
    ],
)
def test_a_function_that_cannot_be_loaded_exits_with_2(
    source: str | None, variables: list[str], message: str, tmp_path: Path
) -> None:
    """The values of environment variables are not in the script, because they may be secret."""
    script = write_script(tmp_path, finding("S9", example(1.0, element("a"))), variables=variables)
    if source is not None:
        (tmp_path / "reward.py").write_text(source)
    result = run(script)
    assert (result.returncode, message in result.stdout) == (2, True), result


def scripts_of(*findings: Finding) -> dict[Finding, tuple[str, str]]:
    """Return the scripts of findings."""
    target = ReproTarget(reward=Path("reward.py"), handler="reward.lambda_handler", variables=(), data_name="a")
    return build_scripts(
        sample_report(*findings), target=target, folder=Path("repro"), records=[RECORD], settings=GradingSettings()
    )


def test_each_failure_and_warning_has_a_script_of_its_own() -> None:
    """Information and findings without an example have none."""
    shown = example(1.0, element("a"))
    first, bare = finding("S9", shown), finding("T4", name="no learning")
    second = replace(first, severity=Severity.WARN, message="Another.")
    unknown = finding("S5", replace(shown, call=None, line=99))
    findings = [first, second, bare, unknown, replace(INFO_FINDING, examples=(shown,))]
    scripts = scripts_of(*findings)
    assert {key: name for key, (name, _) in scripts.items()} == {first: "s9_exploits.py", second: "s9_exploits_2.py"}
    assert without_script(sample_report(*findings), scripts) == ("T4", "S5")


def test_every_script_begins_with_the_mark_of_its_writer() -> None:
    """And has a name of the pattern, so that files of others are not overwritten."""
    ((name, text),) = scripts_of(finding("S9", example(1.0, element("a")), name="a-b c")).values()
    assert (name, bool(FILE_NAME.fullmatch(name)), text.splitlines()[0]) == ("s9_a_b_c.py", True, MARKER)


@pytest.mark.parametrize(("others", "count"), [((), 1), ((finding("S11"),), 2)])
def test_the_event_holds_the_whole_call_only_if_scores_depend_on_it(others: tuple[Finding, ...], count: int) -> None:
    """S11 says so. Otherwise the smallest event is the clearest."""
    shown = finding("S9", example(1.0, element("a"), element("b")))
    _, text = scripts_of(shown, *others)[shown]
    assert text.count('"role": "assistant"') == count
