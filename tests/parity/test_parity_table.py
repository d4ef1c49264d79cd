"""The parity table is current, and every row of it has a test."""

import pytest

from simulator.parity.evidence import Evidence
from simulator.settings import Settings, format_assignments
from tests.parity.parity_table import PAGE, ROWS, find_tests, render_page, row_names


@pytest.mark.slow
def test_the_page_is_current() -> None:
    """`python -m tests.parity` writes it."""
    assert PAGE.read_text() == render_page()


def test_every_route_and_row_is_checked_by_a_test() -> None:
    """The test has the mark `shows` with the name of the row."""
    assert sorted(row_names() - set(find_tests())) == []


def test_every_mark_names_a_row() -> None:
    """A row is renamed together with its marks."""
    assert sorted(set(find_tests()) - row_names()) == []


def test_row_ids_are_unique_and_their_settings_exist() -> None:
    """A row can name the setting that changes the behaviour."""
    ids = [row.id for row in ROWS]
    assert len(ids) == len(set(ids))
    settings = {line.partition("=")[0] for line in format_assignments(Settings())}
    assert {row.setting for row in ROWS if row.setting} <= settings


def test_an_assumption_has_a_row_of_its_own() -> None:
    """It is not mixed with evidence in one row."""
    assert not [row.id for row in ROWS if len(row.evidence) > 1 and Evidence.INFERRED in row.evidence]
