"""The tables of the doctor's benchmark: a line for each reward function, and the figures of each collection."""

from collections.abc import Mapping, Sequence

from rich.table import Table

from tests.bench.doctor_command import NAME, NAME_BEFORE
from tests.bench.reward_cases import RewardCase
from tests.bench.reward_verdicts import Figures, Verdict, summarize

Results = Sequence[tuple[RewardCase, Mapping[str, Verdict]]]

_DOCTORS = (NAME, NAME_BEFORE)  # the tools whose ids are those that the verdicts expect


def rewards_table(results: Results) -> Table:
    """Return a line for each reward function."""
    tools = _tools(results)
    others = [tool for tool in tools if tool != NAME]
    table = Table(title="Reward functions", title_justify="left", box=None, header_style="bold")
    for column in ("reward", "", "cause", "seconds", "failed", "warned", "not measured", "expected"):
        table.add_column(column)
    for tool in others:
        table.add_column(tool)
        if tool == NAME_BEFORE:
            table.add_column("now / before")
    for case, verdicts in results:
        ours = verdicts[NAME]
        cells = [
            f"{case.collection}/{case.name}",
            "sound" if case.sound else "FAULTY",
            (ours.cause(case) or "-") if case.expected else "",
            f"{ours.seconds:.1f}",
            *(" ".join(ids) for ids in (ours.failed, ours.warned)),
            ours.note or " ".join(ours.not_measured),
            " ".join(case.expected),
        ]
        for tool in others:
            verdict = verdicts[tool]
            cause = f" ({verdict.cause(case) or '-'})" if tool == NAME_BEFORE and case.expected else ""
            cells.append(f"{verdict.outcome}{cause} {verdict.seconds:.1f} s")
            if tool == NAME_BEFORE:
                cells.append(_ratio(ours.seconds, verdict.seconds))
        table.add_row(*cells)
    return table


def figures_table(results: Results) -> Table:
    """Return the figures of each collection and of all together, a line for each tool."""
    table = Table(title="Figures", title_justify="left", box=None, header_style="bold")
    for column in (
        "collection",
        "tool",
        "sound: failed",
        "warned",
        "S3, S5 or S6 not measured",
        "faulty: failed",
        "failed or warned",
        "right cause failed",
        "or warned",
        "no report",
        "median",
        "longest",
    ):
        table.add_column(column)
    collections = list(dict.fromkeys(case.collection for case, _ in results))
    groups = {name: [entry for entry in results if entry[0].collection == name] for name in collections}
    if len(groups) > 1:
        groups["all"] = list(results)
    for name, group in groups.items():
        ours = summarize([(case, verdicts[NAME]) for case, verdicts in group])
        for tool in _tools(results):
            figures = summarize([(case, verdicts[tool]) for case, verdicts in group])
            table.add_row(name, tool, *_cells(figures, ours, tool=tool))
        table.add_section()
    return table


def _cells(figures: Figures, ours: Figures, *, tool: str) -> list[str]:
    """Return the cells of a tool. The times of another one have this build's time divided by them behind them."""
    has_causes = tool in _DOCTORS
    times = [figures.median_seconds, figures.longest_seconds]
    ratios = [
        "" if tool == NAME else f" ({_ratio(ours_seconds, seconds)})"
        for ours_seconds, seconds in zip((ours.median_seconds, ours.longest_seconds), times, strict=True)
    ]
    return [
        str(figures.sound_failed),
        str(figures.sound_warned),
        str(figures.sound_not_measured) if has_causes else "",
        str(figures.faulty_failed),
        str(figures.faulty_found),
        str(figures.cause_failed) if has_causes else "",
        str(figures.cause_found) if has_causes else "",
        str(figures.no_report),
        *(f"{seconds:.1f} s{ratio}" for seconds, ratio in zip(times, ratios, strict=True)),
    ]


def _tools(results: Results) -> list[str]:
    return list(results[0][1]) if results else [NAME]


def _ratio(now: float, before: float) -> str:
    return f"x{now / before:.2f}" if before else ""
