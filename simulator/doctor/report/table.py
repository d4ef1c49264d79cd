"""The findings as a table in the terminal: the worst first, each with examples and a fix."""

from collections.abc import Container, Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from typing import Final, TypeAlias

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from simulator.doctor.doctor_report import DoctorReport, format_count
from simulator.doctor.finding import PROBLEM_SEVERITIES, Example, Finding, Severity, sort_by_severity
from simulator.doctor.headline_numbers import HeadlineNumbers
from simulator.doctor.plan import FULL
from simulator.doctor.report.annotations import NO_ANNOTATIONS, Annotations
from simulator.doctor.report.curves import summarize_trace
from simulator.doctor.report.excerpts import format_score, one_line, shorten
from simulator.doctor.report.headline import headline_rows
from simulator.doctor.report.terminal import print_parts
from simulator.doctor.training_trace import TrainingTrace
from simulator.http.sanitize import escape_character

MAX_EXAMPLES: Final = 2
"""The most examples of a finding, and 1 for information. The other reports contain all."""

_PROMPT, _REPEATED_PROMPT, _RESPONSE, _NOTE = 150, 50, 300, 200  # characters
_PROMPT_HEAD: Final = 0.8  # the share of the start, which identifies a prompt
_BARS: Final = "▁▂▃▄▅▆▇█"
_SPARKLINE, _ID = 16, 3  # columns

_Prompt: TypeAlias = tuple[int | None, str]  # its line and its text

_STYLES: Final[Mapping[Severity, str]] = {
    Severity.FAIL: "bold red",
    Severity.WARN: "bold yellow",
    Severity.INFO: "bold blue",
    Severity.SKIPPED: "dim",
    Severity.OK: "green",
}


def print_report(report: DoctorReport, console: Console, annotations: Annotations = NO_ANNOTATIONS) -> None:
    """Print the report of a doctor run. Each sentence about failed calls is one line, so that a script can find it."""
    for calls in report.failed_calls:
        console.print(Text(one_line(calls.sentence), style=_STYLES[Severity.FAIL]), soft_wrap=True)
        console.print()
    print_parts(_parts(report, annotations), console)


def _parts(report: DoctorReport, annotations: Annotations) -> Iterator[RenderableType]:
    yield _heading(report)
    if report.headline is not None:
        yield Text()
        yield _headline_table(report.headline)
    ranked = sort_by_severity(report.findings)
    problems = [finding for finding in ranked if finding.severity not in {Severity.OK, Severity.SKIPPED}]
    if problems:
        yield Text()
        yield build_finding_table(problems, annotations)
    if report.traces:
        yield Text()
        yield _trace_table(report.traces)
    passed = [finding for finding in ranked if finding.severity is Severity.OK]
    skipped = [finding for finding in ranked if finding.severity is Severity.SKIPPED]
    if passed or skipped:
        yield Text()
        yield _compact_table([*_ok_rows(passed), *_not_measured_rows(skipped)])
    yield Text()
    yield _verdict(report, problems)


def _heading(report: DoctorReport) -> Text:
    inputs, hyperparameters = report.inputs, report.hyperparameters
    scope = (
        f"{report.data_name}: {format_count(report.record_count, 'record')}, {inputs['rows']} tested in "
        f"{format_count(report.call_count, 'call')} · "
        f"{inputs['model']}, batches of {hyperparameters.batch_size}, "
        f"{format_count(hyperparameters.n_epochs, 'epoch')}, "
        f"learning rate x{hyperparameters.learning_rate_multiplier:g} · seed {inputs['seed']}"
    )
    if report.plan != FULL.name or report.plan_changes:
        changes = f" with {', '.join(report.plan_changes)}" if report.plan_changes else ""
        scope += f" · plan “{report.plan}”{changes}" + (f", because {report.plan_cause}" if report.plan_cause else "")
    rollouts = f"\nrollouts: {one_line(report.rollouts_source)}" if report.rollouts_source else ""
    warning = f"\n{one_line(report.calibration_warning)}" if report.calibration_warning else ""
    return Text.assemble(
        (f"Reward doctor: {one_line(report.function_name)}\n", "bold"),
        (f"{one_line(scope)}{rollouts}{warning}", "dim"),
        *((f"\n{one_line(text)}", _STYLES[Severity.WARN]) for text in report.notices),
        *((f"\nWarning: {one_line(text)}", _STYLES[Severity.WARN]) for text in report.differences),
    )


def _headline_table(headline: HeadlineNumbers) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, justify="right", style="bold")
    table.add_column(no_wrap=True, style="dim")
    table.add_column(ratio=1)
    for row in headline_rows(headline):
        table.add_row(row.name, row.value, row.interval, Text(one_line(row.note), style="dim"))
    return table


def _verdict(report: DoctorReport, problems: Sequence[Finding]) -> Text:
    worst = min((finding.severity for finding in report.findings), key=lambda severity: severity.rank)
    style = _STYLES[worst] if worst in PROBLEM_SEVERITIES else "bold green"
    if report.failed_calls or report.count(Severity.SKIPPED) == len(report.findings):
        style = "bold"
    hint = ""
    if problems:
        first = problems[0].probe
        # A failure can cause failures of later probes.
        begin = f"Begin with {first}, which may cause the others. " if report.count(Severity.FAIL) > 1 else ""
        hint = f"\n{begin}What a finding means: rft-sim doctor --explain {first}"
    return Text.assemble((report.conclusion, style), (hint, "dim"))


def build_finding_table(findings: Sequence[Finding], annotations: Annotations = NO_ANNOTATIONS) -> Table:
    """Return findings below each other, each with examples, a fix and the command that reproduces it."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, min_width=_ID)
    table.add_column(ratio=1)
    printed_prompts: set[_Prompt] = set()
    for index, finding in enumerate(findings):
        if index:
            table.add_row()
        style = _STYLES[finding.severity]
        body = _body(finding, printed_prompts, annotations)
        table.add_row(Text(finding.severity.upper(), style=style), Text(finding.probe, style=style), body)
    return table


def _body(finding: Finding, printed_prompts: set[_Prompt], annotations: Annotations) -> Group:
    """Return the text of a finding. Prompts that were printed before are shortened."""
    facts = Table.grid(padding=(0, 2, 0, 0))
    facts.add_column(no_wrap=True, style="dim")
    facts.add_column(ratio=1, overflow="fold")
    if finding.measured or finding.threshold:
        expected = f"  (expected: {one_line(finding.threshold)})" if finding.threshold else ""
        facts.add_row("measured", Text.assemble((one_line(finding.measured), "bold"), (expected, "dim")))
    max_examples = 1 if finding.severity is Severity.INFO else MAX_EXAMPLES
    last: _Prompt | None = None
    for example in finding.examples[:max_examples]:
        prompt = example.line, example.prompt
        if last:
            facts.add_row()
        if example.prompt and prompt != last:
            label = "prompt" if example.line is None else f"line {example.line}"
            facts.add_row(label, _prompt_text(prompt, printed_prompts))
        _add_example(facts, example)
        printed_prompts.add(prompt)
        last = prompt
    if (more := len(finding.examples) - max_examples) > 0:
        facts.add_row("", Text(f"and {more} more: --html FILE and --json FILE contain all", style="dim"))
    if finding.fix:
        facts.add_row(Text("fix", style="bold not dim"), Text(one_line(finding.fix), style="bold"))
    if command := annotations.repro_commands.get(finding):
        facts.add_row("repro", Text(command))
    title = Text.assemble((f"{finding.name}: ", "bold"), one_line(finding.message))
    return Group(title, facts) if facts.rows else Group(title)


def _prompt_text(prompt: _Prompt, printed_prompts: Container[_Prompt]) -> Text:
    text = one_line(prompt[1])
    if prompt in printed_prompts:
        return Text(shorten(text, _REPEATED_PROMPT, head_share=1.0), style="dim")
    return Text(shorten(text, _PROMPT, head_share=_PROMPT_HEAD), style="dim")


def _add_example(facts: Table, example: Example) -> None:
    facts.add_row("response", _quoted(example.response))
    note = f"  {shorten(one_line(example.note), _NOTE)}" if example.note else ""
    facts.add_row("score", Text.assemble((format_score(example.score), "cyan"), (note, "dim")))


def _quoted(response: str) -> Text:
    """Return a response in quotes, which make blanks at its ends visible. A shortened one has its length."""
    text = Text("“", style="dim", end="")
    for character in shorten(response, _RESPONSE):
        visible = escape_character(character)
        text.append(visible, style="not dim" if visible == character else "not dim magenta")
    text.append("”")
    if len(response) > _RESPONSE:
        text.append(f" ({len(response):,} characters)", style="dim")
    return text


def _trace_table(traces: Sequence[TrainingTrace]) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for heading in ("simulated training", "", "reward", "really right", "steps"):
        table.add_column(heading, no_wrap=True)
    errors = []
    for trace in traces:
        table.add_row(*_trace_row(trace))
        if trace.error:
            errors.append(Text(f"{trace.name} ended early: {one_line(trace.error)}", style="red"))
    return Group(table, *errors)


def _trace_row(trace: TrainingTrace) -> Iterator[Text]:
    yield Text(trace.name)
    yield Text(
        render_sparkline([metrics.critic_rewards_mean for metrics in trace.metrics], width=_SPARKLINE), style="cyan"
    )
    summary = summarize_trace(trace)
    yield _from_to(summary.first_reward, summary.last_reward) if summary else Text("-")
    yield _from_to(summary.first_quality, summary.last_quality) if summary else Text("-")
    yield Text(str(trace.steps) if trace.steps >= trace.total_steps else f"{trace.steps} of {trace.total_steps}")


def _from_to(first: float | None, last: float | None) -> Text:
    return Text("-" if first is None or last is None else f"{first:.2f} to {last:.2f}")


def render_sparkline(values: Sequence[float], *, width: int) -> str:
    """Return a bar chart of at most `width` characters, each the mean of its values. The scale includes 0 and 1."""
    columns = max(1, min(width, len(values)))
    edges = [round(index * len(values) / columns) for index in range(columns + 1)]
    means = [sum(values[start:end]) / (end - start) for start, end in pairwise(edges) if end > start]
    low, high = min(0.0, *means, 0.0), max(1.0, *means, 1.0)
    top = len(_BARS) - 1
    return "".join(_BARS[min(top, int((mean - low) / (high - low) * len(_BARS)))] for mean in means)


def _ok_rows(findings: Sequence[Finding]) -> Iterator[tuple[str, str, Text]]:
    for finding in findings:
        measured = f" ({one_line(finding.measured)})" if finding.measured else ""
        text = Text.assemble((f"{finding.name}: ", ""), (f"{one_line(finding.message)}{measured}", "dim"))
        text.no_wrap, text.overflow = True, "ellipsis"
        yield "ok", finding.probe, text


def _not_measured_rows(findings: Sequence[Finding]) -> Iterator[tuple[str, str, Text]]:
    """Yield one row per reason, with the ids of its probes."""
    for reason, group in groupby(
        sorted(findings, key=lambda finding: finding.message), key=lambda finding: finding.message
    ):
        ids = list(dict.fromkeys(finding.probe for finding in group))
        yield "-", ", ".join(ids), Text.assemble("not measured: ", (one_line(reason), "dim"))


def _compact_table(rows: Sequence[tuple[str, str, Text]]) -> Group:
    lines: list[RenderableType] = []
    for severity, ids, text in rows:
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(width=4)
        table.add_column(min_width=_ID, overflow="fold", max_width=24)
        table.add_column(ratio=1)
        table.add_row(Text(severity, style="green" if severity == "ok" else "dim"), Text(ids), text)
        lines.append(table)
    return Group(*lines)
