"""A page for each rule: what is asked, how it is told, why it hurts, what to do, what is spared.

`python -m simulator.verdict.explanations` writes them all to RULES.md, which a test holds to the rules.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from simulator.verdict.catalogue import RULES
from simulator.verdict.rule import Rule

MARKDOWN_FILE: Final = Path(__file__).with_name("RULES.md")
_PLACE: Final = "simulator/verdict/RULES.md"

SECTIONS: Final = (
    ("question", "Question"),
    ("detection", "How it is told"),
    ("impact", "Why it hurts at Bedrock"),
    ("remedy", "What to do"),
    ("exceptions", "What is not found fault with"),
)
"""What a page tells, in order: the rule's attribute, and its heading."""

_INTRODUCTION: Final = """\
# What a verdict on a client finds

The simulator hears every exchange with Mantle as the caller does, from outside of its scripted faults, and holds it
against the rules below. `rft-sim exec --verdict -- COMMAND` judges a command at its end, `rft-sim verdict` the clients
of a running server, and `rft-sim verdict --explain C1` prints a page. This file is written by
`python -m simulator.verdict.explanations`.

A finding is a **fail**, a **warn**, or a **note**: a note is no fault by itself, and a verdict with nothing worse is
clean. False alarms are held to be worse than misses, so where two programs might have done what one must not, nothing
is found, or less. Several programs that share a key are told apart by their connections, and surely by a header that
they send, `x-simulator-client: NAME`, which Bedrock does not know; the OpenAI SDK sends it where the environment holds
`OPENAI_CUSTOM_HEADERS='x-simulator-client: NAME'`. Times are the callers', not the simulated clock's.
"""


def explanation_path(rule_id: str) -> str:
    """Return where the page of a rule is, from the top of the project."""
    return f"{_PLACE}#{rule_id.lower()}"


def find_rule(rule_id: str) -> Rule | None:
    """Return the rule with an id, written either way."""
    return next((rule for rule in RULES if rule.id == rule_id.upper()), None)


def render_markdown() -> str:
    """Return the pages as Markdown."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield _INTRODUCTION
    yield "| id | name | question |"
    yield "|---|---|---|"
    for rule in RULES:
        yield f"| [{rule.id}](#{rule.id.lower()}) | {_markdown(rule.name)} | {_markdown(rule.question)} |"
    for rule in RULES:
        # An anchor of its own, so that a link outlives a change of the name.
        yield f'\n<a id="{rule.id.lower()}"></a>\n\n## {rule.id} {_markdown(rule.name)}\n'
        yield f"**{_markdown(rule.question)}**"
        for attribute, heading in SECTIONS[1:]:
            yield f"\n*{heading}.* {_markdown(getattr(rule, attribute))}"
    yield ""


def _markdown(text: str) -> str:
    """Return plain words as Markdown that shows them: outside of backquotes an underscore is no markup."""
    parts = text.split("`")
    return "`".join(part if index % 2 else part.replace("_", "\\_") for index, part in enumerate(parts))


if __name__ == "__main__":
    MARKDOWN_FILE.write_text(render_markdown(), encoding="utf-8")
