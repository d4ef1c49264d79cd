"""The findings for a person at a terminal: the worst first, each with what shows it and what to do."""

from collections.abc import Container, Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from typing import Final, TypeAlias

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from simulator.doctor.doctor_report import DoctorReport, format_count
from simulator.doctor.finding import Example, Finding, Severity, sort_by_severity
from simulator.doctor.report import terminal as report
from simulator.doctor.report.curves import summarize_trace
from simulator.doctor.report.excerpts import format_score, one_line, shorten
from simulator.doctor.training_trace import TrainingTrace
from simulator.http.sanitize import escape_character

MAX_EXAMPLES: Final = 2
"""As many exhibits of a finding are shown, of one to know of one; the other reports hold them all."""

_PROMPT, _PROMPT_AGAIN, _RESPONSE, _NOTE = 150, 50, 300, 200  # characters
_PROMPT_HEAD: Final = 0.8  # a prompt is known by its beginning
_BARS: Final = "▁▂▃▄▅▆▇█"
_SPARK, _ID = 16, 3  # columns

_Prompt: TypeAlias = tuple[int | None, str]  # its line, and its words

_STYLES: Final[Mapping[Severity, str]] = {
    Severity.FAIL: "bold red",
    Severity.WARN: "bold yellow",
    Severity.INFO: "bold blue",
    Severity.SKIPPED: "dim",
    Severity.OK: "green",
}


def print_report(doctor_report: DoctorReport, console: Console) -> None:
    """Print a visit."""
    report.print_parts(_parts(doctor_report), console)


def _parts(visit: DoctorReport) -> Iterator[RenderableType]:
    yield _heading(visit)
    ranked = sort_by_severity(visit.findings)
    told = [finding for finding in ranked if finding.severity not in {Severity.OK, Severity.SKIPPED}]
    if told:
        yield Text()
        yield build_finding_table(told)
    if visit.traces:
        yield Text()
        yield _trace_table(visit.traces)
    fine = [finding for finding in ranked if finding.severity is Severity.OK]
    skipped = [finding for finding in ranked if finding.severity is Severity.SKIPPED]
    if fine or skipped:
        yield Text()
        yield _compact_table([*_ok_rows(fine), *_not_measured_rows(skipped)])
    yield Text()
    yield _verdict(visit, told)


def _heading(visit: DoctorReport) -> Text:
    questions, settings = visit.inputs, visit.hyperparameters
    asked = (
        f"{visit.data_name}: {format_count(visit.record_count, 'record')}, {questions['rows']} asked about in {visit.call_count:,} calls · "
        f"{questions['model']}, batches of {settings.batch_size}, {format_count(settings.n_epochs, 'epoch')}, "
        f"learning rate x{settings.learning_rate_multiplier:g} · seed {questions['seed']}"
    )
    whose = f"\nrollouts: {one_line(visit.rollouts_source)}" if visit.rollouts_source else ""
    guess = f"\n{one_line(visit.calibration_warning)}" if visit.calibration_warning else ""
    return Text.assemble(
        (f"Reward doctor: {one_line(visit.function_name)}\n", "bold"), (f"{one_line(asked)}{whose}{guess}", "dim")
    )


def _verdict(visit: DoctorReport, told: Sequence[Finding]) -> Text:
    worst = min((finding.severity for finding in visit.findings), key=lambda severity: severity.rank)
    style = _STYLES[worst] if worst in {Severity.FAIL, Severity.WARN} else "bold green"
    if visit.count(Severity.SKIPPED) == len(visit.findings):
        style = "bold"
    hint = ""
    if told:
        first = told[0].probe
        # Probes stand in the order in which one rests on another.
        begin = f"Begin with {first}: others may follow from it. " if visit.count(Severity.FAIL) > 1 else ""
        hint = f"\n{begin}What a finding means: rft-sim doctor --explain {first}"
    return Text.assemble((visit.verdict, style), (hint, "dim"))


def build_finding_table(findings: Sequence[Finding]) -> Table:
    """Return findings one below the other, each with what shows it and what to do."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, min_width=_ID)
    table.add_column(ratio=1)
    known: set[_Prompt] = set()
    for place, finding in enumerate(findings):
        if place:
            table.add_row()
        style = _STYLES[finding.severity]
        body = _body(finding, known)
        table.add_row(Text(finding.severity.upper(), style=style), Text(finding.probe, style=style), body)
    return table


def _body(finding: Finding, known: set[_Prompt]) -> Group:
    """Return what is told of a finding; prompts that are `known` from above are told by their first words."""
    facts = Table.grid(padding=(0, 2, 0, 0))
    facts.add_column(no_wrap=True, style="dim")
    facts.add_column(ratio=1, overflow="fold")
    if finding.measured or finding.threshold:
        wanted = f"  (wanted: {one_line(finding.threshold)})" if finding.threshold else ""
        facts.add_row("measured", Text.assemble((one_line(finding.measured), "bold"), (wanted, "dim")))
    most = 1 if finding.severity is Severity.INFO else MAX_EXAMPLES
    last: _Prompt | None = None
    for exhibit in finding.examples[:most]:
        prompt = exhibit.line, exhibit.prompt
        if last:
            facts.add_row()
        if exhibit.prompt and prompt != last:
            facts.add_row("prompt" if exhibit.line is None else f"line {exhibit.line}", _prompt(prompt, known))
        _example_rows(facts, exhibit)
        known.add(prompt)
        last = prompt
    if (more := len(finding.examples) - most) > 0:
        facts.add_row("", Text(f"and {more} more: --html FILE or --json FILE shows all", style="dim"))
    if finding.fix:
        facts.add_row(Text("do", style="bold not dim"), Text(one_line(finding.fix), style="bold"))
    title = Text.assemble((f"{finding.name}: ", "bold"), one_line(finding.message))
    return Group(title, facts) if facts.rows else Group(title)


def _prompt(prompt: _Prompt, known: Container[_Prompt]) -> Text:
    words = one_line(prompt[1])
    again = prompt in known
    return Text(
        shorten(words, _PROMPT_AGAIN, head_share=1.0) if again else shorten(words, _PROMPT, head_share=_PROMPT_HEAD),
        style="dim",
    )


def _example_rows(facts: Table, exhibit: Example) -> None:
    facts.add_row("response", _quoted(exhibit.response))
    note = f"  {shorten(one_line(exhibit.note), _NOTE)}" if exhibit.note else ""
    facts.add_row("score", Text.assemble((format_score(exhibit.score), "cyan"), (note, "dim")))


def _quoted(response: str) -> Text:
    """Return a response in quotes, which show its blanks, with its length where not all of it is shown."""
    text = Text("“", style="dim", end="")
    for character in shorten(response, _RESPONSE):
        shown = escape_character(character)
        text.append(shown, style="not dim" if shown == character else "not dim magenta")
    text.append("”")
    if len(response) > _RESPONSE:
        text.append(f" ({len(response):,} characters)", style="dim")
    return text


def _trace_table(courses: Sequence[TrainingTrace]) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for heading in ("rehearsed training", "", "reward", "really right", "steps"):
        table.add_column(heading, no_wrap=True)
    faults = []
    for course in courses:
        table.add_row(*_trace_row(course))
        if course.error:
            faults.append(Text(f"{course.name} ended early: {one_line(course.error)}", style="red"))
    return Group(table, *faults)


def _trace_row(course: TrainingTrace) -> Iterator[Text]:
    yield Text(course.name)
    yield Text(
        render_sparkline([metrics.critic_rewards_mean for metrics in course.metrics], width=_SPARK), style="cyan"
    )
    ends = summarize_trace(course)
    yield _from_to(ends.first_reward, ends.last_reward) if ends else Text("-")
    yield _from_to(ends.first_quality, ends.last_quality) if ends else Text("-")
    taken, planned = len(course.metrics), course.total_steps
    yield Text(str(taken) if taken >= planned else f"{taken} of {planned}")


def _from_to(first: float | None, last: float | None) -> Text:
    return Text("-" if first is None or last is None else f"{first:.2f} to {last:.2f}")


def render_sparkline(values: Sequence[float], *, width: int) -> str:
    """Return bars for values, averaged into at most `width` columns; those within 0 and 1 are drawn on that scale."""
    columns = max(1, min(width, len(values)))
    edges = [round(index * len(values) / columns) for index in range(columns + 1)]
    means = [sum(values[start:end]) / (end - start) for start, end in pairwise(edges) if end > start]
    low, high = min(0.0, *means, 0.0), max(1.0, *means, 1.0)
    top = len(_BARS) - 1
    return "".join(_BARS[min(top, int((mean - low) / (high - low) * len(_BARS)))] for mean in means)


def _ok_rows(findings: Sequence[Finding]) -> Iterator[tuple[str, str, Text]]:
    for finding in findings:
        measured = f" ({one_line(finding.measured)})" if finding.measured else ""
        said = Text.assemble((f"{finding.name}: ", ""), (f"{one_line(finding.message)}{measured}", "dim"))
        said.no_wrap, said.overflow = True, "ellipsis"
        yield "ok", finding.probe, said


def _not_measured_rows(findings: Sequence[Finding]) -> Iterator[tuple[str, str, Text]]:
    """Yield a row for each reason why something was not measured."""
    for reason, some in groupby(
        sorted(findings, key=lambda finding: finding.message), key=lambda finding: finding.message
    ):
        names = list(dict.fromkeys(finding.probe for finding in some))
        yield "-", ", ".join(names), Text.assemble("not measured: ", (one_line(reason), "dim"))


def _compact_table(rows: Sequence[tuple[str, str, Text]]) -> Group:
    lines: list[RenderableType] = []
    for word, names, said in rows:
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(width=4)
        table.add_column(min_width=_ID, overflow="fold", max_width=24)
        table.add_column(ratio=1)
        table.add_row(Text(word, style="green" if word == "ok" else "dim"), Text(names), said)
        lines.append(table)
    return Group(*lines)
