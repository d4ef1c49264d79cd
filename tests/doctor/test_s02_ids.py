"""S2: each rollout has one result under its own id."""

import pytest

from simulator.doctor.finding import Severity
from simulator.doctor.probes.static.s02_ids import check_ids
from simulator.training.dataset import Record
from tests.doctor.fake_reward_functions import Handler, findings_and_error, handler_for, probe_context


def test_one_result_for_each_rollout_is_ok(sums: tuple[Record, ...]) -> None:
    """In any order."""
    score = handler_for(lambda _element: 0.5)
    (finding,), error = findings_and_error(check_ids, probe_context(lambda event: score(event)[::-1], sums))
    assert (finding.probe, finding.severity, error) == ("S2", Severity.OK, "")


@pytest.mark.parametrize(
    ("handler", "value", "note"),
    [
        (
            lambda event: [{"id": element["id"], "aggregate_reward_score": 1.0} for element in event[1:]],
            7 / 8,
            "1 of 8 rollouts have no result",
        ),
        (
            lambda event: [{"id": element["id"], "aggregate_reward_score": 1.0} for element in [*event, event[0]]],
            1.0,
            "1 ids occur more than once",
        ),
        (
            lambda event: [
                {"id": id_, "aggregate_reward_score": 1.0}
                for id_ in [*(element["id"] for element in event), "total", "total"]
            ],
            1.0,
            '2 results have an unknown id, for example "total"; 1 ids occur more than once, for example total',
        ),
        (
            lambda event: [{"id": f"row-{index}", "aggregate_reward_score": 1.0} for index, _ in enumerate(event)],
            0.0,
            "8 of 8 rollouts have no result",
        ),
        (lambda event: [{"aggregate_reward_score": 1.0} for _ in event], 0.0, "8 of 8 rollouts have no result"),
    ],
    ids=["one is missing", "one is repeated", "an unknown one is repeated", "all are renamed", "there are none"],
)
def test_ids_that_do_not_match_are_a_failure_and_end_the_run(
    sums: tuple[Record, ...], handler: Handler, value: float, note: str
) -> None:
    """The note counts each error and names an example."""
    (finding,), error = findings_and_error(check_ids, probe_context(handler, sums))
    assert (finding.severity, finding.value, bool(error)) == (Severity.FAIL, value, True)
    assert finding.examples[0].note.startswith(note)


def test_results_without_ids_end_the_run(sums: tuple[Record, ...]) -> None:
    """Bare numbers cannot be joined to rollouts."""
    (finding,), error = findings_and_error(check_ids, probe_context(lambda event: [1.0 for _ in event], sums))
    assert (finding.severity, error) == (Severity.SKIPPED, "item 0 of the response is a number, not an object")
