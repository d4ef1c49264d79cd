"""S6: how much there is to learn from, on rollouts of the untrained model."""

from collections import Counter
from collections.abc import Iterator, Sequence
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
"""A mean score below this is too thin a signal (DOCUMENTED for Nova: fewer than 5 % positive examples)."""

DEAD_GROUPS_WARN: Final = 0.6
"""More groups than this without a difference: most of the rollouts paid for teach nothing (INFERRED)."""

DEAD_GROUPS_FAIL: Final = 0.9
"""More groups than this without a difference: hardly any step moves the policy (INFERRED)."""

DEAD_GROUP_TOLERANCE: Final = 1e-8
"""Scores that differ by no more are the same to GRPO (TRL's frac_reward_zero_std)."""

MAX_REPEATED_PROMPTS: Final = 0.1
"""A greater share of records with a prompt that another record has is told (INFERRED)."""

PAID_SHARE: Final = 0.5
"""A high score is earned where wrong rollouts get less than so many of what right ones get (INFERRED)."""

MAJORITY: Final = 0.5
"""Most of the rollouts, most of the groups, most of a right answer's score (INFERRED)."""

SATURATION: Final = Probe(
    id="S6",
    name="saturation and sparsity",
    question="Do the untrained model's responses differ in score, so that there is something to learn?",
    measured=(
        f"The base model's habits are simulated: {BASE_ROLLOUTS_PER_ROW} rollouts of each row are scored. A mean above "
        f"{SATURATED_SCORE:g} is a warning; below {SPARSE_SCORE:g} it is a failure, or a warning where right answers in the asked "
        "format do score and most rollouts are right but for their form. A group is the rollouts of one row; it is "
        f"dead when they all score the same. More than {DEAD_GROUPS_WARN:.0%} dead groups are a warning, more than "
        f"{DEAD_GROUPS_FAIL:.0%} a failure if most groups that hold right and wrong rollouts are among them. A high mean and "
        f"dead groups are for information only where wrong rollouts get less than {PAID_SHARE:g} times what right ones get, "
        "and most groups that hold both differ: then it is the simulated model that is good. With recorded responses "
        "they stay warnings, as that is the real one. Beside it stands "
        "the share of rollouts that are really right, whatever the function says of them, which a simulator knows and "
        f"a cloud run does not. {SCALE_EXPLANATION} When more than {MAX_REPEATED_PROMPTS:.0%} of the "
        "records have a prompt that stands in the file already, that is told: then nothing is really held out."
    ),
    means=(
        "An advantage is a rollout's score compared with the rest of its group. In a dead group all of them are zero, "
        "the gradient is zero, and the step is paid for without effect."
    ),
    remedy=(
        "Too low with right rollouts: the function misses right answers, see S3, S4 and S7. Too low with wrong ones: "
        "give part of the score for part of the work, take easier rows, or fine-tune on examples first. Too high: take "
        "harder rows or judge more strictly; the model can do this already."
    ),
    source=(
        "AWS, reinforcement fine-tuning for Amazon Nova: above 95 % unnecessary, at 0 % supervised fine-tuning first, "
        "below 5 % positive examples training struggles. TRL logs dead groups as frac_reward_zero_std; DAPO (arXiv "
        "2503.14476) drops them. INFERRED: the thresholds for dead groups. The rollouts are simulated: for a mean "
        "near a threshold, ask the real model."
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseSample:
    """Rollouts of the untrained model with their scores, group by group, and the hidden truth about each.

    Attributes:
        mean: score on the scale from 0 to 1.
        description: the mean and what belongs beside it.
        is_simulated: the rollouts are, so that it is not known how good the real model is.
    """

    groups: tuple[tuple[CaseResult, ...], ...]
    correct: tuple[tuple[bool, ...], ...]
    scale: ScoreScale
    mean: float
    description: str
    is_simulated: bool

    @property
    def right_share(self) -> float:
        """The share of rollouts that are really right."""
        return fmean(chain.from_iterable(self.correct))

    @property
    def dead_group_share(self) -> float:
        """The share of groups without a difference."""
        return fmean(map(_is_dead, self.groups))

    @property
    def is_paid_for_right_answers(self) -> bool:
        """Whether a simulated model is paid for being right: wrong rollouts get clearly less, and groups differ."""
        return (
            self.is_simulated
            and self.separates_right_from_wrong
            and pays_for_right_answers(self.normalized_scores(right=True), self.normalized_scores(right=False))
        )

    @property
    def separates_right_from_wrong(self) -> bool:
        """Whether most groups that hold right and wrong rollouts differ, or, where there is none, all are right.

        Without this a sound function would fail on rows that the model can do already.
        """
        mixed = [group for group, truth in zip(self.groups, self.correct, strict=True) if len(set(truth)) > 1]
        return fmean(map(_is_dead, mixed)) < MAJORITY if mixed else self.right_share > MAJORITY

    def normalized_scores(self, *, right: bool) -> list[float]:
        """Return the scores of the rollouts that are really right or wrong, on the scale from 0 to 1."""
        pairs = zip(chain.from_iterable(self.groups), chain.from_iterable(self.correct), strict=True)
        return [
            self.scale.normalize(answer.score) for answer, truth in pairs if truth is right and answer.score is not None
        ]

    def scored_results(self, *, right: bool) -> list[CaseResult]:
        """Return the scored answers, those that are really right or wrong first."""
        pairs = zip(chain.from_iterable(self.groups), chain.from_iterable(self.correct), strict=True)
        answers = [(truth is not right, answer) for answer, truth in pairs if answer.score is not None]
        return [answer for _, answer in sorted(answers, key=lambda pair: pair[0])]


def check_saturation(context: ProbeContext) -> Iterator[Finding]:
    """S6: is there a signal, neither too thin nor used up?"""
    answers = [*chain.from_iterable(context.base_results)]
    scale = score_scale(context)
    mean = scale.mean_of_scored(answers)
    if mean is None:
        why = answers[0].error if answers else "there are no rows"
        yield SATURATION.not_measured(f"No rollout of the base model got a score: {why}")
        return
    truths = tuple(tuple(rollout.correct for rollout in group.rollouts) for group in context.base_groups)
    words = f"mean {mean:.3g}{scale.note}{missing_note(answers)}"
    if context.answerable_rows:
        words += f", where {fmean(chain.from_iterable(truths)):.2f} of the rollouts are really right"
    words += f"; {fmean(map(_is_dead, context.base_results)):.2f} of the groups are dead"
    if len(scores := set(scores_of(answers))) == 1:
        words += f", as every response scores {scores.pop():g}"
    simulated = context.recorded is None
    sample = BaseSample(
        groups=context.base_results, correct=truths, scale=scale, mean=mean, description=words, is_simulated=simulated
    )
    levels = [
        *_saturation_findings(sample),
        *_sparsity_findings(sample, accepts=(scale.mean_of_scored(context.right_results) or 0.0) >= MAJORITY),
    ]
    # Where nearly all score or none do, that groups are dead follows; it is told again only where it is worse.
    worst = min((finding.severity.rank for finding in levels), default=Severity.OK.rank)
    found = [*levels, *(finding for finding in _dead_group_findings(sample) if finding.severity.rank < worst)]
    yield from found or [
        SATURATION.ok(
            "The untrained model's responses differ in score.",
            measured=words,
            value=mean,
        )
    ]
    yield from _repeated_prompt_findings(context)


def _repeated_prompt_findings(context: ProbeContext) -> Iterator[Finding]:
    lines: dict[tuple[Message, ...], int] = {}
    repeats = [record for record in context.records if lines.setdefault(record.messages, record.line) != record.line]
    share = len(repeats) / len(context.records)
    if share > MAX_REPEATED_PROMPTS:
        yield SATURATION.finding(
            Severity.INFO,
            "Many records have the same prompt: what is held out was trained on, and a gap to it says nothing.",
            measured=f"{len(repeats)} of {len(context.records)} records repeat the prompt of another, such as line "
            f"{repeats[0].line} that of line {lines[repeats[0].messages]}",
            threshold=f"at most {MAX_REPEATED_PROMPTS:.0%}",
            fix="Leave one of each, or name a validation file whose prompts are not among them.",
            value=share,
        )


def _saturation_findings(sample: BaseSample) -> Iterator[Finding]:
    if sample.mean > SATURATED_SCORE:
        yield SATURATION.finding(
            Severity.INFO if sample.is_paid_for_right_answers else Severity.WARN,
            "The untrained model scores nearly everything already, and is nearly always right: sample the real one."
            if sample.is_paid_for_right_answers
            else "The untrained model scores nearly everything already: there is little left to train.",
            measured=sample.description,
            threshold=f"at most {SATURATED_SCORE:g}",
            fix="Take harder rows or judge more strictly; if these are the real ones, keep the base model.",
            value=sample.mean,
            examples=[]
            if sample.is_paid_for_right_answers
            else [answer.example() for answer in sample.scored_results(right=False)[:1]],
        )


def _sparsity_findings(sample: BaseSample, *, accepts: bool) -> Iterator[Finding]:
    """Tell of a thin signal; `accepts` says whether right answers in the asked format score."""
    if sample.mean >= SPARSE_SCORE:
        return
    if sample.right_share <= MAJORITY:
        why = ": the rows are too hard for it."
        fix = "Give part of the score for part of the work, take easier rows, or fine-tune on examples first."
    elif accepts:
        why = ", although most are right in substance: it is their form that does not score."
        fix = "Take the answer in more forms (see S7), or say more clearly in the prompt which form it is to have."
    else:
        why = ", although most are right."
        fix = "Make the function read right answers: S3, S4 and S8 say which of them it does not."
    yield SATURATION.finding(
        # A form is learned from few examples, as long as some groups hold one.
        Severity.WARN if accepts and sample.right_share > MAJORITY else Severity.FAIL,
        f"Hardly any response of the untrained model scores{why}",
        measured=sample.description,
        threshold=f"at least {SPARSE_SCORE:g}",
        fix=fix,
        value=sample.mean,
        examples=[answer.example() for answer in sample.scored_results(right=True)[:1]],
    )


def _dead_group_findings(sample: BaseSample) -> Iterator[Finding]:
    if sample.dead_group_share <= DEAD_GROUPS_WARN:
        return
    fails = sample.dead_group_share > DEAD_GROUPS_FAIL and not sample.separates_right_from_wrong
    (score, count), *others = Counter(scores_of(chain.from_iterable(sample.groups))).most_common()
    shown = next(group for group in sample.groups if _is_dead(group))
    yield SATURATION.finding(
        Severity.FAIL if fails else Severity.INFO if sample.is_paid_for_right_answers else Severity.WARN,
        f"Every response scores {score:g}: no group can teach anything."
        if not others
        else "In most groups all responses score the same, and such a group teaches nothing.",
        measured=f"{sample.dead_group_share:.2f} of {len(sample.groups)} groups; the commonest score is {score:g}, {count} times",
        threshold=f"at most {DEAD_GROUPS_FAIL if fails else DEAD_GROUPS_WARN:g}",
        fix="Let the score tell better responses from worse ones, give part of it for part of the work, "
        "or take rows that the model gets right now and then.",
        value=sample.dead_group_share,
        examples=[answer.example("one of a dead group") for answer in (shown[0], shown[-1])],
    )


def pays_for_right_answers(right: Sequence[float], wrong: Sequence[float]) -> bool:
    """Whether wrong rollouts are paid clearly less than right ones; False where no right one is known."""
    return bool(right) and (not wrong or fmean(wrong) < PAID_SHARE * fmean(right))


def is_dead(scores: Sequence[float]) -> bool:
    """Whether a group's scores are all the same, so that no advantage differs from 0; a single one is no group."""
    return len(scores) > 1 and max(scores) - min(scores) <= DEAD_GROUP_TOLERANCE


def _is_dead(group: Sequence[CaseResult]) -> bool:
    return is_dead(scores_of(group))
