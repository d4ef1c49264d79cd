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
        "The rules that give 67 steps and 4 checkpoints",
        "a tenth is held out, the last partial batch is dropped; checkpoints every 20 steps and at the end",
    ),
    inferred_row(
        "held-out",
        _TRAINING,
        "Which tenth is held out",
        "the last tenth of the file; with a validation file, none is held out",
        setting="held_out",
    ),
    inferred_row("rollouts", _TRAINING, "Rollouts per prompt", "8, which fits the numbers of the sample"),
    inferred_row(
        "learning-curves",
        _TRAINING,
        "How fast a model learns: public sources show one metrics event and two reward curves",
        "GRPO as in verl 0.9.1, with advantages in single precision, on a small **simulated** policy, calibrated on "
        "this event and these curves; not a forecast for your model",
    ),
    inferred_row(
        "early-stopping",
        _TRAINING,
        "When training stops early (AWS's blog: once it has converged)",
        "never; with the setting, by our own rule",
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
        "matched by `id`; other fields are ignored",
    ),
    known_row(
        "grader-permission",
        _GRADING,
        (D,),
        "The caller's own identity needs `lambda:InvokeFunction`; no role is passed",
        "by the policies of the caller and of the function",
    ),
    known_row(
        "lambda-runtime",
        _GRADING,
        (D, O),
        "Lambda's runtime, payload and error shapes, limits, log lines, versions, aliases, reserved concurrency",
        "AWS's own runtime client in a local process",
    ),
    known_row(
        "function-python",
        _GRADING,
        (D,),
        "A function runs on the Python of its Runtime and on the processor of its Architectures, and in any language "
        "that Lambda has",
        "on that Python if this machine has it, else on the simulator's own with a warning; on this machine's "
        "processor; functions in Python only: a job with another one is refused",
        setting="lambda_python",
    ),
    known_row(
        "compiled-modules",
        _GRADING,
        (D,),
        "A compiled module must be built for the Python, the processor and the system of the function",
        "the same; the job, its error and the doctor name the module and what it was built for. If only this machine "
        "cannot load it, the function is not blamed",
    ),
    known_row(
        "logging-config",
        _GRADING,
        (D, O),
        "`LoggingConfig`: text or JSON, levels of the application and of the system, and a log group; text with levels "
        "is refused",
        "AWS's runtime client formats and filters what the function logs. JSON has the records `platform.start`, "
        "`platform.runtimeDone` and `platform.report`, and none of the init phase",
    ),
    known_row(
        "packages",
        _GRADING,
        (D, O),
        "CreateFunction refuses a package that cannot be unzipped, is empty or has more than 250 MB unzipped",
        "the check reads the zip file's directory; it also refuses devices, links that lead out of the package, "
        "set-user-id bits and 65,536 files. Invoke refuses a package whose fault this check cannot find",
    ),
    known_row(
        "execution-environment",
        _GRADING,
        (D, O),
        "Each environment has its own `/tmp`, empty at a cold start; everything else is read-only; no home folder; "
        "files keep the modes of the zip",
        "the same in Linux namespaces; where the system forbids them, folders in this machine's file system, which is "
        "reported at the start, in the settings and by the doctor",
        setting="lambda_isolation",
    ),
    known_row(
        "shared-memory",
        _GRADING,
        (O,),
        "There is no `/dev/shm`: semaphores and shared memory raise Errno 38, so `multiprocessing`'s Lock, Queue, Pool "
        "and SharedMemory fail; Process and Pipe work",
        "the same in the function's process and its forks; a new program that a function starts gets Errno 2 from the "
        "C library of this machine",
    ),
    known_row(
        "system-programs",
        _GRADING,
        (D,),
        "The programs and libraries of Amazon Linux",
        "those of this machine, in `/usr`, read-only",
    ),
    inferred_row(
        "environment-of-a-call",
        _GRADING,
        "Which warm environment gets a call, which matters to a function that keeps state",
        "a job has environments of its own, and its calls go to them in turn, so that every run is the same",
        setting="grading.concurrency",
    ),
    known_row(
        "function-configuration",
        _GRADING,
        (D, O),
        "CreateFunction and its updates refuse limits, names and size of variables, runtimes, architectures, layers "
        "and sizes of packages, with ValidationException or InvalidParameterValueException",
        "with AWS's messages; a layer of another account is one that does not exist",
    ),
    known_row(
        "execution-role",
        _GRADING,
        (D, O),
        "The trust policy of the function's role must let `lambda.amazonaws.com` assume it",
        "checked when the role is set; a role is usable at once, where AWS needs some seconds",
    ),
    known_row(
        "malformed-handler",
        _GRADING,
        (O,),
        "A handler without a dot is accepted; each call fails with `Runtime.MalformedHandlerName`",
    ),
    inferred_row(
        "configuration-of-wrong-type",
        _GRADING,
        "The message for a parameter of a wrong JSON type",
        "400 `SerializationException`, in the words of other AWS services",
    ),
    inferred_row(
        "event-shape",
        _GRADING,
        "Which event shape Bedrock sends: the guide's or the sample's",
        "both in one event, so that every published handler works",
        setting="grading.event_shape",
    ),
    inferred_row(
        "thinking-in-the-event",
        _GRADING,
        "Whether the function gets the reasoning of the model",
        "the final answer only",
        setting="grading.include_reasoning",
    ),
    inferred_row(
        "rollouts-per-call",
        _GRADING,
        "Rollouts per call, and concurrent calls",
        "8 per call, concurrently, below 6 MB",
        setting="grading.rollouts_per_call",
    ),
    inferred_row(
        "strictness-of-answers",
        _GRADING,
        "How strictly the answer of a function is parsed",
        "JSON in UTF-8 by RFC 8259: NaN, a number too large for a float or a duplicate key fails the job",
    ),
    inferred_row(
        "broken-grader",
        _GRADING,
        "What a broken reward function does to a job",
        "as AWS's blog of 2026-04-14 says for Nova: a call that times out, is throttled or raises is made up to four "
        "times, after 1, 2 and 4 simulated seconds; then the job is `failed` with `grader_error`, which names the "
        "time-out, the permission or the bug. A wrong id or score fails it at once. A rollout never gets a 0 for it",
        setting="grading.attempts",
    ),
    inferred_row(
        "missing-function",
        _GRADING,
        "When a missing function or permission is noticed",
        "before the first step: the job ends as `failed`",
    ),
)
