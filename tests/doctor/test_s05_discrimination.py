"""S5: the score follows what is right."""

import re
from dataclasses import replace
from typing import Any

import pytest

from simulator.doctor.finding import Severity
from simulator.doctor.probes.static.s05_discrimination import WRONG_ANSWERS, check_discrimination
from simulator.training.dataset import Record
from simulator.training.reference_answer import ANSWER_KINDS
from tests.doctor.conftest import load_records
from tests.doctor.fake_reward_functions import handler_for, probe_context, response_of
from tests.doctor.sound_reward_functions import SOUND_SCORES, score_number, score_object


@pytest.mark.parametrize("name", SOUND_SCORES)
def test_every_right_answer_beats_every_wrong_one_where_the_answer_is_read(name: str) -> None:
    """A sound function of each kind of task: an AUC of 1, and nothing to warn of."""
    (finding,) = check_discrimination(probe_context(handler_for(SOUND_SCORES[name]), load_records(name)))
    assert (finding.probe, finding.severity, finding.value) == ("S5", Severity.OK, 1.0)


def test_turned_round_is_said_as_such(sums: tuple[Record, ...]) -> None:
    """Wrong answers that score more than right ones are an inverted score, not a blurred one."""
    (finding, *_) = check_discrimination(probe_context(handler_for(lambda element: 1.0 - score_number(element)), sums))
    assert (finding.severity, finding.value, finding.threshold) == (Severity.FAIL, 0.0, "at least 0.3")
    assert "inverted" in finding.message


def test_a_constant_tells_nothing_apart(sums: tuple[Record, ...]) -> None:
    """Every comparison is a tie, which counts half."""
    (finding,) = check_discrimination(probe_context(handler_for(lambda _element: 1.0), sums))
    assert (finding.severity, finding.value, finding.threshold) == (Severity.FAIL, 0.5, "at least 0.8")


def test_the_reference_anywhere_in_the_text_is_not_an_answer(sums: tuple[Record, ...]) -> None:
    """A right answer that is named and taken back, or is part of a larger number, counts there, and is shown."""

    def is_mentioned(element: dict[str, Any]) -> float:
        return float(element["reference_answer"]["answer"] in response_of(element))

    (finding,) = check_discrimination(probe_context(handler_for(is_mentioned), sums))
    assert finding.severity is Severity.FAIL
    taken_back = next(shown for shown in finding.examples if "taken back" in shown.note)
    assert (taken_back.score, taken_back.note) == (1.0, "wrong (right one taken back); the right answer scored 1")


def test_a_label_that_is_found_anywhere_is_a_failure(labels: tuple[Record, ...]) -> None:
    """One kind of wrong answer of three wins as often as a right one: it is always taken for right."""

    def is_mentioned(element: dict[str, Any]) -> float:
        return float(element["reference_answer"]["label"] in response_of(element))

    (finding,) = check_discrimination(probe_context(handler_for(is_mentioned), labels))
    assert (finding.severity, round(finding.value or 0.0, 3)) == (Severity.FAIL, 0.833)
    assert finding.message == "One kind of wrong answer is always taken for right: right one taken back."
    assert "'right one taken back': 0.5" in finding.measured


def test_code_that_is_almost_right_may_pass() -> None:
    """Another program may do the same; all that is wrong in other ways is told from right here."""

    def runs(element: dict[str, Any]) -> float:
        said, right = response_of(element).splitlines(), element["reference_answer"]["solution"].splitlines()
        return float(len(said) == len(right) and said[0] == right[0])

    (finding,) = check_discrimination(probe_context(handler_for(runs), load_records("code")))
    assert (finding.severity, finding.threshold) == (Severity.WARN, "at least 0.95")


def test_any_object_is_not_the_right_object(objects: tuple[Record, ...]) -> None:
    """A field left out, blank or changed, and another row's object, all tie with the right one."""
    (finding,) = check_discrimination(
        probe_context(handler_for(lambda element: float(response_of(element)[:1] == "{")), objects)
    )
    assert (finding.severity, finding.value) == (Severity.FAIL, 0.5)


def test_part_of_the_score_for_part_of_the_object_is_sound(objects: tuple[Record, ...]) -> None:
    """It is the order that counts, so partial credit costs nothing here."""
    (finding,) = check_discrimination(probe_context(handler_for(score_object), objects))
    assert finding.severity is Severity.OK


def test_saying_nothing_that_beats_being_wrong_is_told(sums: tuple[Record, ...]) -> None:
    """A penalty for wrong numbers makes silence pay; that may be meant, so it is for information."""

    def penalised(element: dict[str, Any]) -> float:
        return score_number(element) if "#### " not in response_of(element) else 2 * score_number(element) - 1

    _, *told = check_discrimination(probe_context(handler_for(penalised), sums))
    assert [(finding.severity, finding.message) for finding in told] == [
        (Severity.INFO, "An empty response scores more than a wrong answer."),
        (Severity.INFO, "A refusal scores more than a wrong answer."),
    ]


def test_answers_without_a_score_are_left_out_and_counted(sums: tuple[Record, ...]) -> None:
    """A function that breaks on negative numbers is judged by the rest, and the finding says how many it lost."""

    def breaks_on_minus(element: dict[str, Any]) -> float:
        if "#### -" in response_of(element):
            raise ValueError("negative")
        return score_number(element)

    (finding,) = check_discrimination(probe_context(handler_for(breaks_on_minus), sums))
    assert (finding.severity, finding.value) == (Severity.OK, 1.0)
    assert re.search(r"\(8 of \d+ got no score and are left out\)", finding.measured)


def test_without_right_answers_there_is_nothing_to_compare(sums: tuple[Record, ...]) -> None:
    """Rows of the kind none are skipped with the reason."""
    bare = tuple(replace(record, fields={}) for record in sums)
    (finding,) = check_discrimination(probe_context(handler_for(lambda _element: 1.0), bare))
    assert finding.severity is Severity.SKIPPED


def test_every_kind_of_task_has_its_wrong_answers() -> None:
    """A kind that is added later is not forgotten here."""
    assert set(WRONG_ANSWERS) == set(ANSWER_KINDS)
