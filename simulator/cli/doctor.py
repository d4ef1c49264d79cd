"""`rft-sim doctor`: its options, as one appointment that is then attended."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final

import typer

from simulator.cli import explanation_page as page
from simulator.cli import reward_options as given
from simulator.cli import server_options as options
from simulator.cli.server_options import stop
from simulator.settings import Settings
from simulator.training.hyperparameters import Hyperparameters

MOST_AT_ONCE: Final = given.DEFAULTS.lambda_workers
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
            help="Calls at once, for a slow function that keeps nothing between them.", min=1, max=MOST_AT_ONCE
        ),
    ] = 1,
    changes: given.Changes = None,
    model: given.Model = given.DEFAULT_MODEL,
    epochs: given.Epochs = given.RUN.n_epochs,
    batch_size: given.BatchSize = given.RUN.batch_size,
    lr_multiplier: given.LrMultiplier = given.RUN.learning_rate_multiplier,
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
        stop("which reward function? rft-sim doctor REWARD --data FILE")
    if data is None:
        stop("the questions are about a training file: --data FILE")
    if rollouts is None and (rollouts_model or rollouts_key_env):
        stop("--rollouts-model and --rollouts-key-env go with --rollouts URL")
    if update and golden is None:
        stop("--update goes with --golden FILE")
    settings = _settings(seed, changes)
    from simulator.cli import doctor_run as appointment  # noqa: PLC0415  --help need not wait for it
    from simulator.cli.report_files import Reports  # noqa: PLC0415
    from simulator.doctor.rows import SAMPLE_ROWS  # noqa: PLC0415

    made = appointment.Appointment(
        function=given.Function(
            reward=reward,
            handler=handler,
            timeout=timeout,
            memory_mb=memory,
            variables=env or (),
            simulator=options.simulator_at(host, port, endpoint),
            at_aws=target is given.Target.BEDROCK,
            billed=yes,
        ),
        data=data,
        validation=validation,
        settings=settings,
        model=model,
        hyperparameters=Hyperparameters(n_epochs=epochs, batch_size=batch_size, learning_rate_multiplier=lr_multiplier),
        rows=rows or SAMPLE_ROWS,
        only=_chosen(only),
        trains=not no_training,
        recorded=None
        if rollouts is None
        else appointment.RecordedFrom(
            place=rollouts,
            model=rollouts_model,
            key_env=rollouts_key_env,
            per_prompt=rollouts_per_prompt,
            records=rollouts_records,
            folder=rollouts_folder,
        ),
        width=concurrency,
        reports=Reports(json=json, junit=junit, html=html, golden=golden, update=update, strict=strict),
    )
    with given.interruptible():
        code = appointment.attended(made)
    raise typer.Exit(code)


def _explain(name: str) -> None:
    from simulator.doctor.report.explanations import PAGES, PARTS, page_named, page_of  # noqa: PLC0415  as above

    probe = page_named(name)
    if probe is None:
        stop(f"--explain {name}: there is no such finding. There are {_named(probe.id for probe in PAGES)}")
    parts = ((heading, getattr(probe, attribute)) for attribute, heading in PARTS)
    page.printed(f"{probe.id} {probe.name}", parts, place=page_of(probe.id))


def _chosen(only: str | None) -> frozenset[str]:
    """Return the ids that --only names."""
    if only is None:
        return frozenset()
    from simulator.doctor.report.explanations import PROBES, probe_named  # noqa: PLC0415  as above

    names = [name.strip() for name in only.split(",")]
    for name in names:
        if probe_named(name) is None:
            stop(f"--only {only}: there is no probe {name!r}. There are {_named(probe.id for probe in PROBES)}")
    return frozenset(name.upper() for name in names)


def _named(names: Iterable[str]) -> str:
    return ", ".join(names)


def _settings(seed: int | None, changes: list[str] | None) -> Settings:
    assigned = [*(changes or ())]
    if seed is not None:
        if twice := next((change for change in assigned if change.partition("=")[0].strip() == "seed"), None):
            stop(f"--set {twice} and --seed: give one of the two")
        assigned.append(f"seed={seed}")
    return given.settings_given(assigned)
