"""`rft-sim compare`: what an edit of a reward function changed in the doctor's report."""

from pathlib import Path
from typing import Annotated

import typer

from simulator.cli import reward_options, serve_options, server_options
from simulator.cli.console import make_console
from simulator.cli.doctor import DEFAULT_BUDGET_SECONDS, MIN_BUDGET_SECONDS, parse_plan
from simulator.cli.exit_codes import EXIT_FAILED, exit_with_error
from simulator.cli.files import STANDARD_OUTPUT, check_report_paths, report_path, write_file
from simulator.cli.signals import handle_interrupts


def compare(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The old version: a folder, a .py file or a zip.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The new version.")],
    *,
    data: Annotated[Path | None, typer.Option(help="The training file.", metavar="FILE")] = None,
    no_training: Annotated[
        bool, typer.Option("--no-training", help="Do not simulate training; call the functions only.")
    ] = False,
    rows: Annotated[int | None, typer.Option(help="Rows that the probes use.", min=1)] = None,
    plan: Annotated[
        str | None, typer.Option(help="How much to measure: full, reduced, brief or minimal.", metavar="NAME")
    ] = None,
    budget: Annotated[
        float,
        typer.Option(help="The seconds that each version may take.", metavar="SECONDS", min=MIN_BUDGET_SECONDS),
    ] = DEFAULT_BUDGET_SECONDS,
    solution: Annotated[
        str | None, typer.Option(help="The field of the records with right responses.", metavar="FIELD")
    ] = None,
    right: Annotated[Path | None, typer.Option(help="Right responses, one a line.", metavar="FILE")] = None,
    changes: serve_options.SettingChanges = None,
    model: reward_options.Model = reward_options.DEFAULT_MODEL,
    handler: reward_options.Handler = None,
    timeout: reward_options.Timeout = None,
    memory: reward_options.Memory = None,
    runtime: reward_options.Runtime = None,
    architecture: reward_options.ArchitectureOption = None,
    env: reward_options.Variables = None,
    yes: reward_options.Yes = False,
    host: server_options.Host = None,
    port: server_options.Port = None,
    json: reward_options.Json = None,
    target: reward_options.TargetOption = reward_options.Target.SIMULATOR,
    endpoint: server_options.Endpoint = None,
) -> None:
    """Show what an edit of a reward function changed: headline numbers, findings, and the scores of the same responses.

    The doctor runs on both versions with the same options. Exit code 1 if the new version has a failure that the old
    one has not, or if the scores of one of them mean nothing.
    """
    if data is None:
        exit_with_error("a training file is missing: rft-sim compare OLD NEW --data FILE")
    if solution is not None and right is not None:
        exit_with_error("--solution and --right: give one of the two")
    for reward in (old, new):  # before the other one runs
        if reward.endswith((".py", ".zip")) and not Path(reward).expanduser().exists():
            exit_with_error(f"{reward} does not exist")
    settings = reward_options.parse_settings(changes)
    from simulator.cli.doctor_run import DoctorRun, examine  # noqa: PLC0415  --help need not wait for it
    from simulator.cli.report_files import ReportFiles  # noqa: PLC0415  as above
    from simulator.doctor.compare import json_report, table  # noqa: PLC0415  as above
    from simulator.doctor.compare.comparison import compare_reports  # noqa: PLC0415  as above

    path = report_path(json)
    check_report_paths({} if path is None else {"--json": path}, inputs={"--data": data, "--right": right})
    chosen_plan = parse_plan(plan)
    reports = []
    with handle_interrupts():
        for reward in (old, new):
            function = reward_options.RewardFunctionOptions(
                reward=reward,
                handler=handler,
                timeout=timeout,
                memory_mb=memory,
                runtime=runtime,
                architecture=architecture,
                variables=env or (),
                simulator=server_options.simulator_url(host, port, endpoint),
                is_at_aws=target is reward_options.Target.BEDROCK,
                accepts_billing=yes,
            )
            run = DoctorRun(
                function=function,
                data=data,
                validation=None,
                settings=settings,
                model=model,
                hyperparameters=reward_options.DEFAULT_HYPERPARAMETERS,
                rows=rows,
                only=frozenset(),
                simulates_training=not no_training,
                outputs_source=None,
                solution=solution,
                right=right,
                concurrency=1,
                report_files=ReportFiles(),
                plan=chosen_plan,
                budget=budget,
            )
            reports.append(examine(run).report)
    comparison = compare_reports(*reports)
    if json == STANDARD_OUTPUT:
        print(json_report.render_json(comparison), end="")
    elif path is not None:
        write_file(path, json_report.render_json(comparison))
    table.print_comparison(comparison, make_console(stderr=json == STANDARD_OUTPUT))
    if not comparison.passes:
        raise typer.Exit(EXIT_FAILED)
