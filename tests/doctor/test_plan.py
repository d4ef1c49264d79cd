"""The plans: each measures a part of what the next larger one does."""

import pytest

from simulator.doctor.doctor_report import DoctorReport
from simulator.doctor.plan import BRIEF, FULL, MINIMAL, REDUCED, Plan, find_plan
from simulator.doctor.probe_context import BASE_ROLLOUT_LABEL, RIGHT_LABEL, WRONG_LABEL, ProbeContext
from simulator.doctor.probe_runner import run_probes
from simulator.doctor.probes.registry import STATIC_PROBES
from simulator.settings import Settings
from simulator.training.dataset import Record
from simulator.training.hyperparameters import Hyperparameters
from tests.doctor.fake_reward_functions import FakeRewardFunction, handler_for
from tests.doctor.sound_reward_functions import score_number


def report_of(plan: Plan, records: tuple[Record, ...]) -> DoctorReport:
    """Return the report of a plan on a sound function."""
    context = ProbeContext(
        reward_function=FakeRewardFunction(handler_for(score_number)),
        records=records,
        settings=Settings(),
        model="openai.gpt-oss-20b",
        hyperparameters=Hyperparameters(),
        row_count=plan.rows,
        plan=plan,
        plan_cause="a call takes 4 s",
        first_seconds=0.001,
    )
    return run_probes(context, data_name="train.jsonl", data_sha256="00", static_probes=STATIC_PROBES)


def scores_of(report: DoctorReport) -> dict[tuple[str, int, str], float | None]:
    """Return the score of each case by its label, line and response."""
    return {
        (label, result.case.record.line, result.case.text): result.score
        for label, results in report.results_by_label.items()
        for result in results
    }


@pytest.mark.slow
def test_the_scores_of_a_smaller_plan_are_among_those_of_a_larger_one(sums: tuple[Record, ...]) -> None:
    """So golden files of two plans can be compared: every row of the smaller plan is one of the larger one.

    Wrong answers, and responses without an answer, are tried on some of the rows, and two plans may choose others.
    """
    full, brief = (scores_of(report_of(plan, sums)) for plan in (FULL, BRIEF))
    shared = brief.keys() & full.keys()
    by_row = {case for case in brief if case[0] in (RIGHT_LABEL, WRONG_LABEL, BASE_ROLLOUT_LABEL)}
    assert ({case: brief[case] for case in shared}, by_row - shared) == ({case: full[case] for case in shared}, set())
    assert {label for label, *_ in by_row} == {RIGHT_LABEL, WRONG_LABEL, BASE_ROLLOUT_LABEL}


def test_a_smaller_plan_leaves_out_more_probes() -> None:
    """And has fewer rows."""
    assert FULL.left_out < REDUCED.left_out < BRIEF.left_out < MINIMAL.left_out
    assert FULL.rows > REDUCED.rows > BRIEF.rows > MINIMAL.rows


def test_what_a_plan_leaves_out_says_why_and_how_to_measure_it(sums: tuple[Record, ...]) -> None:
    """The same sentence for all, so that the table has one line for them."""
    report = report_of(MINIMAL, sums)
    reasons = {finding.message for finding in report.findings if finding.probe in MINIMAL.left_out}
    assert (report.plan, reasons) == (
        "minimal",
        {"The plan “minimal” leaves it out, because a call takes 4 s. `--plan full --budget 600` measures it."},
    )


@pytest.mark.parametrize(("name", "expected"), [("brief", BRIEF), ("short", None)])
def test_a_plan_is_found_by_its_name(name: str, expected: Plan | None) -> None:
    """Another name is none."""
    assert find_plan(name) is expected
