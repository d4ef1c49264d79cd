"""Parity rows on training and the reward function."""

from typing import Final

from simulator.parity.parity_row import D, O, S, Topic, inferred_row, known_row

_TRAINING: Final = Topic.TRAINING
_GRADING: Final = Topic.GRADING

TRAINING_ROWS: Final = (
    known_row(
        "67-steps-and-4-checkpoints", _TRAINING, (S,), "300 records, batch 4, one epoch: 67 steps, 4 checkpoints"
    ),
    inferred_row(
        "rules-behind-these",
        _TRAINING,
        "The rule behind 67 and 4",
        "a tenth held out, last partial batch dropped; checkpoints every 20 steps and at the end",
    ),
    inferred_row(
        "held-out",
        _TRAINING,
        "Which tenth is held out",
        "the file's last; none with a validation file",
        setting="held_out",
    ),
    inferred_row("rollouts", _TRAINING, "Rollouts for each prompt", "8, which fits the sample's figures"),
    inferred_row(
        "learning-curves",
        _TRAINING,
        "How a model learns: one event and two curves are public",
        "GRPO as in verl on a small **simulated** policy, calibrated on those; no forecast of your model",
    ),
    inferred_row(
        "early-stopping",
        _TRAINING,
        "When training stops by itself (AWS's blog: once it has converged)",
        "off; our own rule when on",
        setting="detect_convergence",
    ),
    known_row(
        "lambda-event",
        _GRADING,
        (D, S),
        "A list of rollouts; reference and other fields under `metadata` (guide), or at the root with strings as "
        '`{"text": …}` (sample)',
    ),
    known_row(
        "scores",
        _GRADING,
        (D,),
        "A list of `id` and `aggregate_reward_score`; `metrics_list` is optional",
        "joined by `id`; what else it holds is ignored",
    ),
    known_row(
        "grader-permission",
        _GRADING,
        (D,),
        "The caller's own identity needs `lambda:InvokeFunction`; no role is passed",
        "decided by the caller's policies and the function's own",
    ),
    known_row(
        "lambda-runtime",
        _GRADING,
        (D, O),
        "Lambda's runtime, payload and error shapes, limits, log lines, versions, aliases, reserved concurrency",
        "AWS's own runtime client in a local process",
    ),
    known_row(
        "packages",
        _GRADING,
        (D, O),
        "CreateFunction refuses a package that cannot be unzipped, is empty, or has more than 250 MB then",
        "likewise, by its directory; links, devices and 65,536 files too. What only unpacking shows, Invoke refuses",
    ),
    inferred_row(
        "event-shape",
        _GRADING,
        "Which of the two shapes Bedrock sends",
        "both at once, so every published handler works",
        setting="grading.event_shape",
    ),
    inferred_row(
        "thinking-in-the-event",
        _GRADING,
        "Whether the function sees the model's thinking",
        "the final answer alone",
        setting="grading.include_reasoning",
    ),
    inferred_row(
        "rollouts-per-call",
        _GRADING,
        "Rollouts in one call, and calls at once",
        "8 a call, side by side, under 6 MB",
        setting="grading.rollouts_per_call",
    ),
    inferred_row(
        "strictness-of-answers",
        _GRADING,
        "How strictly a function's answer is read",
        "JSON in UTF-8 by RFC 8259: NaN, a number beyond any float, or a key that stands twice, fails the job",
    ),
    inferred_row(
        "broken-grader",
        _GRADING,
        "What a broken grader does to a job",
        "three tries after a time-out or throttling; then, and for all else, `failed`, `grader_error`; never a 0",
        setting="grading.attempts",
    ),
    inferred_row(
        "missing-function",
        _GRADING,
        "When a missing function or permission is noticed",
        "before the first step: the job ends as `failed`",
    ),
)
