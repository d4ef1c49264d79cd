"""Parity rows on files and fine-tuning jobs."""

from typing import Final

from simulator.parity.parity_row import A, D, S, Topic, inferred_row, known_row

_FILES: Final = Topic.FILES
_JOBS: Final = Topic.JOBS

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
)
