"""What `rft-sim doctor` was asked for, and how it is carried out: admission, the visit, the reports, the exit code."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from simulator.cli import report_files as delivery
from simulator.cli.reward_options import (
    EXIT_INTERRUPTED,
    RewardFunctionOptions,
    open_reward_function,
    parse_records,
    read_file,
)
from simulator.cli.server_options import exit_with_error
from simulator.doctor import model_outputs as outputs
from simulator.doctor.doctor_report import SIMULATED_ROLLOUTS
from simulator.doctor.duration_estimate import DurationEstimate
from simulator.doctor.executors import create_executor
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.probe_runner import PREREQUISITE_PROBES, ProgressListener, TrainingSimulator, run_probes
from simulator.doctor.probes import registry as catalogue
from simulator.doctor.probes.training.registry import required_variants
from simulator.doctor.progress import show_progress
from simulator.doctor.simulated_training import (
    ALL_VARIANTS,
    MAX_RECORDS,
    MAX_ROLLOUTS,
    MAX_STEPS,
    red_team_hyperparameters,
    simulate_training,
)
from simulator.doctor.training_trace import RED_TEAM
from simulator.settings import Settings, read_variable
from simulator.training.dataset import Record
from simulator.training.hyperparameters import Hyperparameters
from simulator.upstream.errors import UpstreamError

STATIC_CALLS: Final = 230
CALLS_PER_ROW: Final = 6
"""About how many invocations the static probes make of a function that answers, at the most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputsSource:
    """Where real model outputs come from: a server's URL or a folder of them, and how the server is asked."""

    url_or_folder: str
    model: str | None
    key_env: str | None
    outputs_per_prompt: int
    max_records: int
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorRun:
    """All that a visit is told.

    Attributes:
        rows: how many rows are asked about.
        only: the probes that are taken; none means all.
        simulates_training: training is rehearsed.
        outputs_source: real model outputs in place of the simulated policy's, if there are any.
        concurrency: how many calls are made at once.
    """

    function: RewardFunctionOptions
    data: Path
    validation: Path | None
    settings: Settings
    model: str
    hyperparameters: Hyperparameters
    rows: int
    only: frozenset[str]
    simulates_training: bool
    outputs_source: OutputsSource | None
    concurrency: int
    report_files: delivery.ReportFiles


def run_doctor(run: DoctorRun) -> int:
    """Make the visit, write its reports, and return the exit code: 0, or 1 for what failed or differs."""
    kept = delivery.load_golden(run.report_files, inputs={"--data": run.data, "--validation": run.validation})
    data = read_file(run.data)
    records = parse_records(data, run.data, run.settings.dataset)
    validation = None
    if run.validation is not None:
        limits = run.settings.validation_dataset
        validation = parse_records(read_file(run.validation), run.validation, limits)
    real = None
    if run.outputs_source is not None:
        real = load_model_outputs(run.outputs_source, records, validation, seed=run.settings.seed)
        records, validation = real.records, real.validation_records
    with _open_context(run, records, real) as (exam, watch):
        visit = run_probes(
            exam,
            data_name=run.data.name,
            data_sha256=hashlib.sha256(data).hexdigest(),
            static_probes=catalogue.STATIC_PROBES,
            training_probes=catalogue.TRAINING_PROBES,
            simulate_training=_training_simulator(validation, real, others=_training_variants(run))
            if run.simulates_training
            else None,
            only=run.only,
            rollouts_source=SIMULATED_ROLLOUTS if real is None else real.source,
            rollouts_sha256="" if real is None else real.sha256,
            listener=watch,
        )
    return delivery.write_reports(visit, run.report_files, kept)


def load_model_outputs(
    source: OutputsSource, records: Sequence[Record], validation: Sequence[Record] | None, *, seed: int
) -> outputs.ModelOutputs:
    """Sample real model outputs of these records, or replay them."""
    try:
        if "://" not in source.url_or_folder:
            return outputs.replay_outputs(
                records,
                validation,
                folder=Path(source.url_or_folder),
                model=source.model,
                outputs_per_prompt=source.outputs_per_prompt,
            )
        if source.model is None:
            exit_with_error(
                f"--rollouts {source.url_or_folder} goes with --rollouts-model: the server's name of the model"
            )
        how = outputs.SamplingRequest(
            url=source.url_or_folder,
            model=source.model,
            api_key=_read_key(source.key_env),
            folder=source.folder,
            outputs_per_prompt=source.outputs_per_prompt,
            max_records=source.max_records,
        )
        return outputs.sample_outputs(records, validation, request=how, seed=seed, console=Console(stderr=True))
    except UpstreamError as error:
        exit_with_error(f"--rollouts: {error}")
    except outputs.InterruptedSamplingError as error:
        exit_with_error(str(error), code=EXIT_INTERRUPTED)


def _read_key(name: str | None) -> str | None:
    if name is None:
        return None
    return read_variable(name) or exit_with_error(f"--rollouts-key-env {name}: there is no such variable")


@contextmanager
def _open_context(
    appointment: DoctorRun, records: tuple[Record, ...], real: outputs.ModelOutputs | None
) -> Iterator[tuple[ProbeContext, ProgressListener]]:
    """Give the examination of the function, with a bar that shows how it goes; its workers end with the block."""
    training_calls = _training_calls(appointment, records)
    calls = _static_calls(appointment) + training_calls
    outlook = DurationEstimate(
        calls=calls, training_calls=training_calls, rows=appointment.rows, concurrency=appointment.concurrency
    )
    with (
        open_reward_function(appointment.function, settings=appointment.settings, calls=round(calls, -2)) as patient,
        create_executor(appointment.concurrency) as executor,
        show_progress(Console(stderr=True), estimate=outlook) as watch,
    ):
        yield (
            ProbeContext(
                reward_function=patient,
                records=records,
                settings=appointment.settings,
                model=appointment.model,
                hyperparameters=appointment.hyperparameters,
                row_count=appointment.rows,
                recorded=None if real is None else real.train,
                on_call=watch.on_call,
                executor=executor,
                concurrency=appointment.concurrency,
            ),
            watch,
        )


def _training_variants(appointment: DoctorRun) -> frozenset[str]:
    """Return the runs that are rehearsed besides the one as it is: those that a chosen probe reads."""
    return required_variants(appointment.only) if appointment.only else ALL_VARIANTS


def _training_simulator(
    validation: tuple[Record, ...] | None, real: outputs.ModelOutputs | None, *, others: frozenset[str]
) -> TrainingSimulator:
    return lambda exam, told: simulate_training(
        exam,
        validation=validation,
        recorded=None if real is None else real.train,
        recorded_validation=None if real is None else real.validation,
        variants=others,
        on_step=told,
    )


def _static_calls(appointment: DoctorRun) -> int:
    """About how many invocations the static probes make, of all probes or of those that were chosen."""
    calls = STATIC_CALLS + CALLS_PER_ROW * appointment.rows
    chosen = (
        appointment.only | PREREQUISITE_PROBES
        if appointment.only
        else {probe.id for probe, _ in catalogue.STATIC_PROBES}
    )
    return calls * sum(probe.id in chosen for probe, _ in catalogue.STATIC_PROBES) // len(catalogue.STATIC_PROBES)


def _training_calls(appointment: DoctorRun, records: tuple[Record, ...]) -> int:
    """About how many invocations the rehearsed runs make; 0 where none is rehearsed."""
    judged = {probe.id for probe, _ in catalogue.TRAINING_PROBES}
    if not appointment.simulates_training or (appointment.only and not appointment.only & judged):
        return 0
    settings, usual = appointment.settings, appointment.hyperparameters
    train = min(len(records), MAX_RECORDS)
    others = _training_variants(appointment)
    courses = [usual, *[usual] * len(others - {RED_TEAM}), *[red_team_hyperparameters(train)] * (RED_TEAM in others)]
    rollouts = [
        min(course.n_epochs * (train // course.batch_size), MAX_STEPS) * course.batch_size * course.rollouts_per_prompt
        for course in courses
    ]
    return sum(min(count, MAX_ROLLOUTS) // settings.grading.rollouts_per_call for count in rollouts)
