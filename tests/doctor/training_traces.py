"""Training traces with given numbers, for the tests of training probes."""

from collections.abc import Iterable, Sequence

from simulator.doctor.finding import Finding, Severity
from simulator.doctor.probes.static.score_scale import ScoreScale
from simulator.doctor.training_trace import AS_CONFIGURED, PolicyQuality, ScoredRollout, TrainingTrace
from simulator.training.metrics import GroundTruthMetrics, HeldOutMetrics, StepMetrics
from simulator.training.reference_answer import AnswerKind

DEFAULT_STEPS = 20
SOUND_POLICY = PolicyQuality(quality=0.9, exploit_share=0.0)
RIGHT_AND_WRONG = ((1.0, True), (0.0, False))

StartAndEnd = tuple[float, float]


def make_trace(
    name: str = AS_CONFIGURED,
    *,
    steps: int = DEFAULT_STEPS,
    total_steps: int | None = None,
    rewards: StartAndEnd = (0.5, 0.8),
    quality: StartAndEnd = (0.9, 0.9),
    entropies: StartAndEnd = (0.6, 0.4),
    lengths: StartAndEnd = (500.0, 500.0),
    correlation: float = 0.0,
    zero_steps: int = 0,
    live_steps: int | None = None,
    group: Sequence[tuple[float, bool | None]] = RIGHT_AND_WRONG,
    last_group: Sequence[tuple[float, bool | None]] | None = None,
    exploit: str | None = None,
    before: PolicyQuality | None = SOUND_POLICY,
    after: PolicyQuality | None = SOUND_POLICY,
    held_out: float | None = None,
    held_out_records: int = 0,
    sampled_records: int = 80,
    available_records: int = 80,
    error: str = "",
    recorded_kinds: tuple[AnswerKind, ...] = (),
    scale: ScoreScale | None = None,
) -> TrainingTrace:
    """Return a run with the first number of each pair in its first half, and the second number in its second half.

    Each step has two prompts, and each prompt has a group of rollouts, as (reward, whether it is right). The second
    half uses `last_group`, and its wrong rollouts are the `exploit`. All groups of the first `zero_steps` steps are
    dead, and those of the steps after `live_steps`.
    """

    def at(step: int, pair: StartAndEnd) -> float:
        return pair[2 * step > steps]

    def is_dead(step: int) -> bool:
        return step <= zero_steps or (live_steps is not None and step > live_steps)

    return TrainingTrace(
        name=name,
        total_steps=steps if total_steps is None else total_steps,
        metrics=tuple(
            StepMetrics(
                step=step,
                total_steps=steps,
                critic_rewards_mean=at(step, rewards),
                critic_advantages_mean=0.0,
                actor_pg_loss=0.0,
                actor_entropy=at(step, entropies),
                actor_grad_norm=2e-7 if is_dead(step) else 0.001,
                response_length_mean=at(step, lengths),
            )
            for step in range(1, steps + 1)
        ),
        truths=tuple(
            GroundTruthMetrics(
                quality_mean=at(step, quality),
                dead_groups=float(is_dead(step)),
                exploits=0.0,
                truncated=0.0,
                kl=0.0,
                clip_fraction=0.0,
                length_reward_correlation=correlation,
            )
            for step in range(1, steps + 1)
        ),
        held_out=()
        if held_out is None
        else (HeldOutMetrics(step=steps, reward_mean=held_out, quality_mean=0.9, response_length_mean=500.0),),
        rollouts=tuple(
            ScoredRollout(
                step=step,
                line=line,
                prompt=f"prompt {line}",
                response=f"step {step}, rollout {index}",
                reward=reward,
                correct=correct,
                exploit=exploit if not correct and 2 * step > steps else None,
                response_length=500,
            )
            for step in range(1, steps + 1)
            for line in (1, 2)
            for index, (reward, correct) in enumerate(last_group if last_group and 2 * step > steps else group)
        ),
        sampled_records=sampled_records,
        available_records=available_records,
        held_out_records=held_out_records,
        batch_size=2,
        before=before,
        after=after,
        error=error,
        recorded_kinds=recorded_kinds,
        scale=scale or ScoreScale(),
    )


SeverityAndValue = tuple[Severity, float | None]

BOTH_SCORE = ((1.0, True), (1.0, False))
PARTIAL_CREDIT = ((1.0, True), (0.5, False))
UNKNOWN = ((1.0, None), (0.0, None))

NUMBERS: tuple[AnswerKind, ...] = ("number",)
TEXTS: tuple[AnswerKind, ...] = ("number", "text")
HACKED_POLICY = PolicyQuality(quality=0.2, exploit_share=0.7)
ANSWER_CHECK_NOTE = (
    "; our answer check decides which responses are right and is not certain for free text (a right answer in other "
    "words counts as wrong)"
)


def severities_and_values(findings: Iterable[Finding]) -> list[SeverityAndValue]:
    """Return the severity and the value of each finding."""
    return [(finding.severity, None if finding.value is None else round(finding.value, 9)) for finding in findings]
