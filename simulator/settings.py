"""Every setting of the simulator, in one frozen value; the room's only reader of the environment."""

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

from annotated_types import Ge, Gt, Le, MinLen

from simulator.training.dataset import DatasetLimits, HeldOutChoice

# 2026-01-01T00:00:00Z: where `exec` and the test fixtures start the clock, so that a run's timestamps never differ.
FIXED_EPOCH: Final = 1_767_225_600

# What every key and credential of a simulator session names. AWS's own documentation uses this account number.
ACCOUNT: Final = "123456789012"
ACCESS_KEY_ID: Final = "AKIASIMULATOR0000000"
SECRET_ACCESS_KEY: Final = "simulator/not/a/real/secret/key/0000000000"  # noqa: S105  deliberately worthless

_LOOPBACK: Final = "127.0.0.1,localhost"  # never by way of a proxy

# DOCUMENTED: reinforcement fine-tuning of open-weight models is offered in one region only.
TUNING_REGION: Final = "us-west-2"

# DOCUMENTED: where there is a Mantle endpoint.
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
MAX_SPEED: Final = 1_000_000  # simulated seconds in a real one
MAX_EPOCH_SECONDS: Final = (
    4_102_444_800  # 2100-01-01T00:00:00Z: a run of any length still ends in a year of four digits
)

PositiveInt: TypeAlias = Annotated[int, Ge(1)]


class Pace(StrEnum):
    """Who moves a job on."""

    INSTANT = "instant"  # nobody waits: the job leads, and the clock follows it
    POLL = "poll"  # each retrieve gives it one turn
    MANUAL = "manual"  # the clock leads, and only its user moves that
    REALTIME = "realtime"  # the clock leads, and runs by itself


class Auth(StrEnum):
    """Who is let in."""

    VERIFY = "verify"  # keys and signatures are checked, and the caller's IAM policies decide
    ANY = "any"  # every request is the account's root's, also one without a key


class EventShape(StrEnum):
    """How a rollout is laid out in the Lambda event (contract 4.1: the published handlers disagree)."""

    SUPERSET = "superset"  # root fields, bare strings wrapped, and a metadata copy: every published handler works
    DOCUMENTED = "documented"  # reference and custom fields under `metadata` only, as the user guide prints
    SAMPLE = "sample"  # reference and custom fields at the root only, bare strings wrapped, as the sample reads


class ResponseEvents(StrEnum):
    """In what order a streamed response tells of its thinking (contract 6.2)."""

    VLLM = "vllm"  # `response.reasoning_part.*`, as Amazon's sample reads it from Mantle; no SDK has these types
    OPENAI = "openai"  # `response.content_part.*`, as OpenAI's specification has it: valid for every SDK's helpers


class UnknownFields(StrEnum):
    """What becomes of a field of a chat request that nobody knows."""

    IGNORED = "ignored"  # as vLLM does, which stands behind Mantle
    REFUSED = "refused"  # 400, for those who would rather know


@dataclass(frozen=True, slots=True, kw_only=True)
class GradingSettings:
    """How rollouts reach the reward function."""

    event_shape: Annotated[EventShape, "How a rollout is laid out in the event; the published handlers disagree."] = (
        EventShape.SUPERSET
    )
    wrap_strings: Annotated[
        bool, 'Send a bare string reference as {"text": ...}; Amazon\'s sample handler scores 0 without it (SAMPLE).'
    ] = True
    include_reasoning: Annotated[bool, "Show the function the model's thinking, and not the final answer alone."] = (
        False
    )
    rollouts_per_call: Annotated[PositiveInt, "Rollouts in one event."] = 8
    concurrency: Annotated[PositiveInt, "Calls at once; by default this machine's processors, and 2 at least."] = field(
        default_factory=lambda: max(2, os.cpu_count() or 1)
    )
    attempts: Annotated[PositiveInt, "How often a call is tried that was throttled or timed out."] = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class DurationSettings:
    """Modelled durations in simulated seconds."""

    validation: Annotated[int, Ge(0), Le(MAX_EPOCH_SECONDS), "Simulated seconds in which the files are checked."] = 45
    queue: Annotated[int, Ge(0), Le(MAX_EPOCH_SECONDS), "Simulated seconds from there to the first step."] = 240
    per_step: Annotated[float, Ge(0), Le(MAX_EPOCH_SECONDS), "Simulated seconds that every step takes."] = 40.0
    tokens_per_second: Annotated[float, Gt(0), "Tokens that are sampled in a simulated second of a step."] = 250.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsistencySettings:
    """How far listings of jobs lag behind what is so. A look is a request for a listing's first page."""

    jobs_lag: Annotated[
        int, Ge(0), "Looks by which the list of jobs lags, in what it says and in whom it holds. SAMPLE hints at it."
    ] = 0
    events_lag: Annotated[int, Ge(0), "Looks by which a job's events come late."] = 0
    events_batch: Annotated[PositiveInt, "Events come so many at a time, the last ones with the job's end."] = 1
    events_twice: Annotated[bool, "Each event stands twice in its list."] = False
    checkpoints_lag: Annotated[int, Ge(0), "Looks by which checkpoints come after the event that tells of them."] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictSettings:
    """What a client may do before `rft-sim verdict` finds fault with it."""

    looks_per_second: Annotated[PositiveInt, "The most looks of one program at one thing within a second (C2)."] = 30
    longest_wait: Annotated[
        float, Gt(0), "Seconds of silence that a client may wait out; the OpenAI SDK's own time-out is 600 (C7)."
    ] = 630.0
    failures_in_a_row: Annotated[PositiveInt, "How often a request may fail, one time after the other (C7)."] = 300
    longest_outage: Annotated[float, Gt(0), "Seconds over which a request may do nothing but fail (C7)."] = 3_600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a simulator is started with. The text in an annotation is what the command line says of that setting."""

    host: Annotated[str, MinLen(1), "The address to listen on. Anything but loopback lets others in."] = "127.0.0.1"
    hosts: Annotated[
        tuple[str, ...],
        "Names that it is asked for by and that somebody owns, such as rft.example.com. Others are refused, so that no "
        "web page can ask; addresses, `localhost`, names without a dot or below `.local` and `.internal` need none.",
    ] = ()
    port: Annotated[
        int, Ge(0), Le(MAX_PORT), "The port to listen on; 0 takes a free one, as `exec` does by default."
    ] = 8723
    region: Annotated[Region, "The region to stand for. Only us-west-2 tunes (DOCUMENTED)."] = TUNING_REGION
    account: Annotated[str, "The number of the account that the session's own credentials are the root of."] = ACCOUNT
    seed: Annotated[int, "The seed of every id and draw."] = 0
    epoch: Annotated[
        int,
        Ge(0),
        Le(MAX_EPOCH_SECONDS),
        "Where the clock starts: seconds since 1970, or a time such as 2026-01-31T12:00:00Z (UTC). "
        "By default `serve` starts at this machine's time, and `exec` at 1767225600, so that its runs are alike.",
    ] = FIXED_EPOCH
    pace: Annotated[
        Pace,
        "Who moves a job on: nobody waits; each retrieve gives it a turn; `rft-sim clock` alone; or a clock that runs.",
    ] = Pace.INSTANT
    speed: Annotated[float, Gt(0), Le(MAX_SPEED), "Simulated seconds in a real one, at the pace realtime."] = 1.0
    auth: Annotated[Auth, "Check keys, signatures and permissions, or let everything in."] = Auth.VERIFY
    data: Annotated[Path | None, "The folder to keep state in. Without one everything goes at exit."] = None
    max_file_bytes: Annotated[PositiveInt, "The largest file. OPENAI; Bedrock publishes none."] = 512 * 1024 * 1024
    max_body_bytes: Annotated[
        PositiveInt, "The largest JSON body. INFERRED: the sibling runtime's InvokeModel takes as much."
    ] = 25_000_000
    concurrent_jobs: Annotated[
        PositiveInt, "Jobs that run at once; a further one waits `queued`. INFERRED: Bedrock publishes none."
    ] = 8
    unknown_chat_fields: Annotated[
        UnknownFields, "What becomes of a field of a chat request that nobody knows. INFERRED: vLLM ignores it."
    ] = UnknownFields.IGNORED
    max_choices: Annotated[PositiveInt, "The largest `n` of a chat request. OPENAI."] = 128
    text_completions: Annotated[
        bool,
        "Serve /v1/completions. A page of AWS's shows a call of it, the list of routes leaves it out: INFERRED absent.",
    ] = False
    max_projects: Annotated[
        PositiveInt, "The projects of an account (DOCUMENTED), archived ones included (INFERRED)."
    ] = 1_000
    listed_models: Annotated[
        PositiveInt, "The most tuned models and checkpoints that GET /v1/models lists, the newest ones. INFERRED."
    ] = 1_000
    ignored_job_fields: Annotated[
        tuple[str, ...],
        "Fields of a new job to ignore where they would be refused, such as `suffix`. "
        'DOCUMENTED: "suffix is not supported"; INFERRED: it is refused.',
    ] = ()
    answer_path: Annotated[
        str | None, "Where a record's right answer is, such as reference_answer.value. Without one it is looked for."
    ] = None
    rollouts: Annotated[
        Path | None,
        "A folder of a real model's outputs, as `rft-sim doctor --rollouts` keeps them: "
        "jobs train on these in place of the simulated policy.",
    ] = None
    faults: Annotated[
        Path | None,
        "A script of faults to begin with; `rft-sim faults explain` describes it. A reset starts it anew.",
    ] = None
    redteam: Annotated[
        float, Ge(0), Le(1_000), "How readily the simulated policy tries exploits; 2.5 finds them within an epoch."
    ] = 0.0
    detect_convergence: Annotated[
        bool,
        "Stop early, as the service does (DOCUMENTED), by a rule of ours (INFERRED). Off, step counts stay the same.",
    ] = False
    held_out: Annotated[
        HeldOutChoice, "Which tenth of the file is held out when there is no validation file. INFERRED."
    ] = "tail"
    responses_events: Annotated[
        ResponseEvents,
        "The order of a streamed response's events: Mantle's own (SAMPLE), or that of OpenAI's specification (OPENAI).",
    ] = ResponseEvents.VLLM
    responses_kept_days: Annotated[
        PositiveInt, "How long a stored response is there, in simulated days. DOCUMENTED."
    ] = 30
    background_retrieves: Annotated[
        int, Ge(0), "How many retrieves still find a background response in progress. INFERRED."
    ] = 1
    responses_under_openai_v1: Annotated[
        bool,
        "Serve gpt-oss's Responses under /openai/v1 too, where the OpenAI SDK's Bedrock clients go by themselves. "
        "OBSERVED: Mantle refuses it there with 400, and serves it under /v1.",
    ] = False
    lambda_workers: Annotated[
        PositiveInt, "Lambda environments at once, of all functions; more than grading uses, as calls may nest."
    ] = 64
    consistency: Annotated[ConsistencySettings, "INFERRED; a retrieve always shows what is so."] = field(
        default_factory=ConsistencySettings
    )
    dataset: Annotated[DatasetLimits, "Of a training file."] = field(default_factory=DatasetLimits)
    validation_dataset: Annotated[
        DatasetLimits,
        "Of a validation file, which may be smaller: INFERRED, the documented minimum is for training data.",
    ] = field(default_factory=lambda: DatasetLimits(min_records=1))
    grading: Annotated[GradingSettings, "INFERRED: Bedrock publishes none of it."] = field(
        default_factory=GradingSettings
    )
    durations: Annotated[DurationSettings, 'INFERRED: AWS says only "a few hours" for a run.'] = field(
        default_factory=DurationSettings
    )
    verdict: Annotated[VerdictSettings, "By the client's own clock; no claim about Bedrock."] = field(
        default_factory=VerdictSettings
    )


class InvalidSettingError(Exception):
    """An assignment that names no setting, or gives it a value that it cannot have; the message says which."""


def apply_assignments(settings: Settings, assignments: Iterable[str] = ()) -> Settings:
    """Return the settings, checked, after assignments such as `grading.event_shape=sample`.

    Raises:
        UnknownSettingError: there is no such setting, or a value does not fit its setting.
    """
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415  `rft-sim --help` need not wait for it

    values = asdict(settings)
    defaults = flatten(asdict(Settings()))
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        name = name.strip()
        if not equals or name not in defaults:
            raise InvalidSettingError(f"{assignment!r} is not NAME=VALUE of a setting; `rft-sim settings` lists them")
        *path, last = name.split(".")
        place = values
        for part in path:
            place = place[part]
        place[last] = _parse_value(value, default=defaults[name])
    try:
        return TypeAdapter(Settings).validate_python(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise InvalidSettingError(f"{name}={first['input']}: {first['msg'].lower()}") from None


# What a job's story is told by, beside its order and its files.
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
    """Return, as `NAME=VALUE`, what a job's story is told by and is not as it is by default."""
    return tuple(line for line in _job_lines(settings) if line not in _job_lines(Settings()))


def restore_job_settings(settings: Settings, assignments: Collection[str]) -> Settings:
    """Return the settings with those that a job's story is told by as they were when `of_jobs` gave `assignments`.

    Raises:
        UnknownSettingError: this version does not have them.
    """
    if tuple(assignments) == job_assignments(settings):
        return settings
    return apply_assignments(settings, (*_job_lines(Settings()), *assignments))


def _job_lines(settings: Settings) -> list[str]:
    return [line for line in format_assignments(settings) if line.partition("=")[0].partition(".")[0] in _JOB_SETTINGS]


def format_assignments(settings: Settings) -> list[str]:
    """Return every setting as `NAME=VALUE`, in the form that `changed` takes."""
    return [f"{name}={_format_value(value)}" for name, value in flatten(asdict(settings)).items()]


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested values by their dotted names."""
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


def build_client_environment(
    *, url: str, region: str, key: str, inherited: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the environment of a command that is to speak to the simulator at `url` and to nothing else.

    The variables are the ecosystem's own. The AWS profile files are pointed at nothing and every credential of the
    caller's is replaced, so that no real one can be read or sent. RFT_SIM_EXEC tells the command that the simulator
    ends with it.
    """
    inherited = os.environ if inherited is None else inherited
    dropped = list_foreign_variables(inherited)
    kept = {name: value for name, value in inherited.items() if name not in dropped}
    return kept | build_session_variables(url=url, region=region, key=key) | {"RFT_SIM_EXEC": "1"}


def read_variable(name: str) -> str | None:
    """Return a variable of the caller's environment, such as one that the caller says holds a key."""
    return os.environ.get(name)


def list_foreign_variables(inherited: Mapping[str, str] | None = None) -> list[str]:
    """Return the names of the AWS, OpenAI and target variables that the caller's environment holds, sorted."""
    inherited = os.environ if inherited is None else inherited
    prefixes = ("AWS_", "BEDROCK_MANTLE_", "OPENAI_")
    return sorted(name for name in inherited if name.startswith(prefixes) or name == "RFT_TARGET")


def build_session_variables(*, url: str, region: str, key: str) -> dict[str, str]:
    """Return the variables that point the OpenAI and AWS SDKs at the simulator at `url`."""
    return {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_BEARER_TOKEN_BEDROCK": key,
        "AWS_BEDROCK_BASE_URL": f"{url}/openai/v1",  # the OpenAI SDK's Bedrock clients; the base they take at AWS
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_DEFAULT_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": region,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "BEDROCK_MANTLE_API_BASE": f"{url}/v1",  # litellm
        "NO_PROXY": _LOOPBACK,
        "OPENAI_API_KEY": key,
        "OPENAI_BASE_URL": f"{url}/v1",
        "RFT_TARGET": "simulator",
        "no_proxy": _LOOPBACK,  # some libraries read only this spelling
    }
