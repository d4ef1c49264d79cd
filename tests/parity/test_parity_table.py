"""The parity table says what is so: it is current, and every row of it has a test that shows it."""

import pytest

from simulator.parity.evidence import Evidence
from simulator.settings import Settings, format_assignments
from tests.parity.parity_table import README, ROWS, row_names, tests_by_row, update_readme


def test_the_readme_holds_the_table_as_the_code_and_the_tests_write_it() -> None:
    """`python -m tests.parity.parity_table` writes it anew."""
    text = README.read_text()
    assert update_readme(text) == text


@pytest.mark.parametrize("row", sorted(row_names()))
def test_every_route_and_behaviour_is_shown_by_a_test(row: str) -> None:
    """By a mark on the test: what nobody shows is not claimed."""
    assert tests_by_row().get(row)


def test_no_mark_names_a_row_that_is_not_there() -> None:
    """A renamed row takes its marks with it."""
    assert set(tests_by_row()) - row_names() == set()


def test_every_row_has_a_name_of_its_own() -> None:
    """And a setting that a row names exists."""
    names = [row.id for row in ROWS]
    assert len(names) == len(set(names))
    settings = {line.partition("=")[0] for line in format_assignments(Settings())}
    assert {row.setting for row in ROWS if row.setting} <= settings


def test_a_guess_has_a_row_of_its_own() -> None:
    """It is not hidden behind what is known."""
    mixed = {row.id for row in ROWS if len(row.evidence) > 1 and Evidence.INFERRED in row.evidence}
    assert mixed == set()
