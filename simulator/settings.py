"""Every setting of the simulator, in one frozen value, and how `NAME=VALUE` changes it."""

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

from annotated_types import Ge, Gt, Le, MinLen

from simulator.training.dataset import DatasetLimits, HeldOutChoice

# 2026-01-01T00:00:00Z: `exec` and the tests start the clock here, so that the timestamps of a run never differ.
FIXED_EPOCH: Final = 1_767_225_600

# The account of every key and credential of a session. AWS's own documentation uses this number.
ACCOUNT: Final = "123456789012"
ACCESS_KEY_ID: Final = "AKIASIMULATOR0000000"
SECRET_ACCESS_KEY: Final = "simulator/not/a/real/secret/key/0000000000"  # noqa: S105  deliberately worthless

# DOCUMENTED: reinforcement fine-tuning of open-weight models is offered in one region only.
TUNING_REGION: Final = "us-west-2"

# DOCUMENTED: the regions that have a Mantle endpoint.
Region: TypeAlias = Literal[
    "us-east-1",
    "us-east-2",
    "us-west-2",
    "ap-southeast-3",
    "ap-south-1",
    "ap-southeast-2",
    "ap-northeast-1",
    "eu-central-1",
    "eu-west-1",
    "eu-west-2",
    "eu-south-1",
    "eu-north-1",
    "sa-east-1",
    "us-gov-west-1",
]

MAX_PORT: Final = 65_535
MAX_SPEED: Final = 1_000_000  # simulated seconds in one real second

# 2100-01-01T00:00:00Z: a run of any length still ends in a year of four digits.
MAX_EPOCH_SECONDS: Final = 4_102_444_800

PositiveInt: TypeAlias = Annotated[int, Ge(1)]


class Pace(StrEnum):
    """What advances a job."""

    INSTANT = "instant"  # nothing waits: jobs run at full speed and the clock follows them
    FINISHED = "finished"  # as `instant`, and the request that creates a job waits for the job's end
    POLL = "poll"  # each retrieve advances the job by one event
    MANUAL = "manual"  # the job follows the clock, and only `rft-sim clock` advances the clock
    REALTIME = "realtime"  # the job follows the clock, and the clock runs by itself


class Auth(StrEnum):
    """Which requests are accepted."""

    VERIFY = "verify"  # keys and signatures are checked, and the caller's IAM policies decide
    ANY = "any"  # every request acts as the account's root user, even without a key


class LambdaIsolation(StrEnum):
    """How the environments of Lambda functions are separated from this machine."""

    AUTO = "auto"  # namespaces where this machine allows them, else folders
    NAMESPACES = "namespaces"  # Lambda's file system in namespaces; without them, functions are not run
    NONE = "none"  # folders of their own in this machine's file system


class EventShape(StrEnum):
    """The layout of a rollout in the Lambda event (contract 4.1: the published handlers disagree)."""

    SUPERSET = "superset"  # root fields, bare strings wrapped, and a metadata copy: every published handler works
    DOCUMENTED = "documented"  # reference and custom fields under `metadata` only, as the user guide prints
    SAMPLE = "sample"  # reference and custom fields at the root only, bare strings wrapped, as the sample reads


class ResponseEvents(StrEnum):
    """The events of a streamed response that carry reasoning (contract 6.2)."""

    VLLM = "vllm"  # `response.reasoning_part.*`, as Amazon's sample reads it from Mantle; no SDK has these types
    OPENAI = "openai"  # `response.content_part.*`, as in OpenAI's specification: works with every SDK's helpers


class UnknownFields(StrEnum):
    """What happens to an unknown field of a chat request."""

    IGNORED = "ignored"  # as in vLLM, which serves Mantle's models
    REFUSED = "refused"  # status 400, to find misspelled fields


class LambdaPython(StrEnum):
    """What happens to a function whose Runtime names a Python that this machine does not have."""

    NEAREST = "nearest"  # it runs on the simulator's own Python, with a warning
    EXACT = "exact"  # a job with it is refused


@dataclass(frozen=True, slots=True, kw_only=True)
class GradingSettings:
    """How rollouts reach the reward function."""

    event_shape: Annotated[
        EventShape,
        "The layout of a rollout in the Lambda event. superset: every layout at once, so that every published handler "
        "works. documented: the reference and custom fields are under `metadata` only, as in the user guide. sample: "
        "they are at the root only, as in Amazon's sample.",
    ] = EventShape.SUPERSET
    wrap_strings: Annotated[
        bool,
        'If the reference answer is a string, send it as the object {"text": ...}.',
        "SAMPLE: Amazon's sample handler scores 0 without it.",
    ] = True
    include_reasoning: Annotated[
        bool, "Send the model's reasoning to the reward function, not only the final answer."
    ] = False
    rollouts_per_call: Annotated[PositiveInt, "The maximum number of rollouts in one event."] = 8
    concurrency: Annotated[
        PositiveInt,
        "The maximum number of calls at the same time. Default: the number of this machine's processors, at least 2.",
    ] = field(default_factory=lambda: max(2, os.cpu_count() or 1))
    attempts: Annotated[
        PositiveInt,
        "How often one call is made at most, the first time included, if it is throttled, times out or fails. The "
        "waits before the repetitions are 1, 2, 4, ... simulated seconds, at most 60. A response that cannot be used "
        "is never repeated.",
        "DOCUMENTED for Nova (AWS's blog of 2026-04-14): three retries with exponential backoff, then the job fails.",
    ] = 4
    retry_exceptions: Annotated[
        bool,
        "Repeat a call in which the function raised an exception or its process ended. Without it only throttled calls "
        "and time-outs are repeated.",
        "DOCUMENTED for Nova (AWS's blog of 2026-04-14).",
    ] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class DurationSettings:
    """Modelled durations in simulated seconds."""

    validation: Annotated[int, Ge(0), Le(MAX_EPOCH_SECONDS), "Simulated seconds that the check of the files takes."] = (
        45
    )
    queue: Annotated[
        int, Ge(0), Le(MAX_EPOCH_SECONDS), "Simulated seconds between the check of the files and the first step."
    ] = 240
    per_step: Annotated[float, Ge(0), Le(MAX_EPOCH_SECONDS), "Simulated seconds that every step takes."] = 40.0
    tokens_per_second: Annotated[
        float,
        Gt(0),
        "Tokens that a step samples in one simulated second. A step takes this time plus durations.per_step.",
    ] = 250.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsistencySettings:
    """How far listings lag behind the jobs. One read is one request for the first page of a listing."""

    jobs_lag: Annotated[
        int,
        Ge(0),
        "A read returns the list of jobs as it was this many reads earlier. New jobs and new statuses appear late.",
        "SAMPLE: Amazon's sample reads each job again after it lists the jobs.",
    ] = 0
    events_lag: Annotated[int, Ge(0), "A new event of a job appears after this number of reads."] = 0
    events_batch: Annotated[
        PositiveInt,
        "Events appear in batches of this size. The last batch appears when the job ends, even if it is smaller.",
    ] = 1
    events_twice: Annotated[bool, "List each event twice."] = False
    checkpoints_lag: Annotated[
        int, Ge(0), "A checkpoint appears this number of reads after the event that announces it."
    ] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictSettings:
    """Limits that `rft-sim verdict` holds a client to."""

    looks_per_second: Annotated[
        PositiveInt, "The maximum number of reads of one resource by one program within a second (C2)."
    ] = 30
    longest_wait: Annotated[
        float,
        Gt(0),
        "The longest time in seconds that a client may wait for an answer (C7). "
        "The OpenAI SDK's default time-out is 600 s.",
    ] = 630.0
    failures_in_a_row: Annotated[
        PositiveInt, "The maximum number of consecutive failures of one repeated request (C7)."
    ] = 300
    longest_outage: Annotated[
        float, Gt(0), "The longest time in seconds that a client may repeat a request that keeps failing (C7)."
    ] = 3_600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of a simulator.

    The texts of an annotation are the help of its setting. A text that starts with a kind of evidence says what Bedrock
    does and how this is known.
    """

    host: Annotated[
        str, MinLen(1), "The address to listen on. If it is not a loopback address, other machines can connect."
    ] = "127.0.0.1"
    hosts: Annotated[
        tuple[str, ...],
        "Public host names of this simulator, such as rft.example.com. A request with another public host name is "
        "refused, so that no web page can reach the simulator. IP addresses, names without a dot and names that end "
        "in `.localhost`, `.local`, `.internal` or `.test` are always allowed.",
    ] = ()
    port: Annotated[
        int,
        Ge(0),
        Le(MAX_PORT),
        "The port to listen on. With 0 the system chooses a free port. The default of `exec` is 0.",
    ] = 8723
    region: Annotated[
        Region, "The simulated AWS region.", "DOCUMENTED: only us-west-2 offers reinforcement fine-tuning."
    ] = TUNING_REGION
    account: Annotated[
        str, "The AWS account number. The credentials that `rft-sim env` and `exec` set belong to its root user."
    ] = ACCOUNT
    seed: Annotated[int, "The seed of every id and random draw."] = 0
    epoch: Annotated[
        int,
        Ge(0),
        Le(MAX_EPOCH_SECONDS),
        "The time at which the clock starts: seconds since 1970, or a UTC time such as 2026-01-31T12:00:00Z. "
        "`serve` starts at this machine's time by default, and `exec` at 1767225600, so that its runs are repeatable.",
    ] = FIXED_EPOCH
    pace: Annotated[
        Pace,
        "What advances a job. instant: it runs at full speed. finished: as instant, and the request that creates the "
        "job returns after the job has ended. poll: each request that retrieves the job advances it by one event. "
        "manual: only `rft-sim clock` advances it. realtime: a running clock advances it.",
    ] = Pace.INSTANT
    speed: Annotated[
        float, Gt(0), Le(MAX_SPEED), "Simulated seconds in one real second. It applies to the pace realtime."
    ] = 1.0
    auth: Annotated[
        Auth, "verify: check keys, signatures and permissions. any: accept every request as the account's root user."
    ] = Auth.VERIFY
    data: Annotated[Path | None, "The folder that keeps the state. Without it the state is deleted at exit."] = None
    max_file_bytes: Annotated[
        PositiveInt, "The largest uploaded file in bytes.", "OPENAI: OpenAI's limit. Bedrock publishes none."
    ] = 512 * 1024 * 1024
    max_body_bytes: Annotated[
        PositiveInt,
        "The largest JSON body in bytes.",
        "INFERRED: the limit of InvokeModel in the Bedrock Runtime API.",
    ] = 25_000_000
    concurrent_jobs: Annotated[
        PositiveInt,
        "The maximum number of jobs that run at the same time. Further jobs wait in the status `queued`.",
        "INFERRED: Bedrock publishes no limit.",
    ] = 8
    unknown_chat_fields: Annotated[
        UnknownFields,
        "What happens to an unknown field of a chat request: it is ignored, or the request is refused.",
        "INFERRED: vLLM ignores it.",
    ] = UnknownFields.IGNORED
    max_choices: Annotated[PositiveInt, "The largest `n` of a chat request.", "OPENAI: OpenAI's limit."] = 128
    text_completions: Annotated[
        bool,
        "Serve /v1/completions.",
        "INFERRED: Bedrock does not serve it. One page of AWS has an example of it, but the list of routes omits it.",
    ] = False
    max_projects: Annotated[
        PositiveInt,
        "The maximum number of projects of an account, including archived ones.",
        "DOCUMENTED: 1,000. INFERRED: archived projects are counted.",
    ] = 1_000
    listed_models: Annotated[
        PositiveInt,
        "The maximum number of tuned models and checkpoints that GET /v1/models lists, newest first.",
        "INFERRED: Bedrock publishes no limit.",
    ] = 1_000
    ignored_job_fields: Annotated[
        tuple[str, ...],
        "Fields of a new job that are ignored instead of refused, such as `suffix`.",
        'DOCUMENTED: "suffix is not supported". INFERRED: it is refused.',
    ] = ()
    answer_path: Annotated[
        str | None,
        "The path of the right answer in a record, such as reference_answer.value. Without it the simulator searches "
        "for the answer.",
    ] = None
    rollouts: Annotated[
        Path | None,
        "A folder of a real model's outputs, written by `rft-sim doctor --rollouts`. Jobs train on these outputs "
        "instead of the outputs of the simulated policy.",
    ] = None
    faults: Annotated[
        Path | None,
        "A fault script that applies from the start; `rft-sim faults explain` describes the format. A reset starts "
        "the script again.",
    ] = None
    redteam: Annotated[
        float,
        Ge(0),
        Le(1_000),
        "How strongly the simulated policy searches for exploits. With 2.5 it finds them within one epoch.",
    ] = 0.0
    detect_convergence: Annotated[
        bool,
        "End a job early when its reward has converged. Otherwise the number of steps depends only on the request.",
        "DOCUMENTED: the service stops early. INFERRED: the rule that decides when.",
    ] = False
    held_out: Annotated[
        HeldOutChoice,
        "How to choose the tenth of the training file that is held out if there is no validation file. tail: the last "
        "records. seeded: records chosen by the seed.",
        "INFERRED: Bedrock does not say.",
    ] = "tail"
    responses_events: Annotated[
        ResponseEvents,
        "The order of a streamed response's events. vllm: the order of Mantle, Bedrock's OpenAI-compatible API. "
        "openai: the order in OpenAI's specification.",
        "SAMPLE: Amazon's sample reads the first order from Mantle.",
    ] = ResponseEvents.VLLM
    responses_kept_days: Annotated[
        PositiveInt, "Simulated days until a stored response is deleted.", "DOCUMENTED: 30 days."
    ] = 30
    background_retrieves: Annotated[
        int,
        Ge(0),
        "How many requests that retrieve a background response get `in_progress` before it is completed.",
        "INFERRED: Bedrock publishes no duration.",
    ] = 1
    responses_under_openai_v1: Annotated[
        bool,
        "Serve the Responses API of gpt-oss models under /openai/v1 too, where the OpenAI SDK's Bedrock clients call "
        "it.",
        "OBSERVED: Mantle refuses it there with 400, and serves it under /v1.",
    ] = False
    lambda_workers: Annotated[
        PositiveInt,
        "The maximum number of Lambda environments at the same time, for all functions together. If a "
        "function invokes another one, both need an environment.",
    ] = 64
    lambda_python: Annotated[
        LambdaPython,
        "What happens to a function whose Runtime names a Python that is not on this machine. nearest: it runs on the "
        "simulator's own Python, and each job with it has a warning. exact: a job with it is refused.",
    ] = LambdaPython.NEAREST
    lambda_isolation: Annotated[
        LambdaIsolation,
        "How functions are separated from this machine. namespaces: a function has Lambda's file system: its own /tmp, "
        "a read-only /var/task and no /dev/shm. none: it sees this machine's files and its /tmp. auto: namespaces, or "
        "none where the system forbids them.",
    ] = LambdaIsolation.AUTO
    consistency: Annotated[
        ConsistencySettings, "INFERRED: only lists lag. GET of a single object returns its current state."
    ] = field(default_factory=ConsistencySettings)
    dataset: Annotated[DatasetLimits, "Applies to a training file."] = field(default_factory=DatasetLimits)
    validation_dataset: Annotated[
        DatasetLimits,
        "Applies to a validation file.",
        "INFERRED: AWS documents limits for training files only, so a validation file may be smaller.",
    ] = field(default_factory=lambda: DatasetLimits(min_records=1))
    grading: Annotated[GradingSettings, "INFERRED: Bedrock does not publish this for open-weight models."] = field(
        default_factory=GradingSettings
    )
    durations: Annotated[DurationSettings, 'INFERRED: AWS says only "a few hours" for a run.'] = field(
        default_factory=DurationSettings
    )
    verdict: Annotated[VerdictSettings, "Measured in real time. The limit is ours and says nothing about Bedrock."] = (
        field(default_factory=VerdictSettings)
    )


class InvalidSettingError(Exception):
    """An assignment names no setting, or its value is invalid. The message says which."""


def apply_assignments(settings: Settings, assignments: Iterable[str] = ()) -> Settings:
    """Return the settings after assignments such as `grading.event_shape=sample`. All values are validated.

    Raises:
        InvalidSettingError: there is no such setting, or a value is invalid.
    """
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415  `rft-sim --help` need not wait for it

    values = asdict(settings)
    defaults = flatten(asdict(Settings()))
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        name = name.strip()
        if not equals or name not in defaults:
            raise InvalidSettingError(
                f"{assignment!r} is not NAME=VALUE with the name of a setting; `rft-sim settings` lists all settings"
            )
        *path, last = name.split(".")
        group = values
        for part in path:
            group = group[part]
        group[last] = _parse_value(value, default=defaults[name])
    try:
        return TypeAdapter(Settings).validate_python(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise InvalidSettingError(f"{name}={first['input']}: {first['msg'].lower()}") from None


# The settings that a job's lifecycle depends on, besides its spec and its files.
_JOB_SETTINGS: Final = {
    "answer_path",
    "dataset",
    "detect_convergence",
    "durations",
    "held_out",
    "redteam",
    "validation_dataset",
}


def job_assignments(settings: Settings) -> tuple[str, ...]:
    """Return the settings that a job's lifecycle depends on and that differ from their defaults, as `NAME=VALUE`."""
    return tuple(line for line in _job_lines(settings) if line not in _job_lines(Settings()))


def restore_job_settings(settings: Settings, assignments: Collection[str]) -> Settings:
    """Return the settings with the job settings of an earlier `job_assignments`.

    A job keeps the settings it was created with, whatever the simulator was restarted with.

    Raises:
        InvalidSettingError: this version has no such setting.
    """
    if tuple(assignments) == job_assignments(settings):
        return settings
    return apply_assignments(settings, (*_job_lines(Settings()), *assignments))


def _job_lines(settings: Settings) -> list[str]:
    return [line for line in format_assignments(settings) if line.partition("=")[0].partition(".")[0] in _JOB_SETTINGS]


def format_assignments(settings: Settings) -> list[str]:
    """Return every setting as `NAME=VALUE`, in the form that `apply_assignments` takes."""
    return [f"{name}={_format_value(value)}" for name, value in flatten(asdict(settings)).items()]


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested values as one mapping by dotted names."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= flatten(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat


def _format_value(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case tuple():
            return ",".join(value)
        case _:
            return str(value)


def _parse_value(text: str, *, default: object) -> str | tuple[str, ...] | None:
    if isinstance(default, tuple):
        return tuple(part for part in text.split(",") if part)
    return None if default is None and not text else text
