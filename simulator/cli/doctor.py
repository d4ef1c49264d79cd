"""`rft-sim doctor`: its options, and the run that they describe."""

from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Final

import typer

from simulator.cli import explanation_page, reward_options, serve_options, server_options
from simulator.cli.exit_codes import exit_with_error
from simulator.cli.signals import handle_interrupts
from simulator.settings import Settings
from simulator.training.hyperparameters import Hyperparameters

if TYPE_CHECKING:
    from simulator.doctor.plan import Plan

MAX_CONCURRENCY: Final = reward_options.DEFAULT_SETTINGS.lambda_workers
"""More concurrent calls would wait for a Lambda environment."""

DEFAULT_BUDGET_SECONDS: Final = 60.0
MIN_BUDGET_SECONDS: Final = 5.0
"""In less time no call may end, because the function's environment must start first."""

_REPORTS_PANEL: Final = "Reports"
_ANSWERS_PANEL: Final = "Right answers, if the doctor finds none"
_RECORDED_PANEL: Final = "Real model outputs"


def doctor(
    reward: Annotated[
        str | None,
        typer.Argument(metavar="REWARD", help="A folder, a .py file, a zip, or a deployed function's ARN or name."),
    ] = None,
    *,
    data: Annotated[Path | None, typer.Option(help="The training file.", metavar="FILE")] = None,
    validation: reward_options.Validation = None,
    only: Annotated[str | None, typer.Option(help="Run only these probes.", metavar="S7,T5")] = None,
    no_training: Annotated[
        bool, typer.Option("--no-training", help="Do not simulate training; call the function only.")
    ] = False,
    explain: Annotated[str | None, typer.Option(help="Print what a finding means, and exit.", metavar="ID")] = None,
    self_test: Annotated[
        bool,
        typer.Option(
            "--self-test",
            help="Run the doctor on a few reward functions whose faults are known, show what it finds, and exit.",
        ),
    ] = False,
    self_test_all: Annotated[
        bool, typer.Option("--all", help="With --self-test: on all of them. Takes minutes.")
    ] = False,
    rows: Annotated[
        int | None, typer.Option(help="Rows that the probes use. Default: as many as the plan has, at most 32.", min=1)
    ] = None,
    plan: Annotated[
        str | None,
        typer.Option(
            help="How much to measure: full, reduced, brief or minimal. Default: the largest that fits into the "
            "budget, by the time of the first calls.",
            metavar="NAME",
        ),
    ] = None,
    budget: Annotated[
        float, typer.Option(help="The seconds that the doctor may take.", metavar="SECONDS", min=MIN_BUDGET_SECONDS)
    ] = DEFAULT_BUDGET_SECONDS,
    seed: Annotated[int | None, typer.Option(help="The seed of every random draw.")] = None,
    concurrency: Annotated[
        int | None,
        typer.Option(
            help="Concurrent calls. Default: one, or up to 32 for a slow function that keeps no state between calls.",
            min=1,
            max=MAX_CONCURRENCY,
        ),
    ] = None,
    changes: serve_options.SettingChanges = None,
    model: reward_options.Model = reward_options.DEFAULT_MODEL,
    epochs: reward_options.Epochs = reward_options.DEFAULT_HYPERPARAMETERS.n_epochs,
    batch_size: reward_options.BatchSize = reward_options.DEFAULT_HYPERPARAMETERS.batch_size,
    lr_multiplier: reward_options.LrMultiplier = reward_options.DEFAULT_HYPERPARAMETERS.learning_rate_multiplier,
    handler: reward_options.Handler = None,
    timeout: reward_options.Timeout = None,
    memory: reward_options.Memory = None,
    runtime: reward_options.Runtime = None,
    architecture: reward_options.ArchitectureOption = None,
    env: reward_options.Variables = None,
    yes: reward_options.Yes = False,
    host: server_options.Host = None,
    port: server_options.Port = None,
    solution: Annotated[
        str | None,
        typer.Option(
            help="The field of the records with right responses, such as reference_answer.solution.",
            metavar="FIELD",
            rich_help_panel=_ANSWERS_PANEL,
        ),
    ] = None,
    right: Annotated[
        Path | None,
        typer.Option(
            help='Right responses, one a line: {"line": 3, "response": "..."}; without "line" in the order of the '
            "records.",
            metavar="FILE",
            rich_help_panel=_ANSWERS_PANEL,
        ),
    ] = None,
    rollouts: Annotated[
        str | None,
        typer.Option(
            metavar="URL|DIR",
            help="Use real model outputs instead of simulated ones: request them from an OpenAI-compatible server, or "
            "read them from a folder.",
            rich_help_panel=_RECORDED_PANEL,
        ),
    ] = None,
    rollouts_model: Annotated[
        str | None, typer.Option(help="The name of the model on that server.", rich_help_panel=_RECORDED_PANEL)
    ] = None,
    rollouts_key_env: Annotated[
        str | None,
        typer.Option(
            help="The environment variable that holds the server's key.",
            metavar="NAME",
            rich_help_panel=_RECORDED_PANEL,
        ),
    ] = None,
    rollouts_per_prompt: Annotated[
        int, typer.Option(help="Outputs per prompt.", min=2, rich_help_panel=_RECORDED_PANEL)
    ] = 16,
    rollouts_records: Annotated[
        int, typer.Option(help="Records to sample.", min=10, rich_help_panel=_RECORDED_PANEL)
    ] = 100,
    rollouts_folder: Annotated[
        Path,
        typer.Option(metavar="DIR", help="The folder that stores the outputs.", rich_help_panel=_RECORDED_PANEL),
    ] = Path("rft-rollouts"),
    json: Annotated[
        str | None,
        typer.Option(
            help="Write JSON to a file; - is standard output.", metavar="FILE|-", rich_help_panel=_REPORTS_PANEL
        ),
    ] = None,
    junit: Annotated[
        Path | None, typer.Option(help="Write JUnit XML.", metavar="FILE", rich_help_panel=_REPORTS_PANEL)
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(help="Write one self-contained HTML page.", metavar="FILE", rich_help_panel=_REPORTS_PANEL),
    ] = None,
    sarif: Annotated[
        Path | None,
        typer.Option(help="Write SARIF 2.1.0 for code scanning.", metavar="FILE", rich_help_panel=_REPORTS_PANEL),
    ] = None,
    markdown: Annotated[
        Path | None,
        typer.Option(help="Write Markdown for a pull request.", metavar="FILE", rich_help_panel=_REPORTS_PANEL),
    ] = None,
    repro: Annotated[
        Path | None,
        typer.Option(
            help="Write a script for each failure and warning that reproduces it with the reward function alone.",
            metavar="DIR",
            rich_help_panel=_REPORTS_PANEL,
        ),
    ] = None,
    baseline: Annotated[
        Path | None,
        typer.Option(
            help="Fail only for findings that are not in this file. If it does not exist, write it.",
            metavar="FILE",
            rich_help_panel=_REPORTS_PANEL,
        ),
    ] = None,
    update_baseline: Annotated[
        bool,
        typer.Option("--update-baseline", help="Overwrite the --baseline file.", rich_help_panel=_REPORTS_PANEL),
    ] = False,
    golden: Annotated[
        Path | None,
        typer.Option(
            help="Compare every score with this file. If it does not exist, write it.",
            metavar="FILE",
            rich_help_panel=_REPORTS_PANEL,
        ),
    ] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Overwrite the --golden file.", rich_help_panel=_REPORTS_PANEL)
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 for warnings too.", rich_help_panel=_REPORTS_PANEL)
    ] = False,
    target: reward_options.TargetOption = reward_options.Target.SIMULATOR,
    endpoint: server_options.Endpoint = None,
) -> None:
    """Find what is wrong with a reward function before you pay for a run.

    Exit code 1 if a finding is a failure, or if the function's calls to AWS services fail, so that scores mean nothing.
    """
    started_at = monotonic()
    if explain is not None:
        _explain(explain)
        return
    if self_test_all and not self_test:
        exit_with_error("--all goes with --self-test")
    if self_test:
        from simulator.cli.self_test import run_self_test  # noqa: PLC0415  --help need not wait for it

        if reward is not None:
            exit_with_error(f"--self-test runs reward functions of its own: leave out {reward}")
        with handle_interrupts():
            code = run_self_test(runs_all=self_test_all, json=json)
        raise typer.Exit(code)
    if reward is None:
        exit_with_error("a reward function is missing: rft-sim doctor REWARD --data FILE")
    if data is None:
        exit_with_error("a training file is missing: --data FILE")
    _check_combinations(
        (solution is not None and right is not None, "--solution and --right: give one of the two"),
        (
            rollouts is None and bool(rollouts_model or rollouts_key_env),
            "--rollouts-model and --rollouts-key-env go with --rollouts URL",
        ),
        (update and golden is None, "--update goes with --golden FILE"),
        (update_baseline and baseline is None, "--update-baseline goes with --baseline FILE"),
    )
    settings = _parse_settings(seed, changes)
    from simulator.cli.doctor_run import DoctorRun, OutputsSource, run_doctor  # noqa: PLC0415  --help need not wait for it
    from simulator.cli.report_files import ReportFiles  # noqa: PLC0415  as above

    run = DoctorRun(
        function=reward_options.RewardFunctionOptions(
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
        ),
        data=data,
        validation=validation,
        settings=settings,
        model=model,
        hyperparameters=Hyperparameters(n_epochs=epochs, batch_size=batch_size, learning_rate_multiplier=lr_multiplier),
        rows=rows,
        only=_parse_only(only),
        simulates_training=not no_training,
        outputs_source=None
        if rollouts is None
        else OutputsSource(
            url_or_folder=rollouts,
            model=rollouts_model,
            key_env=rollouts_key_env,
            outputs_per_prompt=rollouts_per_prompt,
            max_records=rollouts_records,
            folder=rollouts_folder,
        ),
        solution=solution,
        right=right,
        concurrency=concurrency,
        plan=parse_plan(plan),
        budget=budget,
        started_at=started_at,
        report_files=ReportFiles(
            json=json,
            junit=junit,
            html=html,
            sarif=sarif,
            markdown=markdown,
            repro=repro,
            baseline=baseline,
            updates_baseline=update_baseline,
            golden=golden,
            updates_golden=update,
            is_strict=strict,
        ),
    )
    with handle_interrupts():
        code = run_doctor(run)
    raise typer.Exit(code)


def _check_combinations(*checks: tuple[bool, str]) -> None:
    """Exit with the error of the first check that found options that do not go together."""
    for is_wrong, error in checks:
        if is_wrong:
            exit_with_error(error)


def _explain(name: str) -> None:
    from simulator.doctor.report.explanations import EXPLAINED_PROBES, SECTIONS, explanation_link, find_explanation  # noqa: PLC0415  as above

    probe = find_explanation(name)
    if probe is None:
        exit_with_error(
            f"--explain {name}: no such finding. The findings are {', '.join(probe.id for probe in EXPLAINED_PROBES)}"
        )
    sections = ((heading, getattr(probe, attribute)) for attribute, heading in SECTIONS)
    explanation_page.print_page(f"{probe.id} {probe.name}", sections, location=explanation_link(probe.id))


def _parse_only(only: str | None) -> frozenset[str]:
    """Return the probe ids that --only names."""
    if only is None:
        return frozenset()
    from simulator.doctor.report.explanations import ALL_PROBES, find_probe  # noqa: PLC0415  as above

    names = [name.strip() for name in only.split(",")]
    for name in names:
        if find_probe(name) is None:
            exit_with_error(
                f"--only {only}: no such probe: {name!r}. The probes are {', '.join(probe.id for probe in ALL_PROBES)}"
            )
    return frozenset(name.upper() for name in names)


def parse_plan(name: str | None) -> "Plan | None":
    """Return the plan that --plan names."""
    if name is None:
        return None
    from simulator.doctor.plan import PLAN_NAMES, find_plan  # noqa: PLC0415  as above

    return find_plan(name) or exit_with_error(
        f"--plan {name}: no such plan. The plans are {', '.join(PLAN_NAMES[:-1])} and {PLAN_NAMES[-1]}"
    )


def _parse_settings(seed: int | None, changes: list[str] | None) -> Settings:
    """Return the settings after --seed and --set."""
    assignments = [*(changes or ())]
    if seed is not None:
        if duplicate := next((change for change in assignments if change.partition("=")[0].strip() == "seed"), None):
            exit_with_error(f"--set {duplicate} and --seed: give one of the two")
        assignments.append(f"seed={seed}")
    return reward_options.parse_settings(assignments)
