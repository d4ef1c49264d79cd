"""The report as an HTML page."""

from dataclasses import replace
from html.parser import HTMLParser

from simulator.doctor.finding import Probe
from simulator.doctor.report.annotations import Annotations
from simulator.doctor.report.baseline import BaselineComparison
from simulator.doctor.report.html_report import render_html
from tests.doctor.sample_reports import FAIL_FINDING, FULL_REPORT, HEADLINE, OK_FINDING, sample_report


class PageParser(HTMLParser):
    """The tags, links and ids of a page, and the tags that are still open."""

    VOID = frozenset({"meta", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: set[str] = set()
        self.ids: set[str] = set()
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record a tag with its links and ids."""
        self.tags.add(tag)
        self.links |= {value or "" for name, value in attrs if name in {"href", "src", "action"}}
        self.ids |= {value or "" for name, value in attrs if name == "id"}
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record a tag that closes itself."""
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        """Close the last open tag, which must be the same."""
        assert self.open.pop() == tag


def test_the_page_needs_no_other_file_and_no_script() -> None:
    """All links lead to ids of the page, and all tags are closed."""
    page = PageParser(render_html(sample_report(OK_FINDING, traces=FULL_REPORT.traces)))
    assert page.open == []
    assert page.tags & {"script", "link", "img", "iframe", "form", "object"} == set()
    assert page.links <= {f"#{name}" for name in page.ids}


def test_the_three_numbers_are_on_top() -> None:
    """Each in a row, with the interval and its kind."""
    page = render_html(sample_report(FAIL_FINDING, headline=HEADLINE))
    assert page.count('<th scope="row" class="names">fals') == 2
    assert page.index("17% to 69%") < page.index("<h2>Findings</h2>")
    assert "Intervals: Wilson, 95 %" in page


def test_a_baseline_and_a_command_are_shown_with_the_findings() -> None:
    """A badge beside each, and the list of changes."""
    fixed = replace(FAIL_FINDING, probe="S9", message="It <b>paid</b>.")
    comparison = BaselineComparison(new=(FAIL_FINDING,), fixed=(fixed,))
    annotations = Annotations(comparison=comparison, repro_commands={FAIL_FINDING: "python 's4 <1>.py'"})
    page = render_html(sample_report(FAIL_FINDING), annotations=annotations)
    assert "<strong>1 new, 0 known, 1 fixed</strong>" in page
    assert "<li>fixed: fail S9 wire shapes: It &lt;b&gt;paid&lt;/b&gt;.</li>" in page
    assert "wire shapes (new)</h3>" in page
    assert "Reproduce: <code>python &#39;s4 &lt;1&gt;.py&#39;</code>" in page


def test_markup_in_a_response_stays_text() -> None:
    """Tags, entities and control characters are visible."""
    page = render_html(FULL_REPORT)
    assert (
        "\\x1b[31m&lt;/pre&gt;&lt;script&gt;alert(1)&lt;/script&gt;\\x00\\u202e]]&gt;&amp;\\ud800\\r\n#### 72 \\t"
        in page
    )
    assert PageParser(page).tags & {"b", "i", "script"} == set()


def test_the_page_contains_the_explanations_of_its_probes() -> None:
    """Text in backquotes is code."""
    probe = Probe(
        id="S4", name="wire shapes", question="Why `a < b`?", measured="So.", means="This.", remedy="Do.", source="Us."
    )
    page = render_html(sample_report(FAIL_FINDING), probes=[probe])
    assert '<details id="s4">' in page
    assert "Why <code>a &lt; b</code>?" in page
