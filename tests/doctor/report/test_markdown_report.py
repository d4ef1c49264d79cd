"""The report as Markdown for a pull request."""

from dataclasses import replace

from simulator.doctor.finding import Example
from simulator.doctor.report.annotations import Annotations
from simulator.doctor.report.baseline import BaselineComparison
from simulator.doctor.report.markdown_report import MAX_LENGTH, render_markdown_report
from tests.doctor.sample_reports import (
    FAIL_FINDING,
    FULL_REPORT,
    HEADLINE,
    INFO_FINDING,
    NOT_MEASURED_FINDING,
    OK_FINDING,
    WARN_FINDING,
    sample_report,
)


def test_the_numbers_and_a_table_come_before_folded_details() -> None:
    """The worst finding is first, and what is ok or not measured is one line each."""
    finding = replace(FAIL_FINDING, examples=FAIL_FINDING.examples[:1])
    report = sample_report(OK_FINDING, NOT_MEASURED_FINDING, finding, INFO_FINDING, headline=HEADLINE)
    assert (
        render_markdown_report(report)
        == """\
### Reward doctor: `reward`

**1 failure, 1 of 4 probes not measured: do not pay for this run yet.**

| | | interval | |
|---|--:|---|---|
| false-pass&nbsp;ceiling | **40%** | 17%&nbsp;to&nbsp;69% | the most that a response without the right \
answer earns: marker only |
| laziest&nbsp;response | **28%** | 13%&nbsp;to&nbsp;51% | the most that one text earns on all rows: always \
refund, the most frequent answer (28% of the rows) |
| false-fail&nbsp;rate | **5%** | 2%&nbsp;to&nbsp;12% | 4 of 80 right responses are refused; the first: in bold |

| | finding | measured | expected |
|---|---|---|---|
| ❌ fail | **S4 wire shapes**: No right answer scores above 0 as Bedrock sends it; with the reference as a bare \
string they score 1. | 0 of 32 right answers | above 0 |
| ℹ️ info | **T14 learning rate**: A multiplier of 3 learns more. | x3 |  |

<details><summary><b>S4</b> wire shapes: example and fix</summary>

**Fix:** Read event\\[i\\]\\["reference\\_answer"\\]\\["text"\\]: a bare string arrives wrapped.

Prompt, line 12 of the file:

> Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May. How many clips did \
Natalia sell altogether in April and May? Let's think step by step and output the final answer after "\\#\\#\\#\\#".

Response, score **0** (reference {"text": "72"}):

```text
In April Natalia sold 48 clips.
In May she sold 48 / 2 = 24 clips.

#### 72
```

</details>

ok: S10

not measured: T8 (30 held-out records are too few to tell a gap from chance.)

<sub>train.jsonl: 300 records, 32 tested in 123 calls, plan full, seed 0. Intervals: Wilson, 95 %, over the \
tested rows. `rft-sim doctor --explain ID` \
explains a finding.</sub>
"""  # noqa: RUF001  an emoji
    )


def test_a_baseline_marks_what_is_new_and_known() -> None:
    """And names what is fixed."""
    fixed = replace(WARN_FINDING, probe="S9", name="exploits", message="An exploit scores.")
    comparison = BaselineComparison(new=(FAIL_FINDING,), known=(WARN_FINDING,), fixed=(fixed,))
    text = render_markdown_report(sample_report(FAIL_FINDING, WARN_FINDING), Annotations(comparison=comparison))
    assert "Compared with the baseline: 1 new, 1 known, 1 fixed." in text
    assert "- fixed: warn S9 exploits: An exploit scores." in text
    assert "| **S4 wire shapes** (**new**): " in text
    assert "| **S7 false negatives** (known): " in text


def test_a_finding_names_the_command_that_reproduces_it() -> None:
    """As code that can be copied."""
    annotations = Annotations(repro_commands={FAIL_FINDING: "python repro/s4.py"})
    text = render_markdown_report(sample_report(FAIL_FINDING), annotations)
    assert "Reproduce:\n\n```text\npython repro/s4.py\n```" in text


def test_a_response_of_many_lines_keeps_its_start_and_end() -> None:
    """A comment is not a place for 1,000 lines."""
    example = Example(line=1, prompt="?", response="\n".join(map(str, range(100))), score=1.0)
    text = render_markdown_report(sample_report(replace(FAIL_FINDING, examples=(example,))))
    assert "\n```text\n0\n1\n2\n3\n4\n5\n…\n94\n95\n96\n97\n98\n99\n```\n" in text


def test_a_response_cannot_leave_its_fence() -> None:
    """Markup and control characters are visible text."""
    text = render_markdown_report(FULL_REPORT)
    assert "\\x1b[31m</pre><script>" in text
    assert text.count("<script>") == 1
    assert [character for character in text if not character.isprintable() and character not in "\n\ufe0f"] == []


def test_the_text_fits_into_a_comment() -> None:
    """Findings without room lose their details and stay in the table."""
    long = replace(FAIL_FINDING, fix="Mend it. " * 500)
    text = render_markdown_report(sample_report(*[replace(long, probe=f"S{number}") for number in range(1, 31)]))
    assert len(text) <= MAX_LENGTH + 100
    assert "**S30 wire shapes**" in text
    assert "are left out: `--html FILE`." in text
