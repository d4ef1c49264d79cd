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
from simulator.doctor.report.excerpts import format_score, one_line, shorten
from simulator.doctor.report.terminal import print_parts
from simulator.http.sanitize import sanitize

_PROMPT, _RESPONSE, _ERROR = 60, 90, 200  # characters
_PROMPT_HEAD: Final = 0.8  # the share of the start, which identifies a prompt
_SPLITS: Final = {"train": "training", "held_out": "held out"}
_UNKNOWN: Final = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegradeReport:
    """A comparison, with the names of what was compared.

    Attributes:
        function_name: the function that gave the new scores.
        source: the job or file of the rollouts.
        event_layout: the layout of the rollouts in the event, in words.
        includes_unchanged: the report contains rows with an unchanged score.
    """

    comparison: Comparison
    function_name: str
    source: str
    event_layout: str
    includes_unchanged: bool = False


def print_regrade(report: RegradeReport, console: Console, *, limit: int) -> None:
    """Print a comparison with at most `limit` rows, the largest changes first."""
    print_parts(_parts(report, limit=limit), console)


def _parts(report: RegradeReport, *, limit: int) -> Iterator[RenderableType]:
    comparison = report.comparison
    scope = (
        f"by {one_line(report.function_name)}, event layout: {report.event_layout}. If the job had other settings, use "
        "--set"
    )
    yield Text.assemble((f"Regraded: {one_line(report.source)}\n", "bold"), (scope, "dim"))
    rows = _merge_equal_rows(
        (*comparison.changed_rows, *comparison.unchanged_rows) if report.includes_unchanged else comparison.changed_rows
    )
    if rows and limit:
        yield Text()
        yield _row_table(rows[:limit], show_truth=comparison.has_known_truth)
    if len(rows) > limit:
        yield Text(f"and {len(rows) - limit:,} more: --limit N prints them, --json FILE contains all", style="dim")
    yield Text()
    yield _split_table(comparison.splits)
    yield Text()
    yield _verdict(comparison)


def _merge_equal_rows(rows: Sequence[RegradedRollout]) -> list[tuple[RegradedRollout, int]]:
    """Return the distinct rows with their counts. Equal rows have the same record, response and scores."""
    keys = [(row.rollout.record.line, row.rollout.response, row.rollout.reward, row.score, row.error) for row in rows]
    counts = Counter(keys)
    firsts = dict(zip(reversed(keys), reversed(rows), strict=True))
    return [(firsts[key], counts[key]) for key in dict.fromkeys(keys)]


def _row_table(rows: Sequence[tuple[RegradedRollout, int]], *, show_truth: bool) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for heading in ("line", "step", "rollout", "before", "now"):
        table.add_column(heading, no_wrap=True, justify="right")
    table.add_column("prompt, response", ratio=1, overflow="fold")
    for row, count in rows:
        stored = row.rollout
        table.add_row(
            str(stored.record.line),
            str(stored.step),
            f"{stored.index}{f' (x{count})' if count > 1 else ''}",
            format_score(stored.reward),
            _score_cell(row),
            _describe_rollout(row, show_truth=show_truth),
        )
    return table


def _score_cell(row: RegradedRollout) -> Text:
    if row.score is None:
        return Text("none", style="bold red")
    style = "dim" if not is_changed(row) else "bold green" if row.score > row.rollout.reward else "bold red"
    return Text(format_score(row.score), style=style)


def _describe_rollout(row: RegradedRollout, *, show_truth: bool) -> Group:
    stored = row.rollout
    prompt = shorten(one_line(stored.record.messages[-1].content), _PROMPT, head_share=_PROMPT_HEAD)
    response = Text(f"“{shorten(sanitize(stored.response), _RESPONSE)}”")
    if show_truth:
        response.append(f" ({_truth_note(row)})", style="dim")
    lines = [Text(prompt, style="dim"), response]
    if row.error:
        lines.append(Text(shorten(one_line(row.error), _ERROR), style="red"))
    return Group(*lines)


def _truth_note(row: RegradedRollout) -> str:
    if row.rollout.exploit:
        return f"an exploit: {row.rollout.exploit.replace('_', ' ')}"
    return "right" if row.rollout.correct else "wrong"


def _split_table(splits: Sequence[SplitSummary]) -> Table:
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("")
    for split in splits:
        table.add_column(_SPLITS.get(split.split, one_line(split.split)), no_wrap=True)
    table.add_row("rollouts", *(f"{split.rollouts:,}" for split in splits))
    table.add_row("mean score", *(_from_to(split.mean_before, split.mean_now) for split in splits))
    table.add_row("higher score", *(f"{split.up:,}" for split in splits))
    table.add_row("lower score", *(f"{split.down:,}" for split in splits))
    if any(split.lost for split in splits):
        table.add_row("no score", *(Text(f"{split.lost:,}", style="bold red") for split in splits))
    table.add_row("right above wrong", *(_from_to(split.ahead_before, split.ahead_now) for split in splits))
    table.add_row("dead groups", *(_from_to(split.dead_before, split.dead_now, spec=".1%") for split in splits))
    return table


def _from_to(before: float | None, now: float | None, *, spec: str = ".3f") -> str:
    if before is None and now is None:
        return _UNKNOWN
    return " to ".join(_UNKNOWN if value is None else format(value, spec) for value in (before, now))


def _verdict(comparison: Comparison) -> Text:
    changed, total = len(comparison.changed_rows), len(comparison.rows)
    if not changed:
        return Text(f"All {total:,} scores are unchanged.", style="bold green")
    text = f"{changed:,} of {total:,} scores changed."
    if comparison.rank_correlation is not None:
        text += f" Rank correlation of old and new: {comparison.rank_correlation:.2f}."
    return Text(text, style="bold yellow")
