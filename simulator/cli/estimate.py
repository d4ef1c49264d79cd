"""`rft-sim estimate`: the steps, calls, cost and hours of a run. Every assumption has a name and can be changed."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simulator.cli import reward_options, server_options
from simulator.cli.console import make_console
from simulator.cli.exit_codes import EXIT_FAILED, exit_with_error
from simulator.cli.files import STANDARD_OUTPUT, check_report_paths, parse_records, read_file, report_path, write_file
from simulator.cli.serve_options import SettingChanges
from simulator.cli.signals import handle_interrupts
from simulator.settings import Settings
from simulator.training.dataset import Record
from simulator.training.hyperparameters import Hyperparameters

if TYPE_CHECKING:
    from simulator.doctor.estimate.run_estimate import FunctionProfile


def estimate(
    *,
    data: Annotated[Path, typer.Option(help="The training file.", metavar="FILE")],
    validation: reward_options.Validation = None,
    model: reward_options.Model = reward_options.DEFAULT_MODEL,
    epochs: reward_options.Epochs = reward_options.DEFAULT_HYPERPARAMETERS.n_epochs,
    batch_size: reward_options.BatchSize = reward_options.DEFAULT_HYPERPARAMETERS.batch_size,
    lr_multiplier: reward_options.LrMultiplier = reward_options.DEFAULT_HYPERPARAMETERS.learning_rate_multiplier,
    rollouts_per_prompt: Annotated[
        int | None, typer.Option(help="Rollouts per prompt; short for --assume rollouts_per_prompt=N.", min=1)
    ] = None,
    reward: Annotated[
        str | None, typer.Option(metavar="REWARD", help="A reward function. Its calls are timed.")
    ] = None,
    handler: reward_options.Handler = None,
    timeout: reward_options.Timeout = None,
    memory: reward_options.Memory = None,
    runtime: reward_options.Runtime = None,
    architecture: reward_options.ArchitectureOption = None,
    variables: reward_options.Variables = None,
    host: server_options.Host = None,
    port: server_options.Port = None,
    yes: reward_options.Yes = False,
    assume: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE", help="Change an assumption. The printed estimate lists their names. Repeatable."
        ),
    ] = None,
    json: reward_options.Json = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 for warnings too.")] = False,
    changes: SettingChanges = None,
    target: reward_options.TargetOption = reward_options.Target.SIMULATOR,
    endpoint: server_options.Endpoint = None,
) -> None:
    """Estimate the steps, rollouts, Lambda calls, cost and hours of a run. Exit code 1 when the run would fail."""
    settings = reward_options.parse_settings(changes)
    from simulator.doctor.estimate import json_report, table  # noqa: PLC0415  --help need not wait for it
    from simulator.doctor.estimate.assumptions import AssumptionError  # noqa: PLC0415  as above
    from simulator.doctor.estimate.run_estimate import FunctionProfile, estimate_run  # noqa: PLC0415  as above
    from simulator.doctor.finding import findings_pass  # noqa: PLC0415  as above

    json_path = report_path(json)
    reports = {"--json": json_path} if json_path else {}
    check_report_paths(reports, inputs={"--data": data, "--validation": validation})
    records = parse_records(read_file(data), data, settings.dataset)
    held_out = None
    if validation is not None:
        held_out = parse_records(read_file(validation), validation, settings.validation_dataset)
    run = Hyperparameters(n_epochs=epochs, batch_size=batch_size, learning_rate_multiplier=lr_multiplier)
    assignments = list(assume or ())
    if rollouts_per_prompt is not None:
        assignments.append(f"rollouts_per_prompt={rollouts_per_prompt}")
    profile = FunctionProfile(timeout=timeout, memory_mb=memory)
    if reward is not None:
        function = reward_options.RewardFunctionOptions(
            reward=reward,
            handler=handler,
            timeout=timeout,
            memory_mb=memory,
            runtime=runtime,
            architecture=architecture,
            variables=variables or (),
            simulator=server_options.simulator_url(host, port, endpoint),
            is_at_aws=target is reward_options.Target.BEDROCK,
            accepts_billing=yes,
        )
        profile = _measure_function(function, records, settings=settings, model=model, run=run)
    try:
        estimate_result = estimate_run(
            records,
            held_out,
            data=data.name,
            model=model,
            run=run,
            settings=settings,
            function=profile,
            assignments=assignments,
        )
    except AssumptionError as error:
        exit_with_error(f"--assume {error}")
    prints_json = json == STANDARD_OUTPUT
    if prints_json:
        typer.echo(json_report.render_json(estimate_result), nl=False)
    elif json_path is not None:
        write_file(json_path, json_report.render_json(estimate_result))
    table.print_estimate(estimate_result, make_console(stderr=prints_json))
    if not findings_pass(estimate_result.findings, strict=strict):
        raise typer.Exit(EXIT_FAILED)


def _measure_function(
    function: reward_options.RewardFunctionOptions,
    records: Sequence[Record],
    *,
    settings: Settings,
    model: str,
    run: Hyperparameters,
) -> "FunctionProfile":
    """Time the function's calls. For a deployed function, also return its configured time-out and memory."""
    from rich.progress import Progress  # noqa: PLC0415  as above

    from simulator.doctor.estimate.measurement import EXPECTED_CALLS, MeasurementError, measure_calls  # noqa: PLC0415  as above
    from simulator.doctor.estimate.run_estimate import FunctionProfile  # noqa: PLC0415  as above

    errors = make_console(stderr=True)
    with (
        handle_interrupts(),
        reward_options.open_reward_function(function, settings=settings, calls=EXPECTED_CALLS) as reward_function,
        Progress(console=errors, transient=True, disable=not errors.is_terminal) as progress,
    ):
        bar = progress.add_task("timing calls", total=EXPECTED_CALLS)
        is_deployed = reward_function.spec is None
        try:
            measurement = measure_calls(
                reward_function,
                records,
                settings=settings,
                model=model,
                run=run,
                is_remote=is_deployed and function.is_at_aws,
                on_call=lambda _call: progress.advance(bar),
            )
        except MeasurementError as error:
            exit_with_error(f"{function.reward} cannot be timed: {error}", code=EXIT_FAILED)
        if measurement.is_cut_short:
            typer.echo(
                f"The function is slow: only {measurement.calls} of {EXPECTED_CALLS} calls were timed, in "
                f"{measurement.seconds:.0f} s.",
                err=True,
            )
        return FunctionProfile(
            timeout=reward_function.timeout if is_deployed else function.timeout,
            memory_mb=reward_function.memory_mb if is_deployed else function.memory_mb,
            measurement=measurement,
        )
