"""Rows on fine-tuning: files, jobs, training, and the reward function."""

from typing import Final

from simulator.parity.parity_row import A, D, O, S, Topic, inferred_row, known_row

_FILES: Final = Topic.FILES
_JOBS: Final = Topic.JOBS
_TRAINING: Final = Topic.TRAINING
_GRADING: Final = Topic.GRADING

FINE_TUNING_ROWS: Final = (
    known_row("purpose", _FILES, (D,), "Purpose must be `fine-tune`"),
    known_row("file-object", _FILES, (A,), "AWS prints no file", "OpenAI's object, `processed` at once"),
    known_row("file-limit", _FILES, (A,), "AWS publishes no largest file", "OpenAI's 512 MB", setting="max_file_bytes"),
    known_row(
        "records",
        _FILES,
        (D, S),
        "100 to 20,000 records: `messages` to answer, text as string or parts, a `reference_answer` of any shape",
        setting="dataset.min_records",
    ),
    inferred_row("other-purposes", _FILES, "The answer to another purpose", "400"),
    inferred_row(
        "faulty-records",
        _FILES,
        "When a faulty file is refused, and how",
        "the job ends as `failed`, `invalid_training_file`, with line and reason",
    ),
    inferred_row(
        "prompt-length",
        _FILES,
        "The longest prompt",
        "no limit; with one, the job fails and names the line",
        setting="dataset.max_prompt_tokens",
    ),
    inferred_row(
        "strictness",
        _FILES,
        "How strictly a line is read: encoding, keys that stand twice, depth, length",
        "UTF-8 without a mark and JSON by RFC 8259, no key twice, 128 levels, as long as an event (6 MB)",
        setting="dataset.max_line",
    ),
    inferred_row("deleted-file", _FILES, "What a job does whose file is deleted", "it keeps its copy"),
    known_row(
        "fields-of-create",
        _JOBS,
        (D,),
        "`model`, `training_file`, `validation_file`, `metadata`, `method` with the Lambda grader",
    ),
    known_row("job-object", _JOBS, (A,), "AWS prints no job", "OpenAI's object, every nullable key present"),
    known_row("hyperparameters", _JOBS, (D,), "`n_epochs`, `batch_size` (prompts), `learning_rate_multiplier`"),
    known_row(
        "statuses",
        _JOBS,
        (D, A),
        "`validating_files`, `queued`, `running`, then `succeeded`, `failed` or `cancelled`",
        "AWS names two of them, OpenAI all",
    ),
    known_row("cancel", _JOBS, (D,), "A job in progress can be cancelled, and not resumed; `cancelled` has two l's"),
    known_row(
        "metrics-event",
        _JOBS,
        (S,),
        "`Step n/N: training metrics` with exactly eight keys in single precision",
        "key order included",
    ),
    known_row(
        "paging", _JOBS, (D, A), "`limit` and `after`, `has_more`; newest first; 20 unless told, 200 in the sample"
    ),
    known_row("checkpoints", _JOBS, (D, A), "None until one is saved; OpenAI's object"),
    inferred_row(
        "refused-at-once",
        _JOBS,
        "What create refuses at once",
        "unknown files and models (404); untunable models, other methods, graders and fields (400)",
    ),
    inferred_row(
        "suffix",
        _JOBS,
        "Whether `suffix`, which AWS says is not supported, is refused or ignored",
        "400 `unsupported_parameter`",
        setting="ignored_job_fields",
    ),
    inferred_row(
        "other-hyperparameters",
        _JOBS,
        "Ranges and defaults; what becomes of OpenAI's other hyperparameters",
        "1 epoch, batches of 4, multiplier 1.0; OpenAI's are stored, unknown ones a 400",
    ),
    inferred_row(
        "cancel-effects",
        _JOBS,
        "What is left of a cancelled job; what cancelling an ended one answers",
        "checkpoints but no model; 400, which SDKs do not retry as they do 409",
    ),
    inferred_row(
        "concurrency", _JOBS, "How many jobs run at once", "8, the next waits `queued`", setting="concurrent_jobs"
    ),
    inferred_row(
        "durations",
        _JOBS,
        "How long a run takes",
        "hours of simulated time, seconds of yours",
        setting="durations.per_step",
    ),
    inferred_row("wordings-of-events", _JOBS, "All other event messages", "our wording, after OpenAI's"),
    inferred_row(
        "stale-lists",
        _JOBS,
        "Whether the list lags (the sample fetches each job again)",
        "it does not",
        setting="consistency.jobs_lag",
    ),
    inferred_row(
        "late-events",
        _JOBS,
        "Whether events and checkpoints come at once, singly and once",
        "they do",
        setting="consistency.events_lag",
    ),
    inferred_row(
        "checkpoint-metrics",
        _JOBS,
        "What a checkpoint's `metrics` hold (the guide: validation loss and accuracy)",
        "mean reward and length on the held-out records",
    ),
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
