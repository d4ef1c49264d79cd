"""Parity rows on files and fine-tuning jobs."""

from typing import Final

from simulator.parity.parity_row import A, D, S, Topic, inferred_row, known_row

_FILES: Final = Topic.FILES
_JOBS: Final = Topic.JOBS

FINE_TUNING_ROWS: Final = (
    known_row("purpose", _FILES, (D,), "The purpose must be `fine-tune`"),
    known_row(
        "file-object",
        _FILES,
        (A,),
        "AWS documents no file object",
        "OpenAI's object; its status is `processed` immediately",
    ),
    known_row(
        "file-limit",
        _FILES,
        (A,),
        "AWS documents no limit for the size of a file",
        "OpenAI's 512 MB",
        setting="max_file_bytes",
    ),
    known_row(
        "records",
        _FILES,
        (D, S),
        "100 to 20,000 records: `messages`, with text as a string or parts, and a `reference_answer` of any shape",
        setting="dataset.min_records",
    ),
    inferred_row("other-purposes", _FILES, "The answer to a purpose other than `fine-tune`", "400"),
    inferred_row(
        "faulty-records",
        _FILES,
        "When and how an invalid file is refused",
        "the job ends as `failed`, `invalid_training_file`, with the line and the reason",
    ),
    inferred_row(
        "prompt-length",
        _FILES,
        "The limit for the length of a prompt",
        "none; with a limit, the job fails and names the line",
        setting="dataset.max_prompt_tokens",
    ),
    inferred_row(
        "strictness",
        _FILES,
        "How strictly a line is parsed: encoding, duplicate keys, depth, length",
        "UTF-8 without a byte order mark, JSON by RFC 8259, no duplicate keys, 128 levels; at most 6 MB, the limit of "
        "a Lambda event",
        setting="dataset.max_line",
    ),
    inferred_row("deleted-file", _FILES, "What happens to a job whose file is deleted", "it continues with its copy"),
    known_row(
        "fields-of-create",
        _JOBS,
        (D,),
        "`model`, `training_file`, `validation_file`, `metadata`, `method` with the Lambda grader",
    ),
    known_row("job-object", _JOBS, (A,), "AWS documents no job object", "OpenAI's object, every nullable key present"),
    known_row("hyperparameters", _JOBS, (D,), "`n_epochs`, `batch_size` (prompts), `learning_rate_multiplier`"),
    known_row(
        "statuses",
        _JOBS,
        (D, A),
        "`validating_files`, `queued`, `running`, then `succeeded`, `failed` or `cancelled`",
        "AWS names two of these statuses, and OpenAI names all",
    ),
    known_row("cancel", _JOBS, (D,), "A job in progress can be cancelled, and not resumed; `cancelled` has two l's"),
    known_row(
        "metrics-event",
        _JOBS,
        (S,),
        "`Step n/N: training metrics` with exactly eight keys; the values have single precision",
        "key order included",
    ),
    known_row(
        "paging", _JOBS, (D, A), "`limit` and `after`, `has_more`; newest first; 20 by default, 200 in the sample"
    ),
    known_row(
        "checkpoints", _JOBS, (D, A), "The list is empty until the first checkpoint is saved; the object is OpenAI's"
    ),
    inferred_row(
        "refused-at-once",
        _JOBS,
        "What create refuses immediately",
        "unknown files and models (404); models without fine-tuning, other methods, graders and fields (400)",
    ),
    inferred_row(
        "suffix",
        _JOBS,
        "AWS does not support `suffix`: is it refused or ignored?",
        "400 `unsupported_parameter`",
        setting="ignored_job_fields",
    ),
    inferred_row(
        "other-hyperparameters",
        _JOBS,
        "Ranges and defaults, and the other hyperparameters of OpenAI",
        "1 epoch, batches of 4, multiplier 1.0; OpenAI's other hyperparameters are stored; an unknown one is a 400",
    ),
    inferred_row(
        "cancel-effects",
        _JOBS,
        "What remains of a cancelled job, and the answer to cancelling an ended one",
        "its checkpoints remain, but it has no tuned model; cancelling an ended job is a 400, because SDKs retry a 409",
    ),
    inferred_row(
        "concurrency", _JOBS, "How many jobs run at the same time", "8; more are `queued`", setting="concurrent_jobs"
    ),
    inferred_row(
        "durations",
        _JOBS,
        "How long a run takes",
        "hours of simulated time, seconds of real time",
        setting="durations.per_step",
    ),
    inferred_row("wordings-of-events", _JOBS, "All other event messages", "similar to OpenAI's"),
    inferred_row(
        "stale-lists",
        _JOBS,
        "Whether the list can lag behind a job (the sample fetches each job again)",
        "it does not",
        setting="consistency.jobs_lag",
    ),
    inferred_row(
        "late-events",
        _JOBS,
        "Whether events and checkpoints can be late, grouped or repeated",
        "they are not",
        setting="consistency.events_lag",
    ),
    inferred_row(
        "checkpoint-metrics",
        _JOBS,
        "The `metrics` of a checkpoint (the guide: validation loss and accuracy)",
        "mean reward and length on the held-out records",
    ),
)
