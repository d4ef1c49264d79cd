"""`rft-sim doctor`: its options, as one appointment that is then attended."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final

import typer

from simulator.cli import explanation_page as page
from simulator.cli import reward_options as given
from simulator.cli import server_options as options
from simulator.cli.server_options import exit_with_error
from simulator.settings import Settings
from simulator.training.hyperparameters import Hyperparameters

MAX_CONCURRENCY: Final = given.DEFAULT_SETTINGS.lambda_workers
"""More calls at once would wait for a worker."""

_REPORTS: Final = "Reports"
_RECORDED_PANEL: Final = "Real model outputs"


def doctor(
    reward: Annotated[
        str | None,
        typer.Argument(metavar="REWARD", help="A folder, a .py file, a zip, or a deployed function's ARN or name."),
    ] = None,
    *,
    data: Annotated[Path | None, typer.Option(help="The training file.", metavar="FILE")] = None,
    validation: given.Validation = None,
    only: Annotated[str | None, typer.Option(help="Take these probes alone.", metavar="S7,T5")] = None,
    no_training: Annotated[bool, typer.Option("--no-training", help="Ask the function; rehearse no training.")] = False,
    explain: Annotated[str | None, typer.Option(help="Print what a finding means, and stop.", metavar="ID")] = None,
    rows: Annotated[int | None, typer.Option(help="Rows to ask about; 32 by default.", min=1)] = None,
    seed: Annotated[int | None, typer.Option(help="The seed of every draw.")] = None,
    concurrency: Annotated[
        int,
        typer.Option(
            help="Calls at once, for a slow function that keeps nothing between them.", min=1, max=MAX_CONCURRENCY
        ),
    ] = 1,
    changes: given.SettingChanges = None,
    model: given.Model = given.DEFAULT_MODEL,
    epochs: given.Epochs = given.DEFAULT_HYPERPARAMETERS.n_epochs,
    batch_size: given.BatchSize = given.DEFAULT_HYPERPARAMETERS.batch_size,
    lr_multiplier: given.LrMultiplier = given.DEFAULT_HYPERPARAMETERS.learning_rate_multiplier,
    handler: given.Handler = None,
    timeout: given.Timeout = None,
    memory: given.Memory = None,
    env: given.Variables = None,
    yes: given.Yes = False,
    host: options.Host = None,
    port: options.Port = None,
    rollouts: Annotated[
        str | None,
        typer.Option(
            metavar="URL|DIR",
            help="Sample an OpenAI-compatible server, or replay what it gave, in place of the simulated policy.",
            rich_help_panel=_RECORDED_PANEL,
        ),
    ] = None,
    rollouts_model: Annotated[
        str | None, typer.Option(help="The server's name of the model.", rich_help_panel=_RECORDED_PANEL)
    ] = None,
    rollouts_key_env: Annotated[
        str | None,
        typer.Option(help="The variable that holds the key.", metavar="NAME", rich_help_panel=_RECORDED_PANEL),
    ] = None,
    rollouts_per_prompt: Annotated[
        int, typer.Option(help="Outputs of each prompt.", min=2, rich_help_panel=_RECORDED_PANEL)
    ] = 16,
    rollouts_records: Annotated[
        int, typer.Option(help="Records to ask it about.", min=10, rich_help_panel=_RECORDED_PANEL)
    ] = 100,
    rollouts_folder: Annotated[
        Path,
        typer.Option(metavar="DIR", help="Where its outputs are kept, for replay.", rich_help_panel=_RECORDED_PANEL),
    ] = Path("rft-rollouts"),
    json: Annotated[
        str | None,
        typer.Option(help="Write JSON; - is standard output.", metavar="FILE|-", rich_help_panel=_REPORTS),
    ] = None,
    junit: Annotated[
        Path | None, typer.Option(help="Write JUnit XML.", metavar="FILE", rich_help_panel=_REPORTS)
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write one self-contained page.", metavar="FILE", rich_help_panel=_REPORTS)
    ] = None,
    golden: Annotated[
        Path | None,
        typer.Option(
            help="Compare every score with this file; written when it is not there.",
            metavar="FILE",
            rich_help_panel=_REPORTS,
        ),
    ] = None,
    update: Annotated[bool, typer.Option("--update", help="Write --golden anew.", rich_help_panel=_REPORTS)] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 for warnings too.", rich_help_panel=_REPORTS)
    ] = False,
    target: given.TargetOption = given.Target.SIMULATOR,
    endpoint: options.Endpoint = None,
) -> None:
    """Say what is wrong with a reward function before a run is paid for. Exit code 1 when something is."""
    if explain is not None:
        _explain(explain)
        return
    if reward is None:
        exit_with_error("which reward function? rft-sim doctor REWARD --data FILE")
    if data is None:
        exit_with_error("the questions are about a training file: --data FILE")
    if rollouts is None and (rollouts_model or rollouts_key_env):
        exit_with_error("--rollouts-model and --rollouts-key-env go with --rollouts URL")
    if update and golden is None:
        exit_with_error("--update goes with --golden FILE")
    settings = _parse_settings(seed, changes)
    from simulator.cli import doctor_run as appointment  # noqa: PLC0415  --help need not wait for it
    from simulator.cli.report_files import ReportFiles  # noqa: PLC0415
    from simulator.doctor.rows import SAMPLE_ROWS  # noqa: PLC0415

    made = appointment.DoctorRun(
        function=given.RewardFunctionOptions(
            reward=reward,
            handler=handler,
            timeout=timeout,
            memory_mb=memory,
            variables=env or (),
            simulator=options.simulator_url(host, port, endpoint),
            is_at_aws=target is given.Target.BEDROCK,
            accepts_billing=yes,
        ),
        data=data,
        validation=validation,
        settings=settings,
        model=model,
        hyperparameters=Hyperparameters(n_epochs=epochs, batch_size=batch_size, learning_rate_multiplier=lr_multiplier),
        rows=rows or SAMPLE_ROWS,
        only=_parse_only(only),
        simulates_training=not no_training,
        outputs_source=None
        if rollouts is None
        else appointment.OutputsSource(
            url_or_folder=rollouts,
            model=rollouts_model,
            key_env=rollouts_key_env,
            outputs_per_prompt=rollouts_per_prompt,
            max_records=rollouts_records,
            folder=rollouts_folder,
        ),
        concurrency=concurrency,
        report_files=ReportFiles(
            json=json, junit=junit, html=html, golden=golden, updates_golden=update, is_strict=strict
        ),
    )
    with given.handle_interrupts():
        code = appointment.run_doctor(made)
    raise typer.Exit(code)


def _explain(name: str) -> None:
    from simulator.doctor.report.explanations import EXPLAINED, SECTIONS, explanation_link, find_explanation  # noqa: PLC0415  as above

    probe = find_explanation(name)
    if probe is None:
        exit_with_error(
            f"--explain {name}: there is no such finding. There are {_join(probe.id for probe in EXPLAINED)}"
        )
    parts = ((heading, getattr(probe, attribute)) for attribute, heading in SECTIONS)
    page.print_page(f"{probe.id} {probe.name}", parts, location=explanation_link(probe.id))


def _parse_only(only: str | None) -> frozenset[str]:
    """Return the ids that --only names."""
    if only is None:
        return frozenset()
    from simulator.doctor.report.explanations import ALL_PROBES, find_probe  # noqa: PLC0415  as above

    names = [name.strip() for name in only.split(",")]
    for name in names:
        if find_probe(name) is None:
            exit_with_error(
                f"--only {only}: there is no probe {name!r}. There are {_join(probe.id for probe in ALL_PROBES)}"
            )
    return frozenset(name.upper() for name in names)


def _join(names: Iterable[str]) -> str:
    return ", ".join(names)


def _parse_settings(seed: int | None, changes: list[str] | None) -> Settings:
    assigned = [*(changes or ())]
    if seed is not None:
        if twice := next((change for change in assigned if change.partition("=")[0].strip() == "seed"), None):
            exit_with_error(f"--set {twice} and --seed: give one of the two")
        assigned.append(f"seed={seed}")
    return given.parse_settings(assigned)
