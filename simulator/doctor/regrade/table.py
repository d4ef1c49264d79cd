"""A regrading for people, a table, and for scripts, JSON.

The JSON is one object with sorted keys, all of it ASCII:

    schema_version    1; a key that changes its meaning or goes away raises it
    patient           the reward function's name
    source            the job or file that the rollouts are from
    rank_correlation  of old and new scores, or null
    splits            for each: {"split", "rollouts", "mean_before", "mean_now", "up", "down", "lost", "groups",
                      "dead_before", "dead_now", "ahead_before", "ahead_now"}, as `comparison.Sum` says
    event             how the rollouts were laid out, in words
    rows              of those whose score changed, or with --all of all: {"id", "split", "step", "line", "index",
                      "before", "now", "fault", "correct", "exploit", "prompt", "response"}, texts in full
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from simulator.doctor.regrade.comparison import Comparison, Sum, is_changed
from simulator.doctor.regrade.scoring import Regraded
from simulator.doctor.report import terminal as report
from simulator.doctor.report.excerpts import clipped, one_line, score_text
from simulator.http.sanitize import visible

SCHEMA_VERSION: Final = 1

_PROMPT, _RESPONSE, _FAULT = 60, 90, 200  # characters
_PROMPT_HEAD: Final = 0.8  # a prompt is known by its beginning
_SPLITS: Final = {"train": "training", "held_out": "held out"}
_UNKNOWN: Final = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Regrading:
    """A comparison with what was compared.

    Attributes:
        patient: the function that scores now.
        source: the job or file that the rollouts are from.
        event: how they were laid out, in words.
        whole: the rows that score as before are told too.
    """

    comparison: Comparison
    patient: str
    source: str
    event: str
    whole: bool = False


def document(regrading: Regrading) -> dict[str, Any]:
    """Return a regrading as JSON values, laid out as the module says."""
    comparison = regrading.comparison
    rows = comparison.rows if regrading.whole else [row for row in comparison.rows if is_changed(row)]
    return {
        "schema_version": SCHEMA_VERSION,
        "patient": regrading.patient,
        "source": regrading.source,
        "event": regrading.event,
        "rank_correlation": comparison.rank_correlation,
        "splits": [asdict(split) for split in comparison.sums],
        "rows": [_row(row) for row in rows],
    }


def written(values: dict[str, Any]) -> str:
    """Return the JSON text, with a newline at its end."""
    return json.dumps(values, indent=2, sort_keys=True, allow_nan=False) + "\n"


def printed(regrading: Regrading, console: Console, *, limit: int) -> None:
    """Print a regrading with at most `limit` rows, the largest changes first."""
    report.printed(_parts(regrading, limit=limit), console)


def _parts(regrading: Regrading, *, limit: int) -> Iterator[RenderableType]:
    comparison = regrading.comparison
    said = f"by {one_line(regrading.patient)}, in events of {regrading.event}; a job under other settings: --set"
    yield Text.assemble((f"Regraded: {one_line(regrading.source)}\n", "bold"), (said, "dim"))
    rows = _merged((*comparison.changed, *comparison.same) if regrading.whole else comparison.changed)
    if rows and limit:
        yield Text()
        yield _row_table(rows[:limit], truth=comparison.knows_truth)
    if len(rows) > limit:
        yield Text(f"and {len(rows) - limit:,} more: --limit N shows them, --json FILE holds them all", style="dim")
    yield Text()
    yield _sum_table(comparison.sums)
    yield Text()
    yield _verdict(comparison)


def _merged(rows: Sequence[Regraded]) -> list[tuple[Regraded, int]]:
    """Return rows with how often each is there: the same response to the same record, scored the same."""
    keys = [(row.rollout.record.line, row.rollout.response, row.rollout.reward, row.score, row.fault) for row in rows]
    counts = Counter(keys)
    firsts = dict(zip(reversed(keys), reversed(rows), strict=True))
    return [(firsts[key], counts[key]) for key in dict.fromkeys(keys)]


def _row_table(rows: Sequence[tuple[Regraded, int]], *, truth: bool) -> Table:
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
            score_text(stored.reward),
            _now(row),
            _words(row, truth=truth),
        )
    return table


def _now(row: Regraded) -> Text:
    if row.score is None:
        return Text("none", style="bold red")
    style = "dim" if not is_changed(row) else "bold green" if row.score > row.rollout.reward else "bold red"
    return Text(score_text(row.score), style=style)


def _words(row: Regraded, *, truth: bool) -> Group:
    stored = row.rollout
    prompt = clipped(one_line(stored.record.messages[-1].content), _PROMPT, head=_PROMPT_HEAD)
    said = Text(f"“{clipped(visible(stored.response), _RESPONSE)}”")
    if truth:
        said.append(f" ({_truth(row)})", style="dim")
    lines = [Text(prompt, style="dim"), said]
    if row.fault:
        lines.append(Text(clipped(one_line(row.fault), _FAULT), style="red"))
    return Group(*lines)


def _truth(row: Regraded) -> str:
    if row.rollout.exploit:
        return f"an exploit: {row.rollout.exploit.replace('_', ' ')}"
    return "right" if row.rollout.correct else "wrong"


def _sum_table(sums: Sequence[Sum]) -> Table:
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
    changed, every = len(comparison.changed), len(comparison.rows)
    if not changed:
        return Text(f"All {every:,} scores are as before.", style="bold green")
    said = f"{changed:,} of {every:,} scores changed."
    if comparison.rank_correlation is not None:
        said += f" Rank correlation of old and new: {comparison.rank_correlation:.2f}."
    return Text(said, style="bold yellow")


def _row(row: Regraded) -> dict[str, Any]:
    stored = row.rollout
    return {
        "id": stored.id,
        "split": stored.split,
        "step": stored.step,
        "line": stored.record.line,
        "index": stored.index,
        "before": stored.reward,
        "now": row.score,
        "fault": row.fault,
        "correct": stored.correct,
        "exploit": stored.exploit,
        "prompt": stored.record.messages[-1].content,
        "response": stored.response,
    }
