"""S2: one result under the id of each rollout."""

import pytest

from simulator.doctor.finding import Severity
from simulator.doctor.probes.static.s02_ids import check_ids
from simulator.training.dataset import Record
from tests.doctor.fake_reward_functions import Handler, findings_and_error, probe_context


@pytest.mark.parametrize(
    ("handler", "value", "said"),
    [
        (
            lambda event: [{"id": element["id"], "aggregate_reward_score": 1.0} for element in event[1:]],
            7 / 8,
            "1 of 8 rollouts have no result",
        ),
        (
            lambda event: [{"id": element["id"], "aggregate_reward_score": 1.0} for element in [*event, event[0]]],
            1.0,
            "1 ids are there twice",
        ),
        (
            lambda event: [
                {"id": name, "aggregate_reward_score": 1.0}
                for name in [*(element["id"] for element in event), "total", "total"]
            ],
            1.0,
            '2 results have an id that was not sent, "total" for one; 1 ids are there twice, total for one',
        ),
        (
            lambda event: [{"id": f"row-{place}", "aggregate_reward_score": 1.0} for place, _ in enumerate(event)],
            0.0,
            "8 of 8 rollouts have no result",
        ),
        (lambda event: [{"aggregate_reward_score": 1.0} for _ in event], 0.0, "8 of 8 rollouts have no result"),
    ],
    ids=["one is missing", "one is there twice", "an unknown one is there twice", "all are renamed", "there are none"],
)
def test_ids_that_do_not_match_are_a_failure(
    sums: tuple[Record, ...], handler: Handler, value: float, said: str
) -> None:
    """What was sent and what came back are counted, and the first that differs is named; then the visit ends."""
    (finding,), ended = findings_and_error(check_ids, probe_context(handler, sums))
    assert (finding.severity, finding.value, bool(ended)) == (Severity.FAIL, value, True)
    assert finding.examples[0].note.startswith(said)
