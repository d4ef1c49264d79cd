"""`rft-sim regrade`: score the stored rollouts of a job with another version of a reward function."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simulator.cli import reward_options, server_options
from simulator.cli.console import make_console
from simulator.cli.exit_codes import EXIT_FAILED, exit_with_error
from simulator.cli.files import STANDARD_OUTPUT, check_report_paths, read_file, report_path, write_file
from simulator.cli.serve_options import SettingChanges
from simulator.cli.signals import handle_interrupts
from simulator.http.service_calls import ServiceCalls, merge_service_calls

if TYPE_CHECKING:
    from rich.console import Console

    from simulator.doctor.invocation import Call


def regrade(
    job: Annotated[str, typer.Argument(metavar="JOB|FILE", help="A job's id, or a file that --save has written.")],
    *,
    reward: Annotated[
        str, typer.Option(metavar="REWARD", help="A folder, a .py file, a zip, or a deployed function's ARN or name.")
    ],
    includes_unchanged: Annotated[bool, typer.Option("--all", help="List rows with unchanged scores too.")] = False,
    limit: Annotated[
        int, typer.Option(help="The maximum number of rows to show. Rows with the same change are one row.", min=0)
    ] = 20,
    json: reward_options.Json = None,
    save: Annotated[
        Path | None,
        typer.Option(help="Write the rollouts to a file that regrade can read without the simulator.", metavar="FILE"),
    ] = None,
    fail_on_change: Annotated[bool, typer.Option("--fail-on-change", help="Exit with 1 when a score changes.")] = False,
    host: server_options.Host = None,
    port: server_options.Port = None,
    handler: reward_options.Handler = None,
    timeout: reward_options.Timeout = None,
    memory: reward_options.Memory = None,
    runtime: reward_options.Runtime = None,
    architecture: reward_options.ArchitectureOption = None,
    variables: reward_options.Variables = None,
    yes: reward_options.Yes = False,
    changes: SettingChanges = None,
    target: reward_options.TargetOption = reward_options.Target.SIMULATOR,
    endpoint: server_options.Endpoint = None,
) -> None:
    """Score the rollouts of a job with another version of a reward function, and show what changes."""
    settings = reward_options.parse_settings(changes)
    from rich.progress import Progress  # noqa: PLC0415  --help need not wait for it

    from simulator.doctor.doctor_report import describe_event  # noqa: PLC0415  as above
    from simulator.doctor.regrade import json_report, table  # noqa: PLC0415  as above
    from simulator.doctor.regrade.comparison import compare_scores  # noqa: PLC0415  as above
    from simulator.doctor.regrade.scoring import regrade_rollouts  # noqa: PLC0415  as above
    from simulator.doctor.regrade.stored_rollouts import StoredRolloutsError, fetch_rollouts, parse_rollouts  # noqa: PLC0415  as above
    from simulator.doctor.timeout_budget import NoScoresError  # noqa: PLC0415  as above

    path, simulator = Path(job), server_options.simulator_url(host, port, endpoint)
    reports = {"--json": report_path(json), "--save": save}
    check_report_paths(
        {option: file for option, file in reports.items() if file is not None},
        inputs={"FILE": path if path.is_file() else None},
    )
    try:
        text = (
            read_file(path).decode("utf-8", "replace") if path.is_file() else fetch_rollouts(job, simulator=simulator)
        )
        rollouts = parse_rollouts(text, source=job)
    except StoredRolloutsError as error:
        exit_with_error(str(error))
    if save is not None:
        write_file(save, text)
    function = reward_options.RewardFunctionOptions(
        reward=reward,
        handler=handler,
        timeout=timeout,
        memory_mb=memory,
        runtime=runtime,
        architecture=architecture,
        variables=variables or (),
        simulator=simulator,
        is_at_aws=target is reward_options.Target.BEDROCK,
        accepts_billing=yes,
    )
    errors, service_calls = make_console(stderr=True), list[tuple[ServiceCalls, ...]]()
    calls = -(-len(rollouts) // settings.grading.rollouts_per_call)
    with (
        handle_interrupts(),
        reward_options.open_reward_function(function, settings=settings, calls=calls) as reward_function,
        Progress(console=errors, transient=True, disable=not errors.is_terminal) as progress,
    ):
        bar = progress.add_task("regrading", total=len(rollouts))

        def on_call(call: "Call") -> None:
            progress.advance(bar, len(call.ids))
            service_calls.append(call.service_calls_behind_scores)

        try:
            rows = regrade_rollouts(
                rollouts,
                reward_function=reward_function,
                grading=settings.grading,
                on_call=on_call,
            )
        except NoScoresError as error:
            exit_with_error(f"{reward} gives no usable score: {error}", code=EXIT_FAILED)
    _print_failed_calls(merge_service_calls(service_calls), errors)
    report = table.RegradeReport(
        comparison=compare_scores(rows),
        function_name=reward,
        source=job,
        event_layout=describe_event(settings.grading),
        includes_unchanged=includes_unchanged,
    )
    prints_json = json == STANDARD_OUTPUT
    if json is not None:
        json_text = json_report.render_json(json_report.build_document(report))
        if prints_json:
            typer.echo(json_text, nl=False)
        else:
            write_file(Path(json), json_text)
    table.print_regrade(report, make_console(stderr=prints_json), limit=limit)
    # A rollout without a score ends a job, so it is a failure and not only a change.
    loses_scores = any(split.lost for split in report.comparison.splits)
    if loses_scores or (fail_on_change and report.comparison.changed_rows):
        raise typer.Exit(EXIT_FAILED)


def _print_failed_calls(service_calls: tuple[ServiceCalls, ...], console: "Console") -> None:
    for calls in service_calls:
        if calls.failed:
            console.print(calls.sentence, style="bold red", markup=False, soft_wrap=True)
