"""The rules as they are told to people: a page each, held to the rules themselves."""

import re

import pytest
from typer.testing import CliRunner

from simulator.cli.app import app
from simulator.cli.verdict import verdict
from simulator.settings import Settings, format_assignments
from simulator.verdict.auditor import Auditor
from simulator.verdict.catalogue import RULES
from simulator.verdict.explanations import MARKDOWN_FILE, SECTIONS, render_markdown
from simulator.verdict.rule import Rule
from tests.verdict.audit_scenario import AuditScenario


def test_the_file_is_written_from_the_rules() -> None:
    """`python -m simulator.verdict.explanations` writes it."""
    assert MARKDOWN_FILE.read_text(encoding="utf-8") == render_markdown()


def test_every_rule_is_at_work_and_has_a_page() -> None:
    """In the order of their ids, C1, C2, ..."""
    judge: Auditor = AuditScenario().auditor
    assert [fold.rule for fold in judge.checkers] == list(RULES)
    assert [rule.id for rule in RULES] == [f"C{number}" for number in range(1, 1 + len(RULES))]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_page_leaves_nothing_out(rule: Rule) -> None:
    """A question, and sentences."""
    assert rule.question.endswith("?")
    for attribute, _ in SECTIONS[1:]:
        assert getattr(rule, attribute).rstrip("`)").endswith("."), attribute


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_page_names_settings_that_there_are(rule: Rule) -> None:
    """By their dotted names."""
    there = {assignment.partition("=")[0] for assignment in format_assignments(Settings())}
    assert set(re.findall(r"`(verdict\.\w+)`", rule.detection)) <= there


def test_a_page_is_printed() -> None:
    """Under an id written either way."""
    done = CliRunner().invoke(app, ["verdict", "--explain", "c3"])
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("C3 ignored Retry-After\n\nQuestion\n  When an answer says how long to wait")
    assert done.stdout.endswith("\nsimulator/verdict/RULES.md#c3\n")
    assert [line for line in done.stdout.splitlines() if len(line) > 100] == []


@pytest.mark.parametrize(("columns", "widest"), [(60, 60), (80, 80), (200, 100)])
def test_a_page_is_no_wider_than_the_terminal(
    columns: int, widest: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And no wider than is read well. What is copied from it is not parted."""
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    for rule in RULES:
        verdict(explain=rule.id)
    lines = capsys.readouterr().out.splitlines()
    told = {len(line) for line in lines if "\x1b" not in line and " " in line.strip()}
    assert widest - 5 <= max(told) <= widest
    words = [word for rule in RULES for attribute, _ in SECTIONS for word in getattr(rule, attribute).split()]
    assert [word for line in lines if line.startswith("  ") for word in line.split()] == words


def test_an_id_that_is_none_is_told_with_those_that_are() -> None:
    """Exit code 2, one line."""
    done = CliRunner().invoke(app, ["verdict", "--explain", "S1"])
    known = ", ".join(rule.id for rule in RULES)
    assert (done.exit_code, done.stderr) == (2, f"rft-sim: --explain S1: no such finding. The findings are {known}\n")
