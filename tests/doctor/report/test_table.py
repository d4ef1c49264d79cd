"""The report in the terminal."""

import io
from dataclasses import replace

import pytest
from rich.console import Console
from rich.text import Text

from simulator.doctor.doctor_report import DoctorReport
from simulator.doctor.finding import Example, Finding, Severity
from simulator.doctor.report.annotations import Annotations
from simulator.doctor.report.table import print_report
from simulator.http.service_calls import ServiceCalls
from tests.doctor.sample_reports import (
    FAIL_FINDING,
    FULL_REPORT,
    HEADLINE,
    HOSTILE_TEXT,
    INFO_FINDING,
    NOT_MEASURED_FINDING,
    OK_FINDING,
    WARN_FINDING,
    sample_report,
    sample_trace,
)


def render(report: DoctorReport, *, width: int = 80, terminal: bool = False) -> str:
    """Return the printed report."""
    output = io.StringIO()
    print_report(report, Console(file=output, width=width, force_terminal=terminal, highlight=False, emoji=False))
    return output.getvalue()


def test_the_report_has_every_finding_with_examples_and_a_fix() -> None:
    """At 80 columns. The worst finding is first and the verdict last. Blanks and newlines are visible."""
    assert (
        render(sample_report(OK_FINDING, WARN_FINDING, NOT_MEASURED_FINDING, FAIL_FINDING))
        == """\
Reward doctor: reward
train.jsonl: 300 records, 32 tested in 123 calls · openai.gpt-oss-20b, batches
of 4, 1 epoch, learning rate x1 · seed 0

FAIL  S4   wire shapes: No right answer scores above 0 as Bedrock sends it; with
           the reference as a bare string they score 1.
           measured  0 of 32 right answers  (expected: above 0)
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
                     and 2 more: --html FILE and --json FILE contain all
           fix       Read event[i]["reference_answer"]["text"]: a bare string
                     arrives wrapped.

WARN  S7   false negatives: Right answers in other forms score less than half.
           measured  3 of 18 forms  (expected: none of the 7 required forms)
           fix       Accept `1,000` for 1000.

ok    S10  determinism: The same rollouts scored the same twice. (0)
-     T8   not measured: 30 held-out records are too few to tell a gap from
           chance.

1 failure, 1 warning, 1 of 4 probes not measured: do not pay for this run yet.
What a finding means: rft-sim doctor --explain S4
"""
    )


def test_the_three_numbers_are_below_the_heading() -> None:
    """At 80 columns, before all findings."""
    report = render(sample_report(OK_FINDING, headline=HEADLINE))
    assert report.splitlines()[3:12] == [
        "",
        "false-pass ceiling  40%  17% to 69%  the most that a response without the right",
        "                                     answer earns: marker only",
        "laziest response    28%  13% to 51%  the most that one text earns on all rows:",
        "                                     always refund, the most frequent answer",
        "                                     (28% of the rows)",
        "false-fail rate      5%  2% to 12%   4 of 80 right responses are refused; the",
        "                                     first: in bold",
        "",
    ]


def test_how_the_function_ran_in_another_way_than_at_aws_is_a_warning_below_the_heading() -> None:
    """Before all findings."""
    report = render(sample_report(OK_FINDING, differences=("It runs on Python 3.11.", "It has another processor.")))

    assert report.splitlines()[:5] == [
        "Reward doctor: reward",
        "train.jsonl: 300 records, 32 tested in 123 calls · openai.gpt-oss-20b, batches",
        "of 4, 1 epoch, learning rate x1 · seed 0",
        "Warning: It runs on Python 3.11.",
        "Warning: It has another processor.",
    ]


def test_a_finding_names_the_command_that_reproduces_it() -> None:
    """Below its fix, and whole, so that it can be copied."""
    annotations = Annotations(repro_commands={WARN_FINDING: "python repro/s7_false_negatives.py"})
    output = io.StringIO()
    print_report(sample_report(WARN_FINDING), Console(file=output, width=80), annotations)
    assert "           repro     python repro/s7_false_negatives.py\n" in output.getvalue()


def test_a_repeated_prompt_is_shortened() -> None:
    """In another finding. For a second response of one finding it is left out."""
    prompt = "A long prompt that goes on and on and on until its end."
    examples = [Example(line=7, prompt=prompt, response=response, score=0.0) for response in ("a", "")]
    findings = [replace(WARN_FINDING, probe=name, examples=tuple(examples)) for name in ("S5", "S7")]
    lines = [line.strip() for line in render(sample_report(*findings)).splitlines()]
    assert [line for line in lines if line.startswith(("line", "response"))] == [
        f"line 7    {prompt}",
        "response  “a”",
        "response  “”",
        "line 7    A long prompt that goes on and on and on until it…",
        "response  “a”",
        "response  “”",
    ]


def test_several_failures_name_the_first_one_to_fix() -> None:
    """The first probe, because a failure can cause failures of later probes."""
    later = replace(FAIL_FINDING, probe="S5")
    assert render(sample_report(later, FAIL_FINDING), width=120).splitlines()[-1] == (
        "Begin with S4, which may cause the others. What a finding means: rft-sim doctor --explain S4"
    )


def test_simulated_runs_have_their_own_table() -> None:
    """A bar chart of the reward, the start and end of reward and truth, and why a run ended early."""
    report = sample_report(
        OK_FINDING,
        traces=(
            sample_trace(),
            sample_trace("red team", steps=0, error="It raised."),
            sample_trace("x3", steps=1, right=None),
        ),
    )
    assert render(report).splitlines()[4:9] == [
        "simulated training                    reward        really right  steps",
        "as it is            ▃▃▃▄▄▅▅▅▆▆▇▇▇███  0.34 to 0.91  0.94 to 0.56  40",
        "red team                              -             -             0",
        "x3                  ▃                 0.25 to 0.25  -             1",
        "red team ended early: It raised.",
    ]


def test_probes_with_the_same_reason_share_a_line() -> None:
    """If training is not simulated, 14 probes have the same reason."""
    findings = [
        Finding(probe=f"T{number}", name="x", severity=Severity.SKIPPED, message="Not simulated.")
        for number in (1, 2, 3)
    ]
    assert "-     T1, T2, T3  not measured: Not simulated.\n" in render(sample_report(*findings))


def test_information_comes_before_passed_probes() -> None:
    """The order is by severity."""
    lines = render(sample_report(OK_FINDING, INFO_FINDING, FAIL_FINDING)).splitlines()
    assert [line.split()[:2] for line in lines if line.startswith(("FAIL", "INFO", "ok"))] == [
        ["FAIL", "S4"],
        ["INFO", "T14"],
        ["ok", "S10"],
    ]


@pytest.mark.parametrize("width", [40, 80, 120, 300])
def test_no_line_is_wider_than_the_terminal_or_120_columns(width: int) -> None:
    """With any response and path."""
    lines = Text.from_ansi(render(FULL_REPORT, width=width, terminal=True)).plain.splitlines()
    assert [line for line in lines if len(line) > min(width, 120)] == []


def test_control_characters_of_a_function_do_not_reach_the_terminal() -> None:
    """An escape sequence in a response, a prompt, a note or an error is visible text."""
    hostile = Finding(
        probe="S1",
        name="x",
        severity=Severity.FAIL,
        message=HOSTILE_TEXT,
        measured=HOSTILE_TEXT,
        threshold=HOSTILE_TEXT,
        fix=HOSTILE_TEXT,
    )
    output = render(sample_report(hostile, FAIL_FINDING, traces=(sample_trace(error=HOSTILE_TEXT),)))
    assert [character for character in output if not character.isprintable() and character != "\n"] == []


def test_failed_calls_of_the_function_come_first() -> None:
    """Each in one line, at any width. They explain everything below. The conclusion does not repeat them."""
    failed = ServiceCalls(service="s3", calls=9, failed=8, error="Denied: no")
    lines = render(replace(sample_report(OK_FINDING), failed_calls=(failed,)), width=40).splitlines()
    assert (lines[:3], lines[-2:]) == (
        [failed.sentence, "", "Reward doctor: reward"],
        ["doctor cannot say whether to pay for", "this run."],
    )
