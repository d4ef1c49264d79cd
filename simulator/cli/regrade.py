"""`rft-sim regrade`: the stored rollouts of a job, scored by another version of a reward function."""

from pathlib import Path
from typing import Annotated

import typer

from simulator.cli import reward_options as given
from simulator.cli import server_options as options
from simulator.cli.server_options import stop


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
    changes: given.Changes = None,
    target: given.TargetOption = given.Target.SIMULATOR,
    endpoint: options.Endpoint = None,
) -> None:
    """Score the rollouts of a job with another version of a reward function, and show what changes."""
    settings = given.settings_given(changes)
    from rich.progress import Progress  # noqa: PLC0415  --help need not wait for it

    from simulator.doctor.doctor_report import in_words  # noqa: PLC0415  as above
    from simulator.doctor.regrade import table as shown  # noqa: PLC0415  as above
    from simulator.doctor.regrade.comparison import compared  # noqa: PLC0415  as above
    from simulator.doctor.regrade.scoring import regraded  # noqa: PLC0415  as above
    from simulator.doctor.regrade.stored_rollouts import StoredRolloutsError, fetched, read_rollouts  # noqa: PLC0415  as above
    from simulator.doctor.timeout_budget import NoAnswersError  # noqa: PLC0415  as above

    path, simulator = Path(job), options.simulator_at(host, port, endpoint)
    named = {"--json": None if json in {None, given.STANDARD_OUTPUT} else Path(str(json)), "--save": save}
    given.looked_at(
        {option: file for option, file in named.items() if file is not None},
        read={"FILE": path if path.is_file() else None},
    )
    try:
        text = given.file_read(path).decode("utf-8", "replace") if path.is_file() else fetched(job, simulator=simulator)
        rollouts = read_rollouts(text, source=job)
    except StoredRolloutsError as error:
        stop(str(error))
    if save is not None:
        given.written(save, text)
    function = given.Function(
        reward=reward,
        handler=handler,
        timeout=timeout,
        memory_mb=memory,
        variables=variables or (),
        simulator=simulator,
        at_aws=target is given.Target.BEDROCK,
        billed=yes,
    )
    errors = given.console_of(stderr=True)
    calls = -(-len(rollouts) // settings.grading.rollouts_per_call)
    with (
        given.interruptible(),
        given.patient_of(function, settings=settings, calls=calls) as patient,
        Progress(console=errors, transient=True, disable=not errors.is_terminal) as progress,
    ):
        bar = progress.add_task("regrading", total=len(rollouts))
        try:
            rows = regraded(
                rollouts,
                patient=patient,
                grading=settings.grading,
                told=lambda call: progress.advance(bar, len(call.ids)),
            )
        except NoAnswersError as error:
            stop(f"{reward} gives no usable score: {error}", code=given.FAILED)
    regrading = shown.Regrading(
        comparison=compared(rows), patient=reward, source=job, event=in_words(settings.grading), whole=whole
    )
    on_output = json == given.STANDARD_OUTPUT
    if json is not None:
        values = shown.document(regrading)
        if on_output:
            typer.echo(shown.written(values), nl=False)
        else:
            given.written(Path(json), shown.written(values))
    # Where a script reads standard output, people read standard error.
    console = given.console_of(stderr=on_output)
    shown.printed(regrading, console, limit=limit)
    # Where a rollout has no score a job ends: that is no change to be looked at, but a failure.
    if any(split.lost for split in regrading.comparison.sums) or (fail_on_change and regrading.comparison.changed):
        raise typer.Exit(given.FAILED)
