"""Every setting of the simulator, in one frozen value; the room's only reader of the environment."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

from annotated_types import Ge, Gt

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


Positive: TypeAlias = Annotated[int, Ge(1)]


class Pace(StrEnum):
    """Who moves a job on. `manual` and `realtime` are named by the design and not built yet."""

    INSTANT = "instant"
    POLL = "poll"


class EventShape(StrEnum):
    """How a rollout is laid out in the Lambda event (contract 4.1: the published handlers disagree)."""

    SUPERSET = "superset"  # root fields, bare strings wrapped, and a metadata copy: every published handler works
    DOCUMENTED = "documented"  # reference and custom fields under `metadata` only, as the user guide prints
    SAMPLE = "sample"  # reference and custom fields at the root only, bare strings wrapped, as the sample reads


@dataclass(frozen=True, slots=True, kw_only=True)
class GradingSettings:
    """How rollouts reach the reward function. All INFERRED: Bedrock publishes none of it.

    `wrap_strings` sends a bare string reference as `{"text": ...}`; the sample handler scores 0 without it.
    `attempts` bounds how often one invocation is tried when it was throttled or timed out.
    """

    event_shape: EventShape = EventShape.SUPERSET
    wrap_strings: bool = True
    include_reasoning: bool = False
    rollouts_per_call: Positive = 8
    concurrency: Positive = field(default_factory=lambda: max(2, os.cpu_count() or 1))
    attempts: Positive = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """Modelled durations in simulated seconds. INFERRED: AWS says only "a few hours" for a run."""

    validation: Annotated[int, Ge(0)] = 45
    queue: Annotated[int, Ge(0)] = 240
    per_step: Annotated[float, Ge(0)] = 40.0
    tokens_per_second: Annotated[float, Gt(0)] = 250.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a simulator is started with."""

    host: str = "127.0.0.1"
    port: int = 8723
    region: str = TUNING_REGION
    account: str = ACCOUNT
    seed: int = 0
    epoch: int = FIXED_EPOCH
    pace: Pace = Pace.INSTANT
    data: Path | None = None
    max_file_bytes: Positive = 512 * 1024 * 1024  # OPENAI; Bedrock publishes none
    # AWS: "suffix is not supported"; whether it is refused (here) or ignored is not settled: put it here to ignore it.
    ignored_job_fields: tuple[str, ...] = ()
    answer_path: str | None = None  # where a record's right answer is, such as `reference_answer.value`; None: look
    redteam: float = 0.0  # how readily the simulated policy tries exploits; about 2.5 finds them within an epoch
    detect_convergence: bool = False  # the service stops early; off so that step counts stay what they should be
    held_out: HeldOutChoice = "tail"  # which tenth of the file, when there is no validation file
    lambda_workers: Positive = 64  # environments at once, of all functions; more than grading uses: they may nest
    dataset: DatasetLimits = field(default_factory=DatasetLimits)
    # INFERRED: the documented minimum is for training data; a validation file may be smaller.
    validation_dataset: DatasetLimits = field(default_factory=lambda: DatasetLimits(min_records=1))
    grading: GradingSettings = field(default_factory=GradingSettings)
    durations: Durations = field(default_factory=Durations)


class UnknownSettingError(Exception):
    """An assignment that names no setting, or gives it a value that it cannot have; the message says which."""


def changed(settings: Settings, assignments: Iterable[str]) -> Settings:
    """Return the settings after assignments such as `grading.event_shape=sample`.

    Raises:
        UnknownSettingError: there is no such setting, or the value does not fit it.
    """
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415  `rft-sim --help` need not wait for it

    values = asdict(settings)
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        *path, last = name.strip().split(".")
        place = values
        for part in path:
            place = place.get(part, {}) if isinstance(place, dict) else {}
        if not equals or not isinstance(place, dict) or isinstance(place.get(last, {}), dict):
            raise UnknownSettingError(f"{assignment!r} is not NAME=VALUE of a setting; `rft-sim settings` lists them")
        place[last] = tuple(value.split(",")) if isinstance(place[last], tuple) else value
    try:
        return TypeAdapter(Settings).validate_python(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise UnknownSettingError(f"{name}={first['input']}: {first['msg'].lower()}") from None


def listed(settings: Settings) -> list[str]:
    """Return every setting as `NAME=VALUE`, in the form that `changed` takes."""

    def lines(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
        for name, value in values.items():
            if isinstance(value, dict):
                yield from lines(value, f"{prefix}{name}.")
            else:
                shown = ",".join(value) if isinstance(value, tuple) else "" if value is None else value
                yield f"{prefix}{name}={shown}"

    return list(lines(asdict(settings)))


def client_environment(
    *, url: str, region: str, key: str, inherited: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the environment of a command that is to speak to the simulator at `url` and to nothing else.

    The variables are the ecosystem's own. The AWS profile files are pointed at nothing and every credential of the
    caller's is replaced, so that no real one can be read or sent. RFT_SIM_EXEC tells the command that the simulator
    ends with it.
    """
    inherited = os.environ if inherited is None else inherited
    dropped = foreign_variables(inherited)
    kept = {name: value for name, value in inherited.items() if name not in dropped}
    return kept | session_variables(url=url, region=region, key=key) | {"RFT_SIM_EXEC": "1"}


def foreign_variables(inherited: Mapping[str, str] | None = None) -> list[str]:
    """Return the names of the AWS, OpenAI and target variables that the caller's environment holds, sorted."""
    inherited = os.environ if inherited is None else inherited
    return sorted(name for name in inherited if name.startswith(("AWS_", "OPENAI_")) or name == "RFT_TARGET")


def session_variables(*, url: str, region: str, key: str) -> dict[str, str]:
    """Return the variables that point the OpenAI and AWS SDKs at the simulator at `url`."""
    return {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_BEARER_TOKEN_BEDROCK": key,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_DEFAULT_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": region,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": _LOOPBACK,
        "OPENAI_API_KEY": key,
        "OPENAI_BASE_URL": f"{url}/v1",
        "RFT_TARGET": "simulator",
        "no_proxy": _LOOPBACK,  # some libraries read only this spelling
    }
