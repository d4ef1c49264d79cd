"""T7: do the responses keep some variety?"""

from collections.abc import Iterator
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.probes.training.trace_windows import WINDOWS_TEXT, comparable_trace, last_rollouts, metric_means
from simulator.doctor.training_trace import TrainingTraces

MIN_ENTROPY_RATIO: Final = 0.1

MAX_ENTROPY_RATIO: Final = 1.5
"""AWS: "entropy collapsing to 0 = mode collapse". INFERRED: the numbers."""

ENTROPY: Final = Probe(
    id="T7",
    name="entropy",
    question="Do the responses keep some variety?",
    measured=(
        f"The mean entropy (actor_entropy) over {WINDOWS_TEXT}. It is a failure when the last mean is less than "
        f"{MIN_ENTROPY_RATIO} times the first mean. It is a warning when it is more than {MAX_ENTROPY_RATIO} times the "
        "first mean."
    ),
    means=(
        "Entropy falls while a model learns. If almost none is left, the model gives one kind of response to "
        "everything and cannot learn another. If it grows, the updates damage the model or are random."
    ),
    remedy=(
        "Read the last responses and search for an exploit that gets a score. Lower the learning rate multiplier, or "
        "train for fewer steps."
    ),
    source="The entropy mechanism of RL (arXiv 2505.22617); AWS on mode collapse. INFERRED: the numbers.",
)


def check_entropy(traces: TrainingTraces) -> Iterator[Finding]:
    """Compare the entropies."""
    trace = comparable_trace(traces)
    if isinstance(trace, str):
        yield ENTROPY.not_measured(trace)
        return
    entropies = metric_means(trace, lambda metrics: metrics.actor_entropy)
    if not entropies.first:
        yield ENTROPY.not_measured("The entropy is 0 from the start: all rollouts of a prompt are equal.")
        return
    measured = f"{entropies.first:.2f}, then {entropies.last:.2f}"
    if entropies.ratio < MIN_ENTROPY_RATIO:
        yield ENTROPY.finding(
            Severity.FAIL,
            "Almost no variety is left: the model gives one kind of response.",
            measured=measured,
            threshold=f"at least {MIN_ENTROPY_RATIO} times the first",
            fix=ENTROPY.remedy,
            value=entropies.ratio,
            examples=(max(last_rollouts(trace), key=lambda rollout: rollout.reward).example("of the last ten steps"),),
        )
    elif entropies.ratio > MAX_ENTROPY_RATIO:
        yield ENTROPY.finding(
            Severity.WARN,
            "The responses vary more than before training.",
            measured=measured,
            threshold=f"at most {MAX_ENTROPY_RATIO} times the first",
            fix=ENTROPY.remedy,
            value=entropies.ratio,
        )
    else:
        yield ENTROPY.ok("The responses keep some variety.", measured=measured, value=entropies.ratio)
