"""`rft-sim estimate`: steps, calls, costs and hours of a run, with every assumption named and settable."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simulator.cli import reward_options as given
from simulator.cli import server_options as options
from simulator.cli.server_options import exit_with_error
from simulator.settings import Settings
from simulator.training.dataset import Record
from simulator.training.hyperparameters import Hyperparameters

if TYPE_CHECKING:
    from simulator.doctor.estimate.run_estimate import FunctionProfile


def estimate(
    *,
    data: Annotated[Path, typer.Option(help="The training file.", metavar="FILE")],
    validation: given.Validation = None,
    model: given.Model = given.DEFAULT_MODEL,
    epochs: given.Epochs = given.DEFAULT_HYPERPARAMETERS.n_epochs,
    batch_size: given.BatchSize = given.DEFAULT_HYPERPARAMETERS.batch_size,
    lr_multiplier: given.LrMultiplier = given.DEFAULT_HYPERPARAMETERS.learning_rate_multiplier,
    rollouts_per_prompt: Annotated[
        int | None, typer.Option(help="Rollouts of each prompt; --assume in short.", min=1)
    ] = None,
    reward: Annotated[
        str | None, typer.Option(metavar="REWARD", help="A reward function, so that its calls are timed.")
    ] = None,
    handler: given.Handler = None,
    timeout: given.Timeout = None,
    memory: given.Memory = None,
    variables: given.Variables = None,
    host: options.Host = None,
    port: options.Port = None,
    yes: given.Yes = False,
    assume: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Any assumption; the table lists them. Repeatable."),
    ] = None,
    json: given.Json = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 for warnings too.")] = False,
    changes: given.SettingChanges = None,
    target: given.TargetOption = given.Target.SIMULATOR,
    endpoint: options.Endpoint = None,
) -> None:
    """Say what a run would take: steps, rollouts, Lambda calls, costs and hours. Exit code 1 when it would be lost."""
    settings = given.parse_settings(changes)
    from simulator.doctor.estimate import json_report, table  # noqa: PLC0415  --help need not wait for it
    from simulator.doctor.estimate.assumptions import AssumptionError  # noqa: PLC0415  as above
    from simulator.doctor.estimate.run_checks import findings_pass  # noqa: PLC0415  as above
    from simulator.doctor.estimate.run_estimate import FunctionProfile, estimate_run  # noqa: PLC0415  as above

    files = {} if json in {None, given.STANDARD_OUTPUT} else {"--json": Path(str(json))}
    given.check_report_paths(files, inputs={"--data": data, "--validation": validation})
    records = given.parse_records(given.read_file(data), data, settings.dataset)
    held_out = None
    if validation is not None:
        held_out = given.parse_records(given.read_file(validation), validation, settings.validation_dataset)
    run = Hyperparameters(n_epochs=epochs, batch_size=batch_size, learning_rate_multiplier=lr_multiplier)
    assignments = list(assume or ())
    if rollouts_per_prompt is not None:
        assignments.append(f"rollouts_per_prompt={rollouts_per_prompt}")
    known = FunctionProfile(timeout=timeout, memory_mb=memory)
    if reward is not None:
        function = given.RewardFunctionOptions(
            reward=reward,
            handler=handler,
            timeout=timeout,
            memory_mb=memory,
            variables=variables or (),
            simulator=options.simulator_url(host, port, endpoint),
            is_at_aws=target is given.Target.BEDROCK,
            accepts_billing=yes,
        )
        known = _measure_function(function, records, settings=settings, model=model, run=run)
    try:
        found = estimate_run(
            records,
            held_out,
            data=data.name,
            model=model,
            run=run,
            settings=settings,
            function=known,
            assignments=assignments,
        )
    except AssumptionError as error:
        exit_with_error(f"--assume {error}")
    on_output = json == given.STANDARD_OUTPUT
    if on_output:
        typer.echo(json_report.render_json(found), nl=False)
    elif json is not None:
        given.write_file(Path(json), json_report.render_json(found))
    # Where a script reads standard output, people read standard error.
    table.print_estimate(found, given.make_console(stderr=on_output))
    if not findings_pass(found.findings, strict=strict):
        raise typer.Exit(given.EXIT_FAILED)


def _measure_function(
    function: given.RewardFunctionOptions,
    records: Sequence[Record],
    *,
    settings: Settings,
    model: str,
    run: Hyperparameters,
) -> "FunctionProfile":
    """Time the function's calls; what a deployed one is configured with is known too."""
    from rich.progress import Progress  # noqa: PLC0415  as above

    from simulator.doctor.estimate.measurement import EXPECTED_CALLS, MeasurementError, measure_calls  # noqa: PLC0415  as above
    from simulator.doctor.estimate.run_estimate import FunctionProfile  # noqa: PLC0415  as above

    errors = given.make_console(stderr=True)
    with (
        given.handle_interrupts(),
        given.open_reward_function(function, settings=settings, calls=EXPECTED_CALLS) as patient,
        Progress(console=errors, transient=True, disable=not errors.is_terminal) as progress,
    ):
        bar = progress.add_task("timing calls", total=EXPECTED_CALLS)
        deployed = patient.spec is None
        try:
            figures = measure_calls(
                patient,
                records,
                settings=settings,
                model=model,
                run=run,
                is_remote=deployed and function.is_at_aws,
                on_call=lambda _call: progress.advance(bar),
            )
        except MeasurementError as error:
            exit_with_error(f"{function.reward} could not be timed: {error}", code=given.EXIT_FAILED)
        if figures.is_cut_short:
            typer.echo(
                f"The function is slow: {figures.calls} of {EXPECTED_CALLS} calls took {figures.seconds:.0f} s, and no more "
                "were timed.",
                err=True,
            )
        return FunctionProfile(
            timeout=patient.timeout if deployed else function.timeout,
            memory_mb=patient.memory_mb if deployed else function.memory_mb,
            measurement=figures,
        )
