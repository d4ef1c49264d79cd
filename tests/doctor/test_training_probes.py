"""T1 to T14: what each rule makes of a run, on either side of its thresholds."""

from collections.abc import Iterable, Sequence

import pytest

from simulator.doctor.finding import Example, Finding, Severity
from simulator.doctor.probes.registry import TRAINING_PROBES
from simulator.doctor.probes.static.score_scale import ScoreScale
from simulator.doctor.probes.training.registry import TRACE_CHECKS, TraceCheck
from simulator.doctor.probes.training.t01_dead_groups import check_dead_groups
from simulator.doctor.probes.training.t02_saturated import check_saturated
from simulator.doctor.probes.training.t03_sparse import check_sparse
from simulator.doctor.probes.training.t04_no_learning import check_no_learning
from simulator.doctor.probes.training.t05_reward_vs_quality import check_reward_vs_quality
from simulator.doctor.probes.training.t06_length import check_length
from simulator.doctor.probes.training.t07_entropy import check_entropy
from simulator.doctor.probes.training.t08_held_out_gap import check_held_out_gap
from simulator.doctor.probes.training.t09_exploit_share import check_exploit_share
from simulator.doctor.probes.training.t10_zero_gradients import check_zero_gradients
from simulator.doctor.probes.training.t11_invalid_results import check_invalid_results
from simulator.doctor.probes.training.t12_agreement import check_agreement
from simulator.doctor.probes.training.t13_hackable import check_hackable
from simulator.doctor.probes.training.t14_learning_rate import check_learning_rate
from simulator.doctor.score_statistics import pairwise_accuracy
from simulator.doctor.training_trace import (
    AS_CONFIGURED,
    HIGHER_RATE,
    LOWER_RATE,
    RED_TEAM,
    SIMULATED_RED_TEAM,
    PolicyQuality,
    TrainingTrace,
)
from simulator.training.reference_answer import AnswerKind
from tests.doctor.training_traces import RIGHT_AND_WRONG, StartAndEnd, make_trace

FAIL, WARN, INFO, SKIPPED, OK = Severity.FAIL, Severity.WARN, Severity.INFO, Severity.SKIPPED, Severity.OK

SeverityAndValue = tuple[Severity, float | None]

BOTH_SCORE = ((1.0, True), (1.0, False))
PARTIAL_CREDIT = ((1.0, True), (0.5, False))
UNKNOWN = ((1.0, None), (0.0, None))


def severities_and_values(findings: Iterable[Finding]) -> list[SeverityAndValue]:
    """Return the severity and the value of each finding."""
    return [(finding.severity, None if finding.value is None else round(finding.value, 9)) for finding in findings]


@pytest.mark.parametrize(
    ("rule", "run", "found"),
    [
        pytest.param(check_dead_groups, make_trace(), (OK, 0.0), id="T1 groups that differ"),
        pytest.param(check_dead_groups, make_trace(group=BOTH_SCORE), (FAIL, 1.0), id="T1 right and wrong alike"),
        pytest.param(
            check_dead_groups,
            make_trace(group=((1.0, True), (1.0, True))),
            (SKIPPED, None),
            id="T1 nothing but right ones",
        ),
        pytest.param(
            check_dead_groups, make_trace(group=((0.0, None), (0.0, None))), (FAIL, 1.0), id="T1 truth unknown"
        ),
        pytest.param(check_saturated, make_trace(rewards=(0.95, 1.0)), (OK, 0.95), id="T2 at the threshold"),
        pytest.param(
            check_saturated, make_trace(rewards=(0.96, 1.0), group=BOTH_SCORE), (WARN, 0.96), id="T2 wrong ones too"
        ),
        pytest.param(
            check_saturated, make_trace(rewards=(0.96, 1.0), group=PARTIAL_CREDIT), (WARN, 0.96), id="T2 half for wrong"
        ),
        pytest.param(
            check_saturated, make_trace(rewards=(0.96, 1.0)), (INFO, 0.96), id="T2 above, for right ones alone"
        ),
        pytest.param(
            check_saturated,
            make_trace(rewards=(0.96, 1.0), group=((1.0, True),)),
            (INFO, 0.96),
            id="T2 above, all right",
        ),
        pytest.param(
            check_saturated, make_trace(rewards=(0.96, 1.0), group=UNKNOWN), (WARN, 0.96), id="T2 truth unknown"
        ),
        pytest.param(check_sparse, make_trace(rewards=(0.05, 0.3)), (OK, 0.05), id="T3 at the threshold"),
        pytest.param(check_sparse, make_trace(rewards=(0.04, 0.3)), (FAIL, 0.04), id="T3 sparse"),
        pytest.param(check_sparse, make_trace(rewards=(0.06, 0.1)), (FAIL, 0.1), id="T3 a plateau"),
        pytest.param(check_sparse, make_trace(rewards=(0.06, 0.14)), (WARN, 0.14), id="T3 low but rising"),
        pytest.param(check_no_learning, make_trace(rewards=(0.5, 0.56)), (OK, 0.06), id="T4 a rise"),
        pytest.param(check_no_learning, make_trace(rewards=(0.5, 0.54)), (FAIL, 0.04), id="T4 no rise"),
        pytest.param(check_no_learning, make_trace(rewards=(0.5, 0.4)), (FAIL, -0.1), id="T4 a fall"),
        pytest.param(check_no_learning, make_trace(rewards=(0.9, 0.9)), (OK, 0.0), id="T4 no room to rise"),
        pytest.param(
            check_no_learning,
            make_trace(rewards=(0.46, 0.47), group=((0.5, True), (0.3, False))),
            (OK, 0.01),
            id="T4 a low top",
        ),
        pytest.param(
            check_no_learning,
            make_trace(rewards=(0.0, 0.0), group=((0.0, True), (0.0, False))),
            (FAIL, 0.0),
            id="T4 nothing scores",
        ),
        pytest.param(check_no_learning, make_trace(steps=19), (WARN, 19.0), id="T4 too few steps"),
        pytest.param(
            check_no_learning, make_trace(steps=5, total_steps=40, error="it broke"), (SKIPPED, None), id="T4 cut short"
        ),
        pytest.param(
            check_no_learning,
            make_trace(steps=0, total_steps=0, error="80 records do not fill a batch"),
            (FAIL, 0.0),
            id="T4 none",
        ),
        pytest.param(check_reward_vs_quality, make_trace(), (OK, 0.0), id="T5 quality kept"),
        pytest.param(
            check_reward_vs_quality,
            make_trace(after=PolicyQuality(quality=0.86, exploit_share=0.0)),
            (FAIL, -0.04),
            id="T5 quality lost",
        ),
        pytest.param(
            check_reward_vs_quality,
            make_trace(rewards=(0.5, 0.54), after=PolicyQuality(quality=0.86, exploit_share=0.0)),
            (OK, -0.04),
            id="T5 quality lost, and no reward won",
        ),
        pytest.param(
            check_reward_vs_quality,
            make_trace(rewards=(0.8, 0.98), group=BOTH_SCORE),
            (WARN, 0.08),
            id="T5 wrong ones paid in full",
        ),
        pytest.param(
            check_reward_vs_quality,
            make_trace(rewards=(0.8, 0.98), group=PARTIAL_CREDIT),
            (OK, 0.0),
            id="T5 partial credit",
        ),
        pytest.param(check_reward_vs_quality, make_trace(group=UNKNOWN), (SKIPPED, None), id="T5 truth unknown"),
        pytest.param(check_length, make_trace(lengths=(500.0, 700.0)), (OK, 1.4), id="T6 at the threshold"),
        pytest.param(check_length, make_trace(lengths=(500.0, 750.0)), (WARN, 1.5), id="T6 growing"),
        pytest.param(check_length, make_trace(lengths=(500.0, 250.0)), (WARN, 0.5), id="T6 shrinking"),
        pytest.param(check_length, make_trace(correlation=0.3), (WARN, 0.3), id="T6 length pays"),
        pytest.param(check_length, make_trace(correlation=-0.9), (OK, 1.0), id="T6 brevity pays"),
        pytest.param(check_entropy, make_trace(entropies=(0.6, 0.3)), (OK, 0.5), id="T7 some left"),
        pytest.param(check_entropy, make_trace(entropies=(0.5, 0.045)), (FAIL, 0.09), id="T7 collapse"),
        pytest.param(check_entropy, make_trace(entropies=(0.5, 0.8)), (WARN, 1.6), id="T7 scattered"),
        pytest.param(check_entropy, make_trace(entropies=(0.0, 0.0)), (SKIPPED, None), id="T7 nothing to decide"),
        pytest.param(
            check_held_out_gap,
            make_trace(rewards=(0.5, 0.9), held_out=0.5, held_out_records=99),
            (SKIPPED, None),
            id="T8 too few",
        ),
        pytest.param(
            check_held_out_gap,
            make_trace(rewards=(0.5, 0.9), held_out=0.86, held_out_records=100),
            (OK, 0.04),
            id="T8 no gap",
        ),
        pytest.param(
            check_held_out_gap,
            make_trace(rewards=(0.5, 1.0), held_out=0.93, held_out_records=200),
            (WARN, 0.07),
            id="T8 a gap",
        ),
        pytest.param(
            check_held_out_gap,
            make_trace(rewards=(0.5, 1.0), held_out=0.5, held_out_records=100),
            (FAIL, 0.5),
            id="T8 a wide gap",
        ),
        pytest.param(
            check_held_out_gap,
            make_trace(rewards=(0.5, 0.6), held_out=0.5, held_out_records=100),
            (OK, 0.1),
            id="T8 within chance",
        ),
        pytest.param(check_exploit_share, make_trace(), (OK, None), id="T9 no exploits"),
        pytest.param(
            check_exploit_share,
            make_trace(
                before=PolicyQuality(quality=0.9, exploit_share=0.005),
                after=PolicyQuality(quality=0.9, exploit_share=0.03),
            ),
            (WARN, 0.03),
            id="T9 exploits grow",
        ),
        pytest.param(
            check_exploit_share,
            make_trace(
                before=PolicyQuality(quality=0.9, exploit_share=0.01),
                after=PolicyQuality(quality=0.9, exploit_share=0.03),
            ),
            (OK, None),
            id="T9 three times as many",
        ),
        pytest.param(
            check_exploit_share,
            make_trace(
                RED_TEAM,
                before=PolicyQuality(quality=0.9, exploit_share=0.07),
                after=PolicyQuality(quality=0.9, exploit_share=0.3),
            ),
            (FAIL, 0.3),
            id="T9 under the red team",
        ),
        pytest.param(check_zero_gradients, make_trace(zero_steps=10), (OK, 0.5), id="T10 half of the steps"),
        pytest.param(check_zero_gradients, make_trace(zero_steps=11), (FAIL, 0.55), id="T10 more than half"),
        pytest.param(check_zero_gradients, make_trace(steps=4, zero_steps=4), (FAIL, 1.0), id="T10 of few steps"),
        pytest.param(check_invalid_results, make_trace(), (OK, 0.0), id="T11 all scored"),
        pytest.param(
            check_invalid_results, make_trace(steps=3, total_steps=20, error="no id"), (FAIL, 3.0), id="T11 cut short"
        ),
        pytest.param(
            check_invalid_results,
            make_trace(steps=0, total_steps=0, error="no batch"),
            (SKIPPED, None),
            id="T11 the data's fault",
        ),
        pytest.param(check_agreement, make_trace(), (OK, 1.0), id="T12 right ones ahead"),
        pytest.param(check_agreement, make_trace(group=((0.0, True), (1.0, False))), (FAIL, 0.0), id="T12 inverted"),
        pytest.param(
            check_agreement,
            make_trace(group=BOTH_SCORE, last_group=((1.0, True), (0.0, False))),
            (WARN, 0.75),
            id="T12 half",
        ),
        pytest.param(
            check_agreement,
            make_trace(group=((0.0, True), (1.0, True), (0.0, False))),
            (OK, 1.0),
            id="T12 a form not accepted",
        ),
        pytest.param(check_agreement, make_trace(group=BOTH_SCORE), (SKIPPED, None), id="T12 one score"),
        pytest.param(check_agreement, make_trace(group=((1.0, True),)), (SKIPPED, None), id="T12 no wrong one"),
        pytest.param(check_agreement, make_trace(group=UNKNOWN), (SKIPPED, None), id="T12 truth unknown"),
        pytest.param(check_hackable, make_trace(), (SKIPPED, None), id="T13 no red team"),
        pytest.param(check_hackable, make_trace(RED_TEAM), (OK, 0.0), id="T13 withstood"),
        pytest.param(
            check_hackable,
            make_trace(RED_TEAM, after=PolicyQuality(quality=0.2, exploit_share=0.7)),
            (FAIL, -0.7),
            id="T13 hacked",
        ),
    ],
)
def test_a_rule_finds_this_in_a_run(rule: TraceCheck, run: TrainingTrace, found: SeverityAndValue) -> None:
    """One finding, with this severity and value."""
    assert severities_and_values(rule([run])) == [found]


@pytest.mark.parametrize("name", [HIGHER_RATE, RED_TEAM])
def test_a_reward_that_rises_at_a_higher_rate_or_in_a_longer_run_can_teach(name: str) -> None:
    """T4 blames the run, not the reward: no rise as it is, a rise elsewhere, quality kept; a warning all the same."""
    (finding,) = check_no_learning([make_trace(rewards=(0.5, 0.52)), make_trace(name, rewards=(0.5, 0.7))])
    assert (finding.severity, finding.fix) == (WARN, "Raise learning_rate_multiplier or n_epochs.")
    assert finding.message.endswith("it can teach, and the run is too slow.")


def test_a_run_that_is_slow_and_moves_is_told_and_no_more() -> None:
    """T4: the reward rises a little in it, and by the hidden truth so does the share of right answers."""
    slow = make_trace(rewards=(0.5, 0.53), after=PolicyQuality(quality=0.92, exploit_share=0.0))
    assert severities_and_values(check_no_learning([slow, make_trace(HIGHER_RATE, rewards=(0.5, 0.7))])) == [
        (INFO, 0.03)
    ]


def test_a_reward_that_rises_at_a_higher_rate_by_a_loophole_cannot_teach() -> None:
    """T4 stays a failure where the faster run has become worse by the hidden truth."""
    hacked = make_trace(HIGHER_RATE, rewards=(0.5, 0.7), after=PolicyQuality(quality=0.5, exploit_share=0.4))
    assert severities_and_values(check_no_learning([make_trace(rewards=(0.5, 0.52)), hacked])) == [(FAIL, 0.02)]


def test_another_learning_rate_is_suggested_where_it_ends_much_higher() -> None:
    """T14 names the multiplier and says what each gave."""
    (finding,) = check_learning_rate(
        [make_trace(), make_trace(LOWER_RATE, rewards=(0.5, 0.6)), make_trace(HIGHER_RATE, rewards=(0.5, 0.9))]
    )
    assert (finding.severity, finding.value, finding.measured) == (INFO, 3.0, "x0.3: 0.600; x1: 0.800; x3: 0.900")


@pytest.mark.parametrize(
    "faster",
    [
        pytest.param(make_trace(HIGHER_RATE, rewards=(0.5, 0.85)), id="hardly higher"),
        pytest.param(
            make_trace(HIGHER_RATE, rewards=(0.5, 1.0), after=PolicyQuality(quality=0.8, exploit_share=0.0)),
            id="higher, and worse",
        ),
    ],
)
def test_no_learning_rate_is_suggested_without_a_gain_in_reward_and_none_lost_in_truth(faster: TrainingTrace) -> None:
    """T14 leaves the user's rate alone."""
    assert severities_and_values(check_learning_rate([make_trace(), faster])) == [(OK, 1.0)]


@pytest.mark.parametrize(("lowest", "highest"), [(-1.0, 0.0), (-1.0, 1.0), (0.0, 100.0), (1.0, 5.0)])
@pytest.mark.parametrize(
    ("rewards", "group", "held_out"),
    [
        pytest.param((0.5, 0.8), RIGHT_AND_WRONG, 0.79, id="sound"),
        pytest.param((0.96, 1.0), BOTH_SCORE, 0.5, id="all that tries is paid"),
        pytest.param((0.03, 0.1), PARTIAL_CREDIT, 0.1, id="sparse"),
        pytest.param((0.5, 0.52), RIGHT_AND_WRONG, 0.4, id="no rise"),
    ],
)
def test_a_run_is_judged_alike_on_every_scale(
    lowest: float, highest: float, rewards: StartAndEnd, group: Sequence[tuple[float, bool | None]], held_out: float
) -> None:
    """Minus one to one, 0 to 100 and a rubric from 1 to 5 say the same as 0 to 1, to every rule."""

    def at(score: float) -> float:
        return lowest + (highest - lowest) * score

    def judged(name: str, ends: StartAndEnd, *, scaled: bool) -> TrainingTrace:
        read = at if scaled else float
        return make_trace(
            name,
            rewards=(read(ends[0]), read(ends[1])),
            group=tuple((read(score), right) for score, right in group),
            held_out=read(held_out),
            held_out_records=200,
            scale=ScoreScale(lowest=lowest, highest=highest) if scaled else None,
        )

    faster = (rewards[0], min(1.0, rewards[1] + 0.1))
    usual, scaled = (
        [judged(AS_CONFIGURED, rewards, scaled=is_scaled), judged(HIGHER_RATE, faster, scaled=is_scaled)]
        for is_scaled in (False, True)
    )
    assert [severities_and_values(rule(scaled)) for _, rule in TRACE_CHECKS] == [
        severities_and_values(rule(usual)) for _, rule in TRACE_CHECKS
    ]


def test_growing_responses_that_pay_are_found_twice() -> None:
    """T6: the growth and its cause are two findings."""
    assert severities_and_values(check_length([make_trace(lengths=(500.0, 1000.0), correlation=0.7)])) == [
        (WARN, 2.0),
        (WARN, 0.7),
    ]


def test_a_dead_group_is_shown_by_a_right_and_a_wrong_rollout_of_it() -> None:
    """T1's exhibits are two responses to one prompt with one score."""
    (finding,) = check_dead_groups([make_trace(group=BOTH_SCORE)])
    assert finding.examples == (
        Example(line=1, prompt="prompt 1", response="step 1, rollout 0", score=1.0, note="it is really right"),
        Example(
            line=1,
            prompt="prompt 1",
            response="step 1, rollout 1",
            score=1.0,
            note="it is really wrong, to the same prompt",
        ),
    )


def test_a_loophole_is_shown_by_the_exploit_that_earned_most() -> None:
    """T13's exhibit is what the red team came to."""
    hacked = make_trace(
        RED_TEAM,
        last_group=((0.2, True), (1.0, False)),
        exploit="judge_injection",
        after=PolicyQuality(quality=0.0, exploit_share=1.0),
    )
    (finding,) = check_hackable([hacked])
    assert finding.examples == (
        Example(
            line=1, prompt="prompt 1", response="step 11, rollout 1", score=1.0, note="an exploit: judge injection"
        ),
    )


def test_a_part_of_a_large_run_is_said_to_be_one() -> None:
    """T4 tells how many of the steps and of the records were rehearsed."""
    (finding,) = check_no_learning([make_trace(total_steps=1_500, sampled_records=300, available_records=6_000)])
    assert finding.measured == "0.500, then 0.800 over 20 steps of 1,500, on 300 of 6,000 training records"


@pytest.mark.parametrize(
    ("right", "wrong", "share"),
    [
        ([1.0, 0.5], [0.0, 0.2], 1.0),
        ([0.0, 1.0], [0.0, 1.0], 0.5),
        ([0.0, 0.0, 1.0], [0.0, 0.0], 1.0),
        ([0.5], [0.5, 0.0], 0.75),
        ([0.3], [0.3], None),
    ],
)
def test_pairs_are_compared_without_those_that_tie_at_the_lowest_score(
    right: list[float], wrong: list[float], share: float | None
) -> None:
    """T12's share, by hand."""
    assert pairwise_accuracy(right, wrong) == share


@pytest.mark.parametrize(("probe", "rule"), TRACE_CHECKS, ids=[probe.id for probe, _ in TRACE_CHECKS])
def test_every_rule_says_why_when_nothing_was_rehearsed(probe: object, rule: TraceCheck) -> None:
    """No run at all: one finding, not measured."""
    assert severities_and_values(rule([])) == [(SKIPPED, None)]


def test_the_catalogue_has_every_training_probe_in_order() -> None:
    """T1 to T14."""
    assert [probe.id for probe, _ in TRAINING_PROBES] == [f"T{number}" for number in range(1, 15)]


def test_a_learning_rate_that_breaks_the_model_is_blamed_for_it() -> None:
    """T4 and T5: where a lower rate learns, and stays right, the reward is not at fault."""
    broken = PolicyQuality(quality=0.3, exploit_share=0.0)
    slower = make_trace(LOWER_RATE, rewards=(0.5, 0.9))
    (fallen,) = check_no_learning([make_trace(rewards=(0.5, 0.1)), slower, make_trace(RED_TEAM, rewards=(0.5, 1.0))])
    (lost,) = check_reward_vs_quality([make_trace(after=broken), slower])
    assert (fallen.severity, fallen.fix) == (FAIL, "Lower learning_rate_multiplier.")
    assert (lost.severity, lost.fix) == (FAIL, "Lower learning_rate_multiplier: at a lower one both rise.")


def test_exploits_are_no_wrong_answers_to_be_told_from_right_ones() -> None:
    """T12 looks at the red team's run, and leaves its exploits to T9 and T13."""
    attempts = ((1.0, True), (0.0, False))
    hacked = make_trace(RED_TEAM, group=attempts, last_group=((0.9, True), (1.0, False)), exploit="judge_injection")
    assert severities_and_values(check_agreement([make_trace(group=BOTH_SCORE), hacked])) == [(OK, 1.0)]


# Recorded responses


NUMBERS: tuple[AnswerKind, ...] = ("number",)
TEXTS: tuple[AnswerKind, ...] = ("number", "text")
HACKED_POLICY = PolicyQuality(quality=0.2, exploit_share=0.7)


def test_a_recorded_model_that_earns_nearly_everything_is_a_warning() -> None:
    """T2: it is the real one, and needs no tuning; of a simulated one that is for information."""
    simulated, recorded = make_trace(rewards=(0.96, 1.0)), make_trace(rewards=(0.96, 1.0), recorded_kinds=NUMBERS)
    assert (
        severities_and_values(check_saturated([simulated])),
        severities_and_values(check_saturated([recorded])),
    ) == ([(INFO, 0.96)], [(WARN, 0.96)])


def test_of_recorded_responses_the_simulated_red_team_alone_is_judged() -> None:
    """T9 and T13 say that the policy is simulated; without it T9 is not measured, as nobody marked the exploits."""
    recorded, hunted = (
        make_trace(recorded_kinds=NUMBERS, after=HACKED_POLICY),
        make_trace(SIMULATED_RED_TEAM, after=HACKED_POLICY),
    )
    assert severities_and_values(check_exploit_share([recorded, hunted])) == [(FAIL, 0.7)]
    (unmarked,) = check_exploit_share([recorded])
    assert (unmarked.severity, unmarked.message) == (
        SKIPPED,
        "Of recorded responses nobody knows which game the reward.",
    )
    (hacked,) = check_hackable([recorded, hunted])
    policy = "A simulated policy (nobody recorded the loopholes)"
    assert (hacked.severity, hacked.message) == (
        FAIL,
        f"{policy} that looks for loopholes learns one, and true quality is lost.",
    )


def test_agreement_is_measured_on_the_recorded_responses() -> None:
    """T12: they are real, and the red team's are not."""
    hunted = make_trace(SIMULATED_RED_TEAM)
    (finding,) = check_agreement([make_trace(recorded_kinds=NUMBERS, group=((0.0, True), (1.0, False))), hunted])
    assert (finding.severity, finding.measured) == (
        FAIL,
        "0.00; which responses are right is our own reading of them",
    )


ANSWER_CHECK_NOTE = (
    "; which responses are right is our own reading of them, and of free text (right answers in other words are read "
    "as wrong) no sure one"
)


def test_no_failure_rests_on_our_reading_of_free_text() -> None:
    """T5 and T12 warn, and say whose reading it is."""
    inverted = make_trace(recorded_kinds=TEXTS, group=((0.0, True), (1.0, False)))
    (disagrees,) = check_agreement([inverted])
    assert (disagrees.severity, disagrees.measured) == (WARN, f"0.00{ANSWER_CHECK_NOTE}")
    (lost,) = check_reward_vs_quality(
        [make_trace(recorded_kinds=TEXTS, after=PolicyQuality(quality=0.5, exploit_share=0.0))]
    )
    assert (lost.severity, lost.measured) == (
        WARN,
        f"reward 0.500, then 0.800; right 0.900, then 0.500{ANSWER_CHECK_NOTE}",
    )


def test_a_simulated_policy_that_learns_does_not_speak_for_a_recorded_one() -> None:
    """T4: that the red team's reward rises says nothing of a run on recorded responses."""
    flat, rising = (0.5, 0.5), make_trace(SIMULATED_RED_TEAM, rewards=(0.5, 0.9))
    assert severities_and_values(check_no_learning([make_trace(rewards=flat, recorded_kinds=NUMBERS), rising])) == [
        (FAIL, 0.0)
    ]
