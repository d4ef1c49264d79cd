"""The estimate as a table in the terminal."""

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from simulator.doctor.doctor_report import format_count
from simulator.doctor.estimate.assumptions import GIVEN, TRAINING_PRICE_NAME, Assumption
from simulator.doctor.estimate.calculation import Estimate, Range
from simulator.doctor.estimate.run_estimate import EstimateReport
from simulator.doctor.finding import Finding, Severity, sort_by_severity
from simulator.doctor.report.excerpts import one_line
from simulator.doctor.report.table import build_finding_table
from simulator.doctor.report.terminal import print_parts

_MINUTE, _HOUR = 60.0, 3600.0
_CENT: Final = 0.01
_MIN_INTEGER: Final = 100  # numbers with three digits have no decimals
_EMPHASIZED: Final = {"steps", "wall time", "Lambda cost"}


def print_estimate(result: EstimateReport, console: Console) -> None:
    """Print an estimate."""
    print_parts(_parts(result), console)


def _parts(result: EstimateReport) -> Iterator[RenderableType]:
    run = result.hyperparameters
    scope = (
        f"{result.model}, {format_count(run.n_epochs, 'epoch')}, batches of {run.batch_size}, "
        f"learning rate x{run.learning_rate_multiplier:g}"
    )
    yield Text.assemble((f"Estimate: {one_line(result.data)}\n", "bold"), (one_line(scope), "dim"))
    if result.estimate is not None:
        yield Text()
        yield _number_table(result, result.estimate)
    problems = [
        finding
        for finding in sort_by_severity(result.findings)
        if finding.severity in {Severity.FAIL, Severity.WARN, Severity.INFO}
    ]
    if problems:
        yield Text()
        yield build_finding_table(problems)
    yield Text()
    yield _assumption_table(tuple(result.assumptions.values()))
    yield Text()
    yield _verdict(result.findings)


def _number_table(result: EstimateReport, estimate: Estimate) -> Table:
    table = Table.grid(padding=(0, 3, 0, 0))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(ratio=1)
    counts = f"{format_count(estimate.checkpoints, 'checkpoint')}, {format_count(estimate.evaluations, 'evaluation')}"
    log_usd = Range(low=estimate.log_usd, high=estimate.log_usd)
    price = f"not included: the price is not known. Set it with --assume {TRAINING_PRICE_NAME}=USD"
    rows = (
        ("records", f"{result.train:,} to train on, {result.held_out:,} held out"),
        ("steps", f"{estimate.steps:,}: {estimate.steps_per_epoch:,} per epoch; {counts}"),
        ("rollouts", f"{estimate.rollouts:,} to train on, {estimate.held_out_rollouts:,} held out"),
        ("tokens sampled", f"about {_format_number(estimate.tokens)}"),
        (
            "wall time",
            f"{_format_duration(estimate.wall_seconds.low)} to {_format_duration(estimate.wall_seconds.high)}",
        ),
        ("Lambda calls", f"{estimate.calls:,} to train on, {estimate.held_out_calls:,} held out"),
        ("at once", f"up to {format_count(estimate.peak_concurrency, 'call')}"),
        (
            "Lambda time",
            f"{_format_number(estimate.gb_seconds.low)} to {_format_number(estimate.gb_seconds.high)} GB-seconds",
        ),
        ("Lambda cost", _format_dollars(estimate.lambda_usd)),
        (
            "log",
            f"{_format_bytes(estimate.log_bytes)}, {_format_dollars(log_usd)}",
        ),
        ("training cost", price if estimate.training_usd is None else _format_dollars(estimate.training_usd)),
    )
    for name, text in rows:
        table.add_row(name, Text(text, style="bold" if name in _EMPHASIZED else ""))
    return table


def _assumption_table(assumptions: Sequence[Assumption]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("--assume", no_wrap=True)
    table.add_column("evidence", ratio=1)
    for assumption in assumptions:
        value = "?" if assumption.value is None else f"{assumption.value:.6g}"
        style = "bold" if assumption.basis == GIVEN else ""
        table.add_row(
            Text(f"{assumption.name}={value}", style=style),
            Text.assemble((assumption.basis, style), (f": {assumption.reason}" if assumption.reason else "", "dim")),
        )
    return table


def _verdict(findings: Sequence[Finding]) -> Text:
    failures, warnings = (
        sum(finding.severity is severity for finding in findings) for severity in (Severity.FAIL, Severity.WARN)
    )
    counts = [format_count(number, noun) for number, noun in ((failures, "failure"), (warnings, "warning")) if number]
    if not counts:
        return Text("No finding speaks against this run.", style="bold green")
    text = ", ".join(counts)
    if failures:
        return Text(f"{text}: do not pay for this run yet.", style="bold red")
    return Text(f"{text}: check before you pay for this run.", style="bold yellow")


def _format_number(value: float) -> str:
    """Return a value with three significant digits, without an exponent."""
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if rounded >= _MIN_INTEGER else f"{rounded:g}"


def _format_duration(seconds: float) -> str:
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    return f"{seconds / _MINUTE:.0f} minutes" if seconds < _HOUR else f"{seconds / _HOUR:.1f} hours"


def _format_dollars(values: Range) -> str:
    if values.high < _CENT:
        return "less than a cent"
    low = "less than a cent" if values.low < _CENT else f"${values.low:,.2f}"
    high = f"${values.high:,.2f}"
    return high if low == high else f"{low} to {high}"


def _format_bytes(count: float) -> str:
    return f"{count / 1e3:.3g} kB" if count < 1e6 else f"{count / 1e6:.3g} MB"  # noqa: PLR2004  a million bytes
