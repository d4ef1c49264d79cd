"""What `rft-sim doctor` was asked for, and how it is carried out: admission, the visit, the reports, the exit code."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from simulator.cli import report_files as delivery
from simulator.cli.reward_options import INTERRUPTED, Function, file_read, patient_of, records_of
from simulator.cli.server_options import stop
from simulator.doctor import model_outputs as outputs
from simulator.doctor.doctor_report import GROUNDWORK, SIMULATED, Rehearse, Watch, visited
from simulator.doctor.duration_estimate import Outlook
from simulator.doctor.executors import calling
from simulator.doctor.probe_context import Examination
from simulator.doctor.probes import registry as catalogue
from simulator.doctor.probes.training.registry import read_by
from simulator.doctor.progress import shown
from simulator.doctor.simulated_training import ALL, MOST_RECORDS, MOST_ROLLOUTS, MOST_STEPS, redteam, rehearsed
from simulator.doctor.training_trace import REDTEAM
from simulator.settings import Settings, variable
from simulator.training.dataset import Record
from simulator.training.hyperparameters import Hyperparameters
from simulator.upstream.errors import UpstreamError

STATIC_CALLS: Final = 230
CALLS_PER_ROW: Final = 6
"""About how many invocations the static probes make of a function that answers, at the most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedFrom:
    """Where real model outputs come from: a server's URL or a folder of them, and how the server is asked."""

    place: str
    model: str | None
    key_env: str | None
    per_prompt: int
    records: int
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Appointment:
    """All that a visit is told.

    Attributes:
        rows: how many rows are asked about.
        only: the probes that are taken; none means all.
        trains: training is rehearsed.
        recorded: real model outputs in place of the simulated policy's, if there are any.
        width: how many calls are made at once.
    """

    function: Function
    data: Path
    validation: Path | None
    settings: Settings
    model: str
    hyperparameters: Hyperparameters
    rows: int
    only: frozenset[str]
    trains: bool
    recorded: RecordedFrom | None
    width: int
    reports: delivery.Reports


def attended(appointment: Appointment) -> int:
    """Make the visit, write its reports, and return the exit code: 0, or 1 for what failed or differs."""
    kept = delivery.kept(appointment.reports, read={"--data": appointment.data, "--validation": appointment.validation})
    data = file_read(appointment.data)
    records = records_of(data, appointment.data, appointment.settings.dataset)
    validation = None
    if appointment.validation is not None:
        limits = appointment.settings.validation_dataset
        validation = records_of(file_read(appointment.validation), appointment.validation, limits)
    real = None
    if appointment.recorded is not None:
        real = recorded(appointment.recorded, records, validation, seed=appointment.settings.seed)
        records, validation = real.records, real.validation_records
    with _examined(appointment, records, real) as (exam, watch):
        visit = visited(
            exam,
            data=appointment.data.name,
            data_sha256=hashlib.sha256(data).hexdigest(),
            static=catalogue.STATIC,
            training=catalogue.TRAINING,
            rehearse=_rehearsal(validation, real, others=_others(appointment)) if appointment.trains else None,
            only=appointment.only,
            rollouts=SIMULATED if real is None else real.source,
            rollouts_sha256="" if real is None else real.sha256,
            watch=watch,
        )
    return delivery.delivered(visit, appointment.reports, kept)


def recorded(
    source: RecordedFrom, records: Sequence[Record], validation: Sequence[Record] | None, *, seed: int
) -> outputs.Outputs:
    """Sample real model outputs of these records, or replay them."""
    try:
        if "://" not in source.place:
            return outputs.replayed(
                records, validation, folder=Path(source.place), model=source.model, per_prompt=source.per_prompt
            )
        if source.model is None:
            stop(f"--rollouts {source.place} goes with --rollouts-model: the server's name of the model")
        how = outputs.Sampling(
            url=source.place,
            model=source.model,
            api_key=_key(source.key_env),
            folder=source.folder,
            per_prompt=source.per_prompt,
            records=source.records,
        )
        return outputs.sampled(records, validation, how=how, seed=seed, console=Console(stderr=True))
    except UpstreamError as error:
        stop(f"--rollouts: {error}")
    except outputs.InterruptedSamplingError as error:
        stop(str(error), code=INTERRUPTED)


def _key(name: str | None) -> str | None:
    if name is None:
        return None
    return variable(name) or stop(f"--rollouts-key-env {name}: there is no such variable")


@contextmanager
def _examined(
    appointment: Appointment, records: tuple[Record, ...], real: outputs.Outputs | None
) -> Iterator[tuple[Examination, Watch]]:
    """Give the examination of the function, with a bar that shows how it goes; its workers end with the block."""
    training_calls = _training_calls(appointment, records)
    calls = _static_calls(appointment) + training_calls
    outlook = Outlook(calls=calls, training_calls=training_calls, rows=appointment.rows, width=appointment.width)
    with (
        patient_of(appointment.function, settings=appointment.settings, calls=round(calls, -2)) as patient,
        calling(appointment.width) as executor,
        shown(Console(stderr=True), outlook=outlook) as watch,
    ):
        yield (
            Examination(
                patient=patient,
                records=records,
                settings=appointment.settings,
                model=appointment.model,
                hyperparameters=appointment.hyperparameters,
                rows=appointment.rows,
                recorded=None if real is None else real.train,
                told=watch.called,
                executor=executor,
                width=appointment.width,
            ),
            watch,
        )


def _others(appointment: Appointment) -> frozenset[str]:
    """Return the runs that are rehearsed besides the one as it is: those that a chosen probe reads."""
    return read_by(appointment.only) if appointment.only else ALL


def _rehearsal(
    validation: tuple[Record, ...] | None, real: outputs.Outputs | None, *, others: frozenset[str]
) -> Rehearse:
    return lambda exam, told: rehearsed(
        exam,
        validation=validation,
        recorded=None if real is None else real.train,
        recorded_validation=None if real is None else real.validation,
        others=others,
        told=told,
    )


def _static_calls(appointment: Appointment) -> int:
    """About how many invocations the static probes make, of all probes or of those that were chosen."""
    calls = STATIC_CALLS + CALLS_PER_ROW * appointment.rows
    chosen = appointment.only | GROUNDWORK if appointment.only else {probe.id for probe, _ in catalogue.STATIC}
    return calls * sum(probe.id in chosen for probe, _ in catalogue.STATIC) // len(catalogue.STATIC)


def _training_calls(appointment: Appointment, records: tuple[Record, ...]) -> int:
    """About how many invocations the rehearsed runs make; 0 where none is rehearsed."""
    judged = {probe.id for probe, _ in catalogue.TRAINING}
    if not appointment.trains or (appointment.only and not appointment.only & judged):
        return 0
    settings, usual = appointment.settings, appointment.hyperparameters
    train = min(len(records), MOST_RECORDS)
    others = _others(appointment)
    courses = [usual, *[usual] * len(others - {REDTEAM}), *[redteam(train)] * (REDTEAM in others)]
    rollouts = [
        min(course.n_epochs * (train // course.batch_size), MOST_STEPS) * course.batch_size * course.rollouts_per_prompt
        for course in courses
    ]
    return sum(min(count, MOST_ROLLOUTS) // settings.grading.rollouts_per_call for count in rollouts)
