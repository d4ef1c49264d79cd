"""A client that does everything right is never found fault with, whatever the service does and whoever is beside it."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.verdict.audit_scenario import Stage
from tests.verdict.well_behaved_client import Life, Manners, Polite, lives, manners


@pytest.mark.shows("polite-clients")
@settings(max_examples=60, deadline=None)
@given(
    clients=st.lists(st.tuples(lives, manners), min_size=1, max_size=4),
    share_a_key=st.booleans(),
    stopped=st.sampled_from([None, 1, 130]),
)
def test_no_order_of_polite_requests_is_found_fault_with(
    clients: list[tuple[Life, Manners]],
    share_a_key: bool,
    stopped: int | None,
) -> None:
    """Jobs of any length and end, any faults, several programs at once, connections kept or not, stopped or not."""
    stage = Stage()
    programs = [
        Polite(stage.client(f"one-{number}"), life, ways, job=f"ftjob-{number}")
        for number, (life, ways) in enumerate(clients)
    ]
    for program in programs:
        program.runs()
    told = sorted((exchange for program in programs for exchange in program.exchanges), key=lambda each: each.ended)
    stage.now = max(exchange.ended for exchange in told) + 1
    for exchange in told:
        stage.judge.take(replace(exchange, client="one") if share_a_key else exchange)
    for program in programs:
        stage.jobs.statuses[program.job] = program.life.end
        stage.jobs.listed_events[program.job] = program.listed("events")
        stage.jobs.listed_checkpoints[program.job] = program.listed("checkpoints")
    exit_code = 0 if all(program.is_content for program in programs) else stopped
    for found in (stage.found(exit_code=exit_code), stage.found(is_end=False)):
        assert {rule: severity for rule, severity in found.items() if severity != "note"} == {}
