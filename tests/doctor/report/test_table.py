"""The reports of a visit: for a terminal, a script, a CI server and a browser, and the pages behind the findings."""

import io
import json
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console
from rich.text import Text

from simulator.doctor.doctor_report import DoctorReport
from simulator.doctor.finding import Example, Finding, Probe, Severity
from simulator.doctor.report import curves, table
from simulator.doctor.report import explanations as pages
from simulator.doctor.report import html_report as html
from simulator.doctor.report import json_report as as_json
from simulator.doctor.report import junit_report as junit
from simulator.doctor.report.excerpts import one_line, shorten
from simulator.http.sanitize import sanitize
from tests.doctor.sample_reports import (
    FAIL_FINDING,
    FULL_REPORT,
    HOSTILE_TEXT,
    INFO_FINDING,
    NOT_MEASURED_FINDING,
    OK_FINDING,
    WARN_FINDING,
    sample_report,
    sample_trace,
)


def printed_table(shown: DoctorReport, *, width: int = 80, terminal: bool = False) -> str:
    """Return what the table prints."""
    console = Console(file=io.StringIO(), width=width, force_terminal=terminal, highlight=False, emoji=False)
    table.print_report(shown, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


# The table


def test_a_finding_is_told_with_what_shows_it_and_what_to_do() -> None:
    """All of it at 80 columns: the worst first, blanks and newlines to be seen, the verdict last."""
    assert (
        printed_table(sample_report(OK_FINDING, WARN_FINDING, NOT_MEASURED_FINDING, FAIL_FINDING))
        == """\
Reward doctor: reward
train.jsonl: 300 records, 32 asked about in 123 calls · openai.gpt-oss-20b,
batches of 4, 1 epoch, learning rate x1 · seed 0

FAIL  S4   wire shapes: No right answer scores above 0 as Bedrock sends it; with
           the reference as a bare string they score 1.
           measured  0 of 32 right answers  (wanted: above 0)
           line 12   Natalia sold clips to 48 of her friends in April, and then
                     she sold half as many clips in May. How many clips did
                     Natal…the final answer after "####".
           response  “In April Natalia sold 48 clips.↵In May she sold 48 / 2 =
                     24 clips.↵↵#### 72”
           score     0  reference {"text": "72"}

           line 13   And <b>now</b>?
           response  “\\x1b[31m</pre><script>alert(1)</script>\\x00\\u202e]]>&\\ud80
                     0\\r↵#### 72 \\t”
           score     no score  KeyError: '<i>'
                     and 2 more: --html FILE or --json FILE shows all
           do        Read event[i]["reference_answer"]["text"]: a bare string
                     arrives wrapped.

WARN  S7   false negatives: Right answers that are written a little otherwise
           score less than half.
           measured  3 of 18 ways of writing  (wanted: none of the 7 that must
                     count)
           do        Accept `1,000` for 1000.

ok    S10  determinism: The same rollouts scored the same twice. (0)
-     T8   not measured: 30 held-out records are too few to tell a gap from
           chance.

1 failure, 1 warning: do not pay for this run yet. Not measured: 1 of 4 probes.
What a finding means: rft-sim doctor --explain S4
"""
    )


def test_a_prompt_is_told_in_full_once() -> None:
    """Not again for a second response to it, and by its first words for another finding."""
    prompt = "A long prompt that goes on and on and on until its end."
    exhibits = [Example(line=7, prompt=prompt, response=response, score=0.0) for response in ("a", "")]
    findings = [replace(WARN_FINDING, probe=name, examples=tuple(exhibits)) for name in ("S5", "S7")]
    told = [line.strip() for line in printed_table(sample_report(*findings)).splitlines()]
    assert [line for line in told if line.startswith(("line", "response"))] == [
        f"line 7    {prompt}",
        "response  “a”",
        "response  “”",
        "line 7    A long prompt that goes on and on and on until it…",
        "response  “a”",
        "response  “”",
    ]


def test_where_several_things_fail_the_first_one_to_look_at_is_named() -> None:
    """Probes stand in the order in which one rests on another."""
    later = replace(FAIL_FINDING, probe="S5")
    assert printed_table(sample_report(later, FAIL_FINDING), width=120).splitlines()[-1] == (
        "Begin with S4: others may follow from it. What a finding means: rft-sim doctor --explain S4"
    )


def test_rehearsed_runs_stand_in_a_table_of_their_own() -> None:
    """The reward as bars, both ends of reward and truth, and why a run ended early."""
    shown = sample_report(
        OK_FINDING,
        traces=(
            sample_trace(),
            sample_trace("red team", steps=0, error="It raised."),
            sample_trace("x3", steps=1, right=None),
        ),
    )
    assert printed_table(shown).splitlines()[4:9] == [
        "rehearsed training                    reward        really right  steps",
        "as it is            ▃▃▃▄▄▅▅▅▆▆▇▇▇███  0.34 to 0.91  0.94 to 0.56  40",
        "red team                              -             -             0",
        "x3                  ▃                 0.25 to 0.25  -             1",
        "red team ended early: It raised.",
    ]


def test_probes_that_were_not_measured_for_one_reason_share_a_line() -> None:
    """Fourteen times the same words would hide the rest."""
    unmeasured = [
        Finding(probe=f"T{number}", name="x", severity=Severity.SKIPPED, message="Not rehearsed.")
        for number in (1, 2, 3)
    ]
    assert "-     T1, T2, T3  not measured: Not rehearsed.\n" in printed_table(sample_report(*unmeasured))


@pytest.mark.parametrize("width", [40, 80, 120, 300])
def test_no_line_is_wider_than_the_terminal_or_120_columns(width: int) -> None:
    """However long a response or a path is."""
    lines = Text.from_ansi(printed_table(FULL_REPORT, width=width, terminal=True)).plain.splitlines()
    assert [line for line in lines if len(line) > min(width, 120)] == []


def test_a_terminal_is_sent_no_control_character_that_a_response_brought() -> None:
    """An escape sequence in a response, a prompt, a note, a name or a file's name is shown and not obeyed."""
    hostile = Finding(
        probe="S1",
        name="x",
        severity=Severity.FAIL,
        message=HOSTILE_TEXT,
        measured=HOSTILE_TEXT,
        threshold=HOSTILE_TEXT,
        fix=HOSTILE_TEXT,
    )
    shown = printed_table(sample_report(hostile, FAIL_FINDING, traces=(sample_trace(error=HOSTILE_TEXT),)))
    assert [character for character in shown if not character.isprintable() and character != "\n"] == []


# JSON


def test_the_json_has_its_documented_keys() -> None:
    """Findings worst first, numbers that JSON has no form for as null, texts in full."""
    document = json.loads(as_json.render_json(sample_report(WARN_FINDING, FAIL_FINDING)))
    assert {key: value for key, value in document.items() if key not in ("findings", "hyperparameters")} == {
        "schema_version": 1,
        "patient": "reward",
        "data": {"name": "train.jsonl", "records": 300},
        "questions": dict(FULL_REPORT.inputs),
        "calls": 123,
        "verdict": "1 failure, 1 warning: do not pay for this run yet.",
        "counts": {"fail": 1, "warn": 1, "info": 0, "not measured": 0, "ok": 0},
        "notes": [],
        "courses": [],
    }
    failure, warning = document["findings"]
    assert failure["exhibits"][1] == {
        "line": 13,
        "prompt": "And <b>now</b>?",
        "response": HOSTILE_TEXT,
        "score": None,
        "note": "KeyError: '<i>'",
    }
    assert warning == {
        "probe": "S7",
        "name": "false negatives",
        "severity": "warn",
        "what": "Right answers that are written a little otherwise score less than half.",
        "measured": "3 of 18 ways of writing",
        "threshold": "none of the 7 that must count",
        "value": None,
        "fix": "Accept `1,000` for 1000.",
        "page": "docs/findings.md#s7",
        "exhibits": [],
    }


def test_the_json_of_a_rehearsed_run_holds_what_was_published_beside_the_truth() -> None:
    """Step by step, with the evaluations."""
    (run,) = as_json.build_document(sample_report(OK_FINDING, traces=(sample_trace(steps=1),)))["courses"]
    assert run == {
        "name": "as it is",
        "total_steps": 1,
        "fault": "",
        "steps": [sample_trace(steps=1).metrics[0].as_data() | sample_trace(steps=1).truths[0].as_data()],
        "held_out": [evaluation.as_data() for evaluation in sample_trace(steps=1).held_out],
    }


def test_the_json_is_ascii() -> None:
    """It can be written wherever it is piped to, half a surrogate pair included."""
    assert as_json.render_json(FULL_REPORT).isascii()


# JUnit XML


def test_each_probe_is_a_test_case() -> None:
    """A failure fails it, a warning is told in a case that passes, what was not measured is skipped."""
    suite = ET.fromstring(junit.render_junit(FULL_REPORT, strict=False))[0]
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "5", "failures": "1", "errors": "0", "skipped": "1"}
    assert [
        (case.get("classname"), case.get("name"), [child.tag for child in case]) for case in suite.iter("testcase")
    ] == [
        ("reward", "S10 determinism", ["system-out"]),
        ("reward", "S4 wire shapes", ["failure"]),
        ("reward", "S7 false negatives", ["system-out"]),
        ("reward", "T8 held-out gap", ["skipped"]),
        ("reward", "T14 learning rate", ["system-out"]),
    ]


def test_a_warning_fails_its_case_when_strict() -> None:
    """As it does the command."""
    suite = ET.fromstring(junit.render_junit(FULL_REPORT, strict=True))[0]
    assert [(failure.get("type"), failure.get("message")) for failure in suite.iter("failure")] == [
        ("fail", FAIL_FINDING.message),
        ("warn", WARN_FINDING.message),
    ]


def test_a_case_tells_what_the_table_tells() -> None:
    """The measured value, its threshold, the fix, the page, and each exhibit."""
    suite = ET.fromstring(junit.render_junit(sample_report(FAIL_FINDING), strict=False))[0]
    (failure,) = suite.iter("failure")
    assert str(failure.text).splitlines()[:8] == [
        f"fail: {FAIL_FINDING.message}",
        "measured: 0 of 32 right answers",
        "threshold: above 0",
        f"fix: {FAIL_FINDING.fix}",
        "page: docs/findings.md#s4",
        f"  line 12, prompt: {FAIL_FINDING.examples[0].prompt}",
        "  response: In April Natalia sold 48 clips.↵In May she sold 48 / 2 = 24 clips.↵↵#### 72",
        '  score: 0 (reference {"text": "72"})',
    ]


def test_several_findings_of_a_probe_are_one_case() -> None:
    """That fails when one of them does, and tells the others beside it."""
    also = Finding(probe="S4", name="wire shapes", severity=Severity.INFO, message="It reads the root.")
    suite = ET.fromstring(junit.render_junit(sample_report(also, FAIL_FINDING), strict=False))[0]
    assert [[child.tag for child in case] for case in suite.iter("testcase")] == [["failure", "system-out"]]


# HTML


class PageParser(HTMLParser):
    """What a page is made of: its tags, the addresses that it names, and whether each tag that opens is closed."""

    VOID = frozenset({"meta", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: set[str] = set()
        self.ids: set[str] = set()
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it."""
        self.tags.add(tag)
        self.addresses |= {value or "" for name, value in attrs if name in {"href", "src", "action"}}
        self.ids |= {value or "" for name, value in attrs if name == "id"}
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what closes itself, as a line of a drawing does."""
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        """Close the one that is open."""
        assert self.open.pop() == tag


def test_the_page_needs_no_other_file_and_runs_no_script() -> None:
    """All that it names is a place in itself, and every tag is closed."""
    page = PageParser(html.render_html(sample_report(OK_FINDING, traces=FULL_REPORT.traces)))
    assert page.open == []
    assert page.tags & {"script", "link", "img", "iframe", "form", "object"} == set()
    assert page.addresses <= {f"#{name}" for name in page.ids}


def test_what_a_response_holds_stays_text() -> None:
    """Tags, entities and marks that turn the writing around are shown."""
    page = html.render_html(FULL_REPORT)
    assert (
        "\\x1b[31m&lt;/pre&gt;&lt;script&gt;alert(1)&lt;/script&gt;\\x00\\u202e]]&gt;&amp;\\ud800\\r\n#### 72 \\t"
        in page
    )
    assert PageParser(page).tags & {"b", "i", "script"} == set()


def test_the_page_explains_its_findings() -> None:
    """The pages of the probes that were taken are part of it, and what stands in backquotes is code."""
    explained = Probe(
        id="S4", name="wire shapes", question="Why `a < b`?", measured="So.", means="This.", remedy="Do.", source="Us."
    )
    page = html.render_html(sample_report(FAIL_FINDING), probes=[explained])
    assert '<details id="s4">' in page
    assert "Why <code>a &lt; b</code>?" in page


def test_a_curve_is_drawn_from_end_to_end() -> None:
    """Reward from a quarter to one, truth beside it, a dot for each evaluation, all within the drawing."""
    drawn = curves.draw_curves(sample_trace(steps=2))
    assert drawn == curves.Curves(
        reward="252.0,146.5 468.0,10.0",
        smooth_reward="252.0,146.5 468.0,78.2",
        quality="252.0,10.0 468.0,55.5",
        held_out=(("36.0", "146.5"), ("468.0", "32.8")),
        x_ticks=(
            curves.Tick(at="36.0", label="0"),
            curves.Tick(at="252.0", label="1"),
            curves.Tick(at="468.0", label="2"),
        ),
        y_ticks=(
            curves.Tick(at="192.0", label="0"),
            curves.Tick(at="101.0", label="0.5"),
            curves.Tick(at="10.0", label="1"),
        ),
    )


def test_a_run_whose_truth_is_not_known_has_no_curve_of_it() -> None:
    """Zero would be a claim."""
    drawn = curves.draw_curves(sample_trace(right=None))
    assert drawn is not None
    assert drawn.quality == ""


# Texts of others


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("#### 72 ", "#### 72 "),
        ("a\r\n\tb", "a\\r↵\\tb"),
        ("\x1b[2J\x00\x7f", "\\x1b[2J\\x00\\x7f"),
        ("\uff17\uff12 é 日本 🙂", "\uff17\uff12 é 日本 🙂"),
        ("\u202e\u200b\u00a0\u2028\ud800\U000e0001", "\\u202e\\u200b\\xa0\\u2028\\ud800\\U000e0001"),
    ],
)
def test_every_character_can_be_seen(text: str, shown: str) -> None:
    """What is printed is the text as it is, but for what nobody could see."""
    assert sanitize(text) == shown


def test_words_of_several_lines_become_one() -> None:
    """As an error message does in a line of a report."""
    assert one_line(" a\n  b\x1b ") == "a b\\x1b"


def test_a_long_response_keeps_its_beginning_and_its_end() -> None:
    """The answer stands at the end."""
    assert shorten("0123456789" * 10, 10) == "012…456789"


# The pages


def test_the_file_of_pages_is_what_the_catalogue_says() -> None:
    """`python -m simulator.doctor.report.explanations` writes it anew."""
    assert pages.FINDINGS_FILE.read_text(encoding="utf-8") == pages.render_markdown()


def test_every_probe_has_an_id_of_its_own_and_all_its_texts() -> None:
    """An empty heading on a page says nothing."""
    ids = [probe.id for probe in pages.ALL_PROBES]
    assert len(set(ids)) == len(ids)
    assert [
        (probe.id, attribute)
        for probe in pages.ALL_PROBES
        for attribute, _ in pages.SECTIONS
        if not getattr(probe, attribute).strip()
    ] == []


def test_a_page_shows_the_words_of_its_probe_and_not_their_markup() -> None:
    """Code stays code; a `<`, a `*` and a `#` outside of it are what they are."""
    probe = Probe(id="S9", name="a*b", question="Is <x> `#### *`?", measured="#1", means="m", remedy="r", source="s_t")
    text = pages.render_markdown([probe])
    assert '<a id="s9"></a>\n\n### S9 a\\*b\n' in text
    assert "**Is &lt;x> `#### *`?**" in text
    assert "*How it is measured.* \\#1" in text


def test_a_probe_is_found_by_its_id() -> None:
    """However it is written."""
    assert (pages.find_probe("s10"), pages.find_probe("S99")) == (pages.find_probe("S10"), None)
    assert pages.find_probe("S10") is not None


def test_info_is_told_before_what_is_well() -> None:
    """In the order of severities, whatever the order in which they were found."""
    lines = printed_table(sample_report(OK_FINDING, INFO_FINDING, FAIL_FINDING)).splitlines()
    told = [line.split()[:2] for line in lines if line.startswith(("FAIL", "INFO", "ok"))]
    assert told == [["FAIL", "S4"], ["INFO", "T14"], ["ok", "S10"]]
