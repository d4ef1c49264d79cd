"""A run of `rft-sim doctor`: load the reward function, run the probes, write the reports."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from simulator.cli.console import make_console
from simulator.cli.environment import read_variable
from simulator.cli.exit_codes import EXIT_INTERRUPTED, exit_with_error
from simulator.cli.files import STANDARD_OUTPUT, parse_records, read_file
from simulator.cli.report_files import ReportFiles, write_reports
from simulator.cli.report_references import load_references, print_line
from simulator.cli.repro_files import check_repro_folder, describe_scripts, write_scripts
from simulator.cli.reward_options import RewardFunctionOptions, open_reward_function
from simulator.doctor import model_outputs
from simulator.doctor.call_mode import CallMode, ignore_call, open_calls
from simulator.doctor.doctor_report import SIMULATED_ROLLOUTS, DoctorReport
from simulator.doctor.finding import Finding
from simulator.doctor.first_calls import FirstCalls, make_first_calls
from simulator.doctor.grading_cost import grading_cost
from simulator.doctor.plan import FULL, MINIMAL, Plan
from simulator.doctor.plan_choice import PlanChoice, choose_plan, notices_of
from simulator.doctor.plan_limits import variants_of
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.probe_runner import (
    PREREQUISITE_PROBES,
    ProgressListener,
    TrainingSimulator,
    collect_calls,
    run_probes,
)
from simulator.doctor.probes.registry import STATIC_PROBES, TRAINING_PROBES
from simulator.doctor.probes.training.registry import required_variants
from simulator.doctor.progress import show_progress
from simulator.doctor.report.annotations import Annotations
from simulator.doctor.report.repro import ReproTarget
from simulator.doctor.right_answers.given_answers import (
    GivenAnswers,
    GivenAnswersError,
    answers_of_field,
    answers_of_file,
)
from simulator.doctor.run_budget import RunBudget
from simulator.doctor.simulated_training import (
    ALL_VARIANTS,
    MAX_RECORDS,
    MAX_ROLLOUTS,
    MAX_STEPS,
    red_team_hyperparameters,
    simulate_training,
)
from simulator.doctor.source_location import locate_handler
from simulator.doctor.training_trace import RED_TEAM
from simulator.settings import Settings
from simulator.training.dataset import Record
from simulator.training.hyperparameters import Hyperparameters
from simulator.upstream.errors import UpstreamError

STATIC_CALLS: Final = 230
CALLS_PER_ROW: Final = 6
"""With `STATIC_CALLS`: about how many times the static probes invoke a function that answers, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputsSource:
    """Where real model outputs come from: a folder, or a server and how to sample it."""

    url_or_folder: str
    model: str | None
    key_env: str | None
    outputs_per_prompt: int
    max_records: int
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorRun:
    """The options of one run.

    Attributes:
        function: the reward function.
        data: the training file.
        validation: the validation file.
        settings: the settings after --set and --seed.
        model: the base model.
        hyperparameters: those of the training run.
        rows: how many rows the static probes use. None is the number of the plan.
        only: the ids of the chosen probes; empty for all.
        simulates_training: whether training is simulated.
        outputs_source: real model outputs to use instead of the simulated policy's.
        solution: the field of the records that holds right responses.
        right: a file of right responses.
        concurrency: the number of concurrent calls. None lets the first calls choose.
        report_files: the reports to write.
        plan: how much is measured. None lets the first calls choose.
        budget: the seconds that the doctor run may take.
        started_at: when the command began, by the monotonic clock. None is when the run begins.
    """

    function: RewardFunctionOptions
    data: Path
    validation: Path | None
    settings: Settings
    model: str
    hyperparameters: Hyperparameters
    rows: int | None
    only: frozenset[str]
    simulates_training: bool
    outputs_source: OutputsSource | None
    solution: str | None
    right: Path | None
    concurrency: int | None
    report_files: ReportFiles
    plan: Plan | None
    budget: float
    started_at: float | None = None


def run_doctor(run: DoctorRun) -> int:
    """Run the probes, write the reports, and return the exit code: 0, or 1 for a failure or a changed score."""
    if run.report_files.repro is not None:
        check_repro_folder(run.report_files.repro, reward=run.function.reward)
    references = load_references(
        run.report_files.paths,
        inputs={"--data": run.data, "--validation": run.validation, "--right": run.right},
        updates_golden=run.report_files.updates_golden,
        updates_baseline=run.report_files.updates_baseline,
    )
    examination = examine(run)
    report = examination.report
    annotations = Annotations(
        source=locate_handler(run.function.reward, handler=run.function.handler),
        data_path=str(run.data),
        repro_commands=_write_scripts(run, examination),
    )
    code = write_reports(report, run.report_files, references, annotations)
    if run.report_files.repro is not None:
        stream = make_console(stderr=run.report_files.json == STANDARD_OUTPUT)
        print_line(describe_scripts(report, annotations.repro_commands, run.report_files.repro), stream)
    return code


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """The report of a reward function, the records that it was tested with, and its handler if it runs here."""

    report: DoctorReport
    records: tuple[Record, ...]
    handler: str


def examine(run: DoctorRun) -> Examination:
    """Run the probes on the reward function. The reports of the run are not written."""
    budget = RunBudget(seconds=run.budget, started_at=run.started_at)
    data = read_file(run.data)
    records = parse_records(data, run.data, run.settings.dataset)
    validation = None
    if run.validation is not None:
        limits = run.settings.validation_dataset
        validation = parse_records(read_file(run.validation), run.validation, limits)
    given = load_given_answers(run, records)
    outputs = None
    if run.outputs_source is not None:
        outputs = load_model_outputs(run.outputs_source, records, validation, seed=run.settings.seed)
        records, validation = outputs.records, outputs.validation_records
    with _open_context(run, records, outputs, given, budget) as (context, listener, notices, first):
        report = run_probes(
            context,
            data_name=run.data.name,
            data_sha256=hashlib.sha256(data).hexdigest(),
            static_probes=STATIC_PROBES,
            training_probes=TRAINING_PROBES,
            simulate_training=_training_simulator(validation, outputs, variants=_training_variants(run, context.plan))
            if run.simulates_training
            else None,
            only=run.only,
            rollouts_source=SIMULATED_ROLLOUTS if outputs is None else outputs.source,
            rollouts_sha256="" if outputs is None else outputs.sha256,
            listener=listener,
            notices=notices,
            plan_changes=_plan_changes(run),
            first_side_effects=first.side_effects,
        )
        handler = context.reward_function.spec.handler if context.reward_function.spec else ""
    return Examination(report=report, records=records, handler=handler)


def _write_scripts(run: DoctorRun, examination: Examination) -> Mapping[Finding, str]:
    """Write the scripts of --repro, and return the command that runs each."""
    if run.report_files.repro is None:
        return {}
    target = ReproTarget(
        reward=Path(run.function.reward),
        handler=examination.handler,
        variables=[text.partition("=")[0] for text in run.function.variables],
        data_name=run.data.name,
    )
    return write_scripts(
        examination.report,
        target,
        run.report_files.repro,
        records=examination.records,
        settings=run.settings.grading,
    )


def load_given_answers(run: DoctorRun, records: Sequence[Record]) -> GivenAnswers | None:
    """Return the right answers of --solution or --right; None without these options."""
    try:
        if run.solution is not None:
            return answers_of_field(run.solution, records, data_name=run.data.name)
        if run.right is not None:
            content = read_file(run.right)
            return answers_of_file(
                content,
                records,
                name=run.right.name,
                data_name=run.data.name,
                sha256=hashlib.sha256(content).hexdigest(),
            )
    except GivenAnswersError as error:
        exit_with_error(str(error))
    return None


def load_model_outputs(
    source: OutputsSource, records: Sequence[Record], validation: Sequence[Record] | None, *, seed: int
) -> model_outputs.ModelOutputs:
    """Sample real model outputs for these records, or read them from a folder."""
    try:
        if "://" not in source.url_or_folder:
            return model_outputs.replay_outputs(
                records,
                validation,
                folder=Path(source.url_or_folder),
                model=source.model,
                outputs_per_prompt=source.outputs_per_prompt,
            )
        if source.model is None:
            exit_with_error(
                f"--rollouts {source.url_or_folder} needs --rollouts-model: the name of the model on that server"
            )
        request = model_outputs.SamplingRequest(
            url=source.url_or_folder,
            model=source.model,
            api_key=_read_key(source.key_env),
            folder=source.folder,
            outputs_per_prompt=source.outputs_per_prompt,
            max_records=source.max_records,
        )
        return model_outputs.sample_outputs(
            records, validation, request=request, seed=seed, console=Console(stderr=True)
        )
    except UpstreamError as error:
        exit_with_error(f"--rollouts: {error}")
    except model_outputs.InterruptedSamplingError as error:
        exit_with_error(str(error), code=EXIT_INTERRUPTED)


def _read_key(name: str | None) -> str | None:
    if name is None:
        return None
    return read_variable(name) or exit_with_error(f"--rollouts-key-env {name}: this variable is not set")


@contextmanager
def _open_context(
    run: DoctorRun,
    records: tuple[Record, ...],
    outputs: model_outputs.ModelOutputs | None,
    given: GivenAnswers | None,
    budget: RunBudget,
) -> Iterator[tuple[ProbeContext, ProgressListener, tuple[str, ...], FirstCalls]]:
    """Choose the plan. Yield the context, the listener of the progress bar, what to say first, and the first calls."""
    calls = _static_calls(run) + _training_calls(run, records)
    with (
        open_reward_function(
            run.function, settings=run.settings, calls=round(calls, -2), budget=budget
        ) as reward_function,
        show_progress(Console(stderr=True)) as listener,
    ):

        def create_context(
            calls: CallMode, choice: PlanChoice, first: FirstCalls | None = None, *, is_dry: bool = False
        ) -> ProbeContext:
            return ProbeContext(
                reward_function=calls.function,
                records=records,
                settings=run.settings,
                model=run.model,
                hyperparameters=run.hyperparameters,
                row_count=run.rows or choice.plan.rows,
                recorded=None if outputs is None else outputs.train,
                given=given,
                on_call=ignore_call if is_dry else listener.on_call,
                executor=calls.executor,
                concurrency=calls.concurrency,
                plan=choice.plan,
                plan_cause=choice.cause,
                budget=None if is_dry else budget,
                replays=calls.replays,
                first_seconds=first.seconds if first else None,
                first_init_seconds=first.init_seconds if first else None,
            )

        alone = CallMode(function=reward_function)
        listener.on_first_call()
        first = make_first_calls(create_context(alone, PlanChoice(plan=FULL)))
        cost = first.seconds and grading_cost(
            records, settings=run.settings, hyperparameters=run.hyperparameters, call_seconds=first.seconds
        )
        notices = notices_of(first, cost=cost or None, timeout=reward_function.timeout)
        choice = (
            choose_plan(first, budget_seconds=run.budget, concurrency=run.concurrency or 1)
            if run.plan is None
            else PlanChoice(plan=run.plan, cause=f"--plan {run.plan.name} was given")
        )
        listener.on_plan(choice.plan, cause=choice.cause, notices=notices)
        with open_calls(
            reward_function,
            first,
            budget=budget,
            concurrency=run.concurrency,
            collect=lambda calls, on_probe: collect_calls(
                create_context(calls, choice, first, is_dry=True), STATIC_PROBES, only=run.only, on_probe=on_probe
            ),
            on_calls=listener.on_calls,
        ) as calls_mode:
            if calls_mode.keeps_state and run.plan is None:
                choice = PlanChoice(plan=MINIMAL, cause=f"{choice.cause} and scores depend on earlier calls")
            yield create_context(calls_mode, choice, first), listener, notices, first


def _plan_changes(run: DoctorRun) -> tuple[str, ...]:
    """Return the options that overrule the plan."""
    options = {
        f"--rows {run.rows}": run.rows is not None,
        f"--concurrency {run.concurrency}": run.concurrency is not None,
        "--no-training": not run.simulates_training,
    }
    return tuple(option for option, is_given in options.items() if is_given)


def _training_variants(run: DoctorRun, plan: Plan) -> frozenset[str]:
    """Return the variants to simulate besides the unchanged run: those of the plan that a chosen probe reads."""
    return (required_variants(run.only) if run.only else ALL_VARIANTS) & variants_of(plan)


def _training_simulator(
    validation: tuple[Record, ...] | None, outputs: model_outputs.ModelOutputs | None, *, variants: frozenset[str]
) -> TrainingSimulator:
    return lambda context, on_step: simulate_training(
        context,
        validation=validation,
        recorded=None if outputs is None else outputs.train,
        recorded_validation=None if outputs is None else outputs.validation,
        variants=variants,
        max_steps=context.plan.training_steps or FULL.training_steps,
        on_step=on_step,
    )


def _static_calls(run: DoctorRun) -> int:
    """Return about how often the static probes invoke the function. Chosen probes count by their share."""
    calls = STATIC_CALLS + CALLS_PER_ROW * (run.rows or FULL.rows)
    probe_ids = run.only | PREREQUISITE_PROBES if run.only else {probe.id for probe, _ in STATIC_PROBES}
    return calls * sum(probe.id in probe_ids for probe, _ in STATIC_PROBES) // len(STATIC_PROBES)


def _training_calls(run: DoctorRun, records: tuple[Record, ...]) -> int:
    """Return about how often the simulated runs invoke the function; 0 when no training is simulated."""
    training_ids = {probe.id for probe, _ in TRAINING_PROBES}
    if not run.simulates_training or (run.only and not run.only & training_ids):
        return 0
    base_hyperparameters = run.hyperparameters
    record_count = min(len(records), MAX_RECORDS)
    variants = _training_variants(run, FULL)
    runs = [base_hyperparameters, *[base_hyperparameters] * len(variants - {RED_TEAM})]
    if RED_TEAM in variants:
        runs.append(red_team_hyperparameters(record_count))
    rollouts = [
        min(variant.n_epochs * (record_count // variant.batch_size), MAX_STEPS)
        * variant.batch_size
        * variant.rollouts_per_prompt
        for variant in runs
    ]
    return sum(min(count, MAX_ROLLOUTS) // run.settings.grading.rollouts_per_call for count in rollouts)
