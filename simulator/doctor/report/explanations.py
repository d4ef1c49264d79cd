"""The explanation of each finding, generated from the probes: question, meaning, measurement, remedy, source.

`python -m simulator.doctor.report.explanations` writes docs/findings.md, and a test checks that it is current.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from simulator.doctor.estimate.run_checks import RUN_CHECKS
from simulator.doctor.finding import Probe
from simulator.doctor.probes.registry import STATIC_PROBES, TRAINING_PROBES
from simulator.doctor.report.markdown_text import to_cell, to_markdown

FINDINGS_FILE: Final = Path(__file__).parents[3] / "docs" / "findings.md"
_FINDINGS_PATH: Final = "docs/findings.md"

ALL_PROBES: Final[tuple[Probe, ...]] = tuple(
    sorted(
        (probe for probe, _ in (*STATIC_PROBES, *TRAINING_PROBES)),
        key=lambda probe: (probe.id[0], int(probe.id[1:])),
    )
)
"""Every probe, in the order of their ids."""

EXPLAINED_PROBES: Final[tuple[Probe, ...]] = (*ALL_PROBES, *RUN_CHECKS)
"""Everything that has an explanation: the probes of `rft-sim doctor`, then the run checks of `rft-sim estimate`."""

SECTIONS: Final = (
    ("question", "Question"),
    ("means", "What a finding means"),
    ("measured", "How it is measured"),
    ("remedy", "What to do"),
    ("source", "Source"),
)
"""The sections of an explanation, in order: the attribute of the probe, and the heading."""

_TITLES: Final = {
    "S": (
        "Static probes",
        "These probes send responses to the function and compare the scores. No training is needed.",
    ),
    "T": (
        "Training probes",
        "These probes evaluate simulated training runs with the function's rewards. One run searches for exploits.",
    ),
    "E": (
        "Run checks",
        "`rft-sim estimate --data FILE` makes these checks with the data, the hyperparameters and the call durations.",
    ),
}

_INTRODUCTION: Final = """\
# Findings of the reward doctor

`rft-sim doctor REWARD --data FILE` answers the questions below for a reward function. The id of a question,
such as S1, never changes. `rft-sim doctor --explain S1` prints one explanation.
`python -m simulator.doctor.report.explanations` writes this page.

A finding is **fail** (do not pay for the job yet), **warn** (check this before you pay), **info**, **not measured** or
**ok**.
"""


def explanation_link(probe: str) -> str:
    """Return the path and anchor of a probe's explanation, relative to the project."""
    return f"{_FINDINGS_PATH}#{probe.lower()}"


def find_explanation(probe_id: str) -> Probe | None:
    """Return the probe or run check with this id, in upper or lower case."""
    return next((probe for probe in EXPLAINED_PROBES if probe.id == probe_id.upper()), None)


def find_probe(probe_id: str) -> Probe | None:
    """Return the probe with this id, in upper or lower case."""
    return next((probe for probe in ALL_PROBES if probe.id == probe_id.upper()), None)


def render_markdown(probes: Iterable[Probe] = EXPLAINED_PROBES) -> str:
    """Return the explanations as Markdown."""
    return "\n".join(_lines(tuple(probes)))


def _lines(probes: tuple[Probe, ...]) -> Iterator[str]:
    yield _INTRODUCTION
    yield "| id | name | question |"
    yield "|---|---|---|"
    for probe in probes:
        yield f"| [{probe.id}](#{probe.id.lower()}) | {to_cell(probe.name)} | {to_cell(probe.question)} |"
    part = ""
    for probe in probes:
        if part != (part := probe.id[0]):
            title, introduction = _TITLES[part]
            yield f"\n## {title}\n\n{introduction}"
        # An explicit anchor, so that links keep working if the name changes.
        yield f'\n<a id="{probe.id.lower()}"></a>\n\n### {probe.id} {to_markdown(probe.name)}\n'
        yield f"**{to_markdown(probe.question)}**"
        for attribute, heading in SECTIONS[1:]:
            yield f"\n*{heading}.* {to_markdown(getattr(probe, attribute))}"
    yield ""


if __name__ == "__main__":
    FINDINGS_FILE.write_text(render_markdown(), encoding="utf-8")
