"""T5: the finding on both sides of each threshold."""

import pytest

from simulator.doctor.finding import Severity
from simulator.doctor.probes.training.t05_reward_vs_quality import check_reward_vs_quality
from simulator.doctor.training_trace import (
    LOWER_RATE,
    PolicyQuality,
    TrainingTrace,
)
from tests.doctor.training_traces import (
    ANSWER_CHECK_NOTE,
    BOTH_SCORE,
    PARTIAL_CREDIT,
    TEXTS,
    UNKNOWN,
    SeverityAndValue,
    make_trace,
    severities_and_values,
)

FAIL, WARN, INFO, SKIPPED, OK = Severity.FAIL, Severity.WARN, Severity.INFO, Severity.SKIPPED, Severity.OK


@pytest.mark.parametrize(
    ("trace", "expected"),
    [
        pytest.param(make_trace(), (OK, 0.0), id="quality kept"),
        pytest.param(
            make_trace(after=PolicyQuality(quality=0.86, exploit_share=0.0)), (FAIL, -0.04), id="quality lost"
        ),
        pytest.param(
            make_trace(rewards=(0.5, 0.54), after=PolicyQuality(quality=0.86, exploit_share=0.0)),
            (OK, -0.04),
            id="quality lost, and no reward won",
        ),
        pytest.param(make_trace(rewards=(0.8, 0.98), group=BOTH_SCORE), (WARN, 0.08), id="wrong ones paid in full"),
        pytest.param(make_trace(rewards=(0.8, 0.98), group=PARTIAL_CREDIT), (OK, 0.0), id="partial credit"),
        pytest.param(make_trace(group=UNKNOWN), (SKIPPED, None), id="truth unknown"),
    ],
)
def test_the_trace_decides_the_severity_and_the_value(trace: TrainingTrace, expected: SeverityAndValue) -> None:
    """Each case has one finding."""
    assert severities_and_values(check_reward_vs_quality([trace])) == [expected]


def test_a_learning_rate_that_breaks_the_model_is_the_cause() -> None:
    """At a lower rate the quality does not fall, so the reward is not the cause."""
    broken = make_trace(after=PolicyQuality(quality=0.3, exploit_share=0.0))
    (finding,) = check_reward_vs_quality([broken, make_trace(LOWER_RATE, rewards=(0.5, 0.9))])
    assert (finding.severity, finding.fix) == (FAIL, "Lower learning_rate_multiplier: at a lower rate both rise.")


def test_a_failure_on_free_text_is_only_a_warning() -> None:
    """The answer check may count a recorded text in other words as wrong."""
    trace = make_trace(recorded_kinds=TEXTS, after=PolicyQuality(quality=0.5, exploit_share=0.0))
    (finding,) = check_reward_vs_quality([trace])
    assert (finding.severity, finding.measured) == (
        WARN,
        f"reward 0.500, then 0.800; right 0.900, then 0.500{ANSWER_CHECK_NOTE}",
    )
