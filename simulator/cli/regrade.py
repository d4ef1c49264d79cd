"""`rft-sim regrade`: the stored rollouts of a job, scored by another version of a reward function."""

from pathlib import Path
from typing import Annotated

import typer

from simulator.cli import reward_options as given
from simulator.cli import server_options as options
from simulator.cli.server_options import exit_with_error


def regrade(
    job: Annotated[str, typer.Argument(metavar="JOB|FILE", help="A job's id, or a file that --save has written.")],
    *,
    reward: Annotated[
        str, typer.Option(metavar="REWARD", help="A folder, a .py file, a zip, or a deployed function's ARN or name.")
    ],
    whole: Annotated[bool, typer.Option("--all", help="List what scores as before, too.")] = False,
    limit: Annotated[int, typer.Option(help="Rows to show; alike ones count once.", min=0)] = 20,
    json: given.Json = None,
    save: Annotated[
        Path | None, typer.Option(help="Write the rollouts, to be regraded without the simulator.", metavar="FILE")
    ] = None,
    fail_on_change: Annotated[
        bool, typer.Option("--fail-on-change", help="Exit with 1 when a score is another one.")
    ] = False,
    host: options.Host = None,
    port: options.Port = None,
    handler: given.Handler = None,
    timeout: given.Timeout = None,
    memory: given.Memory = None,
    variables: given.Variables = None,
    yes: given.Yes = False,
    changes: given.SettingChanges = None,
    target: given.TargetOption = given.Target.SIMULATOR,
    endpoint: options.Endpoint = None,
) -> None:
    """Score the rollouts of a job with another version of a reward function, and show what changes."""
    settings = given.parse_settings(changes)
    from rich.progress import Progress  # noqa: PLC0415  --help need not wait for it

    from simulator.doctor.doctor_report import describe_event  # noqa: PLC0415  as above
    from simulator.doctor.regrade import json_report, table  # noqa: PLC0415  as above
    from simulator.doctor.regrade.comparison import compare_scores  # noqa: PLC0415  as above
    from simulator.doctor.regrade.scoring import regrade_rollouts  # noqa: PLC0415  as above
    from simulator.doctor.regrade.stored_rollouts import StoredRolloutsError, fetch_rollouts, parse_rollouts  # noqa: PLC0415  as above
    from simulator.doctor.timeout_budget import NoScoresError  # noqa: PLC0415  as above

    path, simulator = Path(job), options.simulator_url(host, port, endpoint)
    named = {"--json": None if json in {None, given.STANDARD_OUTPUT} else Path(str(json)), "--save": save}
    given.check_report_paths(
        {option: file for option, file in named.items() if file is not None},
        inputs={"FILE": path if path.is_file() else None},
    )
    try:
        text = (
            given.read_file(path).decode("utf-8", "replace")
            if path.is_file()
            else fetch_rollouts(job, simulator=simulator)
        )
        rollouts = parse_rollouts(text, source=job)
    except StoredRolloutsError as error:
        exit_with_error(str(error))
    if save is not None:
        given.write_file(save, text)
    function = given.RewardFunctionOptions(
        reward=reward,
        handler=handler,
        timeout=timeout,
        memory_mb=memory,
        variables=variables or (),
        simulator=simulator,
        is_at_aws=target is given.Target.BEDROCK,
        accepts_billing=yes,
    )
    errors = given.make_console(stderr=True)
    calls = -(-len(rollouts) // settings.grading.rollouts_per_call)
    with (
        given.handle_interrupts(),
        given.open_reward_function(function, settings=settings, calls=calls) as patient,
        Progress(console=errors, transient=True, disable=not errors.is_terminal) as progress,
    ):
        bar = progress.add_task("regrading", total=len(rollouts))
        try:
            rows = regrade_rollouts(
                rollouts,
                reward_function=patient,
                grading=settings.grading,
                on_call=lambda call: progress.advance(bar, len(call.ids)),
            )
        except NoScoresError as error:
            exit_with_error(f"{reward} gives no usable score: {error}", code=given.EXIT_FAILED)
    regrading = table.RegradeReport(
        comparison=compare_scores(rows),
        function_name=reward,
        source=job,
        event_layout=describe_event(settings.grading),
        includes_unchanged=whole,
    )
    on_output = json == given.STANDARD_OUTPUT
    if json is not None:
        values = json_report.build_document(regrading)
        if on_output:
            typer.echo(json_report.render_json(values), nl=False)
        else:
            given.write_file(Path(json), json_report.render_json(values))
    # Where a script reads standard output, people read standard error.
    console = given.make_console(stderr=on_output)
    table.print_regrade(regrading, console, limit=limit)
    # Where a rollout has no score a job ends: that is no change to be looked at, but a failure.
    if any(split.lost for split in regrading.comparison.splits) or (
        fail_on_change and regrading.comparison.changed_rows
    ):
        raise typer.Exit(given.EXIT_FAILED)
