"""The comparison of old and new scores as tables in the terminal."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from simulator.doctor.regrade.comparison import Comparison, SplitSummary, is_changed
from simulator.doctor.regrade.scoring import RegradedRollout
from simulator.doctor.report import terminal as report
from simulator.doctor.report.excerpts import format_score, one_line, shorten
from simulator.http.sanitize import sanitize

_PROMPT, _RESPONSE, _FAULT = 60, 90, 200  # characters


_PROMPT_HEAD: Final = 0.8  # a prompt is known by its beginning


_SPLITS: Final = {"train": "training", "held_out": "held out"}


_UNKNOWN: Final = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegradeReport:
    """A comparison with what was compared.

    Attributes:
        function_name: the function that scores now.
        source: the job or file that the rollouts are from.
        event_layout: how they were laid out, in words.
        includes_unchanged: the rows that score as before are told too.
    """

    comparison: Comparison
    function_name: str
    source: str
    event_layout: str
    includes_unchanged: bool = False


def print_regrade(regrade_report: RegradeReport, console: Console, *, limit: int) -> None:
    """Print a regrading with at most `limit` rows, the largest changes first."""
    report.print_parts(_parts(regrade_report, limit=limit), console)


def _parts(regrading: RegradeReport, *, limit: int) -> Iterator[RenderableType]:
    comparison = regrading.comparison
    said = f"by {one_line(regrading.function_name)}, in events of {regrading.event_layout}; a job under other settings: --set"
    yield Text.assemble((f"Regraded: {one_line(regrading.source)}\n", "bold"), (said, "dim"))
    rows = _merge_alike(
        (*comparison.changed_rows, *comparison.unchanged_rows)
        if regrading.includes_unchanged
        else comparison.changed_rows
    )
    if rows and limit:
        yield Text()
        yield _row_table(rows[:limit], truth=comparison.has_known_truth)
    if len(rows) > limit:
        yield Text(f"and {len(rows) - limit:,} more: --limit N shows them, --json FILE holds them all", style="dim")
    yield Text()
    yield _sum_table(comparison.splits)
    yield Text()
    yield _verdict(comparison)


def _merge_alike(rows: Sequence[RegradedRollout]) -> list[tuple[RegradedRollout, int]]:
    """Return rows with how often each is there: the same response to the same record, scored the same."""
    keys = [(row.rollout.record.line, row.rollout.response, row.rollout.reward, row.score, row.error) for row in rows]
    counts = Counter(keys)
    firsts = dict(zip(reversed(keys), reversed(rows), strict=True))
    return [(firsts[key], counts[key]) for key in dict.fromkeys(keys)]


def _row_table(rows: Sequence[tuple[RegradedRollout, int]], *, truth: bool) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for heading in ("line", "step", "rollout", "before", "now"):
        table.add_column(heading, no_wrap=True, justify="right")
    table.add_column("prompt, response", ratio=1, overflow="fold")
    for row, times in rows:
        stored = row.rollout
        table.add_row(
            str(stored.record.line),
            str(stored.step),
            f"{stored.index}{f' (x{times})' if times > 1 else ''}",
            format_score(stored.reward),
            _score_cell(row),
            _describe_rollout(row, truth=truth),
        )
    return table


def _score_cell(row: RegradedRollout) -> Text:
    if row.score is None:
        return Text("none", style="bold red")
    style = "dim" if not is_changed(row) else "bold green" if row.score > row.rollout.reward else "bold red"
    return Text(format_score(row.score), style=style)


def _describe_rollout(row: RegradedRollout, *, truth: bool) -> Group:
    stored = row.rollout
    prompt = shorten(one_line(stored.record.messages[-1].content), _PROMPT, head_share=_PROMPT_HEAD)
    said = Text(f"“{shorten(sanitize(stored.response), _RESPONSE)}”")
    if truth:
        said.append(f" ({_truth_note(row)})", style="dim")
    lines = [Text(prompt, style="dim"), said]
    if row.error:
        lines.append(Text(shorten(one_line(row.error), _FAULT), style="red"))
    return Group(*lines)


def _truth_note(row: RegradedRollout) -> str:
    if row.rollout.exploit:
        return f"an exploit: {row.rollout.exploit.replace('_', ' ')}"
    return "right" if row.rollout.correct else "wrong"


def _sum_table(sums: Sequence[SplitSummary]) -> Table:
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("")
    for split in sums:
        table.add_column(_SPLITS.get(split.split, one_line(split.split)), no_wrap=True)
    table.add_row("rollouts", *(f"{split.rollouts:,}" for split in sums))
    table.add_row("mean score", *(_from_to(split.mean_before, split.mean_now) for split in sums))
    table.add_row("score more", *(f"{split.up:,}" for split in sums))
    table.add_row("score less", *(f"{split.down:,}" for split in sums))
    if any(split.lost for split in sums):
        table.add_row("have no score", *(Text(f"{split.lost:,}", style="bold red") for split in sums))
    table.add_row("right ahead of wrong", *(_from_to(split.ahead_before, split.ahead_now) for split in sums))
    table.add_row("groups all alike", *(_from_to(split.dead_before, split.dead_now, form=".1%") for split in sums))
    return table


def _from_to(before: float | None, now: float | None, *, form: str = ".3f") -> str:
    if before is None and now is None:
        return _UNKNOWN
    return " to ".join(_UNKNOWN if value is None else format(value, form) for value in (before, now))


def _verdict(comparison: Comparison) -> Text:
    changed, every = len(comparison.changed_rows), len(comparison.rows)
    if not changed:
        return Text(f"All {every:,} scores are as before.", style="bold green")
    said = f"{changed:,} of {every:,} scores changed."
    if comparison.rank_correlation is not None:
        said += f" Rank correlation of old and new: {comparison.rank_correlation:.2f}."
    return Text(said, style="bold yellow")
