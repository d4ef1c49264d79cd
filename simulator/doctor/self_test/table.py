"""The self-test as a table: a line for each reward function, then the figures beside the wanted ones."""

from collections.abc import Iterator, Sequence

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from simulator.doctor.report.excerpts import one_line, shorten
from simulator.doctor.report.terminal import print_parts
from simulator.doctor.self_test.doctor_process import DoctorRun
from simulator.doctor.self_test.figures import Figure, Figures

_MAX_ERROR = 60  # characters
_STYLES = {"fail": "bold red", "warn": "bold yellow", "error": "bold red", "ok": "green"}


def print_self_test(runs: Sequence[DoctorRun], figures: Figures, console: Console, *, is_quick: bool) -> None:
    """Print the table, the figures and whether they hold."""
    print_parts(_parts(runs, figures, is_quick=is_quick), console)


def _parts(runs: Sequence[DoctorRun], figures: Figures, *, is_quick: bool) -> Iterator[RenderableType]:
    yield _reward_table(runs)
    yield Text()
    yield _figure_table(figures)
    yield Text()
    yield Text(
        f"A run takes {figures.median_seconds:.1f} s (median), at most {figures.longest_seconds:.1f} s, with others "
        "beside it.",
        style="dim",
    )
    for run in figures.errors:
        yield Text(f"{run.reward.name}: no report: {one_line(run.error)}", style="bold red")
    if is_quick:
        yield Text("These are a few of the reward functions. --all runs all of them.", style="dim")
    yield Text(
        "The figures hold." if figures.hold else "The figures do not hold.",
        style="bold green" if figures.hold else "bold red",
    )


def _reward_table(runs: Sequence[DoctorRun]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False, expand=True)
    for heading in ("reward function", "is", "verdict", "cause", "findings"):
        table.add_column(heading, no_wrap=heading != "findings", ratio=1 if heading == "findings" else None)
    table.add_column("s", justify="right", no_wrap=True)
    for run in runs:
        cause = "" if run.reward.is_sound or not run.reward.expected else "found" if run.cause else "missed"
        table.add_row(
            Text(f"{run.reward.gallery}/{run.reward.name}"),
            Text("sound" if run.reward.is_sound else "faulty"),
            Text(run.outcome, style=_STYLES[run.outcome]),
            Text(cause, style="" if cause == "found" else "bold red"),
            Text(_findings(run), style="dim"),
            Text(f"{run.seconds:.1f}"),
        )
    return table


def _findings(run: DoctorRun) -> str:
    if run.error:
        return shorten(one_line(run.error), _MAX_ERROR)
    parts = (("fail", run.failed), ("warn", run.warned))
    return "; ".join(f"{name} {' '.join(probes)}" for name, probes in parts if probes)


def _figure_table(figures: Figures) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False, expand=True)
    table.add_column("figure", ratio=1)
    for heading in ("counted", "share", "95 % interval", "wanted", "holds"):
        table.add_column(heading, no_wrap=True)
    for figure in figures.shares:
        table.add_row(*_figure_cells(figure))
    table.add_row("no report", str(len(figures.errors)), "", "", "none", _holds(not figures.errors))
    return table


def _figure_cells(figure: Figure) -> Iterator[str | Text]:
    low, high = figure.interval
    yield figure.name
    yield f"{figure.count} of {figure.of}"
    yield f"{figure.count / figure.of:.0%}" if figure.of else "-"
    yield f"{low:.0%} to {high:.0%}"
    yield "none" if figure.wanted == 0 else f"{'at most' if figure.is_at_most else 'at least'} {figure.wanted:.0%}"
    yield _holds(figure.holds)


def _holds(holds: bool) -> Text:
    return Text("yes", style="green") if holds else Text("no", style="bold red")
