"""The explanation of each rule: what it checks, how it detects the mistake, the impact, the remedy, the exceptions.

`python -m simulator.verdict.explanations` writes all of them to docs/verdict.md. A test compares it with the rules.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from simulator.verdict.catalogue import RULES
from simulator.verdict.rule import Rule

_MARKDOWN_PATH: Final = "docs/verdict.md"
MARKDOWN_FILE: Final = Path(__file__).parents[2] / _MARKDOWN_PATH

SECTIONS: Final = (
    ("question", "Question"),
    ("detection", "How it is detected"),
    ("impact", "What it causes at Bedrock"),
    ("remedy", "What to do"),
    ("exceptions", "What is not a finding"),
)
"""The sections of an explanation, in order: the rule's attribute, and the heading."""

_INTRODUCTION: Final = """\
# The verdict on clients

The simulator records every exchange of the OpenAI-compatible API as the client sees it. This includes scripted faults.
It checks each exchange against the rules below. `rft-sim exec --verdict -- COMMAND` prints the verdict on a command
when it ends. `rft-sim verdict` prints the verdict on the clients of a running server. `rft-sim verdict --explain C1`
prints one of these explanations. `python -m simulator.verdict.explanations` writes this file.

A finding has one of the levels **fail**, **warn** and **note**. A note is not a mistake by itself: a verdict with only
notes is clean. The rules avoid false alarms, and therefore miss some mistakes. If the requests may come from several
programs and not from one, a rule reports a lower severity or nothing.

Programs that share a key are distinguished by their connections. For a reliable distinction, set the header
`x-simulator-client: NAME` in each program. It is not part of Bedrock's API. Current OpenAI SDKs send it if the
environment has `OPENAI_CUSTOM_HEADERS='x-simulator-client: NAME'`. All times are real time, and not the
time of the simulated clock.
"""


def explanation_path(rule_id: str) -> str:
    """Return the path of a rule's explanation, relative to the top of the project."""
    return f"{_MARKDOWN_PATH}#{rule_id.lower()}"


def find_rule(rule_id: str) -> Rule | None:
    """Return the rule with an id, in upper or lower case."""
    return next((rule for rule in RULES if rule.id == rule_id.upper()), None)


def render_markdown() -> str:
    """Return all explanations as Markdown."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield _INTRODUCTION
    yield "| id | name | question |"
    yield "|---|---|---|"
    for rule in RULES:
        yield f"| [{rule.id}](#{rule.id.lower()}) | {_escape(rule.name)} | {_escape(rule.question)} |"
    for rule in RULES:
        # An explicit anchor, so that links survive a change of the heading.
        yield f'\n<a id="{rule.id.lower()}"></a>\n\n## {rule.id} {_escape(rule.name)}\n'
        yield f"**{_escape(rule.question)}**"
        for attribute, heading in SECTIONS[1:]:
            yield f"\n*{heading}.* {_escape(getattr(rule, attribute))}"
    yield ""


def _escape(text: str) -> str:
    """Escape underscores outside of backquotes, where Markdown would take them for markup."""
    parts = text.split("`")
    return "`".join(part if index % 2 else part.replace("_", "\\_") for index, part in enumerate(parts))


if __name__ == "__main__":
    MARKDOWN_FILE.parent.mkdir(exist_ok=True)
    MARKDOWN_FILE.write_text(render_markdown(), encoding="utf-8")
