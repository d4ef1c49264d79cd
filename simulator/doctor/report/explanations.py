"""A page for each finding, written from the catalogue: what is asked, what it means, how it is measured, what to do.

`python -m simulator.doctor.report.explanations` writes them all to FINDINGS.md, which a test holds to the catalogue.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from simulator.doctor.estimate.run_checks import RUN_CHECKS
from simulator.doctor.finding import Probe
from simulator.doctor.probes import registry as catalogue

FINDINGS_FILE: Final = Path(__file__).parents[1] / "FINDINGS.md"
_FINDINGS_PATH: Final = "simulator/doctor/FINDINGS.md"

ALL_PROBES: Final[tuple[Probe, ...]] = tuple(
    sorted(
        (probe for probe, _ in (*catalogue.STATIC_PROBES, *catalogue.TRAINING_PROBES)),
        key=lambda probe: (probe.id[0], int(probe.id[1:])),
    )
)
"""Every probe, in the order of their ids."""

EXPLAINED: Final[tuple[Probe, ...]] = (*ALL_PROBES, *RUN_CHECKS)
"""All that has a page: the probes of a visit, and what an estimate warns of."""

SECTIONS: Final = (
    ("question", "Question"),
    ("means", "What a finding means"),
    ("measured", "How it is measured"),
    ("remedy", "What to do"),
    ("source", "Source"),
)
"""What a page tells, in order: the probe's attribute, and its heading."""

_TITLES: Final = {
    "S": ("Asked of the function", "These are found by asking the function, before any training."),
    "T": (
        "Seen in rehearsed training",
        "These are found by training a simulated policy on the function's rewards, and one that looks for loopholes.",
    ),
    "E": (
        "Seen in an estimate",
        "These are found by `rft-sim estimate --data FILE`, from the data, the hyper-parameters and the time of calls.",
    ),
}

_INTRODUCTION: Final = """\
# What the reward doctor finds

`rft-sim doctor REWARD --data FILE` asks a reward function the questions below. Each has an id that does not change.
`rft-sim doctor --explain S1` prints a page. This file is written by `python -m simulator.doctor.report.explanations`.

A finding is a **fail** (do not pay for the run yet), a **warn** (look before you pay), an **info**, **not measured**
or **ok**.
"""

CODE_SPAN: Final = re.compile(r"(`+[^`]+`+)")
"""What stands in backquotes: code, in the texts of a probe."""


def explanation_link(probe: str) -> str:
    """Return where the page of a probe is, from the top of the project."""
    return f"{_FINDINGS_PATH}#{probe.lower()}"


def find_explanation(name: str) -> Probe | None:
    """Return what has a page under an id, written either way."""
    return next((probe for probe in EXPLAINED if probe.id == name.upper()), None)


def find_probe(name: str) -> Probe | None:
    """Return the probe with an id, written either way."""
    return next((probe for probe in ALL_PROBES if probe.id == name.upper()), None)


def render_markdown(probes: Iterable[Probe] = EXPLAINED) -> str:
    """Return the pages as Markdown."""
    return "\n".join(_lines(tuple(probes)))


def _lines(probes: tuple[Probe, ...]) -> Iterator[str]:
    yield _INTRODUCTION
    yield "| id | name | question |"
    yield "|---|---|---|"
    for probe in probes:
        question = _markdown(probe.question).replace("|", "\\|")
        yield f"| [{probe.id}](#{probe.id.lower()}) | {_markdown(probe.name)} | {question} |"
    part = ""
    for probe in probes:
        if part != (part := probe.id[0]):
            title, said = _TITLES[part]
            yield f"\n## {title}\n\n{said}"
        # An anchor of its own, so that a link outlives a change of the name.
        yield f'\n<a id="{probe.id.lower()}"></a>\n\n### {probe.id} {_markdown(probe.name)}\n'
        yield f"**{_markdown(probe.question)}**"
        for attribute, heading in SECTIONS[1:]:
            yield f"\n*{heading}.* {_markdown(getattr(probe, attribute))}"
    yield ""


def _markdown(text: str) -> str:
    """Return plain words as Markdown that shows them: what is not in backquotes is no markup."""
    parts = CODE_SPAN.split(text)
    return "".join(part if index % 2 else _escaped(part) for index, part in enumerate(parts))


def _escaped(text: str) -> str:
    return re.sub(r"([\\*_\[\]#~$])", r"\\\1", text.replace("&", "&amp;").replace("<", "&lt;"))


if __name__ == "__main__":
    FINDINGS_FILE.write_text(render_markdown(), encoding="utf-8")
