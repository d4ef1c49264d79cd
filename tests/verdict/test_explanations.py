"""The explanations of the rules agree with the rules, and `rft-sim verdict --explain` prints them."""

import re

import pytest
from typer.testing import CliRunner

from simulator.cli.app import app
from simulator.cli.verdict import verdict
from simulator.settings import Settings, format_assignments
from simulator.verdict.catalogue import RULES
from simulator.verdict.explanations import MARKDOWN_FILE, SECTIONS, render_markdown
from simulator.verdict.rule import Rule
from tests.verdict.audit_scenario import AuditScenario


def test_the_markdown_file_is_up_to_date() -> None:
    """`python -m simulator.verdict.explanations` writes it."""
    assert MARKDOWN_FILE.read_text(encoding="utf-8") == render_markdown()


def test_every_rule_has_a_checker_and_an_explanation() -> None:
    """In the order of their ids, C1, C2, ..."""
    assert [checker.rule for checker in AuditScenario().auditor.checkers] == list(RULES)
    assert [rule.id for rule in RULES] == [f"C{number}" for number in range(1, 1 + len(RULES))]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_an_explanation_has_every_section_and_names_existing_settings(rule: Rule) -> None:
    """A question, sentences, and dotted names of settings."""
    assert rule.question.endswith("?")
    for attribute, _ in SECTIONS[1:]:
        assert getattr(rule, attribute).rstrip("`)").endswith("."), attribute
    settings = {assignment.partition("=")[0] for assignment in format_assignments(Settings())}
    assert set(re.findall(r"`(verdict\.\w+)`", rule.detection)) <= settings


def test_explain_prints_an_explanation() -> None:
    """The id may be in lower case."""
    result = CliRunner().invoke(app, ["verdict", "--explain", "c3"])
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("C3 ignored Retry-After\n\nQuestion\n  When an answer says how long to wait")
    assert result.stdout.endswith("\ndocs/verdict.md#c3\n")
    assert [line for line in result.stdout.splitlines() if len(line) > 100] == []


@pytest.mark.parametrize(("columns", "widest"), [(60, 60), (80, 80), (200, 100)])
def test_an_explanation_fits_the_terminal(
    columns: int, widest: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is at most 100 columns wide, and no word is broken."""
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    for rule in RULES:
        verdict(explain=rule.id)
    lines = capsys.readouterr().out.splitlines()
    widths = {len(line) for line in lines if "\x1b" not in line and " " in line.strip()}
    assert widest - 5 <= max(widths) <= widest
    words = [word for rule in RULES for attribute, _ in SECTIONS for word in getattr(rule, attribute).split()]
    assert [word for line in lines if line.startswith("  ") for word in line.split()] == words


def test_explain_refuses_an_unknown_id_and_lists_the_known_ones() -> None:
    """Exit code 2, one line."""
    result = CliRunner().invoke(app, ["verdict", "--explain", "S1"])
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert result.stderr.startswith("rft-sim: --explain S1: ")
    assert all(rule.id in result.stderr for rule in RULES)
