"""Which steps are dead, from the metrics of a job's events alone."""

from __future__ import annotations

import pytest

from client.diagnosis.dead_steps import find_dead_steps
from client.diagnosis.time_series import extract_metric_series
from tests.client.diagnosis.job_logs import step_event

Step = tuple[float, float | None, float]  # gradient norm, policy loss, mean advantage

LIVE: Step = (0.00087, 0.1015, 0.0136)  # SAMPLE: the one published event
KL_PULL: Step = (1.2e-7, 0.0, 0.0)
LATE_KL_PULL: Step = (8e-6, 0.0, 0.0)
EQUAL_REWARDS_OF_NINE_TENTHS: Step = (5e-5, 0.05603415, -0.05603415)


def dead_steps(*steps: Step) -> list[int]:
    """Return the dead steps of a log, counted from 1."""
    log = [
        step_event(
            number,
            actor_grad_norm=gradient,
            critic_advantages_mean=advantage,
            **({} if loss is None else {"actor_pg_loss": loss}),
        )
        for number, (gradient, loss, advantage) in enumerate(steps, 1)
    ]
    return sorted(find_dead_steps(extract_metric_series(log)))


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        pytest.param([LIVE, KL_PULL, LIVE, KL_PULL], [2, 4], id="the KL penalty leaves a gradient of 1e-7"),
        pytest.param([LIVE, LATE_KL_PULL], [2], id="a model that has moved far is pulled more"),
        pytest.param([KL_PULL] * 4, [1, 2, 3, 4], id="a run that is dead throughout"),
        pytest.param([(0.0, 0.0, 0.0)] * 2, [1, 2], id="a run of exact zeros"),
        pytest.param([(0.1, 10.0, 0.1), (0.003, 0.08, 0.0)], [2], id="far below the largest, whatever the scale"),
        pytest.param([EQUAL_REWARDS_OF_NINE_TENTHS] * 3, [1, 2, 3], id="rewards of 0.9 that float32 cannot add up"),
        pytest.param([LIVE, *[EQUAL_REWARDS_OF_NINE_TENTHS] * 2], [2, 3], id="the same beside a step that is not dead"),
        pytest.param([LIVE, (0.0008, 0.0, 0.002)], [], id="a loss of 0 by chance"),
        pytest.param([LIVE, (2e-5, 0.05, 0.01)], [], id="a small gradient with a loss"),
        pytest.param([LIVE, (9e-5, 0.0005, 0.001)], [], id="a tenth of the largest gradient"),
        pytest.param([LIVE, (0.0007, 0.05, -0.05), (0.0006, 0.03, -0.03)], [], id="losses of whole batches"),
        pytest.param([LIVE, (0.04, 0.1, 0.01), LIVE], [], id="a spike is no measure for the others"),
        pytest.param([(0.001, None, 0.0), (1e-7, None, 0.0)], [2], id="a log without losses"),
        pytest.param([], [], id="an empty log"),
    ],
)
def test_a_step_is_dead_if_gradient_and_loss_are_almost_zero(steps: list[Step], expected: list[int]) -> None:
    """Relative to the largest of the run, or below an absolute floor."""
    assert dead_steps(*steps) == expected
