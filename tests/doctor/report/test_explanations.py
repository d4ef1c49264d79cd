"""The explanations of the findings, and their page."""

from simulator.doctor.finding import Probe
from simulator.doctor.report.explanations import (
    ALL_PROBES,
    EXPLAINED_PROBES,
    FINDINGS_FILE,
    SECTIONS,
    find_probe,
    render_markdown,
)


def test_the_page_of_findings_is_current() -> None:
    """`python -m simulator.doctor.report.explanations` writes it."""
    assert FINDINGS_FILE.read_text(encoding="utf-8") == render_markdown()


def test_every_probe_has_its_own_id() -> None:
    """So do the run checks."""
    ids = [probe.id for probe in EXPLAINED_PROBES]
    assert len(set(ids)) == len(ids)


def test_no_section_of_an_explanation_is_empty() -> None:
    """Of any probe or run check."""
    assert [
        (probe.id, attribute)
        for probe in EXPLAINED_PROBES
        for attribute, _ in SECTIONS
        if not getattr(probe, attribute).strip()
    ] == []


def test_only_backquotes_are_markup_in_the_text_of_a_probe() -> None:
    """A `<`, a `*` and a `#` outside of code are escaped."""
    probe = Probe(id="S9", name="a*b", question="Is <x> `#### *`?", measured="#1", means="m", remedy="r", source="s_t")
    text = render_markdown([probe])
    assert '<a id="s9"></a>\n\n### S9 a\\*b\n' in text
    assert "**Is &lt;x> `#### *`?**" in text
    assert "*How it is measured.* \\#1" in text


def test_a_probe_is_found_by_its_id_in_upper_or_lower_case() -> None:
    """An unknown id finds none."""
    assert (find_probe("s10"), find_probe("S99")) == (find_probe("S10"), None)
    assert find_probe("S10") in ALL_PROBES
