"""S6: check that scores of the untrained model's rollouts differ, so that training can learn from them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import fmean
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.invocation import CaseResult, scores_of
from simulator.doctor.probe_context import BASE_ROLLOUTS_PER_ROW, ProbeContext
from simulator.doctor.probes.static.score_scale import SCALE_EXPLANATION, ScoreScale, missing_note, score_scale
from simulator.training.dataset import Message

SATURATED_SCORE: Final = 0.95
"""A mean score of the untrained model above this leaves nothing to learn (DOCUMENTED for Nova: "RFT unnecessary")."""

SPARSE_SCORE: Final = 0.05
"""A mean score below this is too weak a signal (DOCUMENTED for Nova: fewer than 5 % positive examples)."""

DEAD_GROUPS_WARN: Final = 0.6
"""A greater share of dead groups means that most rollouts teach nothing (INFERRED)."""

DEAD_GROUPS_FAIL: Final = 0.9
"""A greater share of dead groups means that hardly any step moves the policy (INFERRED)."""

DEAD_GROUP_TOLERANCE: Final = 1e-8
"""GRPO treats scores that differ by no more as equal (TRL's frac_reward_zero_std)."""

MAX_REPEATED_PROMPTS: Final = 0.1
"""A greater share of records that repeat a prompt is reported (INFERRED)."""

WRONG_SHARE: Final = 0.5
"""A function rewards right answers when wrong rollouts score less than this share of right ones (INFERRED)."""

MAJORITY: Final = 0.5
"""The share that counts as most: of rollouts, of groups, of a right answer's score (INFERRED)."""

UNCERTAIN_KINDS: Final = frozenset({"code", "text"})
"""For these kinds of task a recorded response that differs from the reference may be right too."""

SATURATION: Final = Probe(
    id="S6",
    name="saturation and sparsity",
    question="Do the scores of the untrained model's responses differ, so that training can learn from them?",
    measured=(
        f"The base model is simulated: {BASE_ROLLOUTS_PER_ROW} rollouts of each row are scored. A mean score above "
        f"{SATURATED_SCORE:g} is a warning. A mean below {SPARSE_SCORE:g} is a failure. It is only a warning on two "
        "conditions: right answers in the requested format get a score, and in most rollouts only the format is wrong. "
        "A group is the rollouts of one row. It is dead when they all score the same. More than "
        f"{DEAD_GROUPS_WARN:.0%} dead groups are a warning. More than {DEAD_GROUPS_FAIL:.0%} are a failure, but only "
        "if most groups that have both right and wrong rollouts are dead. A high mean and dead groups are only "
        f"information when two things are true: wrong rollouts score less than {WRONG_SHARE:g} times the score of "
        "right ones, and most groups with right and wrong rollouts have different scores. Then the simulated model is "
        "good at these rows. With recorded responses, a high mean and dead groups are always warnings, because these "
        "responses are from a real model. Without right answers the simulated model says nothing, and this is not "
        "measured. The finding also gives the share of rollouts that are really right, which a "
        f"simulator knows and a cloud run does not. {SCALE_EXPLANATION} When more than {MAX_REPEATED_PROMPTS:.0%} of "
        "the records repeat a prompt of the file, the finding reports it, because training may then use prompts of the "
        "held-out records."
    ),
    means=(
        "An advantage is a rollout's score compared with the rest of its group. In a dead group all advantages are "
        "zero, so the gradient is zero and you pay for rollouts that have no effect."
    ),
    remedy=(
        "If the scores are low and the rollouts are right, the function misses right answers: see S3, S4 and S7. If "
        "the rollouts are wrong, give partial credit, use easier rows, or run supervised fine-tuning first. If the "
        "scores are high, use harder rows or score more strictly, because the model can already solve these."
    ),
    source=(
        "AWS, reinforcement fine-tuning for Amazon Nova: with more than 95 % positive examples it is unnecessary, and "
        "with less than 5 % it is difficult. With 0 %, do supervised fine-tuning first. TRL logs dead groups as "
        "frac_reward_zero_std; DAPO (arXiv 2503.14476) drops them. INFERRED: the thresholds for dead groups. The "
        "rollouts are simulated: if the mean is near a threshold, sample the real model."
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseSample:
    """Rollouts of the untrained model with their scores and the hidden truth about each, group by group.

    Attributes:
        correct: whether each rollout is really right. None if the row's right answer is not known.
        mean: the mean normalized score.
        description: the mean with the other figures of the finding.
        is_simulated: whether the rollouts are simulated. Then the real model may be better or worse.
    """

    groups: tuple[tuple[CaseResult, ...], ...]
    correct: tuple[tuple[bool | None, ...], ...]
    scale: ScoreScale
    mean: float
    description: str
    is_simulated: bool

    @property
    def right_share(self) -> float:
        """The share of rollouts that are really right, among those for which it is known. 0.0 if it is for none."""
        return _share_of_right(self.correct)

    @property
    def is_truth_known(self) -> bool:
        """Whether it is known of any rollout if it is right."""
        return any(truth is not None for truth in chain.from_iterable(self.correct))

    @property
    def dead_group_share(self) -> float:
        """The share of dead groups."""
        return fmean(map(_is_dead, self.groups))

    @property
    def is_earned_by_right_answers(self) -> bool:
        """Whether a simulated model earns its score by right answers: wrong ones score less, and groups differ."""
        return (
            self.is_simulated
            and self.separates_right_from_wrong
            and rewards_right_answers(self.normalized_scores(right=True), self.normalized_scores(right=False))
        )

    @property
    def separates_right_from_wrong(self) -> bool:
        """Whether scores differ in most groups with right and wrong rollouts.

        If there are no such groups: whether most rollouts are right. Otherwise a sound function would fail on rows that
        the model can already solve.
        """
        mixed_groups = [group for group, truth in zip(self.groups, self.correct, strict=True) if len(set(truth)) > 1]
        return fmean(map(_is_dead, mixed_groups)) < MAJORITY if mixed_groups else self.right_share > MAJORITY

    def normalized_scores(self, *, right: bool) -> list[float]:
        """Return the normalized scores of the rollouts that are really right, or of those that are wrong."""
        pairs = zip(chain.from_iterable(self.groups), chain.from_iterable(self.correct), strict=True)
        return [
            self.scale.normalize(result.score) for result, truth in pairs if truth is right and result.score is not None
        ]

    def scored_results(self, *, right: bool) -> list[CaseResult]:
        """Return the results with a score, the really right (or wrong) ones first."""
        pairs = zip(chain.from_iterable(self.groups), chain.from_iterable(self.correct), strict=True)
        sortable_results = [(truth is not right, result) for result, truth in pairs if result.score is not None]
        return [result for _, result in sorted(sortable_results, key=lambda pair: pair[0])]


def check_saturation(context: ProbeContext) -> Iterator[Finding]:
    """S6: measure the mean score and the share of dead groups."""
    if context.recorded is None and not context.answerable_rows:
        # The simulated model cannot write a right answer either, so its scores say nothing about a real model's.
        yield SATURATION.not_measured(context.unknown_answers_reason)
        return
    groups, truths = _groups_and_truths(context)
    results = [*chain.from_iterable(groups)]
    scale = score_scale(context)
    mean = scale.mean_of_scored(results)
    if mean is None:
        reason = results[0].error if results else "there are no rows"
        yield SATURATION.not_measured(f"No rollout of the base model has a score: {reason}")
        return
    description = f"mean {mean:.3g}{scale.note}{missing_note(results)}"
    if any(truth is not None for truth in chain.from_iterable(truths)):
        is_certain = context.recorded is None or not {row.reference.kind for row in context.rows} & UNCERTAIN_KINDS
        truth = "are really right" if is_certain else "agree with the reference"
        description += f", where {_share_of_right(truths):.2f} of the rollouts {truth}"
    description += f"; {fmean(map(_is_dead, groups)):.2f} of the groups are dead"
    if len(scores := set(scores_of(results))) == 1:
        description += f", as every response scores {scores.pop():g}"
    sample = BaseSample(
        groups=groups,
        correct=truths,
        scale=scale,
        mean=mean,
        description=description,
        is_simulated=context.recorded is None,
    )
    right_answers_score = (scale.mean_of_scored(context.right_results) or 0.0) >= MAJORITY
    findings = [
        *_saturation_findings(sample),
        *_sparsity_findings(sample, right_answers_score=right_answers_score),
    ]
    # A mean near 0 or 1 makes groups dead, so dead groups are reported only if their finding is worse.
    worst = min((finding.severity.rank for finding in findings), default=Severity.OK.rank)
    findings += [finding for finding in _dead_group_findings(sample) if finding.severity.rank < worst]
    yield from findings or [
        SATURATION.ok(
            "The scores of the untrained model's responses differ.",
            measured=description,
            value=mean,
        )
    ]
    yield from _repeated_prompt_findings(context)


def _groups_and_truths(
    context: ProbeContext,
) -> tuple[tuple[tuple[CaseResult, ...], ...], tuple[tuple[bool | None, ...], ...]]:
    """Return the results of the rollouts and whether each is really right, group by group.

    Simulated rollouts of a row whose right answer is not known are left out.
    """
    known = [group.prompt.task.reference.kind != "none" for group in context.base_groups]
    chosen = [
        (results, tuple(rollout.correct if is_known else None for rollout in group.rollouts))
        for results, group, is_known in zip(context.base_results, context.base_groups, known, strict=True)
        if is_known or context.recorded is not None
    ]
    return tuple(results for results, _ in chosen), tuple(truths for _, truths in chosen)


def _share_of_right(truths: Iterable[Iterable[bool | None]]) -> float:
    known = [truth for truth in chain.from_iterable(truths) if truth is not None]
    return fmean(known) if known else 0.0


def _repeated_prompt_findings(context: ProbeContext) -> Iterator[Finding]:
    lines: dict[tuple[Message, ...], int] = {}
    repeats = [record for record in context.records if lines.setdefault(record.messages, record.line) != record.line]
    share = len(repeats) / len(context.records)
    if share > MAX_REPEATED_PROMPTS:
        yield SATURATION.finding(
            Severity.INFO,
            "Many records have the same prompt, so held-out records are also trained on, and a gap to them means "
            "nothing.",
            measured=f"{len(repeats)} of {len(context.records)} records repeat the prompt of another, for example line "
            f"{repeats[0].line} that of line {lines[repeats[0].messages]}",
            threshold=f"at most {MAX_REPEATED_PROMPTS:.0%}",
            fix="Keep one record of each, or name a validation file with other prompts.",
            value=share,
        )


def _saturation_findings(sample: BaseSample) -> Iterator[Finding]:
    if sample.mean > SATURATED_SCORE:
        yield SATURATION.finding(
            Severity.INFO if sample.is_earned_by_right_answers else Severity.WARN,
            "The untrained model already gets nearly the full score and is nearly always right. Sample the real model."
            if sample.is_earned_by_right_answers
            else "The untrained model already gets nearly the full score, so there is little to learn.",
            measured=sample.description,
            threshold=f"at most {SATURATED_SCORE:g}",
            fix="Use harder rows or score more strictly. If these rows are the real task, keep the base model.",
            value=sample.mean,
            examples=[]
            if sample.is_earned_by_right_answers
            else [result.example() for result in sample.scored_results(right=False)[:1]],
        )


def _sparsity_findings(sample: BaseSample, *, right_answers_score: bool) -> Iterator[Finding]:
    """Yield a finding when hardly any rollout scores."""
    if sample.mean >= SPARSE_SCORE:
        return
    if not sample.is_truth_known:
        reason = "."
        fix = "Give partial credit, use easier rows, or fine-tune on examples first."
    elif sample.right_share <= MAJORITY:
        reason = ": the rows are too hard for it."
        fix = "Give partial credit, use easier rows, or fine-tune on examples first."
    elif right_answers_score:
        reason = ", although most are right: their format does not score."
        fix = "Accept the answer in more forms (see S7), or ask more clearly in the prompt for the accepted form."
    else:
        reason = ", although most are right."
        fix = "Make the function accept right answers: S3, S4 and S8 say which of them it rejects."
    yield SATURATION.finding(
        # A form can be learned from a few examples, if some groups have one.
        Severity.WARN if right_answers_score and sample.right_share > MAJORITY else Severity.FAIL,
        f"Hardly any response of the untrained model scores{reason}",
        measured=sample.description,
        threshold=f"at least {SPARSE_SCORE:g}",
        fix=fix,
        value=sample.mean,
        examples=[result.example() for result in sample.scored_results(right=True)[:1]],
    )


def _dead_group_findings(sample: BaseSample) -> Iterator[Finding]:
    if sample.dead_group_share <= DEAD_GROUPS_WARN:
        return
    fails = sample.dead_group_share > DEAD_GROUPS_FAIL and not sample.separates_right_from_wrong
    (score, count), *others = Counter(scores_of(chain.from_iterable(sample.groups))).most_common()
    dead_group = next(group for group in sample.groups if _is_dead(group))
    yield SATURATION.finding(
        Severity.FAIL if fails else Severity.INFO if sample.is_earned_by_right_answers else Severity.WARN,
        f"Every response scores {score:g}, so no group has an effect on training."
        if not others
        else "In most groups all responses score the same. Such a group has no effect on training.",
        measured=f"{sample.dead_group_share:.2f} of {len(sample.groups)} groups; "
        f"the most common score is {score:g}, {count} times",
        threshold=f"at most {DEAD_GROUPS_FAIL if fails else DEAD_GROUPS_WARN:g}",
        fix="Score better responses higher than worse ones, give partial credit, or use rows that the model gets right "
        "sometimes.",
        value=sample.dead_group_share,
        examples=[result.example("from a dead group") for result in (dead_group[0], dead_group[-1])],
    )


def rewards_right_answers(right: Sequence[float], wrong: Sequence[float]) -> bool:
    """Return whether wrong rollouts score clearly less than right ones. False without right ones."""
    return bool(right) and (not wrong or fmean(wrong) < WRONG_SHARE * fmean(right))


def is_dead(scores: Sequence[float]) -> bool:
    """Return whether a group's scores are all the same, so that every advantage is 0. One score is not a group."""
    return len(scores) > 1 and max(scores) - min(scores) <= DEAD_GROUP_TOLERANCE


def _is_dead(group: Sequence[CaseResult]) -> bool:
    return is_dead(scores_of(group))
