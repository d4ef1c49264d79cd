"""Prepare a job's training run: read and validate its files, and build the training plan."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import BinaryIO, Final, TypeAlias

from simulator.jobs.job import Failure, JobSpec
from simulator.settings import Settings
from simulator.training.dataset import DatasetError, DatasetLimits, Record, read_records
from simulator.training.hyperparameters import Hyperparameters, ReasoningEffort
from simulator.training.recorded_response import ResponsesByLine
from simulator.training.token_counts import count_message_tokens
from simulator.training.training_plan import PlanError
from simulator.training.training_run import TrainingRun, prepare_run
from simulator.upstream.errors import UpstreamError
from simulator.upstream.response_folder import ResponseFolder

OpenFile: TypeAlias = Callable[[str], AbstractContextManager[BinaryIO]]

_EFFORTS: Final[Mapping[str, ReasoningEffort]] = {"low": "low", "medium": "medium", "high": "high"}


class InvalidFileError(Exception):
    """A file that cannot be used. `param` is `training_file` or `validation_file`; `failure` is the job's error."""

    def __init__(self, param: str, reason: str) -> None:
        super().__init__(reason)
        self.failure = Failure(
            code=f"invalid_{param}", message=f"The {param.replace('_', ' ')} is invalid: {reason}", param=param
        )


def prepare_training_run(
    spec: JobSpec, *, open_file: OpenFile, settings: Settings, recorded_responses: ResponseFolder | None
) -> TrainingRun:
    """Return the training run of a job.

    Args:
        spec: names the files and the hyperparameters.
        open_file: opens an upload by its SHA-256.
        settings: the settings that apply to the job.
        recorded_responses: the responses to train on instead of the simulated policy's, or None.

    Raises:
        InvalidFileError: a file is invalid, or its records do not fill a batch.
    """
    training = _load_records(spec.training_sha256, "training_file", open_file=open_file, limits=settings.dataset)
    validation = None
    if spec.validation_sha256:
        validation = _load_records(
            spec.validation_sha256, "validation_file", open_file=open_file, limits=settings.validation_dataset
        )
    try:
        return prepare_run(
            training,
            validation=validation,
            held_out_choice=settings.held_out,
            model=spec.model,
            hyperparameters=_hyperparameters_from(spec, redteam=settings.redteam),
            seed=spec.seed,
            answer_path=settings.answer_path,
            recorded_responses=_load_responses(recorded_responses, training, "training_file", model=spec.model),
            recorded_validation_responses=_load_responses(
                recorded_responses, validation, "validation_file", model=spec.model
            ),
        )
    except PlanError as error:
        raise InvalidFileError("training_file", str(error)) from error


def _load_responses(
    folder: ResponseFolder | None, records: Sequence[Record] | None, param: str, *, model: str
) -> ResponsesByLine | None:
    if folder is None or records is None:
        return None
    try:
        return folder.responses_by_line(records, model=model)
    except (DatasetError, UpstreamError) as error:
        raise InvalidFileError(param, str(error)) from error


def _load_records(sha256: str, param: str, *, open_file: OpenFile, limits: DatasetLimits) -> tuple[Record, ...]:
    try:
        with open_file(sha256) as stream:
            records = read_records(stream, limits)
        _check_lengths(records, limits.max_prompt_tokens)
    except DatasetError as error:
        raise InvalidFileError(param, str(error)) from error
    return records


def _check_lengths(records: Sequence[Record], max_tokens: int | None) -> None:
    if max_tokens is None:
        return
    for record in records:
        length = count_message_tokens(record.messages)
        if length > max_tokens:
            raise DatasetError(
                record.line, f"the prompt is about {length} tokens; at most {max_tokens} are allowed: shorten it"
            )


def _hyperparameters_from(spec: JobSpec, *, redteam: float) -> Hyperparameters:
    values = spec.hyperparameters
    return Hyperparameters(
        n_epochs=int(values["n_epochs"]),
        batch_size=int(values["batch_size"]),
        learning_rate_multiplier=float(values["learning_rate_multiplier"]),
        redteam=redteam,
        reasoning_effort=_EFFORTS.get(str(values.get("reasoning_effort")), "medium"),
    )
