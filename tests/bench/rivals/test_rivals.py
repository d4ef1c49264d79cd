"""What other tools print is read as the benchmark says, and they are given right answers."""

from typing import Any

import pytest

from tests.bench.rivals.envdoctor import read_report
from tests.bench.rivals.falsepass import read_results
from tests.bench.rivals.known_answers import known_answer, solve_puzzle


def probe(expected: str, score: float | None, *, passed: bool = True, probe: str = "P3", **more: Any) -> dict[str, Any]:
    """Return one result of falsepass."""
    return {
        "probe": probe,
        "expected": expected,
        "score": score,
        "passed": passed,
        "variant": "v",
        "errors": [],
        **more,
    }


@pytest.mark.parametrize(
    ("results", "validity", "outcome"),
    [
        ([probe("full", 2.0), probe("zero", 0.0)], "ok", "nothing"),
        ([probe("full", 2.0), probe("zero", 2.0, passed=False), probe("zero", 2.0, passed=False)], "ok", "fail"),
        ([probe("full", 2.0), probe("zero", 2.0, passed=False)], "ok", "warn"),
        ([probe("full", 2.0), probe("zero", 0.5, passed=False)], "ok", "warn"),
        ([probe("full", 0.0, passed=False, probe="P1"), probe("zero", 0.0)], "ok", "fail"),
        ([probe("full", 0.0, passed=False, probe="P2"), probe("zero", 0.0)], "ok", "warn"),
        ([probe("zero", None, errors=["ValueError"])], "ok", "fail"),
        ([probe("zero", 2.0, passed=False, same_as_good=True)], "ok", "nothing"),
        ([probe("zero", 0.0)], "inconclusive: nothing scores", "warn"),
    ],
)
def test_falsepass_is_read(results: list[dict[str, Any]], validity: str, outcome: str) -> None:
    """Only a bad completion that is paid in full twice, refused right answers and exceptions are a failure."""
    assert read_results({"results": results, "meta": {"max_reward": 2.0, "adapter": {"validity": validity}}}) == outcome


@pytest.mark.parametrize(
    ("severities", "outcome"),
    [
        (["low", "critical"], "fail"),
        (["high"], "fail"),
        (["info", "medium"], "warn"),
        (["info"], "nothing"),
        ([], "nothing"),
    ],
)
def test_envdoctor_is_read(severities: list[str], outcome: str) -> None:
    """Its command fails at `high` by default."""
    assert read_report({"findings": [{"severity": severity} for severity in severities]}) == outcome


@pytest.mark.parametrize(
    ("reference", "answer"),
    [
        ("6 * 12 = 72\n#### 72", "72"),
        ("B", "B"),
        ({"answer": True}, "true"),
        ({"solution": "def f(): ..."}, "def f(): ..."),
        ({"aliases": ["Danube", "Donau"]}, "Danube"),
        ({"severity": "minor"}, "minor"),
        ({"item": "lamp", "count": 2, "paid": True}, '{"item": "lamp", "count": 2, "paid": true}'),
        ({"target": 30, "numbers": [4, 6, 6]}, "(6 + (4 * 6))"),
        ({"tests": ["assert f(1) == 1"], "entry_point": "f"}, ""),
        (None, ""),
    ],
)
def test_the_right_answer_of_a_record_is_known(reference: object, answer: str) -> None:
    """As a person would write it into an answer column; nothing for tests alone."""
    assert known_answer({"reference_answer": reference}) == answer


def test_calls_are_written_so_that_tags_around_them_make_them_right() -> None:
    """If the prompt names the tags."""
    messages = [{"role": "system", "content": "Use <tool_call></tool_call>."}]
    calls = [{"name": "stop"}, {"name": "go"}]
    assert known_answer({"messages": messages, "reference_answer": calls}) == (
        '{"name": "stop"}</tool_call>\n<tool_call>{"name": "go"}'
    )


def test_a_puzzle_without_a_solution_has_none() -> None:
    """Two ones make no hundred."""
    assert solve_puzzle([1, 1], 100) == ""
